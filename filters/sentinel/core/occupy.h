/* Passes that prioritized entries borrowed from the window to come (OccupiableBucketLeapArray).
 *
 *   borrow: [window, n][window, n]      what was promised to windows still to come
 *   head:   [window, n][window, n]      what a window began with when it was first seen
 *
 * A window that nobody looks at never begins, and what was borrowed from it is forgotten: so does
 * Java. Every word is a window's (or second's) number and a count, changed by compare-and-swap.
 *
 * Owner: a leap_array, from the first borrowed pass on. Thread: any. */
#ifndef SENTINEL_CORE_OCCUPY_H
#define SENTINEL_CORE_OCCUPY_H

#include <stdatomic.h>
#include <stdint.h>

#include "filters/sentinel/core/rule_constant.h"

struct occupy {
	_Atomic uint64_t head[2], borrow[2];
	_Atomic uint64_t occupied[SENTINEL_MINUTE_WINDOWS]; /* for the metric log */
};

/* Nothing borrowed yet. Returns owned, for free(). */
struct occupy *occupy_new(uint32_t window);
struct occupy *occupy_copy(const struct occupy *occupy);

/* The window begins, unless it has already. */
void occupy_begin(struct occupy *occupy, uint32_t window);

void occupy_borrow(struct occupy *occupy, uint32_t window, uint32_t n);
void occupy_count(struct occupy *occupy, uint32_t second, uint32_t n);

/* Borrowed passes that the window began with, if it is there. */
uint32_t occupy_at(const struct occupy *occupy, uint32_t window);

/* Promised to windows behind this one. */
uint64_t occupy_waiting(const struct occupy *occupy, uint32_t window);

/* Counted for that second; 0 when it has gone. */
uint32_t occupy_counted(const struct occupy *occupy, uint32_t second);

#endif
