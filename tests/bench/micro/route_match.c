/* What it costs to find a route, by the size and kind of the table.
 *
 *   micro_route_match [MATCHES [NAME]]      all tables, or the one named; nanoseconds a match
 *
 * Instructions of one match: run it for one table under callgrind with two numbers of MATCHES; the
 * difference of the totals by the difference of the numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "envoy/config/route/v3/route.pb-c.h"
#include "envoy/extensions/filters/network/dubbo_proxy/v3/route.pb-c.h"
#include "routing/table.h"

enum { REQUESTS = 1024 };

typedef Envoy__Config__Route__V3__RouteConfiguration table_message;
typedef Envoy__Config__Route__V3__VirtualHost host_message;
typedef Envoy__Config__Route__V3__Route route_message;
typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteConfiguration service_message;
typedef Envoy__Extensions__Filters__Network__DubboProxy__V3__Route call_message;

static struct arena arena;  /* messages and requests */
static struct arena tables; /* what is built of them */
static struct headers requests[REQUESTS];

static route_message *new_route(const char *prefix, bool is_exact)
{
	route_message *route = ARENA_NEW(&arena, route_message);
	envoy__config__route__v3__route__init(route);
	route->match = ARENA_NEW(&arena, Envoy__Config__Route__V3__RouteMatch);
	envoy__config__route__v3__route_match__init(route->match);
	route->match->path_specifier_case =
		is_exact ? ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PATH
			 : ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
	route->match->prefix = arena_string(&arena, slice_of(prefix));
	route->action_case = ENVOY__CONFIG__ROUTE__V3__ROUTE__ACTION_ROUTE;
	route->route = ARENA_NEW(&arena, Envoy__Config__Route__V3__RouteAction);
	envoy__config__route__v3__route_action__init(route->route);
	route->route->cluster_specifier_case =
		ENVOY__CONFIG__ROUTE__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
	route->route->cluster = "c1";
	return route;
}

/* A table of `hosts` virtual hosts with `routes` routes each, of which the last takes all paths. */
static const struct route_table *http_table(unsigned hosts, unsigned routes, const char *domain)
{
	table_message table = ENVOY__CONFIG__ROUTE__V3__ROUTE_CONFIGURATION__INIT;
	const struct route_table_options options = {NULL, false};
	const struct route_table *result;
	struct diag diag = {0};

	table.virtual_hosts = ARENA_NEW_ARRAY(&arena, host_message *, hosts);
	for (unsigned i = 0; i < hosts; i++) {
		host_message *host = ARENA_NEW(&arena, host_message);
		envoy__config__route__v3__virtual_host__init(host);
		host->name = "v";
		host->domains = ARENA_NEW_ARRAY(&arena, char *, 1);
		host->n_domains = 1;
		host->domains[0] = arena_printf(&arena, domain, i);
		host->routes = ARENA_NEW_ARRAY(&arena, route_message *, routes);
		host->n_routes = routes;
		for (unsigned k = 0; k < routes; k++)
			host->routes[k] = new_route(
				k + 1 < routes ? arena_printf(&arena, "/api/v1/item%u", k) : "/",
				k % 2);
		host->routes[routes - 1]->match->path_specifier_case =
			ENVOY__CONFIG__ROUTE__V3__ROUTE_MATCH__PATH_SPECIFIER_PREFIX;
		table.virtual_hosts[table.n_virtual_hosts++] = host;
	}
	if (route_table_load(&result, &table, &options, &tables, &diag)) {
		fprintf(stderr, "%s: %s\n", diag.path, diag.text);
		exit(1);
	}
	return result;
}

