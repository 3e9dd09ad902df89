/* How long to wait before trying again: fully jittered, doubling. The numbers are Envoy's.
 *
 *   attempt 1: [0, base)   2: [0, 2 base)   3: [0, 4 base)   …   never above max
 *
 * Owner: whoever embeds it. Thread: one. Pure: the random generator is an argument. */
#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

#include <stdint.h>

#include "base/random.h"

struct backoff {
	uint64_t base_ms, max_ms;
	uint64_t next_ms; /* bound of the next wait */
};

/* 0 < base_ms; a max_ms below base_ms counts as base_ms. */
void backoff_init(struct backoff *backoff, uint64_t base_ms, uint64_t max_ms);

/* The next wait; doubles the bound. */
uint64_t backoff_next_ms(struct backoff *backoff, struct random *random);

/* It worked: begins with base_ms again. */
static inline void backoff_reset(struct backoff *backoff)
{
	backoff->next_ms = backoff->base_ms;
}

/* [ms, 1.5 ms): when the peer said how long to wait. */
uint64_t backoff_at_least_ms(uint64_t ms, struct random *random);

#endif
