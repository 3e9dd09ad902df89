/* Mutations of requests, answers and trailers, and their order over the levels. */
#include "filter_support.h"

#include "filters/header_mutation/header_mutation.h"

#define SET(name, value)                                                                           \
	"{append: {append_action: OVERWRITE_IF_EXISTS_OR_ADD, header: {key: " name                 \
	", value: '" value "'}}}"
#define ROUTE(value)                                                                               \
	"{'@type': type.googleapis.com/"                                                           \
	"envoy.extensions.filters.http.header_mutation.v3.HeaderMutationPerRoute, mutations: "     \
	"{request_mutations: [" SET("x-o", value) "]}}"

static void steps_are_made_in_order(void **state)
{
	static const struct {
		const char *steps, *lines, *name, *value;
	} rows[] = {
		{"{remove: x-a}", "GET / h\nx-a: 1", "x-a", "-"},
		{"{remove: X-A}", "GET / h\nx-a: 1", "x-a", "-"},
		{SET("x-a", "2") ", {remove: x-a}", "GET / h\nx-a: 1", "x-a", "-"},
		{"{remove: x-a}, " SET("x-a", "2"), "GET / h\nx-a: 1", "x-a", "2"},
		{SET("x-a", "2") ", " SET("x-b", "%REQ(x-a)%"), "GET / h\nx-a: 1", "x-b", "2"},
		{SET("x-p", "%REQ(:PATH)%"), "GET /p h", "x-p", "/p"},
		{"{remove_on_match: {key_matcher: {prefix: x-}}}", "GET / h\nx-a: 1\nx-b: 2", "x-b",
		 "-"},
		{"{remove_on_match: {key_matcher: {prefix: x-}}}", "GET / h\ny-a: 1", "y-a", "1"},
		{"{remove_on_match: {key_matcher: {safe_regex: {regex: '.*'}}}}", "GET /p h",
		 ":path", "/p"},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		char yaml[512];
		snprintf(yaml, sizeof yaml, "{mutations: {request_mutations: [%s]}}",
			 rows[i].steps);
		struct stream_fixture *f = filter_new(&header_mutation_filter, yaml);
		fixture_headers(f, rows[i].lines, true);
		assert_string_equal(filter_asked(f, rows[i].name), rows[i].value);
		fixture_answer_headers(f, "200", true);
		stream_fixture_free(f);
	}
}

static void answers_are_changed_too(void **state)
{
	struct stream_fixture *f = filter_new(
		&header_mutation_filter,
		"{mutations: {response_mutations: [" SET("x-code", "%RESPONSE_CODE%") "]}}");
	(void)state;

	assert_string_equal(filter_get(f, NULL), "R:H. >h200. ended");
	assert_true(filter_answered(f, "x-code=200;"));
	stream_fixture_free(f);
}

static void levels_have_an_order(void **state)
{
	static const struct {
		const char *wins, *value;
	} rows[] = {{"false", "host"}, {"true", "route"}};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		char yaml[512];
		snprintf(yaml, sizeof yaml,
			 "{most_specific_header_mutations_wins: %s, mutations: "
			 "{request_mutations: [" SET("x-o", "chain") "]}}",
			 rows[i].wins);
		struct stream_fixture *f = filter_new(&header_mutation_filter, yaml);
		filter_routes(f,
			      "[{match: {prefix: /a}, route: {cluster: c}, "
			      "typed_per_filter_config: {it: " ROUTE(
				      "route") "}}, {match: {prefix: /}, route: {cluster: c}}]",
			      "typed_per_filter_config: {it: " ROUTE("host") "},");
		fixture_headers(f, "GET /a h", true);
		assert_string_equal(filter_asked(f, "x-o"), rows[i].value);
		fixture_answer_headers(f, "200", true);
		fixture_headers(f, "GET /b h", true);
		assert_string_equal(filter_asked(f, "x-o"), "host");
		fixture_answer_headers(f, "200", true);
		stream_fixture_free(f);
	}
	struct stream_fixture *f =
		filter_new(&header_mutation_filter,
			   "{mutations: {request_mutations: [" SET("x-o", "chain") "]}}");
	fixture_headers(f, NULL, true); /* no route at all */
	assert_string_equal(filter_asked(f, "x-o"), "chain");
	fixture_answer_headers(f, "200", true);
	stream_fixture_free(f);
}

static void wrong_configurations_are_refused(void **state)
{
	(void)state;
	filter_refused(&header_mutation_filter, "{mutations: {request_mutations: [{}]}}",
		       "mutations.request_mutations[0].remove", "is required");
	filter_refused(&header_mutation_filter,
		       "{mutations: {response_mutations: [{remove: x}, {remove: ':status'}]}}",
		       "mutations.response_mutations[1].remove", "may not be removed");
	filter_refused(&header_mutation_filter,
		       "{mutations: {request_mutations: [{append: {header: {key: a, value: "
		       "'%NO%'}}}]}}",
		       "mutations.request_mutations[0].append.header.value", "NO");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps_are_made_in_order),
		cmocka_unit_test(answers_are_changed_too),
		cmocka_unit_test(levels_have_an_order),
		cmocka_unit_test(wrong_configurations_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
