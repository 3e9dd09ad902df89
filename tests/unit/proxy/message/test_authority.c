/* What stripping leaves is what Envoy 1.40 left of these hosts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/authority.h"

static void ports_are_split_off(void **state)
{
	static const char *const rows[][3] = {
		{"h", "h", ""},         {"h:80", "h", "80"},
		{"h.:80", "h.", "80"},  {"[::1]:80", "[::1]", "80"},
		{"[::1]", "[::1]", ""}, {"h:", "h:", ""},
		{"h:abc", "h:abc", ""}, {"h:8a", "h:8a", ""},
		{"h:080", "h", "080"},  {"1.2.3.4:99999", "1.2.3.4", "99999"},
		{"8080", "8080", ""},   {"[::1]:", "[::1]:", ""},
		{"", "", ""},           {":80", "", "80"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct slice port, host = authority_split(slice_of(rows[i][0]), &port);
		assert_true(slice_equal(host, slice_of(rows[i][1])));
		assert_true(slice_equal(port, slice_of(rows[i][2])));
	}
	assert_true(slice_equal(authority_host(SLICE("h:1")), SLICE("h")));
}

static void only_the_named_port_is_stripped(void **state)
{
	(void)state;
	assert_true(slice_equal(authority_strip_port(SLICE("h:80"), 80), SLICE("h")));
	assert_true(slice_equal(authority_strip_port(SLICE("h:81"), 80), SLICE("h:81")));
	assert_true(slice_equal(authority_strip_port(SLICE("h"), 80), SLICE("h")));
	assert_true(slice_equal(authority_strip_port(SLICE("h:65616"), 80), SLICE("h:65616")));
}

static void one_dot_goes(void **state)
{
	static const char *const rows[][2] = {
		{"h.", "h"},       {"h..", "h."},       {"h", "h"},
		{"h.:80", "h:80"}, {"h:80", "h:80"},    {".", ""},
		{"", ""},          {"a.b.:1", "a.b:1"}, {"a.b", "a.b"}};
	struct arena arena;
	(void)state;

	arena_init(&arena, 256);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_true(slice_equal(authority_strip_dot(slice_of(rows[i][0]), &arena),
					slice_of(rows[i][1])));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ports_are_split_off),
		cmocka_unit_test(only_the_named_port_is_stripped),
		cmocka_unit_test(one_dot_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
