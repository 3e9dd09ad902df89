#include "filters/sentinel/core/leap_array.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/attributes.h"
#include "filters/sentinel/core/occupy.h"

_Static_assert(sizeof(struct leap_shard) == 64, "a shard is a cache line");
_Static_assert(offsetof(struct leap_array, shards) == 1216, "what a resource costs");

enum {
	SECOND_MASK = INT32_MAX,
	MINUTE_COUNTS = 5,
};

static uint32_t load(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void store(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static struct occupy *occupy_of(const struct leap_array *array)
{
	return atomic_load_explicit(&array->occupy, memory_order_acquire);
}

static int32_t difference(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static uint32_t place_of(uint32_t second)
{
	return second % SENTINEL_MINUTE_WINDOWS;
}

/* Seconds from b to a, whose numbers have 31 bits. */
static int32_t seconds_between(uint32_t a, uint32_t b)
{
	return difference(a << 1, b << 1) / 2;
}

static uint32_t second_before(uint32_t second, uint32_t n)
{
	return (second - n) & SECOND_MASK;
}

/* How far the minute's last second is behind this one; negative: ahead of it. */
static int32_t behind(const struct leap_array *array, uint32_t second)
{
	return seconds_between(second,
			       atomic_load_explicit(&array->last_second, memory_order_acquire));
}

size_t leap_array_size(unsigned shards)
{
	return sizeof(struct leap_array) + shards * sizeof(struct leap_shard);
}

static void bucket_begin(struct metric_bucket *bucket, uint32_t window)
{
	store(&bucket->pass, 0);
	store(&bucket->block, 0);
	store(&bucket->exception, 0);
	store(&bucket->success, 0);
	store(&bucket->rt, 0);
	store(&bucket->min_rt, SENTINEL_RT_MAX);
	/* whoever sees the new number sees no old count */
	atomic_store_explicit(&bucket->start, window, memory_order_release);
}

void leap_array_init(struct leap_array *array, unsigned shards, uint32_t window)
{
	atomic_init(&array->occupy, NULL);
	atomic_init(&array->last_second, window / 2);
	array->shard_count = shards;
	for (uint32_t i = 0; i < SENTINEL_MINUTE_WINDOWS; i++) {
		struct minute_bucket *minute = &array->minute[i];
		atomic_init(&minute->pass, 0);
		atomic_init(&minute->block, 0);
		atomic_init(&minute->exception, 0);
		atomic_init(&minute->success, 0);
		atomic_init(&minute->rt, 0);
	}
	for (unsigned i = 0; i < shards; i++) {
		bucket_begin(&array->shards[i].buckets[window & 1], window);
		bucket_begin(&array->shards[i].buckets[(window - 1) & 1], window - 1);
		atomic_init(&array->shards[i].threads, 0);
	}
}

#define COPY(to, from, member) atomic_init(&(to)->member, load(&(from)->member))

static void copy_minute(struct minute_bucket *to, const struct minute_bucket *from)
{
	COPY(to, from, pass);
	COPY(to, from, block);
	COPY(to, from, exception);
	COPY(to, from, success);
	COPY(to, from, rt);
}

static void copy_bucket(struct metric_bucket *to, const struct metric_bucket *from)
{
	COPY(to, from, start);
	COPY(to, from, pass);
	COPY(to, from, block);
	COPY(to, from, exception);
	COPY(to, from, success);
	COPY(to, from, rt);
	COPY(to, from, min_rt);
}

void leap_array_copy(struct leap_array *to, const struct leap_array *from)
{
	struct occupy *occupy = occupy_of(from);

	to->shard_count = from->shard_count;
	atomic_init(&to->last_second,
		    atomic_load_explicit(&from->last_second, memory_order_acquire));
	for (uint32_t i = 0; i < SENTINEL_MINUTE_WINDOWS; i++)
		copy_minute(&to->minute[i], &from->minute[i]);
	for (unsigned i = 0; i < from->shard_count; i++) {
		copy_bucket(&to->shards[i].buckets[0], &from->shards[i].buckets[0]);
		copy_bucket(&to->shards[i].buckets[1], &from->shards[i].buckets[1]);
		atomic_init(&to->shards[i].threads,
			    atomic_load_explicit(&from->shards[i].threads, memory_order_relaxed));
	}
	atomic_init(&to->occupy, occupy ? occupy_copy(occupy) : NULL);
}

void leap_array_fini(struct leap_array *array)
{
	free(atomic_load_explicit(&array->occupy, memory_order_relaxed));
}

static void add_shared(_Atomic uint32_t *word, uint32_t n)
{
	if (!n)
		return;
	if (UNLIKELY(load(word) > UINT32_MAX - n))
		n = UINT32_MAX - load(word);
	atomic_fetch_add_explicit(word, n, memory_order_relaxed);
}

static _Atomic uint32_t *count_of(struct minute_bucket *minute, int which)
{
	_Atomic uint32_t *const counts[MINUTE_COUNTS] = {
		&minute->pass, &minute->block, &minute->exception, &minute->success, &minute->rt};
	return counts[which];
}

/* Has the minute end with that second, if it ended with `last`, which otherwise becomes what it
 * ends with. Nobody adds to a second that is 60 old, so the counts seen before the change are the
 * ones to be taken off the buckets that begin, and what others add meanwhile stays. */
static bool advance(struct leap_array *array, uint32_t *last, uint32_t second)
{
	uint32_t old[SENTINEL_MINUTE_WINDOWS][MINUTE_COUNTS];
	uint32_t n = (uint32_t)seconds_between(second, *last);

	if (n > SENTINEL_MINUTE_WINDOWS)
		n = SENTINEL_MINUTE_WINDOWS;
	for (uint32_t i = 0; i < n; i++)
		for (int k = 0; k < MINUTE_COUNTS; k++)
			old[i][k] = load(
				count_of(&array->minute[place_of(second_before(second, i))], k));
	if (!atomic_compare_exchange_strong_explicit(&array->last_second, last, second,
						     memory_order_acq_rel, memory_order_acquire))
		return false;
	for (uint32_t i = 0; i < n; i++)
		for (int k = 0; k < MINUTE_COUNTS; k++)
			if (old[i][k])
				atomic_fetch_sub_explicit(
					count_of(&array->minute[place_of(second_before(second, i))],
						 k),
					old[i][k], memory_order_relaxed);
	return true;
}

/* The bucket of that second, with which the minute ends if it is a new one; NULL if a newer one has
 * its place. */
static struct minute_bucket *minute_at(struct leap_array *array, uint32_t second)
{
	uint32_t last = atomic_load_explicit(&array->last_second, memory_order_acquire);

	while (seconds_between(second, last) > 0)
		if (advance(array, &last, second))
			last = second;
	return seconds_between(last, second) < SENTINEL_MINUTE_WINDOWS
		       ? &array->minute[place_of(second)]
		       : NULL;
}

static bool is_empty(const struct metric_bucket *bucket)
{
	return !(load(&bucket->pass) | load(&bucket->block) | load(&bucket->exception) |
		 load(&bucket->success));
}

static void fold(struct leap_array *array, const struct metric_bucket *bucket, uint32_t window)
{
	uint32_t second = load(&bucket->start) / 2;

	if (is_empty(bucket) || seconds_between(window / 2, second) >= SENTINEL_MINUTE_WINDOWS)
		return;
	struct minute_bucket *minute = minute_at(array, second);
	if (!minute)
		return;
	add_shared(&minute->pass, load(&bucket->pass));
	add_shared(&minute->block, load(&bucket->block));
	add_shared(&minute->exception, load(&bucket->exception));
	add_shared(&minute->success, load(&bucket->success));
	add_shared(&minute->rt, load(&bucket->rt));
}

COLD struct metric_bucket *leap_array_roll(struct leap_array *array, struct metric_bucket *bucket,
					   uint32_t window)
{
	struct occupy *occupy = occupy_of(array);

	if (difference(window, load(&bucket->start)) < 0)
		return NULL;
	fold(array, bucket, window);
	bucket_begin(bucket, window);
	if (occupy)
		occupy_begin(occupy, window); /* counting is looking, too */
	return bucket;
}

/* Whether a window counts in the second that ends with `window`: the two last ones, and newer ones
 * that a faster clock wrote. */
static bool is_in_second(uint32_t start, uint32_t window)
{
	return difference(start, window) >= -1;
}

/* Borrowed passes of the second; looking makes the window begin. */
static uint64_t borrowed(struct leap_array *array, uint32_t window)
{
	struct occupy *occupy = occupy_of(array);

	if (LIKELY(!occupy))
		return 0;
	occupy_begin(occupy, window);
	return (uint64_t)occupy_at(occupy, window) + occupy_at(occupy, window - 1);
}

uint64_t leap_array_pass(struct leap_array *array, uint32_t window)
{
	uint64_t pass = borrowed(array, window);

	for (unsigned i = 0; i < array->shard_count; i++)
		for (int k = 0; k < 2; k++) {
			const struct metric_bucket *bucket = &array->shards[i].buckets[k];
			if (is_in_second(atomic_load_explicit(&bucket->start, memory_order_acquire),
					 window))
				pass += atomic_load(
					&bucket->pass); /* flow_slot_confirm relies on it */
		}
	return pass;
}

uint64_t leap_array_pass_at(struct leap_array *array, uint32_t window)
{
	struct occupy *occupy = occupy_of(array);
	uint64_t pass = occupy ? occupy_at(occupy, window) : 0;

	for (unsigned i = 0; i < array->shard_count; i++) {
		const struct metric_bucket *bucket = &array->shards[i].buckets[window & 1];
		if (atomic_load_explicit(&bucket->start, memory_order_acquire) == window)
			pass += load(&bucket->pass);
	}
	return pass;
}

static void add_bucket(struct leap_sum *sum, const struct metric_bucket *bucket)
{
	sum->pass += load(&bucket->pass);
	sum->block += load(&bucket->block);
	sum->exception += load(&bucket->exception);
	sum->success += load(&bucket->success);
	sum->rt += load(&bucket->rt);
	if (load(&bucket->min_rt) < sum->min_rt)
		sum->min_rt = load(&bucket->min_rt);
}

void leap_array_second(struct leap_array *array, uint32_t window, struct leap_sum *sum)
{
	*sum = (struct leap_sum){.min_rt = SENTINEL_RT_MAX};
	for (int k = 0; k < 2; k++) {
		uint64_t before = sum->success;
		for (unsigned i = 0; i < array->shard_count; i++) {
			const struct metric_bucket *bucket = &array->shards[i].buckets[k];
			if (is_in_second(atomic_load_explicit(&bucket->start, memory_order_acquire),
					 window))
				add_bucket(sum, bucket);
		}
		if (sum->success - before > sum->success_max)
			sum->success_max = sum->success - before;
	}
	sum->pass += borrowed(array, window);
}

static void add_minute(struct leap_sum *sum, const struct minute_bucket *minute)
{
	sum->pass += load(&minute->pass);
	sum->block += load(&minute->block);
	sum->exception += load(&minute->exception);
	sum->success += load(&minute->success);
	sum->rt += load(&minute->rt);
}

void leap_array_minute(const struct leap_array *array, uint32_t window, struct leap_sum *sum)
{
	uint32_t second = window / 2;

	*sum = (struct leap_sum){.min_rt = SENTINEL_RT_MAX};
	for (uint32_t i = 0; i < SENTINEL_MINUTE_WINDOWS; i++)
		if (behind(array, second_before(second, i)) <= 0)
			add_minute(sum, &array->minute[place_of(second_before(second, i))]);
	for (unsigned i = 0; i < array->shard_count; i++)
		for (int k = 0; k < 2; k++) {
			const struct metric_bucket *bucket = &array->shards[i].buckets[k];
			if (seconds_between(load(&bucket->start) / 2, second) >
			    -SENTINEL_MINUTE_WINDOWS)
				add_bucket(sum, bucket);
		}
}

void leap_array_second_at(const struct leap_array *array, uint32_t second, struct leap_sum *sum)
{
	const struct occupy *occupy = occupy_of(array);

	second &= SECOND_MASK;
	int32_t age = -behind(array, second);
	*sum = (struct leap_sum){.min_rt = SENTINEL_RT_MAX};
	if (age >= 0 && age < SENTINEL_MINUTE_WINDOWS)
		add_minute(sum, &array->minute[place_of(second)]);
	for (unsigned i = 0; i < array->shard_count; i++)
		for (int k = 0; k < 2; k++) {
			const struct metric_bucket *bucket = &array->shards[i].buckets[k];
			if (load(&bucket->start) / 2 == second)
				add_bucket(sum, bucket);
		}
	sum->occupied = occupy ? occupy_counted(occupy, second) : 0;
}

uint64_t leap_array_waiting(const struct leap_array *array, uint32_t window)
{
	const struct occupy *occupy = occupy_of(array);
	return occupy ? occupy_waiting(occupy, window) : 0;
}

static struct occupy *occupy_for(struct leap_array *array, uint32_t now_window)
{
	struct occupy *occupy = occupy_of(array), *made;

	if (occupy)
		return occupy;
	made = occupy_new(now_window);
	if (atomic_compare_exchange_strong_explicit(&array->occupy, &occupy, made,
						    memory_order_acq_rel, memory_order_acquire))
		return made;
	free(made);
	return occupy;
}

void leap_array_add_waiting(struct leap_array *array, uint32_t now_window, uint32_t window,
			    uint32_t n)
{
	occupy_borrow(occupy_for(array, now_window), window, n);
}

void leap_array_add_occupied(struct leap_array *array, uint32_t now_window, uint32_t n)
{
	struct minute_bucket *minute = minute_at(array, now_window / 2);

	if (minute)
		add_shared(&minute->pass, n);
	occupy_count(occupy_for(array, now_window), now_window / 2, n);
}

void leap_array_seconds(const struct leap_array *array, uint32_t second,
			struct leap_sum sums[SENTINEL_MINUTE_WINDOWS])
{
	for (uint32_t age = 0; age < SENTINEL_MINUTE_WINDOWS; age++) {
		sums[age] = (struct leap_sum){.min_rt = SENTINEL_RT_MAX};
		uint32_t at = second_before(second, age);
		int32_t after = -behind(array, at);
		if (after >= 0 && after < SENTINEL_MINUTE_WINDOWS)
			add_minute(&sums[age], &array->minute[place_of(at)]);
	}
	for (unsigned i = 0; i < array->shard_count; i++)
		for (int k = 0; k < 2; k++) {
			const struct metric_bucket *bucket = &array->shards[i].buckets[k];
			int32_t age = seconds_between(second, load(&bucket->start) / 2);
			if (age >= 0 && age < SENTINEL_MINUTE_WINDOWS)
				add_bucket(&sums[age], bucket);
		}
}

static uint32_t at_most(uint64_t n)
{
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

void leap_array_add_second(struct leap_array *array, uint32_t second, const struct leap_sum *sum)
{
	struct minute_bucket *minute = minute_at(array, second);

	if (!minute)
		return;
	add_shared(&minute->pass, at_most(sum->pass));
	add_shared(&minute->block, at_most(sum->block));
	add_shared(&minute->exception, at_most(sum->exception));
	add_shared(&minute->success, at_most(sum->success));
	add_shared(&minute->rt, at_most(sum->rt));
}

int64_t leap_array_threads(const struct leap_array *array)
{
	int64_t threads = 0;

	for (unsigned i = 0; i < array->shard_count; i++)
		threads += atomic_load(&array->shards[i].threads);
	return threads;
}
