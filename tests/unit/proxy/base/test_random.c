#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"

static void equal_seeds_give_equal_numbers(void **state)
{
	struct random a, b, c;
	(void)state;

	random_init(&a, 1);
	random_init(&b, 1);
	random_init(&c, 2);
	unsigned equal = 0;
	for (int i = 0; i < 100; i++) {
		uint64_t n = random_next(&a);
		assert_true(n == random_next(&b));
		equal += n == random_next(&c);
	}
	assert_int_equal(equal, 0);
}

static void below_is_uniform(void **state)
{
	enum { N = 7, DRAWS = 70000 };
	unsigned hits[N] = {0};
	struct random random;
	(void)state;

	random_init(&random, 42);
	for (int i = 0; i < DRAWS; i++) {
		uint32_t n = random_below(&random, N);
		assert_true(n < N);
		hits[n]++;
	}
	double chi = 0;
	for (int i = 0; i < N; i++)
		chi += (hits[i] - 1e4) * (hits[i] - 1e4) / 1e4;
	assert_true(chi < 22.5); /* 6 degrees of freedom, p = 0.001 */
}

/* 3 * 2^30: without rejection the first third would come up twice as often. */
static void below_rejects_what_would_be_unfair(void **state)
{
	struct random random;
	unsigned low = 0;
	(void)state;

	random_init(&random, 9);
	for (int i = 0; i < 30000; i++)
		low += random_below(&random, 3u << 30) % 3 == 0;
	assert_in_range(low, 9700, 10300);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(random_below(&random, 1), 0);
		assert_true(random_below(&random, UINT32_MAX) < UINT32_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_seeds_give_equal_numbers),
		cmocka_unit_test(below_is_uniform),
		cmocka_unit_test(below_rejects_what_would_be_unfair),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
