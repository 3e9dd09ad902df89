#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/uuid.h"

static void made_ones_are_valid_and_differ(void **state)
{
	struct random random;
	char last[UUID_LEN] = {0}, text[UUID_LEN];
	(void)state;

	random_init(&random, 1);
	for (int i = 0; i < 1000; i++) {
		uuid_make(&random, text);
		assert_true(uuid_is_valid(slice_make(text, UUID_LEN)));
		assert_int_equal(text[UUID_TRACE_AT], UUID_TRACE_NONE);
		assert_non_null(memchr("89ab", text[19], 4));
		assert_memory_not_equal(text, last, UUID_LEN);
		memcpy(last, text, UUID_LEN);
	}
}

static void every_digit_comes_up_everywhere(void **state)
{
	unsigned seen[UUID_LEN] = {0};
	struct random random;
	char text[UUID_LEN];
	(void)state;

	random_init(&random, 2);
	for (int i = 0; i < 2000; i++) {
		uuid_make(&random, text);
		for (int at = 0; at < UUID_LEN; at++)
			seen[at] |= 1u << (text[at] >= 'a'   ? text[at] - 'a' + 10
					   : text[at] == '-' ? 16
							     : text[at] - '0');
	}
	for (int at = 0; at < UUID_LEN; at++) {
		bool is_dash = at == 8 || at == 13 || at == 18 || at == 23;
		unsigned expected = is_dash               ? 1u << 16
				    : at == UUID_TRACE_AT ? 1u << 4
				    : at == 19            ? 0xf00
							  : 0xffff;
		assert_int_equal(seen[at], expected);
	}
}

static void validity(void **state)
{
	static const char *const bad[] = {
		"",
		"f47ac10b-58cc-4372-a567-0e02b2c3d47",
		"f47ac10b-58cc-4372-a567-0e02b2c3d4799",
		"f47ac10b-58cc-4372-a567-0e02b2c3d47g",
		"f47ac10b058cc-4372-a567-0e02b2c3d479",
		"f47ac10b-58cc-4372-a567-0e02b2c3d-79",
	};
	(void)state;
	assert_true(uuid_is_valid(SLICE("f47ac10b-58cc-4372-a567-0e02b2c3d479")));
	assert_true(uuid_is_valid(SLICE("F47AC10B-58CC-1372-A567-0E02B2C3D479")));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(uuid_is_valid(slice_of(bad[i])));
}

static void the_number_is_the_first_eight_digits(void **state)
{
	uint32_t number;
	(void)state;
	assert_true(uuid_number(SLICE("f47ac10b-58cc"), &number));
	assert_int_equal(number, 0xf47ac10bu);
	assert_true(uuid_number(SLICE("0000000A"), &number));
	assert_int_equal(number, 10);
	assert_false(uuid_number(SLICE("f47ac10"), &number));
	assert_false(uuid_number(SLICE("f47ac1-b-58cc"), &number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_ones_are_valid_and_differ),
		cmocka_unit_test(every_digit_comes_up_everywhere),
		cmocka_unit_test(validity),
		cmocka_unit_test(the_number_is_the_first_eight_digits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
