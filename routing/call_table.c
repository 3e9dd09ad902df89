/* A table of RPC routes from our own message, RpcRouteConfiguration. */
#include "outrigger/config/route/v1/rpc_route.pb-c.h"

#include <stdio.h>

#include "envoy/config/route/v3/route.pb-c.h"
#include "google/protobuf/duration.pb-c.h"
#include "routing/path_template.h"
#include "routing/rpc_table_build.h"

#define ACTION(kind) OUTRIGGER__CONFIG__ROUTE__V1__RPC_ROUTE__ACTION_##kind
#define CLUSTER(kind) ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_##kind
#define HTTP_ACTION(kind) ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_##kind

typedef Outrigger__Config__Route__V1__RpcRouteConfiguration table_message;
typedef Outrigger__Config__Route__V1__RpcService service_message;
typedef Outrigger__Config__Route__V1__RpcRoute call_message;
typedef Envoy__Config__Route__V3__RouteAction action_message;

/* The messages of typed_per_filter_config are the same in all but their types. */
static Envoy__Config__Route__V3__Route__TypedPerFilterConfigEntry **
route_filters(const call_message *message, struct arena *scratch)
{
	typedef Envoy__Config__Route__V3__Route__TypedPerFilterConfigEntry entry_message;
	size_t count = message->n_typed_per_filter_config;
	entry_message **entries = ARENA_NEW_ARRAY(scratch, entry_message *, count);

	for (size_t i = 0; i < count; i++) {
		entries[i] = ARENA_NEW(scratch, entry_message);
		envoy__config__route__v3__route__typed_per_filter_config_entry__init(entries[i]);
		entries[i]->key = message->typed_per_filter_config[i]->key;
		entries[i]->value = message->typed_per_filter_config[i]->value;
	}
	return entries;
}

/* --- routes */

/* The key of a route that only forwards to a cluster: .data NULL if there is more to it. */
static struct slice key_of(struct rpc_table_build *b, const struct virtual_host *host,
			   const call_message *message)
{
	static const action_message bare = ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__INIT;
	const struct slice none = {NULL, 0};
	const action_message *action = message->route;
	action_message rest;
	char time[48] = "";

	if (message->action_case != ACTION(ROUTE) || message->metadata ||
	    message->n_typed_per_filter_config || message->n_request_headers_to_add ||
	    message->n_request_headers_to_remove || message->n_response_headers_to_add ||
	    message->n_response_headers_to_remove ||
	    action->cluster_specifier_case != CLUSTER(CLUSTER) ||
	    (action->metadata_match && action->metadata_match->n_typed_filter_metadata))
		return none;
	memcpy(&rest, action, sizeof rest);
	rest.cluster_specifier_case = bare.cluster_specifier_case;
	rest.cluster = bare.cluster;
	rest.metadata_match = NULL;
	rest.timeout = NULL;
	if (memcmp(&rest, &bare, sizeof rest) != 0)
		return none;
	if (action->timeout)
		snprintf(time, sizeof time, "%lld.%d", (long long)action->timeout->seconds,
			 action->timeout->nanos);
	return rpc_table_key(b, host, message->name, action->cluster, time, action->metadata_match);
}

static enum status load_route(struct rpc_table_build *b, struct route *route,
			      const call_message *message, const struct virtual_host *host,
			      struct diag *diag)
{
	static const struct path_template no_template = {.name_count = 0};
	static const Google__Protobuf__Duration no_limit = GOOGLE__PROTOBUF__DURATION__INIT;
	Envoy__Config__Route__V3__Route http = ENVOY__CONFIG__ROUTE__V3__ROUTE__INIT;
	action_message action;

	http.name = message->name;
	http.metadata = message->metadata;
	http.typed_per_filter_config = route_filters(message, &b->scratch);
	http.n_typed_per_filter_config = message->n_typed_per_filter_config;
	http.request_headers_to_add = message->request_headers_to_add;
	http.n_request_headers_to_add = message->n_request_headers_to_add;
	http.request_headers_to_remove = message->request_headers_to_remove;
	http.n_request_headers_to_remove = message->n_request_headers_to_remove;
	http.response_headers_to_add = message->response_headers_to_add;
	http.n_response_headers_to_add = message->n_response_headers_to_add;
	http.response_headers_to_remove = message->response_headers_to_remove;
	http.n_response_headers_to_remove = message->n_response_headers_to_remove;
	switch ((int)message->action_case) {
	case ACTION(ROUTE):
		action = *message->route;
		if (!action.timeout) /* the caller's own deadline holds */
			action.timeout = (Google__Protobuf__Duration *)(uintptr_t)&no_limit;
		http.action_case = HTTP_ACTION(ROUTE);
		http.route = &action;
		break;
	case ACTION(DIRECT_RESPONSE):
		http.action_case = HTTP_ACTION(DIRECT_RESPONSE);
		http.direct_response = message->direct_response;
		break;
	default:
		return diag_set(diag, "one of route, direct_response is required");
	}
	route->matcher = &rpc_any_path;
	return route_load_rest(route, &http, &no_template, host, &b->build, diag);
}

