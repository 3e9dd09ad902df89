#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message/uuid.h"

enum { VERSION_AT = 14, VARIANT_AT = 19 };

static bool is_dash(int at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

static void made_ones_are_valid_and_differ(void **state)
{
	struct random random;
	char last[UUID_LEN] = {0}, text[UUID_LEN];
	(void)state;

	random_init(&random, 1);
	for (int i = 0; i < 1000; i++) {
		uuid_make(&random, text);
		for (int at = 0; at < UUID_LEN; at++)
			assert_true(is_dash(at) ? text[at] == '-'
						: memchr("0123456789abcdef", text[at], 16) != NULL);
		assert_int_equal(text[VERSION_AT], '4');
		assert_non_null(memchr("89ab", text[VARIANT_AT], 4));
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
		unsigned expected = is_dash(at)        ? 1u << 16
				    : at == VERSION_AT ? 1u << 4
				    : at == VARIANT_AT ? 0xf00
						       : 0xffff;
		assert_int_equal(seen[at], expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_ones_are_valid_and_differ),
		cmocka_unit_test(every_digit_comes_up_everywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
