/* What an RpcProxy message is made into: which calls need a stream, what is read of them, what is
 * refused. */
#include <outrigger/filters/network/rpc_proxy/v1/rpc_proxy.pb-c.h>

#include "manager/rpc_dialect.h"
#include "routing/table.h"
#include "unit/proxy/manager/rpc_config_support.h"

#define TYPE "'@type': type.googleapis.com/envoy.extensions.filters.http."
#define ROUTER "{name: r, typed_config: {" TYPE "router.v3.Router}}"
#define CHAIN "http_filters: [" ROUTER "]\n"
#define BARE "stat_prefix: p\nuse_caller_timeout: false\npass_through: {cluster: c}\n"
#define PLAIN BARE CHAIN

static const struct conn_filter_type *const loaded_type = &rpc_proxy_filter;

static void which_calls_need_a_stream(void **state)
{
	static const struct {
		const char *text;
		bool is_bare, is_plain, publishes;
	} rows[] = {
		{PLAIN, true, true, false},
		{"stat_prefix: p\npass_through: {cluster: c}\n" CHAIN, false, false, false},
		{PLAIN "max_in_flight: 7\n", false, true, false},
		{PLAIN "idempotent_methods: [{suffix: /find}]\n", false, true, false},
		{PLAIN "request_timeout: 1s\n", false, false, false},
		{PLAIN "strict_attachments: true\n", false, false, false},
		{PLAIN "measure_call_times: true\n", false, false, false},
		{PLAIN "attachments: ALWAYS\n", false, false, true},
		{PLAIN "attachments: NEVER\n", true, true, false},
		{PLAIN "shared: false\n", true, false, false},
		{PLAIN "local_reply_config: {}\n", false, false, true},
		{BARE "http_filters: [{name: f, typed_config: {" TYPE
		      "header_mutation.v3.HeaderMutation}}, " ROUTER "]\n",
		 false, false, true},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct loaded loaded;
		load(&loaded, rows[i].text, false);
		if (!loaded.manager)
			fail_msg("%u: %s: %s", i, loaded.diag.path, loaded.diag.text);
		if (loaded.manager->is_bare != rows[i].is_bare ||
		    loaded.manager->is_plain != rows[i].is_plain ||
		    loaded.manager->publishes != rows[i].publishes)
			fail_msg("%s: %d %d %d", rows[i].text, loaded.manager->is_bare,
				 loaded.manager->is_plain, loaded.manager->publishes);
		unload(&loaded);
	}
}

/* Who is shown only requests doesn't ask for what answers carry. */
static void attachments_become_headers_for_filters_that_may_look(void **state)
{
#define FILTER(type) BARE "http_filters: [{name: f, typed_config: {" TYPE type "}}, " ROUTER "]\n"
	static const struct {
		const char *text;
		bool request, answer;
	} rows[] = {
		{PLAIN, false, false},
		{FILTER("header_mutation.v3.HeaderMutation"), false, false},
		{FILTER("header_mutation.v3.HeaderMutation, mutations: {request_mutations: "
			"[{remove: x}]}"),
		 true, false},
		{FILTER("header_mutation.v3.HeaderMutation, mutations: {response_mutations: "
			"[{remove: x}]}"),
		 false, true},
		{FILTER("cors.v3.Cors"), true, true},
		{FILTER("fault.v3.HTTPFault"), true, false},
		{FILTER("fault.v3.HTTPFault") "attachments: ALWAYS\n", true, true},
		{FILTER("fault.v3.HTTPFault") "local_reply_config: {}\n", true, true},
		{FILTER("header_mutation.v3.HeaderMutation") "attachments: NEVER\n", false, false},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct loaded loaded;
		load(&loaded, rows[i].text, false);
		if (!loaded.manager)
			fail_msg("%u: %s: %s", i, loaded.diag.path, loaded.diag.text);
		assert_int_equal(loaded.manager->publishes_each[DIRECTION_REQUEST],
				 rows[i].request);
		assert_int_equal(loaded.manager->publishes_each[DIRECTION_RESPONSE],
				 rows[i].answer);
		unload(&loaded);
	}
}

