#include "envoy/extensions/filters/network/dubbo_proxy/v3/route.pb-c.h"
#include "routing/rpc_match.h"
#include "routing/table.h"

#define CLUSTER(kind)                                                                              \
	ENVOY__EXTENSIONS__FILTERS__NETWORK__DUBBO_PROXY__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_##kind

typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteConfiguration service_message;
typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__Route rpc_route_message;

static struct interface_pattern pattern_of(const char *interface, struct arena *arena)
{
	struct slice text = arena_slice(arena, slice_of(interface));

	if (slice_equal(text, SLICE("*")))
		return (struct interface_pattern){INTERFACE_ANY, text};
	if (text.data[0] == '*')
		return (struct interface_pattern){INTERFACE_SUFFIX, slice_sub(text, 1, text.len)};
	if (text.data[text.len - 1] == '*')
		return (struct interface_pattern){INTERFACE_PREFIX,
						  slice_sub(text, 0, text.len - 1)};
	return (struct interface_pattern){INTERFACE_EXACT, text};
}

static enum status load_match(struct route_matcher *matcher, const service_message *service,
			      const rpc_route_message *message, const struct route_build *build,
			      struct diag *diag)
{
	struct route_conditions *more = ARENA_NEW(build->arena, struct route_conditions);
	struct rpc_match *rpc = ARENA_NEW(build->arena, struct rpc_match);

	if (!message->match->method)
		return diag_at(diag, "method", "is required");
	enum status status =
		rpc_match_load(rpc, message->match->method, build->hooks, build->arena, diag);
	if (status) {
		diag_prefix(diag, "method");
		return status;
	}
	rpc->version = arena_slice(build->arena, slice_of(service->version));
	rpc->group = arena_slice(build->arena, slice_of(service->group));
	more->rpc = rpc;
	*matcher = (struct route_matcher){
		.kind = PATH_RPC,
		.looks_at = ROUTE_LOOKED_AT_PATH,
		.more = more,
		.path = {"", 0},
	};
	if (rpc->group.len || message->match->n_headers)
		matcher->looks_at |= ROUTE_LOOKED_AT_HEADERS;
	if (rpc->argument_count)
		matcher->looks_at |= ROUTE_LOOKED_AT_ARGUMENTS;
	return header_matches_load(&more->headers, "headers", message->match->headers,
				   message->match->n_headers, build->arena, diag);
}

static enum status load_action(struct route *route, const rpc_route_message *message,
			       const struct route_build *build, struct diag *diag)
{
	struct route_action *action = ARENA_NEW(build->arena, struct route_action);
	const Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteAction *m = message->route;
	enum status status;

	route->kind = ROUTE_FORWARD;
	route->forward = action;
	action->timeout_ms = 0; /* the caller's own deadline holds */
	action->timeout_text = SLICE("0");
	action->idle_timeout_ms = action->flush_timeout_ms = DURATION_UNSET;
	action->max_stream_duration_ms = DURATION_UNSET;
	action->max_grpc_timeout_ms = action->grpc_timeout_offset_ms = DURATION_UNSET;
	action->grpc_timeout_header_max_ms = DURATION_UNSET;
	action->grpc_timeout_header_offset_ms = DURATION_UNSET;
	action->cluster_not_found_status = 503;
	switch ((int)m->cluster_specifier_case) {
	case CLUSTER(CLUSTER):
		status = route_action_load_rpc(action, m->cluster, NULL, m->metadata_match, build,
					       diag);
		break;
	case CLUSTER(WEIGHTED_CLUSTERS):
		status = route_action_load_rpc(action, "", m->weighted_clusters, m->metadata_match,
					       build, diag);
		break;
	default:
		status = diag_set(diag, "one of cluster, weighted_clusters is required");
		break;
	}
	return status;
}

static enum status load_route(struct route *route, struct route_matcher *matcher,
			      const service_message *service, const rpc_route_message *message,
			      const struct virtual_host *host, const struct route_build *build,
			      struct diag *diag)
{
	enum status status;

	if (!message->match)
		return diag_at(diag, "match", "is required");
	if (!message->route)
		return diag_at(diag, "route", "is required");
	route->matcher = matcher;
	route->virtual_host = host;
	route->name = arena_slice(build->arena, slice_of(service->name));
	route->decorator = route->stat_prefix = SLICE("");
	route->body_buffer_limit = UINT64_MAX;
	status = load_match(matcher, service, message, build, diag);
	if (status) {
		diag_prefix(diag, "match");
		return status;
	}
	status = load_action(route, message, build, diag);
	if (status)
		diag_prefix(diag, "route");
	return status;
}

enum status route_table_load_rpc(const struct route_table **out, const char *name,
				 service_message *const *messages, size_t count,
				 const struct route_table_options *options, struct arena *arena,
				 struct diag *diag)
{
	struct route_table *table = ARENA_NEW(arena, struct route_table);
	struct virtual_host *host = ARENA_NEW(arena, struct virtual_host);
	const struct route_build build = {
		.hooks = options->hooks,
		.arena = arena,
		.validates_clusters = options->validates_clusters,
	};
	size_t total = 0, n = 0;

	for (size_t i = 0; i < count; i++)
		total += messages[i]->n_routes;
	struct route *routes = ARENA_NEW_ARRAY(arena, struct route, total);
	struct route_matcher *matchers = ARENA_NEW_ARRAY(arena, struct route_matcher, total);
	struct interface_pattern *patterns =
		ARENA_NEW_ARRAY(arena, struct interface_pattern, total);
	*out = table;
	table->name = host->name = arena_slice(arena, slice_of(name));
	table->is_rpc = true;
	table->domains.any = DOMAINS_NONE;
	table->virtual_hosts = host;
	table->virtual_host_count = 1;
	host->table = table;
	host->body_buffer_limit = UINT64_MAX;

	for (size_t i = 0; i < count; i++) {
		if (!messages[i]->interface[0]) {
			diag_at(diag, "interface", "must not be empty");
			diag_prefix(diag, "[%zu]", i);
			return STATUS_INVALID;
		}
		struct interface_pattern pattern = pattern_of(messages[i]->interface, arena);
		for (size_t k = 0; k < messages[i]->n_routes; k++, n++) {
			enum status status = load_route(&routes[n], &matchers[n], messages[i],
							messages[i]->routes[k], host, &build, diag);
			if (status) {
				diag_prefix(diag, "[%zu].routes[%zu]", i, k);
				return status;
			}
			patterns[n] = pattern;
			table->needs_attachments |=
				(matchers[n].looks_at & ~(unsigned)ROUTE_LOOKED_AT_PATH) != 0;
			table->needs_arguments |=
				(matchers[n].looks_at & ROUTE_LOOKED_AT_ARGUMENTS) != 0;
		}
	}
	host->routes = (struct route_set){routes, matchers, (uint32_t)total, NULL};
	if (!route_set_index_interfaces(&host->routes, patterns, arena))
		return diag_set(diag, "interfaces with '*' are nested too deep");
	return STATUS_OK;
}
