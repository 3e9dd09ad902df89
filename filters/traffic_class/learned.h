/* How many requests an upstream takes at one time before answers slow down, found out as they come.
 *
 *   window of answers ─ average ─┬─ above base * tolerance ─> limit * 0.9, at least min
 *                                ├─ the limit was in use ───> limit + 5%, at most max
 *                                └─ base: the least average; it is forgotten by 1/512 a window
 *
 * Only lower classes are held by the limit: what the first one needs beyond it is not in its way.
 *
 * Pure. Times in microseconds. */
#ifndef FILTERS_TRAFFIC_CLASS_LEARNED_H
#define FILTERS_TRAFFIC_CLASS_LEARNED_H

#include <stdint.h>

enum { LEARNED_ANSWERS_MIN = 10 }; /* in a window; fewer say nothing */

struct learned_options {
	uint32_t min, max;  /* 0 < min <= max */
	uint32_t tolerance; /* in thousandths, above 1000 */
};

struct learned {
	uint32_t limit;
	uint64_t base_us; /* 0: no window yet */
};

/* A window is over: its answers, and the most requests that were under way in it. */
void learned_window(struct learned *learned, const struct learned_options *options, uint64_t sum_us,
		    uint32_t answers, uint32_t most_in_flight);

/* What they waited on average beyond the quickest. 0 before anything is known. */
uint64_t learned_delay_us(const struct learned *learned, uint64_t sum_us, uint32_t answers);

#endif