static const struct route_table *rpc_table(unsigned services)
{
	service_message **messages = ARENA_NEW_ARRAY(&arena, service_message *, services + 1);
	const struct route_table_options options = {NULL, false};
	const struct route_table *result;
	struct diag diag = {0};

	for (unsigned i = 0; i <= services; i++) {
		service_message *service = messages[i] = ARENA_NEW(&arena, service_message);
		envoy__extensions__filters__network__dubbo_proxy__v3__route_configuration__init(
			service);
		service->interface =
			i < services ? arena_printf(&arena, "com.example.module.Service%u", i)
				     : "*";
		service->routes = ARENA_NEW_ARRAY(&arena, call_message *, 1);
		service->n_routes = 1;
		call_message *call = service->routes[0] = ARENA_NEW(&arena, call_message);
		envoy__extensions__filters__network__dubbo_proxy__v3__route__init(call);
		call->match = ARENA_NEW(
			&arena, Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteMatch);
		envoy__extensions__filters__network__dubbo_proxy__v3__route_match__init(
			call->match);
		call->match->method = ARENA_NEW(
			&arena, Envoy__Extensions__Filters__Network__DubboProxy__V3__MethodMatch);
		envoy__extensions__filters__network__dubbo_proxy__v3__method_match__init(
			call->match->method);
		call->match->method->name =
			ARENA_NEW(&arena, Envoy__Type__Matcher__V3__StringMatcher);
		envoy__type__matcher__v3__string_matcher__init(call->match->method->name);
		call->match->method->name->match_pattern_case =
			ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX;
		call->match->method->name->prefix = "get";
		call->route = ARENA_NEW(
			&arena, Envoy__Extensions__Filters__Network__DubboProxy__V3__RouteAction);
		envoy__extensions__filters__network__dubbo_proxy__v3__route_action__init(
			call->route);
		call->route->cluster_specifier_case =
			ENVOY__EXTENSIONS__FILTERS__NETWORK__DUBBO_PROXY__V3__ROUTE_ACTION__CLUSTER_SPECIFIER_CLUSTER;
		call->route->cluster = "c1";
	}
	if (route_table_load_rpc(&result, "t", messages, services + 1, &options, &tables, &diag)) {
		fprintf(stderr, "%s: %s\n", diag.path, diag.text);
		exit(1);
	}
	return result;
}

/* Requests spread over the table: the n-th asks for host (or interface) number and item number. */
static void make_requests(const char *host, const char *path, unsigned hosts, unsigned items)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		struct headers *h = &requests[i];
		headers_init(h, &arena, 8);
		headers_add_id(h, HEADER_METHOD, SLICE("GET"));
		headers_add_id(h, HEADER_SCHEME, SLICE("http"));
		headers_add_id(h, HEADER_AUTHORITY,
			       slice_of(arena_printf(&arena, host, i * 7919 % hosts)));
		headers_add_id(h, HEADER_PATH,
			       slice_of(arena_printf(&arena, path, i * 7919 % items)));
	}
}

static double run(const struct route_table *table, unsigned long matches)
{
	struct timespec from, to;
	unsigned long found = 0;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned long i = 0; i < matches; i++) {
		struct route_match_input input;
		route_match_input_init(&input, &requests[i % REQUESTS], i);
		found += route_table_match(table, &input, NULL) != NULL;
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	invariant(found == matches);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
	       (double)matches;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name, *domain, *host, *path;
		unsigned hosts, routes;
	} kinds[] = {
		{"one_host", "*", "svc.default.local", "/api/v1/item%u?q=1", 1, 1},
		{"one_host_4_routes", "*", "svc.default.local", "/api/v1/item%u?q=1", 1, 4},
		{"one_host_1000_routes", "*", "svc.default.local", "/api/v1/item%u?q=1", 1, 1000},
		{"10000_hosts", "svc-%u.default.svc.cluster.local",
		 "svc-%u.default.svc.cluster.local", "/api/v1/item%u?q=1", 10000, 4},
		{"10000_suffixes", "*.svc-%u.default.svc.cluster.local",
		 "a.svc-%u.default.svc.cluster.local", "/api/v1/item%u?q=1", 10000, 4},
		{"10000_interfaces", NULL, "x%u", "/com.example.module.Service%u/getUser", 10000,
		 0},
	};
	unsigned long matches = argc > 1 ? strtoul(argv[1], NULL, 10) : 2000000;

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (argc > 2 && strcmp(argv[2], kinds[i].name) != 0)
			continue;
		arena_init(&arena, 1 << 20);
		arena_init(&tables, 65536);
		const struct route_table *table =
			kinds[i].domain
				? http_table(kinds[i].hosts, kinds[i].routes, kinds[i].domain)
				: rpc_table(kinds[i].hosts);
		make_requests(kinds[i].host, kinds[i].path, kinds[i].hosts,
			      kinds[i].domain ? kinds[i].routes : kinds[i].hosts);
		run(table, matches / 10);
		printf("%-22s %7.1f ns/match   %8zu KiB\n", kinds[i].name, run(table, matches),
		       tables.allocated / 1024);
		arena_free(&tables);
		arena_free(&arena);
	}
	return 0;
}
