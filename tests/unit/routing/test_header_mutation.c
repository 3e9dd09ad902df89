/* Headers added, overwritten and removed at the four levels. Expectations are what Envoy does. */
#include "message/stream_info.h"
#include "routing_support.h"

#define ADD(key, value) "{header: {key: " key ", value: '" value "'}}"
#define ADD_AS(key, value, action)                                                                 \
	"{header: {key: " key ", value: '" value "'}, append_action: " action "}"

static void mutate(struct routing_fixture *f, const struct route_table *t, const char *more)
{
	const struct route *route = route_of(f, t, "GET /", "h", more);
	struct cluster_pick pick;
	struct stream_info info = {.request = &f->headers, .response_code = 200};
	assert_non_null(route);
	assert_true(route_pick_cluster(route, &f->headers, 0, NULL, &pick));
	route_mutate_request(route, pick.weighted, &f->headers, &info);
}

/* A route with these request mutations. */
static const struct route_table *table_with(struct routing_fixture *f, const char *mutations)
{
	return table_of_routes(f, arena_printf(&f->arena,
					       "[{match: {prefix: /}, route: {cluster: c1}, %s}]",
					       mutations));
}

static void append_actions(void **state)
{
	struct routing_fixture *f = *state;
	static const struct {
		const char *action, *there, *new;
	} cases[] = {
		{"APPEND_IF_EXISTS_OR_ADD", "old|older|new", "new"},
		{"ADD_IF_ABSENT", "old|older", "new"},
		{"OVERWRITE_IF_EXISTS_OR_ADD", "new", "new"},
		{"OVERWRITE_IF_EXISTS", "new", "-"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		mutate(f,
		       table_with(f,
				  arena_printf(&f->arena,
					       "request_headers_to_add: [{header: {key: X-There, "
					       "value: new}, append_action: %s}, {header: {key: "
					       "x-new, value: new}, append_action: %s}]",
					       cases[i].action, cases[i].action)),
		       "x-there: old\nx-there: older");
		assert_string_equal(fields(f, "x-there"), cases[i].there);
		assert_string_equal(fields(f, "x-new"), cases[i].new);
	}
	mutate(f,
	       table_with(f, "request_headers_to_add: [{header: {key: x-a, value: new}, append: "
			     "false}, {header: {key: x-b, value: new}, append: true}]"),
	       "x-a: o\nx-b: o");
	assert_string_equal(fields(f, "x-a"), "new");
	assert_string_equal(fields(f, "x-b"), "o|new");
}

static void within_one_level(void **state)
{
	struct routing_fixture *f = *state;
	mutate(f,
	       table_with(
		       f,
		       "request_headers_to_add: [" ADD("x-a", "1") ", " ADD_AS("x-a", "2", "OVERWRITE_IF_EXISTS_OR_ADD") ", " ADD(
			       "x-b",
			       "%REQ(x-a)%") ", " ADD_AS("x-c", "1",
							 "ADD_IF_ABSENT") ", " ADD_AS("x-c", "2",
										      "ADD_IF_"
										      "ABSENT") ","
												" " ADD("user-agent", "zz") ", " ADD_AS(
													"x-d",
													"2",
													"OVERWRITE_IF_EXISTS") "]"),
	       "x-a: 0\nuser-agent: me");
	assert_string_equal(fields(f, "x-a"), "2|1");
	assert_string_equal(fields(f, "x-b"), "0"); /* as the client sent it */
	assert_string_equal(fields(f, "x-c"), "1|2");
	assert_string_equal(fields(f, "x-d"), "-");
	assert_string_equal(fields(f, "user-agent"), "me,zz");
	mutate(f,
	       table_with(f, "request_headers_to_remove: [x-a, X-B], request_headers_to_add: [" ADD(
				     "x-a", "new") "]"),
	       "x-a: old\nx-b: old\nx-c: old");
	assert_string_equal(fields(f, "x-a"), "new");
	assert_string_equal(fields(f, "x-b"), "-");
	assert_string_equal(fields(f, "x-c"), "old");
}

static void empty_values(void **state)
{
	struct routing_fixture *f = *state;
	mutate(f,
	       table_with(f, "request_headers_to_add: [{header: {key: x-kept, value: "
			     "'%REQ(x-none)%'}, keep_empty_value: true}, " ADD(
				     "x-dropped", "") ", " ADD("x-too", "%REQ(x-none)%") "]"),
	       "");
	assert_string_equal(fields(f, "x-kept"), "");
	assert_string_equal(fields(f, "x-dropped"), "-");
	assert_string_equal(fields(f, "x-too"), "-");
}

static void long_rendered_values(void **state)
{
	struct routing_fixture *f = *state;
	char line[5000];
	memset(line, 'v', sizeof line);
	memcpy(line, "x-in: ", 6);
	line[4999] = 0;
	mutate(f, table_with(f, "request_headers_to_add: [" ADD("x-out", "%REQ(x-in)%") "]"), line);
	assert_string_equal(fields(f, "x-out"), line + 6);
}

#define LEVEL(name)                                                                                \
	"request_headers_to_add: [" ADD("x-append", name) ", " ADD_AS(                             \
		"x-over", name, "OVERWRITE_IF_EXISTS_OR_ADD") ", " ADD_AS("x-absent", name,        \
									  "ADD_IF_ABSENT") "]"
#define LEVELS(flag)                                                                               \
	"{most_specific_header_mutations_wins: " flag                                              \
	", " LEVEL("table") ", virtual_hosts: [{name: v, domains: ['*'], " LEVEL(                  \
		"vhost") ", routes: [{match: {prefix: /}, " LEVEL("route") ", route: "             \
									   "{weighted_clusters: "  \
									   "{clusters: [{name: "   \
									   "c1, weight: "          \
									   "1, " LEVEL(            \
										   "weighted") "}" \
											       "]" \
											       "}" \
											       "}" \
											       "}" \
											       "]" \
											       "}" \
											       "]" \
											       "}"

static void order_of_levels(void **state)
{
	struct routing_fixture *f = *state;
	mutate(f, table_of(f, LEVELS("false")), "x-append: client\nx-over: client");
	assert_string_equal(fields(f, "x-append"), "client|weighted|route|vhost|table");
	assert_string_equal(fields(f, "x-over"), "table");
	assert_string_equal(fields(f, "x-absent"), "weighted");
	mutate(f, table_of(f, LEVELS("true")), "x-append: client\nx-over: client");
	assert_string_equal(fields(f, "x-append"), "client|table|vhost|route|weighted");
	assert_string_equal(fields(f, "x-over"), "weighted");
	assert_string_equal(fields(f, "x-absent"), "table");
}

static void responses(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = table_with(
		f, "response_headers_to_add: [" ADD(
			   "x-r", "c=%RESPONSE_CODE%") "], "
						       "response_headers_to_remove: [x-gone]");
	const struct route *route = route_of(f, t, "GET /", "h", "x-gone: 1");
	struct stream_info info = {.response_code = 204};
	route_mutate_response(route, NULL, &f->headers, &info);
	assert_string_equal(fields(f, "x-r"), "c=204");
	assert_string_equal(fields(f, "x-gone"), "-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(append_actions),  ROUTING_TEST(within_one_level),
		ROUTING_TEST(empty_values),    ROUTING_TEST(long_rendered_values),
		ROUTING_TEST(order_of_levels), ROUTING_TEST(responses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
