/* A table of RPC routes from Envoy's dubbo_proxy messages. */
#include "envoy/extensions/filters/network/dubbo_proxy/v3/route.pb-c.h"

#include "envoy/config/core/v3/base.pb-c.h"
#include "routing/rpc_table_build.h"

#define CLUSTER(kind)                                                                              \
	ENVOY__EXTENSIONS__FILTERS__NETWORK__DUBBO_PROXY__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_##kind

typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteConfiguration service_message;
typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__Route rpc_route_message;

/* What Envoy's messages say of a call that is sent on: nothing. */
static const struct route_action plain_call = {
	.timeout_ms = 0, /* the caller's own deadline holds */
	.timeout_text = SLICE("0"),
	.idle_timeout_ms = DURATION_UNSET,
	.flush_timeout_ms = DURATION_UNSET,
	.max_stream_duration_ms = DURATION_UNSET,
	.max_grpc_timeout_ms = DURATION_UNSET,
	.grpc_timeout_offset_ms = DURATION_UNSET,
	.grpc_timeout_header_max_ms = DURATION_UNSET,
	.grpc_timeout_header_offset_ms = DURATION_UNSET,
	.cluster_not_found_status = 503,
};

static enum status load_cluster(struct cluster_choice *choice, const rpc_route_message *message,
				const struct route_build *build, struct diag *diag)
{
	const Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteAction *m = message->route;

	switch ((int)m->cluster_specifier_case) {
	case CLUSTER(CLUSTER):
		return cluster_choice_load_named(choice, m->cluster, m->metadata_match, build,
						 diag);
	case CLUSTER(WEIGHTED_CLUSTERS):
		return cluster_choice_load_weighted(choice, m->weighted_clusters, m->metadata_match,
						    build, diag);
	}
	return diag_set(diag, "one of cluster, weighted_clusters is required");
}

static enum status load_route(struct rpc_table_build *b, const struct route **out,
			      const service_message *service, const rpc_route_message *message,
			      struct diag *diag)
{
	struct arena *arena = b->build.arena;
	const struct virtual_host *host = &b->table->virtual_hosts[0];
	const struct route **known = NULL;

	if (!message->route)
		return diag_at(diag, "route", "is required");
	if (message->route->cluster_specifier_case == CLUSTER(CLUSTER) &&
	    !(message->route->metadata_match &&
	      message->route->metadata_match->n_typed_filter_metadata))
		known = rpc_table_route(b, rpc_table_key(b, host, service->name,
							 message->route->cluster, "",
							 message->route->metadata_match));
	if (known && *known) {
		*out = *known;
		return STATUS_OK;
	}
	struct route *route = ARENA_NEW(arena, struct route);
	route->matcher = &rpc_any_path;
	route->virtual_host = host;
	route->name = route_build_text(&b->build, service->name);
	route->kind = ROUTE_FORWARD;
	route->forward = &plain_call;
	route->extras = &route_extras_none;
	*out = route;
	enum status status = load_cluster(&route->cluster, message, &b->build, diag);
	if (status) {
		diag_prefix(diag, "route");
		return status;
	}
	route_note_kind(route);
	if (known)
		*known = route;
	return STATUS_OK;
}

static enum status load_rule(struct rpc_table_build *b, const service_message *service,
			     const struct rpc_match_build *match, const rpc_route_message *message,
			     struct diag *diag)
{
	struct rpc_rule_entry *entry = &b->entries[b->count++];

	if (!message->match)
		return diag_at(diag, "match", "is required");
	enum status status =
		rpc_match_load_method(&entry->match, &entry->method, message->match->method,
				      message->match->headers, message->match->n_headers, match);
	if (status) {
		diag_prefix(diag, "match");
		return status;
	}
	return load_route(b, &entry->route, service, message, diag);
}

static enum status load_service(struct rpc_table_build *b, const service_message *service,
				struct diag *diag)
{
	struct arena *arena = b->build.arena;
	const struct rpc_match_build match = {
		.hooks = b->build.hooks,
		.pool = &b->pool,
		.diag = diag,
		.version = text_pool_take(&b->pool.texts, slice_of(service->version), NULL),
		.group = text_pool_take(&b->pool.texts, slice_of(service->group), NULL),
	};

	if (!service->interface[0])
		return diag_at(diag, "interface", "must not be empty");
	struct interface_pattern pattern =
		interface_pattern_of(arena_slice(arena, slice_of(service->interface)));
	for (size_t i = 0; i < service->n_routes; i++) {
		b->entries[b->count].interface = pattern;
		enum status status = load_rule(b, service, &match, service->routes[i], diag);
		if (status) {
			diag_prefix(diag, "routes[%zu]", i);
			return status;
		}
	}
	return STATUS_OK;
}

enum status route_table_load_rpc(const struct route_table **out, const char *name,
				 service_message *const *messages, size_t count,
				 const struct route_table_options *options, struct arena *arena,
				 struct diag *diag)
{
	struct rpc_table_build b;
	enum status status = STATUS_OK;
	size_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += messages[i]->n_routes;
	rpc_table_begin(&b, name, total, 0, options, arena);
	*out = b.table;
	for (size_t i = 0; i < count && !status; i++) {
		status = load_service(&b, messages[i], diag);
		if (status)
			diag_prefix(diag, "[%zu]", i);
	}
	return rpc_table_finish(&b, status, diag);
}