static void times_are_kept_by_direction(void **state)
{
	static const char *const names[] = {"rpc.p.inbound", "rpc.p.outbound"};

	(void)state;
	for (int is_outbound = 0; is_outbound < 2; is_outbound++) {
		struct loaded loaded;
		load(&loaded, PLAIN "measure_call_times: true\n", is_outbound);
		assert_non_null(loaded.manager->time_stats);
		assert_scope(&loaded, loaded.manager->time_stats, &call_time_stats,
			     names[is_outbound]);
		assert_true(loaded.manager->session.notes_reads);
		unload(&loaded);
	}
	struct loaded loaded;
	load(&loaded, PLAIN, true);
	assert_null(loaded.manager->time_stats);
	assert_scope(&loaded, loaded.manager->stats, &rpc_stats, "rpc.p");
	assert_false(loaded.manager->session.notes_reads);
	unload(&loaded);
}

/* Of a table of HTTP without limits of time. */
static void pass_through_is_one_plain_route(void **state)
{
	struct loaded loaded;
	struct headers headers;

	(void)state;
	load(&loaded, PLAIN, false);
	const struct route_table *table = loaded.manager->routes;
	assert_false(table->is_rpc);
	headers_init(&headers, &loaded.arena, 4);
	headers_add_id(&headers, HEADER_AUTHORITY, SLICE("any.Service"));
	headers_add_id(&headers, HEADER_PATH, SLICE("/any.Service/method"));
	struct route_match_input input;
	unsigned looked_at;
	route_match_input_init(&input, &headers, 0);
	const struct route *route = route_table_match(table, &input, &looked_at);
	assert_non_null(route);
	assert_true(route->is_plain);
	assert_int_equal(route->forward->timeout_ms, 0);
	assert_true(slice_equal(route->cluster.name, SLICE("c")));
	assert_int_equal(looked_at, ROUTE_LOOKED_AT_PATH);
	unload(&loaded);
}

static void one_protocol_needs_no_look(void **state)
{
	struct loaded loaded;

	(void)state;
	load(&loaded, PLAIN, false);
	assert_ptr_equal(loaded.manager->dialect, &rpc_dubbo);
	unload(&loaded);
	load(&loaded, PLAIN "protocols: [DUBBO, DUBBO]\n", false);
	assert_ptr_equal(loaded.manager->dialect, &rpc_dubbo);
	unload(&loaded);
	load(&loaded, PLAIN "protocols: [DUBBO, BOLT]\n", false);
	assert_null(loaded.manager->dialect);
	assert_int_equal(loaded.manager->protocols, 1u << SNIFFED_DUBBO | 1u << SNIFFED_BOLT);
	unload(&loaded);
}

static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	assert_refused("pass_through: {cluster: c}\n" CHAIN, "stat_prefix", "must not be empty");
	assert_refused(PLAIN "tracing: {}\n", "tracing", "not supported yet");
	assert_refused("stat_prefix: p\n" CHAIN, "", "is required");
	assert_refused("stat_prefix: p\npass_through: {}\n" CHAIN, "pass_through.cluster",
		       "must not be empty");
	assert_refused(BARE, "http_filters", "router is required");
	assert_refused(PLAIN "max_in_flight: 0\n", "max_in_flight", "must be > 0");
	assert_refused(PLAIN "request_timeout: -1s\n", "request_timeout", "");
	assert_refused(PLAIN "attachments: NEVER\nstrict_attachments: true\n", "attachments",
		       "strict_attachments or a filter asks");
	assert_refused("stat_prefix: p\nattachments: NEVER\n" CHAIN
		       "dubbo_route_config: {name: t, route_config: [{name: r, interface: a.Svc, "
		       "group: g, routes: [{match: {method: {name: {exact: m}}}, route: {cluster: "
		       "c}}]}]}\n",
		       "attachments", "a route asks");
	assert_refused(PLAIN "idempotent_methods: [{suffix: /a}, {safe_regex: {regex: '['}}]\n",
		       "idempotent_methods[1].safe_regex.regex", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_calls_need_a_stream),
		cmocka_unit_test(attachments_become_headers_for_filters_that_may_look),
		cmocka_unit_test(times_are_kept_by_direction),
		cmocka_unit_test(pass_through_is_one_plain_route),
		cmocka_unit_test(one_protocol_needs_no_look),
		cmocka_unit_test(what_cannot_be_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
