#include <envoy/config/core/v3/base.pb-c.h>
#include <envoy/extensions/filters/http/cors/v3/cors.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>

#include "filters/cors/cors.h"
#include "telemetry/stats_filters.h"

typedef Envoy__Extensions__Filters__Http__Cors__V3__CorsPolicy Policy;

static uint8_t answer_load(const Google__Protobuf__BoolValue *message)
{
	if (!message)
		return CORS_UNSAID;
	return message->value ? CORS_YES : CORS_NO;
}

static enum status policy_load(struct cors_policy *policy, const Policy *message,
			       const struct config_context *context, struct diag *diag)
{
	struct arena *arena = context->arena;
	struct string_matcher *origins =
		ARENA_NEW_ARRAY(arena, struct string_matcher, message->n_allow_origin_string_match);

	for (size_t i = 0; i < message->n_allow_origin_string_match; i++) {
		enum status status = string_matcher_load(
			&origins[i], message->allow_origin_string_match[i], arena, diag);
		if (status) {
			diag_prefix(diag, "allow_origin_string_match[%zu]", i);
			return status;
		}
	}
	policy->origins = origins;
	policy->origin_count = (uint32_t)message->n_allow_origin_string_match;
	policy->methods = arena_slice(arena, slice_of(message->allow_methods));
	policy->headers = arena_slice(arena, slice_of(message->allow_headers));
	policy->exposed = arena_slice(arena, slice_of(message->expose_headers));
	policy->max_age = arena_slice(arena, slice_of(message->max_age));
	policy->credentials = answer_load(message->allow_credentials);
	policy->private_network = answer_load(message->allow_private_network_access);
	policy->forwards_others = answer_load(message->forward_not_matching_preflights);
	policy->enabled = message->filter_enabled
				  ? fraction_load_runtime(message->filter_enabled, context->runtime)
				  : (struct fraction){100, 100};
	policy->shadow = message->shadow_enabled
				 ? fraction_load_runtime(message->shadow_enabled, context->runtime)
				 : (struct fraction){0, 100};
	return STATUS_OK;
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	struct arena *arena = context->arena;

	if (is_per_route) {
		struct cors_policy *policy = ARENA_NEW(arena, struct cors_policy);
		*loaded = policy;
		return policy_load(policy, (const Policy *)base, context, diag);
	}
	struct cors_config *config = ARENA_NEW(arena, struct cors_config);
	config->stats = config_scope(
		context, &cors_stats,
		slice_of(arena_printf(arena, "%.*scors", SLICE_FMT(context->stat_prefix))));
	*loaded = config;
	return STATUS_OK;
}

const struct filter_type cors_filter = {
	.name = "envoy.filters.http.cors",
	.message = &envoy__extensions__filters__http__cors__v3__cors__descriptor,
	.per_route = &envoy__extensions__filters__http__cors__v3__cors_policy__descriptor,
	.state_size = sizeof(struct cors),
	.config_load = config_load,
	.request_headers = cors_request_headers,
	.response_headers = cors_response_headers,
};
