/* Bins and quantiles, held against sorted samples and against numbers Envoy printed for the same.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "telemetry/histogram.h"

static struct histogram_sum sum_of(const uint64_t *values, unsigned count)
{
	struct histogram *h = histogram_new();
	for (unsigned i = 0; i < count; i++)
		histogram_record(h, values[i]);
	struct histogram_sum sum = {0};
	histogram_add_to(h, &sum);
	histogram_free(h);
	return sum;
}

static void a_value_is_within_its_bin(void **state)
{
	(void)state;
	uint64_t value = 0;
	for (unsigned i = 0; i < 4000; i++) {
		unsigned bin = histogram_bin(value);
		double low = histogram_bin_low(bin), width = histogram_bin_width(bin);
		assert_true(bin < HISTOGRAM_BINS);
		assert_true(low <= (double)value);
		assert_true((double)value <= low + width);
		assert_true(width <= low / 10 + 1);
		value = value < 2000 ? value + 1 : value + value / 40;
		if (value > UINT64_MAX / 2)
			break;
	}
	assert_int_equal(histogram_bin(99), 99);
	assert_int_equal(histogram_bin(100), 100);
	assert_int_equal(histogram_bin(109), 100);
	assert_int_equal(histogram_bin(110), 101);
	assert_int_equal(histogram_bin(999), 189);
	assert_int_equal(histogram_bin(1000), 190);
	assert_true(histogram_bin(UINT64_MAX) < HISTOGRAM_BINS);
}

static void bins_are_those_that_were_recorded(void **state)
{
	(void)state;
	static const uint64_t values[] = {0,    1,     9,      10,        99,         100,
					  101,  110,   999,    1000,      1099,       1100,
					  9999, 10000, 123456, 987654321, UINT64_MAX, UINT64_MAX};
	struct histogram_sum sum = sum_of(values, sizeof values / sizeof *values);
	struct histogram_sum expected = {0};
	for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
		expected.bins[histogram_bin(values[i])]++;
	assert_memory_equal(sum.bins, expected.bins, sizeof sum.bins);
	assert_int_equal(sum.count, sizeof values / sizeof *values);
}

/* downstream_rq_time of ten requests, as Envoy 1.40 showed it. */
static void quantiles_are_those_of_envoy(void **state)
{
	(void)state;
	static const uint64_t values[] = {1, 2, 2, 2, 2, 2, 2, 3, 3, 4};
	static const double expected[] = {
		1.05, 2.0285714285714285, 2.057142857142857, 3.033333333333333, 3.066666666666667,
		4.05};
	struct histogram_sum sum = sum_of(values, 10);
	for (unsigned i = 0; i < 6; i++)
		assert_true(fabs(histogram_quantile(&sum, histogram_quantiles[i]) - expected[i]) <
			    1e-12);
	static const uint64_t one[] = {21};
	sum = sum_of(one, 1);
	assert_true(histogram_quantile(&sum, 0) == 21.5);
	assert_true(histogram_quantile(&sum, 1) == 21.5);
	static const uint64_t zero[] = {0, 0};
	sum = sum_of(zero, 2);
	assert_true(histogram_quantile(&sum, 0.5) == 0);
	static const uint64_t wide[] = {185, 185, 185, 185, 185, 185, 185};
	sum = sum_of(wide, 7);
	assert_true(histogram_quantile(&sum, 0) == 181.25);
	assert_true(histogram_quantile(&sum, 0.75) == 187.5);
	sum = sum_of(NULL, 0);
	assert_true(isnan(histogram_quantile(&sum, 0.5)));
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void quantiles_are_within_a_tenth_of_the_sorted_sample(void **state)
{
	(void)state;
	enum { COUNT = 5000 };
	uint64_t *values = calloc(COUNT, sizeof *values);
	uint64_t seed = 12345;
	for (unsigned i = 0; i < COUNT; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		values[i] = (seed >> 40) % (i % 3 ? 400 : 3000000);
	}
	struct histogram_sum sum = sum_of(values, COUNT);
	qsort(values, COUNT, sizeof *values, by_value);
	for (unsigned i = 0; i < HISTOGRAM_QUANTILES; i++) {
		double q = histogram_quantiles[i], got = histogram_quantile(&sum, q);
		double want = (double)values[(size_t)ceil(q * COUNT) - (q > 0)];
		assert_true(fabs(got - want) <= want / 10 + 1);
	}
	free(values);
}

static void a_bucket_counts_what_is_not_above_it(void **state)
{
	(void)state;
	static const uint64_t values[] = {0, 1, 4, 5, 6, 100, 104, 250};
	struct histogram_sum sum = sum_of(values, 8);
	assert_int_equal(histogram_count_upto(&sum, 0.5), 1);
	assert_int_equal(histogram_count_upto(&sum, 1), 2);
	assert_int_equal(histogram_count_upto(&sum, 5), 4);
	assert_int_equal(histogram_count_upto(&sum, 10), 5);
	assert_int_equal(histogram_count_upto(&sum, 100), 7);
	assert_int_equal(histogram_count_upto(&sum, 1e18), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_value_is_within_its_bin),
		cmocka_unit_test(bins_are_those_that_were_recorded),
		cmocka_unit_test(quantiles_are_those_of_envoy),
		cmocka_unit_test(quantiles_are_within_a_tenth_of_the_sorted_sample),
		cmocka_unit_test(a_bucket_counts_what_is_not_above_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
