#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/token_bucket.h"

static const uint64_t second = 1000000000;

static void a_full_bucket_gives_its_limit_and_no_more(void **state)
{
	struct token_bucket bucket;
	(void)state;

	token_bucket_init(&bucket, 10, 5, second);
	for (uint64_t start = 0; start < 2 * second; start += second) {
		token_bucket_init(&bucket, 10, 5, second);
		assert_int_equal(token_bucket_tokens(&bucket, start), 10);
		for (int i = 0; i < 10; i++)
			assert_true(token_bucket_take(&bucket, start, 1));
		assert_false(token_bucket_take(&bucket, start, 1));
		assert_int_equal(token_bucket_tokens(&bucket, start), 0);
	}
}

static void a_bucket_of_nothing_gives_nothing(void **state)
{
	struct token_bucket bucket;
	(void)state;

	token_bucket_init(&bucket, 0, 1, second);
	for (uint64_t now = 0; now < 100 * second; now += 10 * second) {
		assert_false(token_bucket_take(&bucket, now, 1));
		assert_int_equal(token_bucket_tokens(&bucket, now), 0);
		assert_true(token_bucket_wait_ns(&bucket, now, 1) == UINT64_MAX);
	}
}

static void tokens_flow_in_steadily_up_to_the_limit(void **state)
{
	struct token_bucket bucket;
	uint64_t now = 100 * second;
	(void)state;

	token_bucket_init(&bucket, 10, 5, second); /* a token every 200 ms */
	assert_true(token_bucket_take(&bucket, now, 10));
	assert_false(token_bucket_take(&bucket, now + second / 5 - 1, 1));
	assert_true(token_bucket_take(&bucket, now + second / 5, 1));
	assert_false(token_bucket_take(&bucket, now + second / 5, 1));
	assert_int_equal(token_bucket_tokens(&bucket, now + second), 4);
	assert_int_equal(token_bucket_tokens(&bucket, now + 100 * second), 10);
	assert_true(token_bucket_take(&bucket, now + 100 * second, 10));
	assert_false(token_bucket_take(&bucket, now + 100 * second, 1));
}

static void several_at_once_or_none(void **state)
{
	struct token_bucket bucket;
	uint64_t now = 5 * second;
	(void)state;

	token_bucket_init(&bucket, 3, 1, second);
	assert_false(token_bucket_take(&bucket, now, 4));
	assert_false(token_bucket_take(&bucket, now, UINT64_MAX));
	assert_int_equal(token_bucket_tokens(&bucket, now), 3);
	assert_true(token_bucket_take(&bucket, now, 2));
	assert_false(token_bucket_take(&bucket, now, 2));
	assert_int_equal(token_bucket_wait_ns(&bucket, now, 1), 0);
	assert_int_equal(token_bucket_wait_ns(&bucket, now, 2), second);
	assert_int_equal(token_bucket_wait_ns(&bucket, now, 3), 2 * second);
	assert_true(token_bucket_wait_ns(&bucket, now, 4) == UINT64_MAX);
}

static void a_clock_that_lags_gives_nothing_away(void **state)
{
	struct token_bucket bucket;
	uint64_t now = 5 * second;
	(void)state;

	token_bucket_init(&bucket, 3, 1, second);
	assert_true(token_bucket_take(&bucket, now, 3));
	assert_false(token_bucket_take(&bucket, now - second, 1));
	assert_int_equal(token_bucket_tokens(&bucket, now - second), 0);
	assert_true(token_bucket_take(&bucket, now + second, 1));
}

static void extreme_rates_do_not_overflow(void **state)
{
	struct token_bucket bucket;
	uint64_t day = 86400 * second;
	(void)state;

	token_bucket_init(&bucket, UINT32_MAX, 1, 365 * day);
	assert_true(token_bucket_take(&bucket, day, 1));
	token_bucket_init(&bucket, UINT32_MAX, UINT32_MAX, 1);
	assert_true(token_bucket_take(&bucket, day, UINT32_MAX));
	assert_false(token_bucket_take(&bucket, day, 1));
	token_bucket_init(&bucket, 1, 1, UINT64_MAX);
	assert_true(token_bucket_take(&bucket, day, 1));
	assert_false(token_bucket_take(&bucket, day + 36500 * day / 2, 1));
}

static void the_successor_goes_on_with_the_word(void **state)
{
	struct token_bucket old, new;
	uint64_t now = 5 * second;
	(void)state;

	token_bucket_init(&old, 10, 10, second);
	token_bucket_init(&new, 10, 10, second);
	assert_true(token_bucket_take(&old, now, 7));
	token_bucket_restore(&new, token_bucket_save(&old));
	assert_int_equal(token_bucket_tokens(&new, now), 3);
	token_bucket_restore(&new, INT64_MAX);
	assert_int_equal(token_bucket_tokens(&new, now), 10);
}

struct taker {
	struct token_bucket *bucket;
	unsigned taken;
};

static void *take_many(void *arg)
{
	struct taker *taker = arg;
	for (int i = 0; i < 20000; i++)
		taker->taken += token_bucket_take(taker->bucket, 5 * second, 1);
	return NULL;
}

static void threads_together_take_what_there_is(void **state)
{
	struct token_bucket bucket;
	struct taker takers[4];
	pthread_t threads[4];
	unsigned sum = 0;
	(void)state;

	token_bucket_init(&bucket, 30000, 1, second);
	for (int i = 0; i < 4; i++) {
		takers[i] = (struct taker){&bucket, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		sum += takers[i].taken;
	}
	assert_int_equal(sum, 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_bucket_gives_its_limit_and_no_more),
		cmocka_unit_test(a_bucket_of_nothing_gives_nothing),
		cmocka_unit_test(tokens_flow_in_steadily_up_to_the_limit),
		cmocka_unit_test(several_at_once_or_none),
		cmocka_unit_test(a_clock_that_lags_gives_nothing_away),
		cmocka_unit_test(extreme_rates_do_not_overflow),
		cmocka_unit_test(the_successor_goes_on_with_the_word),
		cmocka_unit_test(threads_together_take_what_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
