/* Virtual hosts with a matcher instead of routes. */
#include "routing_support.h"

#define HEADER(name)                                                                               \
	"{name: i, typed_config: {'@type': "                                                       \
	"type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput, header_name: "     \
	"'" name "'}}"
#define QUERY(name)                                                                                \
	"{name: i, typed_config: {'@type': "                                                       \
	"type.googleapis.com/envoy.type.matcher.v3.HttpRequestQueryParamMatchInput, query_param: " \
	"" name "}}"
#define ROUTE(prefix, text)                                                                        \
	"{action: {name: r, typed_config: {'@type': "                                              \
	"type.googleapis.com/envoy.config.route.v3.Route, match: {prefix: " prefix                 \
	"}, direct_response: {status: 200, body: {inline_string: '" text "'}}}}}"

static const struct route_table *tree_try(struct routing_fixture *f, const char *matcher)
{
	return table_try(f, arena_printf(&f->arena,
					 "virtual_hosts: [{name: v, domains: ['*'], matcher: %s}]",
					 matcher));
}

static const struct route_table *tree_of(struct routing_fixture *f, const char *matcher)
{
	const struct route_table *table = tree_try(f, matcher);
	if (!table)
		fail_msg("%s", f->said);
	return table;
}

static void exact_map(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = tree_of(
		f, "{matcher_tree: {input: " HEADER(":path") ", exact_match_map: {map: {/x: " ROUTE(
			   "/", "x") ", /y: " ROUTE("/z", "y") "}}}}");
	assert_string_equal(answer(f, t, "GET /x", "h", ""), "x");
	assert_string_equal(answer(f, t, "GET /x?q", "h", ""), "-");
	assert_string_equal(answer(f, t, "GET /y", "h", ""), "-"); /* its own match fails */
	assert_string_equal(answer(f, t, "GET /z", "h", ""), "-");
}

static void prefix_map_and_otherwise(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = tree_of(
		f,
		"{matcher_tree: {input: " HEADER(":path") ", prefix_match_map: {map: {/api: " ROUTE(
			"/", "api") ", "
				    "/api/v1: {matcher: "
				    "{matcher_tree: {input: " HEADER(
					    "x-a") ", exact_match_map: {map: "
						   "{'1,2': " ROUTE("/", "v1") "}}}}}}}}, "
									       "on_no_match:"
									       " " ROUTE("/",
											 "res"
											 "t") "}");
	assert_string_equal(answer(f, t, "GET /api/x", "h", ""), "api");
	assert_string_equal(answer(f, t, "GET /api/v1/x", "h", "x-a: 1\nx-a: 2"), "v1");
	assert_string_equal(answer(f, t, "GET /api/v1/x", "h", "x-a: 1"), "api");
	assert_string_equal(answer(f, t, "GET /x", "h", ""), "rest");
}

static void list_of_predicates(void **state)
{
	struct routing_fixture *f = *state;
#define SINGLE(input, value) "{single_predicate: {input: " input ", value_match: {" value "}}}"
	const struct route_table *t = tree_of(
		f,
		"{matcher_list: {matchers: [{predicate: {and_matcher: {predicate: "
		"[" SINGLE(HEADER("x-a"), "exact: '1'") ", {not_matcher: " SINGLE(
			QUERY("k"),
			"pref"
			"ix: "
			"b") "}]}}, on_match: " ROUTE("/",
						      "and") "}, {predicate: {or_matcher: "
							     "{predicate: [" SINGLE(
								     HEADER("x-"
									    "b"),
								     "safe_"
								     "regex: "
								     "{regex: "
								     "'[0-9]+'"
								     "}") ","
									  " " SINGLE(
										  HEADER("x-c"),
										  "suffix: Z, "
										  "ignore_case: "
										  "true") "]}}, "
											  "on_"
											  "match:"
											  " " ROUTE(
												  "/",
												  "or") "}]}}");
	assert_string_equal(answer(f, t, "GET /", "h", "x-a: 1"), "and");
	assert_string_equal(answer(f, t, "GET /?k=a", "h", "x-a: 1"), "and");
	assert_string_equal(answer(f, t, "GET /?k=b", "h", "x-a: 1"), "-");
	assert_string_equal(answer(f, t, "GET /?k=b", "h", "x-a: 1\nx-c: yz"), "or");
	assert_string_equal(answer(f, t, "GET /", "h", "x-b: 12"), "or");
	assert_string_equal(answer(f, t, "GET /", "h", "x-b: 12a"), "-");
}

static void refusals(void **state)
{
	struct routing_fixture *f = *state;
	static const struct {
		const char *matcher, *said;
	} cases[] = {
		{"{matcher_tree: {exact_match_map: {map: {}}}}",
		 "virtual_hosts[0].matcher.matcher_tree.input: is required"},
		{"{matcher_list: {matchers: [{predicate: {}, on_match: " ROUTE("/", "x") "}]}}",
		 "matcher.matcher_list.matchers[0].predicate: a predicate is required"},
		{"{on_no_match: {action: {name: r, typed_config: {'@type': "
		 "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput}}}}",
		 "matcher.on_no_match.action.typed_config: must be a Route or a RouteList"},
		{"{on_no_match: {action: {name: r, typed_config: {'@type': "
		 "type.googleapis.com/envoy.config.route.v3.Route, match: {prefix: /}}}}}",
		 "matcher.on_no_match.action.routes[0]: one of route"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (tree_try(f, cases[i].matcher))
			fail_msg("was built: %s", cases[i].matcher);
		if (!strstr(f->said, cases[i].said))
			fail_msg("\"%s\" should say \"%s\"", f->said, cases[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(exact_map),
		ROUTING_TEST(prefix_map_and_otherwise),
		ROUTING_TEST(list_of_predicates),
		ROUTING_TEST(refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
