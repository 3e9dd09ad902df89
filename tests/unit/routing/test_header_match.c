/* Each expectation is what Envoy does with the same matcher and request. */
#include "routing_support.h"

struct sent {
	const char *headers;
	bool matches;
};

static void check(void **state, const char *matcher, const struct sent *sent)
{
	struct routing_fixture *f = *state;
	const struct route_table *table = table_of_routes(
		f,
		arena_printf(&f->arena,
			     "[{match: {prefix: /, headers: %s}, direct_response: {status: 200}}]",
			     matcher));
	for (; sent->headers; sent++)
		if (!!route_of(f, table, "GET /x?q", "test.local", sent->headers) != sent->matches)
			fail_msg("%s with \"%s\" should%s match", matcher, sent->headers,
				 sent->matches ? "" : " not");
}

#define CHECK(matcher, ...) check(state, matcher, (const struct sent[]){__VA_ARGS__, {NULL, false}})

static void strings(void **state)
{
	CHECK("[{name: x-a, string_match: {exact: v}}]", {"x-a: v", true}, {"x-a: V", false},
	      {"x-a: vv", false}, {"", false}, {"x-a:", false});
	CHECK("[{name: X-A, string_match: {exact: Vv, ignore_case: true}}]", {"x-a: vV", true},
	      {"x-a: vvv", false});
	CHECK("[{name: x-a, string_match: {prefix: ab}}]", {"x-a: abc", true}, {"x-a: ab", true},
	      {"x-a: a", false}, {"x-a: ABc", false});
	CHECK("[{name: x-a, string_match: {prefix: aB, ignore_case: true}}]", {"x-a: AbC", true},
	      {"x-a: bab", false});
	CHECK("[{name: x-a, string_match: {suffix: yz, ignore_case: true}}]", {"x-a: xYZ", true},
	      {"x-a: yz", true}, {"x-a: yzx", false}, {"x-a: z", false});
	CHECK("[{name: x-a, string_match: {contains: mid}}]", {"x-a: a-mid-b", true},
	      {"x-a: Mid", false}, {"x-a: mi", false});
	CHECK("[{name: x-a, string_match: {contains: MiD, ignore_case: true}}]",
	      {"x-a: amIdb", true}, {"x-a: mi", false});
	CHECK("[{name: x-a, string_match: {safe_regex: {regex: '[0-9]{3}'}}}]", {"x-a: 123", true},
	      {"x-a: 1234", false}, {"x-a: a123", false}, {"", false});
}

static void several_values(void **state)
{
	CHECK("[{name: x-a, string_match: {exact: w}}]", {"x-a: v\nx-a: w", true},
	      {"x-a: w\nx-a: v", true}, {"x-a: v, w", false});
	CHECK("[{name: x-a, string_match: {exact: 'v,w'}}]", {"x-a: v\nx-a: w", false},
	      {"x-a: v,w", true});
	CHECK("[{name: x-a, string_match: {exact: v}, invert_match: true}]",
	      {"x-a: v\nx-a: w", false}, {"x-a: w\nx-a: v", false}, {"x-a: w\nx-a: x", true});
	CHECK("[{name: x-a, range_match: {start: 1, end: 5}}]", {"x-a: 9\nx-a: 3", true},
	      {"x-a: 8\nx-a: 9", false});
}

static void ranges(void **state)
{
	CHECK("[{name: x-a, range_match: {start: -10, end: 10}}]", {"x-a: -10", true},
	      {"x-a: 9", true}, {"x-a: 10", false}, {"x-a: -11", false}, {"x-a: abc", false},
	      {"x-a: 1.5", false}, {"x-a: +1", true}, {"", false},
	      {"x-a: 9223372036854775808", false}, {"x-a: -9223372036854775809", false},
	      {"x-a: --1", false}, {"x-a: -", false});
	CHECK("[{name: x-a, range_match: {start: -9223372036854775808, end: 0}}]",
	      {"x-a: -9223372036854775808", true}, {"x-a: 9223372036854775807", false});
	CHECK("[{name: x-a, range_match: {start: 1, end: 5}, invert_match: true}]",
	      {"x-a: 3", false}, {"x-a: 7", true}, {"x-a: z", true}, {"", false});
}

