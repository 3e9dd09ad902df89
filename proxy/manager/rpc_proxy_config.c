#include <envoy/config/route/v3/route.pb-c.h>
#include <outrigger/filters/network/rpc_proxy/v1/rpc_proxy.pb-c.h>

#include "manager/local_replies.h"
#include "manager/message_filters.h"
#include "manager/routes.h"
#include "manager/rpc_dialect.h"
#include "manager/rpc_manager.h"
#include "routing/string_matcher.h"
#include "telemetry/access_log.h"
#include "telemetry/stats_network.h"
#include "upstream/config_values.h"

#define NAME_OF(kind) OUTRIGGER__FILTERS__NETWORK__RPC_PROXY__V1__RPC_PROXY__##kind
#define SPECIFIER(kind) NAME_OF(ROUTE_SPECIFIER_##kind)

typedef Outrigger__Filters__Network__RpcProxy__V1__RpcProxy RpcProxy;
typedef Envoy__Config__Route__V3__RouteConfiguration RouteConfiguration;

/* --- protocols --- */

static enum status load_protocols(struct rpc_manager *m, const RpcProxy *message, struct diag *diag)
{
	static const uint8_t protocols[] = {[NAME_OF(PROTOCOL__DUBBO)] = SNIFFED_DUBBO,
					    [NAME_OF(PROTOCOL__BOLT)] = SNIFFED_BOLT};
	unsigned count = 0;

	for (size_t i = 0; i < message->n_protocols; i++) {
		unsigned protocol = message->protocols[i];
		if (protocol >= COUNT_OF(protocols) || !rpc_dialects[protocols[protocol]]) {
			diag_set(diag, "isn't supported");
			diag_prefix(diag, "protocols[%zu]", i);
			return STATUS_INVALID;
		}
		unsigned bit = 1u << protocols[protocol];
		count += !(m->protocols & bit);
		m->protocols |= bit;
		m->dialect = rpc_dialects[protocols[protocol]];
	}
	if (!count)
		m->dialect = &rpc_dubbo;
	else if (count > 1)
		m->dialect = NULL;
	return STATUS_OK;
}

/* --- limits --- */

static enum status load_idempotent(struct rpc_manager *m, const RpcProxy *message,
				   struct arena *arena, struct diag *diag)
{
	size_t count = message->n_idempotent_methods;
	struct string_matcher *methods = ARENA_NEW_ARRAY(arena, struct string_matcher, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = string_matcher_load(
			&methods[i], message->idempotent_methods[i], arena, diag);
		if (status) {
			diag_prefix(diag, "idempotent_methods[%zu]", i);
			return status;
		}
	}
	m->idempotent = methods;
	m->idempotent_count = (uint32_t)count;
	return STATUS_OK;
}

static enum status load_limits(struct rpc_manager *m, const RpcProxy *message, struct arena *arena,
			       struct diag *diag)
{
	uint32_t idle_ms = 0, duration_ms = 0, sniff_ms = SNIFF_TIMEOUT_MS;
	enum status status;

	if ((status = config_ms(message->idle_timeout, "idle_timeout", &idle_ms, diag)) ||
	    (status = config_ms(message->max_connection_duration, "max_connection_duration",
				&duration_ms, diag)) ||
	    (status = config_ms(message->sniff_timeout, "sniff_timeout", &sniff_ms, diag)) ||
	    (status = config_ms(message->request_timeout, "request_timeout", &m->request_timeout_ms,
				diag)))
		return status;
	m->session.idle_timeout_ms = idle_ms;
	m->session.max_connection_duration_ms = duration_ms;
	m->sniff_timeout_ms = sniff_ms;
	m->uses_caller_timeout = config_bool(message->use_caller_timeout, true);
	m->session.is_unshared = !config_bool(message->shared, true);
	m->max_in_flight = config_u32(message->max_in_flight, UINT32_MAX);
	if (!m->max_in_flight)
		return diag_at(diag, "max_in_flight", "must be > 0");
	m->output_cap = config_u32(message->max_unread_bytes, m->output_cap);
	m->parts_over = config_u32(message->stream_requests_over_bytes, m->parts_over);
	return load_idempotent(m, message, arena, diag);
}

