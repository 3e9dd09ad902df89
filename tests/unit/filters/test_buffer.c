/* Requests that are held until they are whole. */
#include "filter_support.h"

#include "filters/buffer/buffer.h"

static void a_request_goes_on_when_it_is_whole(void **state)
{
	struct stream_fixture *f = filter_new(&buffer_filter, "{max_request_bytes: 10}");
	(void)state;

	fixture_headers(f, NULL, false);
	fixture_data(f, "ab", false);
	fixture_settle(f);
	fixture_data(f, "cd", false);
	assert_string_equal(fixture_take(f), "");
	fixture_data(f, "", true);
	assert_string_equal(fixture_take(f), "R:H R:D(abcd).");
	assert_string_equal(filter_asked(f, "content-length"), "4");
	fixture_answer_headers(f, "200", true);
	assert_string_equal(filter_get(f, NULL), ">h200. ended R:H. >h200. ended");
	stream_fixture_free(f);
}

static void its_trailers_end_it_too(void **state)
{
	struct stream_fixture *f = filter_new(&buffer_filter, "{max_request_bytes: 10}");
	(void)state;

	fixture_headers(f, "GET / h\ntransfer-encoding: chunked", false);
	fixture_data(f, "ab", false);
	fixture_trailers(f);
	assert_string_equal(fixture_take(f), "R:H R:D(ab) R:T.");
	assert_string_equal(filter_asked(f, "content-length"), "-");
	fixture_answer_headers(f, "200", true);
	stream_fixture_free(f);
}

static void a_body_over_the_limit_is_refused(void **state)
{
	static const struct {
		const char *first;
		bool is_whole;
	} rows[] = {{"12345678901", false}, {"12345678901", true}};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct stream_fixture *f = filter_new(&buffer_filter, "{max_request_bytes: 10}");
		fixture_headers(f, NULL, false);
		fixture_data(f, rows[i].first, rows[i].is_whole);
		assert_non_null(strstr(fixture_take(f), ">h413 >d(Payload Too Large)."));
		stream_fixture_free(f);
	}
}

static void a_route_may_switch_it_off(void **state)
{
	struct stream_fixture *f = filter_new(&buffer_filter, "{max_request_bytes: 1}");
	(void)state;

	filter_routes(
		f,
		"[{match: {prefix: /a}, route: {cluster: c}, typed_per_filter_config: {it: "
		"{'@type': type.googleapis.com/envoy.extensions.filters.http.buffer.v3."
		"BufferPerRoute, disabled: true}}}, {match: {prefix: /}, route: {cluster: c}, "
		"typed_per_filter_config: {it: {'@type': type.googleapis.com/"
		"envoy.extensions.filters.http.buffer.v3.BufferPerRoute, buffer: "
		"{max_request_bytes: 3}}}}]",
		NULL);
	fixture_headers(f, "GET /a h", false);
	fixture_data(f, "abcd", false);
	assert_string_equal(fixture_take(f), "R:H R:D(abcd)");
	fixture_reset(f);
	fixture_headers(f, "GET /b h", false);
	fixture_take(f);
	fixture_data(f, "abc", true);
	assert_string_equal(fixture_take(f), "R:H R:D(abc).");
	fixture_reset(f);
	stream_fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_goes_on_when_it_is_whole),
		cmocka_unit_test(its_trailers_end_it_too),
		cmocka_unit_test(a_body_over_the_limit_is_refused),
		cmocka_unit_test(a_route_may_switch_it_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
