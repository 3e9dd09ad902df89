/* Routes of RPC calls. Expectations are what Envoy's dubbo_proxy does. */
#include "routing_support.h"

#define ANY "{method: {name: {safe_regex: {regex: '.*'}}}}"
#define TO(match, cluster) "{match: " match ", route: {cluster: " cluster "}}"
#define METHOD(matcher) "{method: {name: {" matcher "}}}"

static const struct route_table *rpc_table(struct routing_fixture *f, const char *services)
{
	const struct route_table *t =
		rpc_table_try(f, arena_printf(&f->arena, "name: t\nroute_config: [%s]", services));
	if (!t)
		fail_msg("%s", f->said);
	return t;
}

static const char *to(struct routing_fixture *f, const struct route_table *t, const char *call,
		      const char *more)
{
	const struct route *route =
		route_of(f, t, arena_printf(&f->arena, "POST /%s", call), "a.Svc", more);
	struct cluster_pick pick;
	if (!route)
		return "-";
	assert_true(route_pick_cluster(route, &f->headers, 0, NULL, &pick));
	return arena_string(&f->stream, pick.name);
}

static void interfaces(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = rpc_table(
		f, "{interface: a.Svc, routes: [" TO(
			   ANY, "c1") "]}, {interface: com.acme.*, routes: "
				      "[" TO(ANY, "c2") "]}, {interface: "
							"'*.Provider', routes: "
							"[" TO(ANY, "c3") "]}, "
									  "{interface: "
									  "'*', routes: "
									  "[" TO(ANY, "c4") "]}");
	assert_string_equal(to(f, t, "a.Svc/hello", ""), "c1");
	assert_string_equal(to(f, t, "A.Svc/hello", ""), "c4");
	assert_string_equal(to(f, t, "a.Sv/hello", ""), "c4");
	assert_string_equal(to(f, t, "com.acme.A/hello", ""), "c2");
	assert_string_equal(to(f, t, "com.acme./hello", ""), "c4");
	assert_string_equal(to(f, t, "com.acme/hello", ""), "c4");
	assert_string_equal(to(f, t, "x.y.Provider/hello", ""), "c3");
	assert_string_equal(to(f, t, ".Provider/hello", ""), "c4");
	assert_string_equal(to(f, t, "x.Providers/hello", ""), "c4");
	assert_string_equal(to(f, t, "com.acme.Provider/hello", ""), "c2");
	t = rpc_table(f, "{interface: a.Svc, routes: [" TO(ANY, "c1") "]}");
	assert_string_equal(to(f, t, "c.Svc/hello", ""), "-");
	t = rpc_table(f, "{interface: '*', routes: [" TO(
				 ANY, "c1") "]}, {interface: a.Svc, routes: [" TO(ANY, "c2") "]}");
	assert_string_equal(to(f, t, "a.Svc/hello", ""), "c1");
}

static void methods(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = rpc_table(
		f, "{interface: a.Svc, routes: [" TO(METHOD("prefix: get"), "c1") ", " TO(
			   METHOD("suffix: All"),
			   "c2") ", " TO(METHOD("contains: mid"),
					 "c3") ", " TO(METHOD("exact: HELLO, ignore_case: "
							      "true"),
						       "c4") ", " TO(METHOD("safe_regex: "
									    "{regex: "
									    "'[a-c]+'}"),
								     "c5") "]}, "
									   "{interface: "
									   "'*', routes: "
									   "[" TO(ANY, "c6") "]}");
	assert_string_equal(to(f, t, "a.Svc/getX", ""), "c1");
	assert_string_equal(to(f, t, "a.Svc/listAll", ""), "c2");
	assert_string_equal(to(f, t, "a.Svc/amidb", ""), "c3");
	assert_string_equal(to(f, t, "a.Svc/hello", ""), "c4");
	assert_string_equal(to(f, t, "a.Svc/abc", ""), "c5");
	assert_string_equal(to(f, t, "a.Svc/xabc", ""), "c6"); /* the next table's turn */
	assert_false(t->needs_attachments);
}