/* After filters, routes and log are known. */
static enum status load_attachments(struct rpc_manager *m, const RpcProxy *message,
				    struct diag *diag)
{
	m->passes_unread = !message->strict_attachments && !m->session.chain.has_authority;
	m->is_strict = !m->passes_unread || m->session.chain.has_limiter;
	switch ((int)message->attachments) {
	case NAME_OF(ATTACHMENTS__ON_DEMAND):
		m->publishes = m->session.chain.count > 1 || m->access_log || m->local_replies;
		rpc_manager_publish_for(m, m->access_log || m->local_replies);
		return STATUS_OK;
	case NAME_OF(ATTACHMENTS__ALWAYS):
		m->publishes = true;
		rpc_manager_publish_for(m, true);
		return STATUS_OK;
	case NAME_OF(ATTACHMENTS__NEVER):
		m->reads_attachments = false;
		if (m->routes && m->routes->is_rpc && m->routes->needs_attachments)
			return diag_at(diag, "attachments", "is NEVER, and a route asks for them");
		if (m->is_strict)
			return diag_at(
				diag, "attachments",
				"is NEVER, and strict_attachments or a filter asks for them");
		return STATUS_OK;
	}
	return diag_at(diag, "attachments", "%d is no such use", (int)message->attachments);
}

/* --- routes --- */

/* One route for every call. */
static enum status load_pass_through(struct rpc_manager *m, const char *cluster,
				     const struct route_table_options *options, struct arena *arena,
				     struct diag *diag)
{
	RouteConfiguration table = ENVOY__CONFIG__ROUTE__V3__ROUTE_CONFIGURATION__INIT;
	Envoy__Config__Route__V3__VirtualHost host = ENVOY__CONFIG__ROUTE__V3__VIRTUAL_HOST__INIT;
	Envoy__Config__Route__V3__Route route = ENVOY__CONFIG__ROUTE__V3__ROUTE__INIT;
	Envoy__Config__Route__V3__RouteMatch match = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__INIT;
	Envoy__Config__Route__V3__RouteAction action = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__INIT;
	Google__Protobuf__Duration none = GOOGLE__PROTOBUF__DURATION__INIT;
	Envoy__Config__Route__V3__VirtualHost *hosts[] = {&host};
	Envoy__Config__Route__V3__Route *routes[] = {&route};
	char name[] = "pass_through", any[] = "*", prefix[] = "/", *domains[] = {any};

	if (!cluster[0])
		return diag_at(diag, "cluster", "must not be empty");
	action.cluster_specifier_case =
		ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
	action.cluster = arena_string(arena, slice_of(cluster));
	action.timeout = &none;
	match.path_specifier_case = ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
	match.prefix = prefix;
	route.name = name;
	route.match = &match;
	route.action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE;
	route.route = &action;
	host.name = name;
	host.n_domains = 1;
	host.domains = domains;
	host.n_routes = 1;
	host.routes = routes;
	table.name = name;
	table.n_virtual_hosts = 1;
	table.virtual_hosts = hosts;
	return route_table_load(&m->routes, &table, options, arena, diag);
}

