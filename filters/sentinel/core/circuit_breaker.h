/* CircuitBreaker: the state behind one degrade rule of one resource.
 *
 *             bad over the threshold             timeWindow is over, one call probes
 *   CLOSED ─────────────────────────────> OPEN ───────────────────────────────────> HALF_OPEN
 *      ^                                   ^  │ all others blocked                   │  │
 *      │                                   └──┴──── the probe is bad, or blocked ────┘  │
 *      └──────────────────────────────────────────── a call ends well ──────────────────┘
 *
 * The window (statIntervalMs, one of it) is counted in a shard a worker; closing starts a new
 * epoch, which empties all shards. State changes are compare-and-swaps, and the one who wins tells.
 *
 * Size: 64 bytes and 64 a worker. Owner: counted; every version of the rules that has the rule.
 * Thread: any. */
#ifndef SENTINEL_CORE_CIRCUIT_BREAKER_H
#define SENTINEL_CORE_CIRCUIT_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "filters/sentinel/core/degrade_rule.h"

enum breaker_state {
	BREAKER_CLOSED,
	BREAKER_OPEN,
	BREAKER_HALF_OPEN,
};

struct breaker_shard {
	_Alignas(64) _Atomic uint32_t start; /* number of the interval */
	_Atomic uint32_t epoch;
	_Atomic uint32_t bad, total;
};

struct circuit_breaker {
	_Atomic uint32_t references;
	_Atomic uint32_t state; /* enum breaker_state */
	_Atomic uint32_t epoch;
	uint32_t shard_count;
	_Atomic int64_t next_retry_ms;
	_Atomic(const void *) probe; /* who opened it half: compared only */
	struct breaker_shard shards[];
};

/* A change: snapshot is the ratio or count that tripped it, NAN where there is none. */
struct breaker_change {
	const struct degrade_rule *rule;
	enum breaker_state from, to;
	double snapshot;
	int64_t at_ms;
};

/* Hears of changes, on the thread that made them. fn NULL: nobody. */
struct breaker_observer {
	void (*fn)(void *arg, const struct breaker_change *change);
	void *arg;
};

/* Closed. Returns owned, one reference. */
struct circuit_breaker *circuit_breaker_new(unsigned workers);
struct circuit_breaker *circuit_breaker_take(struct circuit_breaker *breaker);
/* NULL is fine. */
void circuit_breaker_drop(struct circuit_breaker *breaker);

static inline enum breaker_state circuit_breaker_state(const struct circuit_breaker *breaker)
{
	return (enum breaker_state)atomic_load_explicit(&breaker->state, memory_order_relaxed);
}

/* Whether a call passes. `who` becomes the probe if the breaker goes half open for it. rule: the
 * breaker's, in the version of the caller. */
bool circuit_breaker_try_pass(struct circuit_breaker *breaker, const struct degrade_rule *rule,
			      const void *who, int64_t now_ms,
			      const struct breaker_observer *observer);

/* Another rule blocked `who`: if it was the probe, the breaker is open again, due as it was. */
void circuit_breaker_probe_blocked(struct circuit_breaker *breaker, const struct degrade_rule *rule,
				   const void *who, int64_t now_ms,
				   const struct breaker_observer *observer);

/* A call that passed is over. */
void circuit_breaker_complete(struct circuit_breaker *breaker, const struct degrade_rule *rule,
			      unsigned worker, int64_t now_ms, int64_t rt_ms, bool error,
			      const struct breaker_observer *observer);

/* "HALF_OPEN" */
const char *breaker_state_name(enum breaker_state state);

#endif
