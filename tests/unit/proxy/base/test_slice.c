#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/slice.h"

static const struct slice nothing = {NULL, 0};

static void making(void **state)
{
	(void)state;
	assert_int_equal(SLICE("a\0b").len, 3);
	assert_int_equal(slice_of("abc").len, 3);
	assert_int_equal(slice_of(NULL).len, 0);
	assert_int_equal(slice_sub(SLICE("abcd"), 1, 3).len, 2);
	assert_true(slice_equal(slice_sub(SLICE("abcd"), 1, 3), SLICE("bc")));
	assert_int_equal(slice_sub(SLICE("abcd"), 4, 4).len, 0);
}

static void equality(void **state)
{
	(void)state;
	assert_true(slice_equal(nothing, SLICE("")));
	assert_true(slice_equal(SLICE("abc"), slice_of("abc")));
	assert_false(slice_equal(SLICE("abc"), SLICE("abd")));
	assert_false(slice_equal(SLICE("abc"), SLICE("ab")));
	assert_false(slice_equal(SLICE("abc"), SLICE("ABC")));
	assert_true(slice_equal_nocase(SLICE("aBc-1"), SLICE("AbC-1")));
	assert_false(slice_equal_nocase(SLICE("abc"), SLICE("abcd")));
	assert_false(slice_equal_nocase(SLICE("@"), SLICE("`"))); /* differ by 0x20, no letters */
	assert_false(slice_equal_nocase(SLICE("["), SLICE("{")));
	assert_true(slice_equal_nocase(nothing, SLICE("")));
}

static void ends(void **state)
{
	(void)state;
	assert_true(slice_starts_with(SLICE("abc"), SLICE("ab")));
	assert_true(slice_starts_with(SLICE("abc"), SLICE("")));
	assert_true(slice_starts_with(nothing, nothing));
	assert_false(slice_starts_with(SLICE("ab"), SLICE("abc")));
	assert_true(slice_ends_with(SLICE("abc"), SLICE("bc")));
	assert_true(slice_ends_with(nothing, nothing));
	assert_false(slice_ends_with(SLICE("abc"), SLICE("ab")));
	assert_false(slice_ends_with(SLICE("bc"), SLICE("abc")));
}

static void finding(void **state)
{
	(void)state;
	assert_int_equal(slice_find_char(SLICE("a,b,c"), ',', 0), 1);
	assert_int_equal(slice_find_char(SLICE("a,b,c"), ',', 2), 3);
	assert_int_equal(slice_find_char(SLICE("a,b,c"), ',', 4), 5);
	assert_int_equal(slice_find_char(SLICE("abc"), 'c', 3), 3);
	assert_int_equal(slice_find_char(SLICE("abc"), 'c', 99), 3);
	assert_int_equal(slice_find_char(nothing, 'c', 0), 0);
}

static void order(void **state)
{
	(void)state;
	assert_true(slice_compare(SLICE("a"), SLICE("b")) < 0);
	assert_true(slice_compare(SLICE("b"), SLICE("abc")) > 0);
	assert_true(slice_compare(SLICE("ab"), SLICE("abc")) < 0);
	assert_true(slice_compare(SLICE("\xff"), SLICE("a")) > 0);
	assert_int_equal(slice_compare(SLICE("abc"), SLICE("abc")), 0);
	assert_int_equal(slice_compare(nothing, SLICE("")), 0);
	assert_true(slice_compare(nothing, SLICE("a")) < 0);
}

static void trimming(void **state)
{
	(void)state;
	assert_true(slice_equal(slice_trim(SLICE(" \t a b\t ")), SLICE("a b")));
	assert_true(slice_equal(slice_trim(SLICE(" \t ")), SLICE("")));
	assert_true(slice_equal(slice_trim(SLICE("\na")), SLICE("\na")));
	assert_int_equal(slice_trim(nothing).len, 0);
}

static void numbers(void **state)
{
	static const char *const bad[] = {"",
					  "-1",
					  "+1",
					  " 1",
					  "1 ",
					  "1a",
					  "0x1",
					  "1.0",
					  "18446744073709551616",
					  "99999999999999999999"};
	uint64_t value = 7;
	(void)state;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(slice_to_uint64(slice_of(bad[i]), &value));
	assert_int_equal(value, 7);
	assert_true(slice_to_uint64(SLICE("0"), &value));
	assert_int_equal(value, 0);
	assert_true(slice_to_uint64(SLICE("00012"), &value));
	assert_int_equal(value, 12);
	assert_true(slice_to_uint64(SLICE("18446744073709551615"), &value));
	assert_true(value == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(making),  cmocka_unit_test(equality), cmocka_unit_test(ends),
		cmocka_unit_test(finding), cmocka_unit_test(order),    cmocka_unit_test(trimming),
		cmocka_unit_test(numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
