/* LeapArray: the sliding windows of one node, the second (2 x 500 ms) and the minute (60 x 1 s).
 *
 *   worker 0: [500 ms][500 ms] threads ─┐ a window that gives way
 *   worker 1: [500 ms][500 ms] threads ─┴────────────────────────> minute: [1 s][1 s] … 60 of them
 *
 * Each worker counts in a shard of its own, one cache line, with plain loads and stores; a reader
 * adds up all shards. So the windows are one for the whole process, and counting costs no locked
 * instruction. What is counted once goes into both arrays: a window's counts are folded into the
 * minute when its place is needed, and until then readers of the minute look at the shards too.
 *
 * A window is known by its number, `now / 500`, of which the low 32 bits are kept; an older one in
 * its place is reset, a newer one (the clock went back) is left alone and the count is lost, as in
 * Java. A window is read while it isn't older than the interval. The minute knows its last second:
 * its buckets are that one's and those of the 59 before it, whether anything was counted or not.
 *
 * Borrowed passes (prioritized entries) live in an occupy, made when the first is borrowed.
 *
 * Size: 1,216 bytes and 64 a worker. Owner: a node. Thread: any reads; a shard is written by its
 * worker alone. */
#ifndef SENTINEL_CORE_LEAP_ARRAY_H
#define SENTINEL_CORE_LEAP_ARRAY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "filters/sentinel/core/rule_constant.h"

struct occupy;

/* 500 ms of one worker. Counts stay at their highest value rather than wrap. */
struct metric_bucket {
	_Atomic uint32_t start; /* number of the window */
	_Atomic uint32_t pass, block, exception, success;
	_Atomic uint32_t rt; /* ms, summed */
	_Atomic uint32_t min_rt;
};

/* One second of all workers. */
struct minute_bucket {
	_Atomic uint32_t pass, block, exception, success, rt;
};

struct leap_shard {
	_Alignas(64) struct metric_bucket buckets[2];
	_Atomic int32_t threads; /* begun here less ended here: below 0 if entries change workers */
};

struct leap_array {
	struct minute_bucket minute[SENTINEL_MINUTE_WINDOWS];
	_Atomic uint32_t last_second; /* 31 bits, as half of a window's number has */
	uint32_t shard_count;
	_Atomic(struct occupy *) occupy;
	struct leap_shard shards[];
};

/* What some windows hold together. */
struct leap_sum {
	uint64_t pass, block, exception, success, rt;
	uint64_t occupied;
	uint64_t success_max; /* of one window */
	uint32_t min_rt;
};

static inline uint32_t leap_window(int64_t now_ms)
{
	return (uint32_t)((uint64_t)now_ms / SENTINEL_WINDOW_MS);
}

/* Bytes of an array for that many workers; to be aligned to 64. */
size_t leap_array_size(unsigned shards);

/* Empty at `window`. */
void leap_array_init(struct leap_array *array, unsigned shards, uint32_t window);
void leap_array_fini(struct leap_array *array);

/* Makes an array of as many shards hold what the other holds, whoever counts meanwhile. */
void leap_array_copy(struct leap_array *to, const struct leap_array *from);

struct metric_bucket *leap_array_roll(struct leap_array *array, struct metric_bucket *bucket,
				      uint32_t window);

/* The worker's own bucket for the window; NULL if the clock went back behind what is there. */
static inline struct metric_bucket *leap_array_current(struct leap_array *array, unsigned worker,
						       uint32_t window)
{
	struct metric_bucket *bucket = &array->shards[worker].buckets[window & 1];
	if (atomic_load_explicit(&bucket->start, memory_order_relaxed) == window)
		return bucket;
	return leap_array_roll(array, bucket, window);
}

/* Adds to a word that only the calling thread writes. */
static inline void leap_add(_Atomic uint32_t *word, uint32_t n)
{
	uint32_t sum;

	if (UNLIKELY(__builtin_add_overflow(atomic_load_explicit(word, memory_order_relaxed), n,
					    &sum)))
		sum = UINT32_MAX;
	atomic_store_explicit(word, sum, memory_order_relaxed);
}

/* Passes of the second that ends with the window. */
uint64_t leap_array_pass(struct leap_array *array, uint32_t window);

/* Passes of one window; 0 when it isn't there any more. */
uint64_t leap_array_pass_at(struct leap_array *array, uint32_t window);

/* All of the second, all of the minute, and of one second (0 when it has gone). */
void leap_array_second(struct leap_array *array, uint32_t window, struct leap_sum *sum);
void leap_array_minute(const struct leap_array *array, uint32_t window, struct leap_sum *sum);
void leap_array_second_at(const struct leap_array *array, uint32_t second, struct leap_sum *sum);

/* Passes borrowed from windows behind this one. */
uint64_t leap_array_waiting(const struct leap_array *array, uint32_t window);

/* Borrows n passes of a window to come. Takes memory the first time. */
void leap_array_add_waiting(struct leap_array *array, uint32_t now_window, uint32_t window,
			    uint32_t n);

/* Counts n passes and occupied passes in the minute's second, and not in the window: they get there
 * by what was borrowed. */
void leap_array_add_occupied(struct leap_array *array, uint32_t now_window, uint32_t n);

/* The seconds of the minute that ends with this one, which is sums[0]. */
void leap_array_seconds(const struct leap_array *array, uint32_t second,
			struct leap_sum sums[SENTINEL_MINUTE_WINDOWS]);

/* Adds the counts to the minute's second, if that is in the minute still. */
void leap_array_add_second(struct leap_array *array, uint32_t second, const struct leap_sum *sum);

/* All threads. */
int64_t leap_array_threads(const struct leap_array *array);

#endif
