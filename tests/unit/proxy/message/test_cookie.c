#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/cookie.h"

#define ASSERT_FOUND(field, name, value)                                                           \
	assert_true(slice_equal(cookie_find_in(SLICE(field), SLICE(name)), SLICE(value)))

static void cookies_of_one_field(void **state)
{
	(void)state;
	ASSERT_FOUND("a=1; b=2; c=3", "a", "1");
	ASSERT_FOUND("a=1; b=2; c=3", "b", "2");
	ASSERT_FOUND("a=1;b=2;c=3", "c", "3");
	ASSERT_FOUND("a=1; a=2", "a", "1");
	ASSERT_FOUND("a=b=c", "a", "b=c");
	ASSERT_FOUND("a=\"quoted\"", "a", "quoted");
	ASSERT_FOUND("a=\"", "a", "\"");
	ASSERT_FOUND("a=\"\"", "a", "");
	ASSERT_FOUND(" a=1 ;b=2", "a", "1");
	assert_non_null(cookie_find_in(SLICE("a="), SLICE("a")).data);
	assert_null(cookie_find_in(SLICE("a"), SLICE("a")).data);
	assert_null(cookie_find_in(SLICE("aa=1; ba=2"), SLICE("a")).data);
	assert_null(cookie_find_in(SLICE("A=1"), SLICE("a")).data);
	assert_null(cookie_find_in(SLICE(""), SLICE("a")).data);
}

static void all_fields_are_searched(void **state)
{
	struct arena arena;
	struct headers headers;
	(void)state;

	arena_init(&arena, 1024);
	headers_init(&headers, &arena, 4);
	assert_null(cookie_find(&headers, SLICE("a")).data);
	headers_add(&headers, SLICE("cookie"), SLICE("a=1"));
	headers_add(&headers, SLICE("x"), SLICE("c=9"));
	headers_add(&headers, SLICE("cookie"), SLICE("b=2; a=3"));
	assert_true(slice_equal(cookie_find(&headers, SLICE("a")), SLICE("1")));
	assert_true(slice_equal(cookie_find(&headers, SLICE("b")), SLICE("2")));
	assert_null(cookie_find(&headers, SLICE("c")).data);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookies_of_one_field),
		cmocka_unit_test(all_fields_are_searched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
