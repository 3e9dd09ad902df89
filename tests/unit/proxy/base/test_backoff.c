#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/backoff.h"

/* The largest of many draws shows the bound of each attempt. */
static void bounds_double_up_to_the_limit(void **state)
{
	static const uint64_t bounds_ms[] = {25, 50, 100, 200, 250, 250, 250};
	uint64_t largest[7] = {0};
	struct random random;
	struct backoff backoff;
	(void)state;

	random_init(&random, 1);
	backoff_init(&backoff, 25, 250);
	for (int round = 0; round < 5000; round++) {
		backoff_reset(&backoff);
		for (int i = 0; i < 7; i++) {
			uint64_t ms = backoff_next_ms(&backoff, &random);
			assert_true(ms < bounds_ms[i]);
			if (ms > largest[i])
				largest[i] = ms;
		}
	}
	for (int i = 0; i < 7; i++)
		assert_true(largest[i] >= bounds_ms[i] - 2);
}

static void extremes(void **state)
{
	struct random random;
	struct backoff backoff;
	(void)state;

	random_init(&random, 1);
	backoff_init(&backoff, 1, 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(backoff_next_ms(&backoff, &random), 0);
	backoff_init(&backoff, 1, UINT64_MAX);
	for (int i = 0; i < 100; i++)
		backoff_next_ms(&backoff, &random);
	assert_true(backoff.next_ms == UINT64_MAX);
}

static void what_the_peer_said_is_the_least(void **state)
{
	struct random random;
	uint64_t largest = 0;
	(void)state;

	random_init(&random, 1);
	for (int i = 0; i < 5000; i++) {
		uint64_t ms = backoff_at_least_ms(100, &random);
		assert_in_range(ms, 100, 149);
		if (ms > largest)
			largest = ms;
	}
	assert_int_equal(largest, 149);
	assert_int_equal(backoff_at_least_ms(0, &random), 0);
	assert_int_equal(backoff_at_least_ms(1, &random), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_double_up_to_the_limit),
		cmocka_unit_test(extremes),
		cmocka_unit_test(what_the_peer_said_is_the_least),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
