#include <envoy/extensions/filters/http/rbac/v3/rbac.pb-c.h>
#include <envoy/extensions/filters/network/rbac/v3/rbac.pb-c.h>

#include "filters/rbac/rbac.h"
#include "telemetry/stats_network.h"

typedef Envoy__Extensions__Filters__Http__Rbac__V3__RBAC Message;
typedef Envoy__Extensions__Filters__Http__Rbac__V3__RBACPerRoute PerRoute;
typedef Envoy__Extensions__Filters__Network__Rbac__V3__RBAC NetworkMessage;

static enum status load_rules(struct rbac_config *config,
			      const Envoy__Config__Rbac__V3__RBAC *rules,
			      const Envoy__Config__Rbac__V3__RBAC *shadow, struct arena *arena,
			      struct diag *diag)
{
	enum status status = rbac_rules_load(&config->rules, rules, arena, diag);

	if (status) {
		diag_prefix(diag, "rules");
		return status;
	}
	status = rbac_rules_load(&config->shadow, shadow, arena, diag);
	if (status)
		diag_prefix(diag, "shadow_rules");
	return status;
}

/* "<base>rbac" or "<base>rbac.<prefix>", without a last dot. */
static struct slice scope_name(struct arena *arena, struct slice base, const char *prefix)
{
	struct slice name = slice_of(
		arena_printf(arena, "%.*srbac%s%s", SLICE_FMT(base), prefix[0] ? "." : "", prefix));
	if (name.data[name.len - 1] == '.')
		name.len--;
	return name;
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	struct rbac_config *config = ARENA_NEW(context->arena, struct rbac_config);
	const Message *message = (const Message *)base;

	*loaded = config;
	if (is_per_route)
		message = ((const PerRoute *)base)->rbac;
	if (!message) /* a route without rules of its own: everything is allowed */
		return STATUS_OK;
	if (message->matcher || message->shadow_matcher)
		return diag_at(diag, message->matcher ? "matcher" : "shadow_matcher",
			       "is not supported");
	if (!is_per_route) {
		config->stats = config_scope(context, &rbac_stats,
					     scope_name(context->arena, context->stat_prefix,
							message->rules_stat_prefix));
		config->shadow_stats = config_scope(context, &rbac_shadow_stats,
						    scope_name(context->arena, context->stat_prefix,
							       message->shadow_rules_stat_prefix));
	}
	enum status status =
		load_rules(config, message->rules, message->shadow_rules, context->arena, diag);
	if (status && is_per_route)
		diag_prefix(diag, "rbac");
	return status;
}

static enum status connection_load(const void **loaded, const ProtobufCMessage *base,
				   const struct config_context *context, struct diag *diag)
{
	struct rbac_config *config = ARENA_NEW(context->arena, struct rbac_config);
	const NetworkMessage *message = (const NetworkMessage *)base;
	struct slice prefix = slice_of(message->stat_prefix);

	if (message->matcher || message->shadow_matcher)
		return diag_at(diag, message->matcher ? "matcher" : "shadow_matcher",
			       "is not supported");
	if (message->delay_deny)
		return diag_at(diag, "delay_deny", "is not supported");
	if (!prefix.len)
		return diag_at(diag, "stat_prefix", "must not be empty");
	if (prefix.data[prefix.len - 1] != '.')
		prefix = slice_of(arena_printf(context->arena, "%s.", message->stat_prefix));
	config->stats = config_scope(context, &rbac_stats, scope_name(context->arena, prefix, ""));
	config->shadow_stats =
		config_scope(context, &rbac_shadow_stats,
			     scope_name(context->arena, prefix, message->shadow_rules_stat_prefix));
	*loaded = config;
	return load_rules(config, message->rules, message->shadow_rules, context->arena, diag);
}

const struct filter_type rbac_filter = {
	.name = "envoy.filters.http.rbac",
	.message = &envoy__extensions__filters__http__rbac__v3__rbac__descriptor,
	.per_route = &envoy__extensions__filters__http__rbac__v3__rbacper_route__descriptor,
	.is_authority = true,
	.config_load = config_load,
	.request_headers = rbac_request_headers,
};

const struct conn_filter_type rbac_connection_filter = {
	.name = "envoy.filters.network.rbac",
	.message = &envoy__extensions__filters__network__rbac__v3__rbac__descriptor,
	.config_load = connection_load,
	.admit = rbac_admit,
};