static enum status load_routes(struct rpc_manager *m, const RpcProxy *message,
			       const struct config_context *context, struct diag *diag)
{
	struct route_hooks hooks;
	struct route_table_options options = {.hooks = &hooks};
	const char *field = "";
	enum status status = STATUS_OK;

	routes_hooks(&hooks, context);
	switch (message->route_specifier_case) {
	case SPECIFIER(RDS):
		return routes_load_rds(message->rds, context, &m->routes_slot, diag);
	case SPECIFIER(ROUTE_CONFIG):
		field = "route_config";
		options.validates_clusters = true;
		status = route_table_load(&m->routes, message->route_config, &options,
					  context->arena, diag);
		break;
	case SPECIFIER(DUBBO_ROUTE_CONFIG):
		field = "dubbo_route_config.route_config";
		status = route_table_load_rpc(&m->routes, message->dubbo_route_config->name,
					      message->dubbo_route_config->route_config,
					      message->dubbo_route_config->n_route_config, &options,
					      context->arena, diag);
		break;
	case SPECIFIER(RPC_ROUTE_CONFIG):
		field = "rpc_route_config";
		status = route_table_load_calls(&m->routes, message->rpc_route_config, &options,
						context->arena, diag);
		break;
	case SPECIFIER(PASS_THROUGH):
		field = "pass_through";
		status = load_pass_through(m, message->pass_through->cluster, &options,
					   context->arena, diag);
		break;
	case SPECIFIER(_NOT_SET):
	case _OUTRIGGER__FILTERS__NETWORK__RPC_PROXY__V1__RPC_PROXY__ROUTE_SPECIFIER__CASE_IS_INT_SIZE:
		return diag_set(diag, "one of rds, route_config, dubbo_route_config, "
				      "rpc_route_config, pass_through is required");
	}
	if (status)
		diag_prefix(diag, "%s", field);
	return status;
}

/* --- all of it --- */

static void take_scopes(struct rpc_manager *m, const RpcProxy *message,
			const struct config_context *context)
{
	m->stats = config_scope(
		context, &rpc_stats,
		slice_of(arena_printf(context->arena, "rpc.%s", message->stat_prefix)));
	if (message->measure_call_times)
		m->time_stats = config_scope(
			context, &call_time_stats,
			slice_of(arena_printf(context->arena, "rpc.%s.%s", message->stat_prefix,
					      context->is_outbound ? "outbound" : "inbound")));
}

enum status rpc_proxy_config_load(const void **loaded, const ProtobufCMessage *base,
				  const struct config_context *outer, struct diag *diag)
{
	const RpcProxy *message = (const RpcProxy *)base;
	struct config_context context = *outer;
	struct arena *arena = context.arena;
	struct rpc_manager *m = ARENA_NEW(arena, struct rpc_manager);
	enum status status;
	const struct access_log_place logs = {context.log_files, arena, context.runtime};

	if (!message->stat_prefix[0])
		return diag_at(diag, "stat_prefix", "must not be empty");
	if (message->tracing)
		return diag_at(diag, "tracing", "is not supported yet: calls aren't traced");
	rpc_manager_init(m, &context);
	context.stat_prefix = slice_of(arena_printf(arena, "rpc.%s.", message->stat_prefix));
	context.router_stats = NULL;
	take_scopes(m, message, &context);
	if ((status = load_protocols(m, message, diag)) ||
	    (status = load_limits(m, message, arena, diag)) ||
	    (status = message_filters_load(&m->session.chain, message->http_filters,
					   message->n_http_filters, &context, diag)) ||
	    (status = load_routes(m, message, &context, diag)) ||
	    (status = access_log_load(message->access_log, message->n_access_log, &logs,
				      &m->access_log, diag)) ||
	    (status = local_replies_load(&m->local_replies, message->local_reply_config, &context,
					 diag)) ||
	    (status = load_attachments(m, message, diag)))
		return status;
	rpc_manager_seal(m);
	*loaded = m;
	return STATUS_OK;
}

const struct conn_filter_type rpc_proxy_filter = {
	.name = "outrigger.filters.network.rpc_proxy",
	.message = &outrigger__filters__network__rpc_proxy__v1__rpc_proxy__descriptor,
	.config_load = rpc_proxy_config_load,
	.serve = rpc_serve,
	.adopt = rpc_adopt,
};
