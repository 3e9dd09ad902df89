#include "filters/sentinel/core/circuit_breaker.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/sentinel/core/java_number.h"
#include "filters/sentinel/core/leap_array.h"

static uint32_t load(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void store(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

struct circuit_breaker *circuit_breaker_new(unsigned workers)
{
	size_t size = sizeof(struct circuit_breaker) + workers * sizeof(struct breaker_shard);
	struct circuit_breaker *breaker = aligned_alloc(64, size);

	invariant(breaker);
	memset(breaker, 0, size);
	atomic_init(&breaker->references, 1);
	atomic_init(&breaker->epoch, 1); /* no shard has counted yet */
	breaker->shard_count = workers;
	return breaker;
}

struct circuit_breaker *circuit_breaker_take(struct circuit_breaker *breaker)
{
	atomic_fetch_add_explicit(&breaker->references, 1, memory_order_relaxed);
	return breaker;
}

void circuit_breaker_drop(struct circuit_breaker *breaker)
{
	if (breaker &&
	    atomic_fetch_sub_explicit(&breaker->references, 1, memory_order_acq_rel) == 1)
		free(breaker);
}

static bool change(struct circuit_breaker *breaker, struct breaker_change what,
		   const struct breaker_observer *observer)
{
	uint32_t from = what.from;

	if (!atomic_compare_exchange_strong_explicit(&breaker->state, &from, what.to,
						     memory_order_acq_rel, memory_order_acquire))
		return false;
	if (observer->fn)
		observer->fn(observer->arg, &what);
	return true;
}

/* For timeWindow from now. The time is there before the state says that it counts. */
static void open_from(struct circuit_breaker *breaker, enum breaker_state from,
		      const struct degrade_rule *rule, double snapshot, int64_t now_ms,
		      const struct breaker_observer *observer)
{
	if (circuit_breaker_state(breaker) != from)
		return;
	atomic_store_explicit(&breaker->next_retry_ms,
			      now_ms + rule->time_window_sec * INT64_C(1000), memory_order_relaxed);
	change(breaker, (struct breaker_change){rule, from, BREAKER_OPEN, snapshot, now_ms},
	       observer);
}

bool circuit_breaker_try_pass(struct circuit_breaker *breaker, const struct degrade_rule *rule,
			      const void *who, int64_t now_ms,
			      const struct breaker_observer *observer)
{
	enum breaker_state state = circuit_breaker_state(breaker);

	if (LIKELY(state == BREAKER_CLOSED))
		return true;
	if (state != BREAKER_OPEN ||
	    now_ms < atomic_load_explicit(&breaker->next_retry_ms, memory_order_relaxed))
		return false;
	struct breaker_change half = {rule, BREAKER_OPEN, BREAKER_HALF_OPEN, NAN, now_ms};
	if (!change(breaker, half, observer))
		return false;
	atomic_store_explicit(&breaker->probe, who, memory_order_relaxed);
	return true;
}

void circuit_breaker_probe_blocked(struct circuit_breaker *breaker, const struct degrade_rule *rule,
				   const void *who, int64_t now_ms,
				   const struct breaker_observer *observer)
{
	if (circuit_breaker_state(breaker) == BREAKER_HALF_OPEN &&
	    atomic_load_explicit(&breaker->probe, memory_order_relaxed) == who)
		change(breaker,
		       (struct breaker_change){rule, BREAKER_HALF_OPEN, BREAKER_OPEN, 1.0, now_ms},
		       observer);
}

/* The worker's shard, begun anew with a new interval or epoch; NULL if the clock went back. */
static struct breaker_shard *current(struct circuit_breaker *breaker, unsigned worker,
				     uint32_t start)
{
	struct breaker_shard *shard = &breaker->shards[worker];
	uint32_t epoch = load(&breaker->epoch);

	if (LIKELY(load(&shard->start) == start && load(&shard->epoch) == epoch))
		return shard;
	if (load(&shard->epoch) == epoch && (int32_t)(start - load(&shard->start)) < 0)
		return NULL;
	store(&shard->bad, 0);
	store(&shard->total, 0);
	store(&shard->start, start);
	atomic_store_explicit(&shard->epoch, epoch, memory_order_release);
	return shard;
}

static void sum(const struct circuit_breaker *breaker, uint32_t start, uint64_t *bad,
		uint64_t *total)
{
	uint32_t epoch = load(&breaker->epoch);

	*bad = *total = 0;
	for (unsigned i = 0; i < breaker->shard_count; i++) {
		const struct breaker_shard *shard = &breaker->shards[i];
		if (atomic_load_explicit(&shard->epoch, memory_order_acquire) != epoch ||
		    (int32_t)(load(&shard->start) - start) < 0)
			continue;
		*bad += load(&shard->bad);
		*total += load(&shard->total);
	}
}

/* Whether so many bad ones are too many; *snapshot: what was compared. */
static bool trips(const struct degrade_rule *rule, uint64_t bad, uint64_t total, double *snapshot)
{
	double ratio = (double)bad / (double)total;

	switch (rule->grade) {
	case DEGRADE_GRADE_RT:
		*snapshot = ratio;
		return ratio > rule->slow_ratio_threshold ||
		       (ratio >= 1.0 && rule->slow_ratio_threshold >= 1.0);
	case DEGRADE_GRADE_EXCEPTION_RATIO:
		*snapshot = ratio;
		return ratio > rule->count;
	default:
		*snapshot = (double)bad;
		return (double)bad > rule->count;
	}
}

static void close_again(struct circuit_breaker *breaker, const struct degrade_rule *rule,
			int64_t now_ms, const struct breaker_observer *observer)
{
	if (change(breaker,
		   (struct breaker_change){rule, BREAKER_HALF_OPEN, BREAKER_CLOSED, NAN, now_ms},
		   observer))
		atomic_fetch_add_explicit(&breaker->epoch, 1, memory_order_relaxed);
}

void circuit_breaker_complete(struct circuit_breaker *breaker, const struct degrade_rule *rule,
			      unsigned worker, int64_t now_ms, int64_t rt_ms, bool error,
			      const struct breaker_observer *observer)
{
	bool is_bad = rule->grade == DEGRADE_GRADE_RT ? rt_ms > java_round(rule->count) : error;
	uint32_t start = (uint32_t)((uint64_t)now_ms / (uint32_t)rule->stat_interval_ms);
	struct breaker_shard *shard = current(breaker, worker, start);
	uint64_t bad, total;
	double snapshot;

	if (shard) {
		if (is_bad)
			leap_add(&shard->bad, 1);
		leap_add(&shard->total, 1);
	}
	switch (circuit_breaker_state(breaker)) {
	case BREAKER_OPEN:
		return;
	case BREAKER_HALF_OPEN:
		if (is_bad)
			open_from(breaker, BREAKER_HALF_OPEN, rule, 1.0, now_ms, observer);
		else
			close_again(breaker, rule, now_ms, observer);
		return;
	case BREAKER_CLOSED:
		break;
	}
	sum(breaker, start, &bad, &total);
	/* no limit is below 0 */
	if (bad && total >= (uint64_t)rule->min_request_amount &&
	    trips(rule, bad, total, &snapshot))
		open_from(breaker, BREAKER_CLOSED, rule, snapshot, now_ms, observer);
}

const char *breaker_state_name(enum breaker_state state)
{
	switch (state) {
	case BREAKER_CLOSED:
		return "CLOSED";
	case BREAKER_OPEN:
		return "OPEN";
	case BREAKER_HALF_OPEN:
		break;
	}
	return "HALF_OPEN";
}
