/* What a DubboProxy message is made into, and what of it is refused. */
#include <envoy/extensions/filters/network/dubbo_proxy/v3/dubbo_proxy.pb-c.h>

#include "manager/router.h"
#include "routing/table.h"
#include "unit/proxy/manager/rpc_config_support.h"

#define ROUTES                                                                                     \
	"route_config: [{name: r, interface: a.Svc, routes: [{match: {method: {name: {exact: "     \
	"hello}}}, route: {cluster: c1}}]}]\n"
#define TYPE "'@type': type.googleapis.com/envoy.extensions.filters."

static const struct conn_filter_type *const loaded_type = &dubbo_proxy_filter;

static void the_chain_ends_with_the_router(void **state)
{
	static const char *const chains[] = {
		"",
		"dubbo_filters: [{name: envoy.filters.dubbo.router}]\n",
		"dubbo_filters: [{name: x, config: {" TYPE
		"network.dubbo_proxy.router.v3.Router}}]\n",
		"dubbo_filters: [{name: x, config: {" TYPE "http.router.v3.Router}}]\n",
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(chains); i++) {
		struct loaded loaded;
		char text[512];
		snprintf(text, sizeof text, "stat_prefix: d\n" ROUTES "%s", chains[i]);
		load(&loaded, text, false);
		assert_non_null(loaded.manager);
		assert_int_equal(loaded.manager->session.chain.count, 1);
		assert_ptr_equal(loaded.manager->session.chain.entries[0].type, &router_filter);
		assert_non_null(loaded.manager->session.chain.entries[0].config);
		assert_scope(&loaded, loaded.manager->stats, &rpc_stats, "dubbo.d");
		unload(&loaded);
	}
}

static void message_filters_stand_before_it(void **state)
{
	struct loaded loaded;

	(void)state;
	load(&loaded,
	     "stat_prefix: d\n" ROUTES "dubbo_filters: [{name: f, config: {" TYPE
	     "http.header_mutation.v3.HeaderMutation}}, {name: envoy.filters.dubbo.router}]\n",
	     false);
	assert_non_null(loaded.manager);
	assert_int_equal(loaded.manager->session.chain.count, 2);
	assert_string_equal(loaded.manager->session.chain.entries[0].type->name,
			    "envoy.filters.http.header_mutation");
	assert_ptr_equal(loaded.manager->session.chain.entries[1].type, &router_filter);
	unload(&loaded);
}

/* The clusters of both are unknown here: that is a reply to a call, no fault of a table. */
static void routes_come_from_either_list(void **state)
{
	struct loaded loaded;

	(void)state;
	load(&loaded, "stat_prefix: d\n" ROUTES, false);
	assert_true(loaded.manager->routes->is_rpc);
	assert_false(loaded.manager->routes->needs_attachments);
	unload(&loaded);

	load(&loaded,
	     "stat_prefix: d\nmultiple_route_config: {name: m, route_config: [{name: r, interface: "
	     "a.Svc, group: g, routes: [{match: {method: {name: {exact: hello}, params_match: {0: "
	     "{exact_match: x}}}}, route: {cluster: c1}}]}]}\n",
	     false);
	assert_non_null(loaded.manager);
	assert_true(slice_equal(loaded.manager->routes->name, SLICE("m")));
	assert_true(loaded.manager->routes->needs_attachments);
	assert_true(loaded.manager->routes->needs_arguments);
	unload(&loaded);
}

static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	assert_refused(ROUTES, "stat_prefix", "must not be empty");
	assert_refused("stat_prefix: d\ndrds: {route_config_name: r, config_source: {ads: {}}}\n",
		       "drds", "not supported yet");
	assert_refused("stat_prefix: d\n" ROUTES
		       "dubbo_filters: [{name: envoy.filters.dubbo.router}, {name: f, config: "
		       "{" TYPE "http.header_mutation.v3.HeaderMutation}}]\n",
		       "dubbo_filters[0]", "must be the last filter");
	assert_refused("stat_prefix: d\n" ROUTES "dubbo_filters: [{name: what}]\n",
		       "dubbo_filters[0].config", "'what'");
	assert_refused(
		"stat_prefix: d\nroute_config: [{name: r, interface: a.Svc, routes: [{match: "
		"{method: {name: {safe_regex: {regex: '['}}}}, route: {cluster: c1}}]}]\n",
		"route_config[0].routes[0].match.method.name.safe_regex.regex", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_chain_ends_with_the_router),
		cmocka_unit_test(message_filters_stand_before_it),
		cmocka_unit_test(routes_come_from_either_list),
		cmocka_unit_test(what_cannot_be_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