static void presence(void **state)
{
	CHECK("[{name: x-a, present_match: true}]", {"x-a: 1", true}, {"x-a:", true}, {"", false});
	CHECK("[{name: x-a, present_match: false}]", {"x-a: 1", false}, {"x-a:", false},
	      {"", true});
	CHECK("[{name: x-a, present_match: true, invert_match: true}]", {"x-a: v", false},
	      {"", true});
	CHECK("[{name: x-a, present_match: false, invert_match: true}]", {"x-a: v", true},
	      {"", false});
	CHECK("[{name: x-a}]", {"x-a: v", true}, {"", false});
}

static void absence(void **state)
{
	CHECK("[{name: x-a, string_match: {exact: v}, invert_match: true}]", {"x-a: v", false},
	      {"x-a: w", true}, {"", false});
	CHECK("[{name: x-a, string_match: {exact: ''}, treat_missing_header_as_empty: true}]",
	      {"", true}, {"x-a:", true}, {"x-a: v", false});
	CHECK("[{name: x-a, string_match: {exact: v}, invert_match: true, "
	      "treat_missing_header_as_empty: true}]",
	      {"", true}, {"x-a: v", false}, {"x-a: w", true});
	CHECK("[{name: x-a, present_match: true, treat_missing_header_as_empty: true}]", {"", true},
	      {"x-a: v", true});
	CHECK("[{name: x-a, present_match: false, treat_missing_header_as_empty: true}]",
	      {"", false}, {"x-a: v", false});
	CHECK("[{name: x-a, range_match: {start: 0, end: 5}, treat_missing_header_as_empty: true}]",
	      {"", false}, {"x-a: 3", true});
}

static void older_kinds(void **state)
{
	CHECK("[{name: x-a, exact_match: v}]", {"x-a: v", true}, {"x-a: w", false});
	CHECK("[{name: x-a, exact_match: ''}]", {"x-a: v", true}, {"x-a:", true}, {"", false});
	CHECK("[{name: x-a, prefix_match: v}]", {"x-a: vx", true}, {"x-a: xv", false});
	CHECK("[{name: x-a, suffix_match: v}]", {"x-a: xv", true}, {"x-a: vx", false});
	CHECK("[{name: x-a, contains_match: v}]", {"x-a: xvx", true}, {"x-a: x", false});
	CHECK("[{name: x-a, safe_regex_match: {regex: 'v.*'}}]", {"x-a: vx", true},
	      {"x-a: xv", false});
}

static void several_and_pseudo(void **state)
{
	CHECK("[{name: x-a, string_match: {exact: '1'}}, {name: x-b, string_match: {exact: '2'}}]",
	      {"x-a: 1\nx-b: 2", true}, {"x-a: 1", false}, {"x-b: 2", false});
	CHECK("[{name: ':authority', string_match: {prefix: tes}}, {name: ':path', string_match: "
	      "{suffix: '?q'}}, {name: ':scheme', string_match: {exact: http}}, {name: ':method', "
	      "string_match: {exact: GET}}]",
	      {"", true});
	CHECK("[{name: Host, string_match: {exact: test.local}}]", {"", true});
	CHECK("[{name: host, string_match: {exact: other}}]", {"", false});
	CHECK("[{name: cookie, string_match: {contains: b=2}}]",
	      {"cookie: a=1\ncookie: b=2", true});
}

static void giving_up_is_told(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *table = table_of_routes(
		f, "[{match: {prefix: /, headers: [{name: x-a, invert_match: true, string_match: "
		   "{safe_regex: {regex: '(x+x+)+[yz]w?'}}}]}, direct_response: {status: 200}}]");
	const struct header_match *match =
		&table->virtual_hosts[0].routes.matchers[0].more->headers.items[0];
	bool gave_up = false;
	assert_false(header_match_try(match, request(f, "GET /", "h", "x-a: xxz"), &gave_up));
	assert_true(header_match_try(match, request(f, "GET /", "h", "x-a: q"), &gave_up));
	assert_false(gave_up);
	request(f, "GET /", "h", "x-a: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxq");
	header_match_try(match, &f->headers, &gave_up);
	assert_true(gave_up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(strings),
		ROUTING_TEST(several_values),
		ROUTING_TEST(ranges),
		ROUTING_TEST(presence),
		ROUTING_TEST(absence),
		ROUTING_TEST(older_kinds),
		ROUTING_TEST(several_and_pseudo),
		ROUTING_TEST(giving_up_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
