/* Static route tables name clusters that exist, unless validate_clusters is false or more clusters
 * come by CDS. */
#include "base/map.h"
#include "semantics_private.h"
#include "xds/proto/any_message.h"

#include <stdio.h>

#include "envoy/config/bootstrap/v3/bootstrap.pb-c.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h"
#include "outrigger/filters/network/rpc_proxy/v1/rpc_proxy.pb-c.h"

typedef Outrigger__Filters__Network__RpcProxy__V1__RpcProxy RpcProxy;

static bool cluster_is_known(const struct map *clusters, const char *name,
			     const struct field_path *path, struct diag *diag)
{
	return !name[0] || map_find(clusters, slice_of(name)) ||
	       semantics_fault(diag, path, "", "there is no cluster %s", name);
}

static bool action_is_known(const struct map *clusters,
			    const Envoy__Config__Route__V3__RouteAction *action,
			    const struct field_path *outer, struct diag *diag)
{
	struct field_path mirrors = FIELD_PATH_OF_FIELD(outer, "route.request_mirror_policies");
	struct field_path path = FIELD_PATH_OF_FIELD(outer, "route.cluster");
	const Envoy__Config__Route__V3__WeightedCluster *weighted;

	for (size_t i = 0; i < action->n_request_mirror_policies; i++) {
		struct field_path item = FIELD_PATH_OF_INDEX(&mirrors, i);
		if (!cluster_is_known(clusters, action->request_mirror_policies[i]->cluster, &item,
				      diag))
			return false;
	}
	switch ((int)action->cluster_specifier_case) {
	case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER:
		return cluster_is_known(clusters, action->cluster, &path, diag);
	case ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_WEIGHTED_CLUSTERS:
		weighted = action->weighted_clusters;
		path = FIELD_PATH_OF_FIELD(outer, "route.weighted_clusters.clusters");
		for (size_t i = 0; i < weighted->n_clusters; i++) {
			struct field_path item = FIELD_PATH_OF_INDEX(&path, i);
			if (!cluster_is_known(clusters, weighted->clusters[i]->name, &item, diag))
				return false;
		}
		return true;
	default:
		return true;
	}
}

static bool routes_are_known(const struct map *clusters,
			     const Envoy__Config__Route__V3__RouteConfiguration *routes,
			     const struct field_path *path, struct diag *diag)
{
	struct field_path hosts = FIELD_PATH_OF_FIELD(path, "virtual_hosts");

	if (routes->validate_clusters && !routes->validate_clusters->value)
		return true;
	for (size_t i = 0; i < routes->n_virtual_hosts; i++) {
		struct field_path host = FIELD_PATH_OF_INDEX(&hosts, i);
		struct field_path list = FIELD_PATH_OF_FIELD(&host, "routes");
		for (size_t j = 0; j < routes->virtual_hosts[i]->n_routes; j++) {
			const Envoy__Config__Route__V3__Route *route =
				routes->virtual_hosts[i]->routes[j];
			struct field_path item = FIELD_PATH_OF_INDEX(&list, j);
			if (route->action_case == ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE &&
			    !action_is_known(clusters, route->route, &item, diag))
				return false;
		}
	}
	return true;
}

static bool calls_are_known(const struct map *clusters,
			    const Outrigger__Config__Route__V1__RpcRouteConfiguration *routes,
			    const struct field_path *path, struct diag *diag)
{
	struct field_path services = FIELD_PATH_OF_FIELD(path, "services");

	for (size_t i = 0; i < routes->n_services; i++) {
		const Outrigger__Config__Route__V1__RpcService *service = routes->services[i];
		struct field_path outer = FIELD_PATH_OF_INDEX(&services, i);
		struct field_path list = FIELD_PATH_OF_FIELD(&outer, "routes");
		for (size_t j = 0; j < service->n_routes; j++) {
			const Outrigger__Config__Route__V1__RpcRoute *route = service->routes[j];
			struct field_path item = FIELD_PATH_OF_INDEX(&list, j);
			if (route->action_case ==
				    OUTRIGGER__CONFIG__ROUTE__V1__RPC_ROUTE__ACTION_ROUTE &&
			    !action_is_known(clusters, route->route, &item, diag))
				return false;
		}
	}
	return true;
}