static void version_and_group(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = rpc_table(
		f, "{interface: a.Svc, version: 1.0.0, group: g, routes: [" TO(
			   ANY,
			   "c1") "]}, {interface: a.Svc, version: 1.0.0, routes: [" TO(ANY,
										       "c2") "]}");
	assert_string_equal(to(f, t, "a.Svc/m", "tri-service-version: 1.0.0\ntri-service-group: g"),
			    "c1");
	assert_string_equal(to(f, t, "a.Svc/m", "tri-service-version: 1.0.0"), "c2");
	assert_string_equal(to(f, t, "a.Svc/m", "tri-service-version: 1.0.0\ntri-service-group: h"),
			    "c2");
	assert_string_equal(to(f, t, "a.Svc/m", "tri-service-version: 2\ntri-service-group: g"),
			    "-");
	assert_string_equal(to(f, t, "a.Svc/m", ""), "-");
	assert_true(t->needs_attachments);
	assert_false(t->needs_arguments);
}

static void attachments(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = rpc_table(
		f, "{interface: a.Svc, routes: [" TO(
			   "{method: {name: {prefix: h}}, headers: [{name: env, string_match: "
			   "{exact: gray}}, {name: num, range_match: {start: 1, end: 9}}]}",
			   "c1") ", " TO(ANY, "c2") "]}");
	unsigned seen;
	assert_string_equal(to(f, t, "a.Svc/hello", "env: gray\nnum: 5"), "c1");
	assert_string_equal(to(f, t, "a.Svc/hello", "env: gray\nnum: 9"), "c2");
	assert_string_equal(to(f, t, "a.Svc/hello", "env: blue\nnum: 5"), "c2");
	assert_string_equal(to(f, t, "a.Svc/other", "env: gray\nnum: 5"), "c2");
	assert_true(t->needs_attachments);
	/* The method told: who remembers calls by their heads may remember this one. */
	route_table_match(t, &f->input, &seen);
	assert_int_equal(seen, ROUTE_LOOKED_AT_PATH);
	to(f, t, "a.Svc/hello", "");
	route_table_match(t, &f->input, &seen);
	assert_int_equal(seen, ROUTE_LOOKED_AT_PATH | ROUTE_LOOKED_AT_HEADERS);
}

static void read_call(void *context, const struct call_needs *needs, struct argument_value *values)
{
	const char *const *arguments = context;
	for (uint32_t i = 0; i < needs->path_count; i++) {
		uint32_t n = needs->paths[i]->argument;
		if (n < 2 && arguments[n])
			values[i] = (struct argument_value){.kind = ARGUMENT_STRING,
							    .text = slice_of(arguments[n])};
	}
}

static void arguments(void **state)
{
	struct routing_fixture *f = *state;
	const char *values[2] = {"a", "3"};
	f->hooks.can_read_arguments = true;
	const struct route_table *t = rpc_table(
		f, "{interface: a.Svc, routes: [" TO(
			   "{method: {name: {exact: m}, params_match: {0: {exact_match: a}, 1: "
			   "{range_match: {start: 1, end: 5}}}}}",
			   "c1") "]}");
	assert_true(t->needs_arguments);
	assert_string_equal(to(f, t, "a.Svc/m", ""), "-"); /* nobody to ask */
	f->input.read_call = read_call;
	f->input.read_context = values;
	assert_non_null(route_table_match(t, &f->input, NULL));
	values[1] = "5";
	assert_null(route_table_match(t, &f->input, NULL));
	values[1] = "x";
	assert_null(route_table_match(t, &f->input, NULL));
	values[1] = NULL;
	assert_null(route_table_match(t, &f->input, NULL));
	values[0] = "b";
	values[1] = "3";
	assert_null(route_table_match(t, &f->input, NULL));
}

static void odd_paths(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t =
		rpc_table(f, "{interface: a/b.Svc, routes: [" TO(
				     METHOD("exact: m"),
				     "c1") "]}, {interface: '*', routes: [" TO(METHOD("exact: m"),
									       "c2") "]}");
	assert_string_equal(to(f, t, "a/b.Svc/m", ""), "c1");
	assert_string_equal(to(f, t, "", ""), "-");
	assert_string_equal(to(f, t, "m", ""), "-");
	assert_string_equal(to(f, t, "x/m", ""), "c2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(interfaces),  ROUTING_TEST(methods),   ROUTING_TEST(version_and_group),
		ROUTING_TEST(attachments), ROUTING_TEST(arguments), ROUTING_TEST(odd_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
