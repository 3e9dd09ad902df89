/* What is measured before one application, and which classes are let in: one for the process,
 * whatever listeners and versions of the configuration ask.
 *
 *   requests ─ guard_enter ─> in_flight ─┐
 *   answers ─ guard_answered ─> window ──┼─ every GUARD_TICK_MS, by whoever comes then ─> pressure
 *   machine ─ shared_load ───────────────┘                                       └─> shed_from
 *
 * The part of the pressure that in_flight makes is known at each request, the others at each tick.
 * Limits are the caller's, at each call: a new version of the configuration finds the words as they
 * are.
 *
 * Owner: base/shared.h. Thread: any; relaxed words, and a tick is one thread's at a time. */
#ifndef FILTERS_TRAFFIC_CLASS_SHARED_GUARD_H
#define FILTERS_TRAFFIC_CLASS_SHARED_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/shared.h"
#include "filters/traffic_class/learned.h"
#include "filters/traffic_class/shedding.h"

struct shared_load;

enum {
	GUARD_TICK_MS = 100,
	GUARD_FULL = 1000, /* a pressure of 1 */
	GUARD_LINE = 64,
};

struct guard_limits {
	struct shedding shedding;
	uint32_t max_in_flight; /* 0: learned, or without this pressure */
	bool is_learned;
	struct learned_options learned;
	const struct shared_load *load; /* NULL: without this pressure */
	uint32_t cpu;                   /* thousandths of the processors that are full */
	uint64_t delay_us;              /* that is full; 0: without this pressure */
};

struct shared_guard {
	_Atomic uint32_t in_flight;
	_Atomic uint32_t most_in_flight; /* in this window */
	_Alignas(GUARD_LINE) _Atomic uint32_t shed_from;
	_Atomic uint32_t slow_pressure; /* of the last tick */
	_Atomic uint32_t capacity;      /* 0: not known */
	_Atomic uint32_t shed, let_in;  /* classes since guard_take_news */
	_Atomic uint64_t changed_ms;    /* when shed_from did */
	_Atomic uint64_t next_tick_ms;  /* UINT64_MAX: somebody's */
	_Alignas(GUARD_LINE) _Atomic uint64_t window_us;
	_Atomic uint32_t window_answers;
	struct learned learned; /* the tick's */
};

extern const struct shared_type shared_guard_type;

/* A request of that class: true, and it is under way; false: it is shed. */
bool guard_enter(struct shared_guard *guard, const struct guard_limits *limits, uint32_t class,
		 uint64_t now_ms);
/* One of the proxy's own, kept for later: not before all classes are let in, and the pressure, with
 * this one, is below `below`. */
bool guard_enter_replay(struct shared_guard *guard, const struct guard_limits *limits,
			uint32_t below, uint64_t now_ms);
void guard_leave(struct shared_guard *guard);
/* Its answer has begun, so long after it entered. */
void guard_answered(struct shared_guard *guard, uint64_t took_us);

/* How many classes were shed, and let in again, since the last call. False: none. */
bool guard_take_news(struct shared_guard *guard, uint32_t *shed, uint32_t *let_in);

/* In thousandths. */
uint32_t guard_pressure(const struct shared_guard *guard, const struct guard_limits *limits);

static inline uint32_t guard_shed_from(const struct shared_guard *guard)
{
	return atomic_load_explicit(&guard->shed_from, memory_order_relaxed);
}

#endif
