#include "routing/filter_configs.h"

#include "envoy/config/route/v3/route_components.pb-c.h"
#include "envoy/extensions/filters/http/cors/v3/cors.pb-c.h"
#include "xds/proto/any_message.h"

#define CORS_FILTER "envoy.filters.http.cors"

typedef Envoy__Extensions__Filters__Http__Cors__V3__CorsPolicy cors_message;

static enum status load_message(struct filter_config *config, const Google__Protobuf__Any *any,
				const struct route_hooks *hooks, struct arena *arena,
				struct diag *diag)
{
	if (!hooks || !hooks->load_filter_config || !any)
		return STATUS_OK;
	return hooks->load_filter_config(hooks->context, config, any, arena, diag);
}

/* The entry may be wrapped in a FilterConfig, which can also switch the filter off. */
static enum status load_one(struct filter_config *config,
			    const struct filter_config_message *message,
			    const struct route_hooks *hooks, struct arena *arena, struct diag *diag)
{
	const Envoy__Config__Route__V3__FilterConfig *wrapper = any_message_of(
		message->value, &envoy__config__route__v3__filter_config__descriptor);

	config->name = arena_slice(arena, slice_of(message->name));
	if (!wrapper)
		return load_message(config, message->value, hooks, arena, diag);
	config->is_disabled = wrapper->disabled;
	config->is_enabled = !wrapper->disabled;
	if (!wrapper->config || !wrapper->config->type_url[0])
		return STATUS_OK;
	const struct diag before = *diag;
	enum status status = load_message(config, wrapper->config, hooks, arena, diag);
	if (status == STATUS_UNSUPPORTED && wrapper->is_optional) {
		*diag = before;
		return STATUS_OK;
	}
	if (status)
		diag_prefix(diag, "config");
	return status;
}

/* The field from before there were filter configurations, as the filter's own message. */
static enum status load_cors(struct filter_config *config,
			     const Envoy__Config__Route__V3__CorsPolicy *old,
			     const struct route_hooks *hooks, struct arena *arena,
			     struct diag *diag)
{
	cors_message *cors = ARENA_NEW(arena, cors_message);
	Google__Protobuf__Any *any = ARENA_NEW(arena, Google__Protobuf__Any);

	envoy__extensions__filters__http__cors__v3__cors_policy__init(cors);
	google__protobuf__any__init(any);

	cors->n_allow_origin_string_match = old->n_allow_origin_string_match;
	cors->allow_origin_string_match = old->allow_origin_string_match;
	cors->allow_methods = old->allow_methods;
	cors->allow_headers = old->allow_headers;
	cors->expose_headers = old->expose_headers;
	cors->max_age = old->max_age;
	cors->allow_credentials = old->allow_credentials;
	if (old->enabled_specifier_case ==
	    ENVOY__CONFIG__ROUTE__V3__CORS_POLICY__ENABLED_SPECIFIER_FILTER_ENABLED)
		cors->filter_enabled = old->filter_enabled;
	cors->shadow_enabled = old->shadow_enabled;
	cors->allow_private_network_access = old->allow_private_network_access;
	cors->forward_not_matching_preflights = old->forward_not_matching_preflights;

	any->type_url = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy";
	any->value.data = (uint8_t *)cors; /* a decoded Any: xds/proto/any_message.h */
	config->name = SLICE(CORS_FILTER);
	return load_message(config, any, hooks, arena, diag);
}

enum status filter_configs_load(struct filter_configs *configs,
				const struct filter_config_message *messages, size_t count,
				const Envoy__Config__Route__V3__CorsPolicy *cors,
				const struct route_hooks *hooks, struct arena *arena,
				struct diag *diag)
{
	if (!count && !cors)
		return STATUS_OK;
	struct filter_config *items = ARENA_NEW_ARRAY(arena, struct filter_config, count + 1);
	enum status status = STATUS_OK;
	size_t i = 0;

	for (; i < count && !status; i++) {
		status = load_one(&items[i], &messages[i], hooks, arena, diag);
		if (status)
			diag_prefix(diag, "typed_per_filter_config[\"%s\"]", messages[i].name);
	}
	*configs = (struct filter_configs){items, (uint32_t)count};
	if (status || !cors || filter_configs_find(configs, SLICE(CORS_FILTER)))
		return status;
	status = load_cors(&items[count], cors, hooks, arena, diag);
	if (status)
		diag_prefix(diag, "cors");
	configs->count++;
	return status;
}
