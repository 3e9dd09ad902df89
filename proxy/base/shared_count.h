/* A number of things under way in the whole process, with a limit: embedded in, or being, a state
 * of base/shared.h.
 *
 * Thread: any. Relaxed: it guards no memory. */
#ifndef BASE_SHARED_COUNT_H
#define BASE_SHARED_COUNT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct shared_count {
	_Atomic uint32_t value;
};

/* For a struct shared_type of this alone. */
static inline void shared_count_init(void *state, const void *config)
{
	struct shared_count *count = state;

	(void)config;
	atomic_init(&count->value, 0);
}

/* One more, or false when there are `max` already. */
static inline bool shared_count_take(struct shared_count *count, uint32_t max)
{
	uint32_t seen = atomic_load_explicit(&count->value, memory_order_relaxed);

	do {
		if (seen >= max)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&count->value, &seen, seen + 1, memory_order_relaxed, memory_order_relaxed));
	return true;
}

/* One less; it was taken. */
static inline void shared_count_drop(struct shared_count *count)
{
	atomic_fetch_sub_explicit(&count->value, 1, memory_order_relaxed);
}

#endif
