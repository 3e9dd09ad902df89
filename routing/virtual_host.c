#include "routing/virtual_host.h"

#include "envoy/config/route/v3/route_components.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "routing/rpc_match_load.h"
#include "routing/table.h"

typedef Envoy__Config__Route__V3__VirtualHost host_message;

static enum status load_filters(struct virtual_host *host, const host_message *message,
				const struct route_build *build, struct diag *diag)
{
	size_t count = message->n_typed_per_filter_config;
	struct filter_config_message *filters =
		ARENA_NEW_ARRAY(build->arena, struct filter_config_message, count);

	FILTER_CONFIG_MESSAGES_READ(filters, message)
	return filter_configs_load(&host->filter_configs, filters, count, message->cors,
				   build->hooks, build->arena, diag);
}

static enum status load_virtual_clusters(struct virtual_host *host, const host_message *message,
					 struct arena *arena, struct diag *diag)
{
	struct virtual_cluster *items =
		ARENA_NEW_ARRAY(arena, struct virtual_cluster, message->n_virtual_clusters);

	for (size_t i = 0; i < message->n_virtual_clusters; i++) {
		const Envoy__Config__Route__V3__VirtualCluster *m = message->virtual_clusters[i];
		enum status status = STATUS_OK;
		if (!m->name[0] || !m->n_headers)
			status = diag_set(diag, "name and headers are required");
		else
			status = header_matches_load(&items[i].headers, "headers", m->headers,
						     m->n_headers, arena, diag);
		if (status) {
			diag_prefix(diag, "virtual_clusters[%zu]", i);
			return status;
		}
		items[i].name = arena_slice(arena, slice_of(m->name));
	}
	host->virtual_clusters = items;
	host->virtual_cluster_count = (uint32_t)message->n_virtual_clusters;
	return STATUS_OK;
}

static enum status load_common(struct virtual_host *host, const host_message *message,
			       const struct route_build *build, struct diag *diag)
{
	enum status status =
		HEADER_MUTATIONS_LOAD(&host->request, request, message, build->arena, diag);
	if (!status)
		status = HEADER_MUTATIONS_LOAD(&host->response, response, message, build->arena,
					       diag);
	if (!status)
		status = load_filters(host, message, build, diag);
	if (!status)
		status = route_retry_load(&host->retry, message->retry_policy,
					  message->retry_policy_typed_config, build, diag);
	if (!status)
		status = mirrors_load(&host->mirrors, message->request_mirror_policies,
				      message->n_request_mirror_policies, build->validates_clusters,
				      build->hooks, build->arena, diag);
	if (!status)
		status = rate_limits_load(&host->rate_limits, message->rate_limits,
					  message->n_rate_limits, build->arena, diag);
	if (!status)
		status = load_virtual_clusters(host, message, build->arena, diag);
	if (status)
		return status;
	status = route_metadata_load(&host->metadata, message->metadata, build, diag);
	if (status)
		diag_prefix(diag, "metadata");
	return status;
}

/* Routes that ask what a call says are tried together: one look at the call serves all. */
static enum status share_needs(const struct route_matcher *matchers, size_t count,
			       struct arena *arena, struct diag *diag)
{
	const struct rpc_match **matches = ARENA_NEW_ARRAY(arena, const struct rpc_match *, count);
	struct rpc_pool pool;
	size_t used = 0;

	rpc_pool_init(&pool, 0, arena, arena);
	for (size_t i = 0; i < count; i++)
		if (matchers[i].kind == PATH_RPC && matchers[i].more)
			matches[used++] = matchers[i].more->rpc;
	return used ? rpc_match_share_needs(matches, used, &pool, diag) : STATUS_OK;
}

static enum status load_routes(struct virtual_host *host, const host_message *message,
			       const struct route_build *build, struct diag *diag)
{
	struct route *routes = ARENA_NEW_ARRAY(build->arena, struct route, message->n_routes);
	struct route_matcher *matchers =
		ARENA_NEW_ARRAY(build->arena, struct route_matcher, message->n_routes);

	if (message->matcher && message->n_routes)
		return diag_at(diag, "matcher", "can't stand beside routes");
	if (message->matcher) {
		enum status status =
			match_tree_load(&host->tree, message->matcher, host, build, diag);
		if (status)
			diag_prefix(diag, "matcher");
		return status;
	}
	for (size_t i = 0; i < message->n_routes; i++) {
		enum status status =
			route_load(&routes[i], &matchers[i], message->routes[i], host, build, diag);
		if (status) {
			diag_prefix(diag, "routes[%zu]", i);
			return status;
		}
	}
	host->routes = (struct route_set){routes, matchers, (uint32_t)message->n_routes, NULL};
	route_set_index_paths(&host->routes, build->arena);
	return share_needs(matchers, message->n_routes, build->arena, diag);
}

/* What answers requests that should have come by TLS: a route outside the list. */
static const struct route *redirect_route(const struct virtual_host *host, struct arena *arena)
{
	struct route *route = ARENA_NEW(arena, struct route);

	*route = (struct route){
		.kind = ROUTE_REDIRECT,
		.virtual_host = host,
		.redirect = &redirect_to_https,
		.extras = &route_extras_none,
		.name = SLICE(""),
	};
	route_note_kind(route);
	return route;
}

enum status virtual_host_load(struct virtual_host *host, const host_message *message,
			      const struct route_build *build, struct diag *diag)
{
	if (!message->name[0])
		return diag_at(diag, "name", "must not be empty");
	if ((unsigned)message->require_tls > TLS_REQUIRED)
		return diag_at(diag, "require_tls", "unknown value %d", (int)message->require_tls);
	host->name = arena_slice(build->arena, slice_of(message->name));
	host->require_tls = (uint8_t)message->require_tls; /* the same order */
	host->includes_attempt_count = message->include_request_attempt_count;
	host->includes_attempt_count_in_response = message->include_attempt_count_in_response;
	host->includes_is_timeout_retry = message->include_is_timeout_retry_header;
	host->hedge = hedge_policy_load(message->hedge_policy, build->arena);
	host->body_buffer_limit = UINT64_MAX;
	if (message->request_body_buffer_limit)
		host->body_buffer_limit = message->request_body_buffer_limit->value;
	else if (message->per_request_buffer_limit_bytes)
		host->body_buffer_limit = message->per_request_buffer_limit_bytes->value;
	enum status status = load_common(host, message, build, diag);
	if (status)
		return status;
	if (host->require_tls != TLS_NOT_REQUIRED)
		host->https_redirect = redirect_route(host, build->arena);
	return load_routes(host, message, build, diag);
}

struct slice virtual_host_cluster_name(const struct virtual_host *host,
				       const struct headers *request)
{
	for (uint32_t i = 0; i < host->virtual_cluster_count; i++)
		if (header_matches_test(&host->virtual_clusters[i].headers, request))
			return host->virtual_clusters[i].name;
	return SLICE("");
}
