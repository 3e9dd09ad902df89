#include "filters/traffic_class/shared_guard.h"

#include "base/attributes.h"
#include "base/shared_load.h"

enum { PRESSURE_MAX = 1000 * GUARD_FULL }; /* what is above it says nothing more */

static void init(void *state, const void *config)
{
	struct shared_guard *guard = state;

	(void)config;
	atomic_init(&guard->shed_from, SHEDDING_NONE);
}

const struct shared_type shared_guard_type = {.name = "traffic_class", .init = init};

#define READ(word) atomic_load_explicit(&(word), memory_order_relaxed)
#define WRITE(word, value) atomic_store_explicit(&(word), value, memory_order_relaxed)

/* --- pressure --- */

static uint32_t share(uint64_t part, uint64_t full)
{
	uint64_t found = full ? part * GUARD_FULL / full : 0;
	return found < PRESSURE_MAX ? (uint32_t)found : PRESSURE_MAX;
}

static uint32_t higher(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static uint32_t capacity_of(const struct shared_guard *guard, const struct guard_limits *limits)
{
	return limits->is_learned ? READ(guard->capacity) : limits->max_in_flight;
}

static uint32_t pressure_of(const struct shared_guard *guard, const struct guard_limits *limits,
			    uint32_t in_flight)
{
	return higher(READ(guard->slow_pressure), share(in_flight, capacity_of(guard, limits)));
}

uint32_t guard_pressure(const struct shared_guard *guard, const struct guard_limits *limits)
{
	return pressure_of(guard, limits, READ(guard->in_flight));
}

/* --- the classes let in --- */

static void note_change(struct shared_guard *guard, uint32_t count, uint32_t before, uint32_t next)
{
	before = before < count ? before : count;
	next = next < count ? next : count;
	if (next < before)
		atomic_fetch_add_explicit(&guard->shed, before - next, memory_order_relaxed);
	else
		atomic_fetch_add_explicit(&guard->let_in, next - before, memory_order_relaxed);
}

bool guard_take_news(struct shared_guard *guard, uint32_t *shed, uint32_t *let_in)
{
	if (LIKELY(!READ(guard->shed) && !READ(guard->let_in)))
		return false;
	*shed = atomic_exchange_explicit(&guard->shed, 0, memory_order_relaxed);
	*let_in = atomic_exchange_explicit(&guard->let_in, 0, memory_order_relaxed);
	return true;
}

static void set_shed_from(struct shared_guard *guard, const struct guard_limits *limits,
			  uint32_t pressure, uint64_t now_ms)
{
	uint32_t before = READ(guard->shed_from);
	uint64_t changed_ms = READ(guard->changed_ms);
	uint32_t next = shedding_next(&limits->shedding, before, pressure,
				      now_ms > changed_ms ? now_ms - changed_ms : 0);

	if (LIKELY(next == before))
		return;
	/* Of two who change it at the same moment the second looks again at the next request. */
	if (!atomic_compare_exchange_strong_explicit(&guard->shed_from, &before, next,
						     memory_order_relaxed, memory_order_relaxed))
		return;
	WRITE(guard->changed_ms, now_ms);
	note_change(guard, limits->shedding.count, before, next);
}

/* --- ticks --- */

static void close_window(struct shared_guard *guard, const struct guard_limits *limits)
{
	uint64_t sum_us = atomic_exchange_explicit(&guard->window_us, 0, memory_order_relaxed);
	uint32_t answers =
		atomic_exchange_explicit(&guard->window_answers, 0, memory_order_relaxed);
	uint32_t most = atomic_exchange_explicit(&guard->most_in_flight, READ(guard->in_flight),
						 memory_order_relaxed);
	static const struct learned_options any = {.min = 1, .max = UINT32_MAX, .tolerance = 2000};
	uint32_t slow = 0;

	learned_window(&guard->learned, limits->is_learned ? &limits->learned : &any, sum_us,
		       answers, most);
	WRITE(guard->capacity, guard->learned.limit);
	if (limits->load)
		slow = share(shared_load_cpu(limits->load), limits->cpu);
	if (limits->delay_us)
		slow = higher(slow, share(learned_delay_us(&guard->learned, sum_us, answers),
					  limits->delay_us));
	WRITE(guard->slow_pressure, slow);
}

static COLD void tick(struct shared_guard *guard, const struct guard_limits *limits,
		      uint64_t now_ms)
{
	uint64_t due_ms = READ(guard->next_tick_ms);

	if (due_ms > now_ms ||
	    !atomic_compare_exchange_strong_explicit(&guard->next_tick_ms, &due_ms, UINT64_MAX,
						     memory_order_acquire, memory_order_relaxed))
		return;
	close_window(guard, limits);
	set_shed_from(guard, limits, guard_pressure(guard, limits), now_ms);
	atomic_store_explicit(&guard->next_tick_ms, now_ms + GUARD_TICK_MS, memory_order_release);
}

static inline void tick_if_due(struct shared_guard *guard, const struct guard_limits *limits,
			       uint64_t now_ms)
{
	if (UNLIKELY(READ(guard->next_tick_ms) <= now_ms))
		tick(guard, limits, now_ms);
}

/* --- requests --- */

static void begin(struct shared_guard *guard)
{
	uint32_t in_flight =
		atomic_fetch_add_explicit(&guard->in_flight, 1, memory_order_relaxed) + 1;

	if (UNLIKELY(in_flight > READ(guard->most_in_flight)))
		WRITE(guard->most_in_flight, in_flight); /* roughly is enough */
}

bool guard_enter(struct shared_guard *guard, const struct guard_limits *limits, uint32_t class,
		 uint64_t now_ms)
{
	tick_if_due(guard, limits, now_ms);
	if (limits->shedding.enter[class] != SHEDDING_NEVER) {
		if (guard_shed_from(guard) > class)
			set_shed_from(guard, limits, guard_pressure(guard, limits), now_ms);
		if (guard_shed_from(guard) <= class)
			return false;
	}
	begin(guard);
	return true;
}

bool guard_enter_replay(struct shared_guard *guard, const struct guard_limits *limits,
			uint32_t below, uint64_t now_ms)
{
	tick_if_due(guard, limits, now_ms);
	if (guard_shed_from(guard) < limits->shedding.count ||
	    pressure_of(guard, limits, READ(guard->in_flight) + 1) >= below)
		return false;
	begin(guard);
	return true;
}

void guard_leave(struct shared_guard *guard)
{
	atomic_fetch_sub_explicit(&guard->in_flight, 1, memory_order_relaxed);
}

void guard_answered(struct shared_guard *guard, uint64_t took_us)
{
	atomic_fetch_add_explicit(&guard->window_us, took_us, memory_order_relaxed);
	atomic_fetch_add_explicit(&guard->window_answers, 1, memory_order_relaxed);
}