static bool rpc_proxy_is_known(const struct map *clusters, const RpcProxy *proxy,
			       const struct field_path *outer, struct diag *diag)
{
	struct field_path table = FIELD_PATH_OF_FIELD(outer, "route_config");
	struct field_path calls = FIELD_PATH_OF_FIELD(outer, "rpc_route_config");
	struct field_path cluster = FIELD_PATH_OF_FIELD(outer, "pass_through.cluster");

	switch ((int)proxy->route_specifier_case) {
	case OUTRIGGER__FILTERS__NETWORK__RPC_PROXY__V1__RPC_PROXY__ROUTE_SPECIFIER_ROUTE_CONFIG:
		return routes_are_known(clusters, proxy->route_config, &table, diag);
	case OUTRIGGER__FILTERS__NETWORK__RPC_PROXY__V1__RPC_PROXY__ROUTE_SPECIFIER_RPC_ROUTE_CONFIG:
		return calls_are_known(clusters, proxy->rpc_route_config, &calls, diag);
	case OUTRIGGER__FILTERS__NETWORK__RPC_PROXY__V1__RPC_PROXY__ROUTE_SPECIFIER_PASS_THROUGH:
		return cluster_is_known(clusters, proxy->pass_through->cluster, &cluster, diag);
	default:
		return true;
	}
}

static bool chain_is_known(const struct map *clusters,
			   const Envoy__Config__Listener__V3__FilterChain *chain,
			   const struct field_path *path, struct diag *diag)
{
	struct field_path list = FIELD_PATH_OF_FIELD(path, "filters");

	for (size_t i = 0; i < chain->n_filters; i++) {
		const Envoy__Config__Listener__V3__Filter *filter = chain->filters[i];
		struct field_path item = FIELD_PATH_OF_INDEX(&list, i);
		struct field_path config = FIELD_PATH_OF_FIELD(&item, "typed_config");
		struct field_path table = FIELD_PATH_OF_FIELD(&config, "route_config");
		const Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpConnectionManager
			*manager;

		if (filter->config_type_case !=
		    ENVOY__CONFIG__LISTENER__V3__FILTER__CONFIG_TYPE_TYPED_CONFIG)
			continue;
		manager = any_message_of(
			filter->typed_config,
			&envoy__extensions__filters__network__http_connection_manager__v3__http_connection_manager__descriptor);
		if (manager &&
		    manager->route_specifier_case ==
			    ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_CONNECTION_MANAGER__ROUTE_SPECIFIER_ROUTE_CONFIG &&
		    !routes_are_known(clusters, manager->route_config, &table, diag))
			return false;
		const RpcProxy *proxy = any_message_of(
			filter->typed_config,
			&outrigger__filters__network__rpc_proxy__v1__rpc_proxy__descriptor);
		if (proxy && !rpc_proxy_is_known(clusters, proxy, &config, diag))
			return false;
	}
	return true;
}

static bool
listeners_are_known(const struct map *clusters,
		    const Envoy__Config__Bootstrap__V3__Bootstrap__StaticResources *resources,
		    const struct field_path *path, struct diag *diag)
{
	struct field_path list = FIELD_PATH_OF_FIELD(path, "static_resources.listeners");

	for (size_t i = 0; i < resources->n_listeners; i++) {
		const Envoy__Config__Listener__V3__Listener *listener = resources->listeners[i];
		struct field_path item = FIELD_PATH_OF_INDEX(&list, i);
		struct field_path chains = FIELD_PATH_OF_FIELD(&item, "filter_chains");
		struct field_path other = FIELD_PATH_OF_FIELD(&item, "default_filter_chain");
		for (size_t j = 0; j < listener->n_filter_chains; j++) {
			struct field_path chain = FIELD_PATH_OF_INDEX(&chains, j);
			if (!chain_is_known(clusters, listener->filter_chains[j], &chain, diag))
				return false;
		}
		if (listener->default_filter_chain &&
		    !chain_is_known(clusters, listener->default_filter_chain, &other, diag))
			return false;
	}
	return true;
}

bool semantics_references(const ProtobufCMessage *message, const struct field_path *path,
			  struct diag *diag)
{
	const Envoy__Config__Bootstrap__V3__Bootstrap *bootstrap = (const void *)message;
	const Envoy__Config__Bootstrap__V3__Bootstrap__StaticResources *resources =
		bootstrap->static_resources;
	struct map clusters;

	if (!resources ||
	    (bootstrap->dynamic_resources && bootstrap->dynamic_resources->cds_config))
		return true;
	map_init(&clusters, NULL);
	for (size_t i = 0; i < resources->n_clusters; i++)
		map_set(&clusters, slice_of(resources->clusters[i]->name), resources->clusters[i]);
	bool known = listeners_are_known(&clusters, resources, path, diag);
	map_free(&clusters);
	return known;
}