static enum status find_route(struct rpc_table_build *b, const struct route **out,
			      const call_message *message, const struct virtual_host *host,
			      struct diag *diag)
{
	struct slice key = key_of(b, host, message);
	const struct route **known = key.data ? rpc_table_route(b, key) : NULL;

	if (known && *known) {
		*out = *known;
		return STATUS_OK;
	}
	struct route *route = ARENA_NEW(b->build.arena, struct route);
	enum status status = load_route(b, route, message, host, diag);
	*out = route;
	if (known && !status)
		*known = route;
	return status;
}

/* --- services */

/* A service with policies of its own is a virtual host of its own. */
static enum status find_host(struct rpc_table_build *b, const struct virtual_host **out,
			     const service_message *message, struct diag *diag)
{
	typedef Envoy__Config__Route__V3__VirtualHost__TypedPerFilterConfigEntry entry_message;
	Envoy__Config__Route__V3__VirtualHost http = ENVOY__CONFIG__ROUTE__V3__VIRTUAL_HOST__INIT;
	struct virtual_host *hosts = (struct virtual_host *)(uintptr_t)b->table->virtual_hosts;
	size_t count = message->n_typed_per_filter_config;

	*out = hosts;
	if (!message->name[0] && !message->retry_policy && !message->n_request_mirror_policies &&
	    !count)
		return STATUS_OK;
	struct virtual_host *host = &hosts[b->table->virtual_host_count++];
	host->table = b->table;
	http.name = message->name[0] ? message->name : message->interface;
	http.retry_policy = message->retry_policy;
	http.request_mirror_policies = message->request_mirror_policies;
	http.n_request_mirror_policies = message->n_request_mirror_policies;
	http.typed_per_filter_config = ARENA_NEW_ARRAY(&b->scratch, entry_message *, count);
	http.n_typed_per_filter_config = count;
	for (size_t i = 0; i < count; i++) {
		entry_message *entry = ARENA_NEW(&b->scratch, entry_message);
		envoy__config__route__v3__virtual_host__typed_per_filter_config_entry__init(entry);
		entry->key = message->typed_per_filter_config[i]->key;
		entry->value = message->typed_per_filter_config[i]->value;
		http.typed_per_filter_config[i] = entry;
	}
	*out = host;
	return virtual_host_load(host, &http, &b->build, diag);
}

static enum status load_rule(struct rpc_table_build *b, const call_message *message,
			     const struct virtual_host *host, const struct rpc_match_build *match,
			     struct diag *diag)
{
	struct rpc_rule_entry *entry = &b->entries[b->count++];
	enum status status = rpc_match_load(&entry->match, &entry->method, message->match, match);

	if (status) {
		diag_prefix(diag, "match");
		return status;
	}
	return find_route(b, &entry->route, message, host, diag);
}

static enum status load_service(struct rpc_table_build *b, const service_message *message,
				struct diag *diag)
{
	struct arena *arena = b->build.arena;
	const struct rpc_match_build match = {
		.hooks = b->build.hooks,
		.pool = &b->pool,
		.diag = diag,
		.version = text_pool_take(&b->pool.texts, slice_of(message->version), NULL),
		.group = text_pool_take(&b->pool.texts, slice_of(message->group), NULL),
	};
	const struct virtual_host *host;
	enum status status;

	if (!message->interface[0])
		return diag_at(diag, "interface", "must not be empty");
	if ((status = find_host(b, &host, message, diag)))
		return status;
	struct interface_pattern pattern =
		interface_pattern_of(arena_slice(arena, slice_of(message->interface)));
	for (size_t i = 0; i < message->n_routes; i++) {
		b->entries[b->count].interface = pattern;
		status = load_rule(b, message->routes[i], host, &match, diag);
		if (status) {
			diag_prefix(diag, "routes[%zu]", i);
			return status;
		}
	}
	return STATUS_OK;
}

/* --- the table */

static enum status load_common(struct rpc_table_build *b, const table_message *message,
			       struct diag *diag)
{
	struct route_table *table = b->table;
	size_t count = message->n_typed_per_filter_config;
	struct filter_config_message *filters =
		ARENA_NEW_ARRAY(&b->scratch, struct filter_config_message, count);
	enum status status =
		HEADER_MUTATIONS_LOAD(&table->request, request, message, b->build.arena, diag);

	if (!status)
		status = HEADER_MUTATIONS_LOAD(&table->response, response, message, b->build.arena,
					       diag);
	FILTER_CONFIG_MESSAGES_READ(filters, message)
	return status ? status
		      : filter_configs_load(&table->filter_configs, filters, count, NULL,
					    b->build.hooks, b->build.arena, diag);
}

enum status route_table_load_calls(const struct route_table **out, const table_message *message,
				   const struct route_table_options *options, struct arena *arena,
				   struct diag *diag)
{
	struct rpc_table_build b;
	size_t total = 0;

	for (size_t i = 0; i < message->n_services; i++)
		total += message->services[i]->n_routes;
	rpc_table_begin(&b, message->name, total, message->n_services, options, arena);
	*out = b.table;
	enum status status = load_common(&b, message, diag);
	for (size_t i = 0; i < message->n_services && !status; i++) {
		status = load_service(&b, message->services[i], diag);
		if (status)
			diag_prefix(diag, "services[%zu]", i);
	}
	return rpc_table_finish(&b, status, diag);
}
