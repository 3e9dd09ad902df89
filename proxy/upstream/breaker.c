#include "upstream/breaker.h"

#include <stdlib.h>

#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"

struct breakers *breakers_new(void)
{
	struct breakers *breakers = aligned_alloc(_Alignof(struct breakers), sizeof *breakers);
	invariant(breakers);
	memset(breakers, 0, sizeof *breakers);
	breakers->references = 1;
	return breakers;
}

struct breakers *breakers_take(struct breakers *breakers)
{
	breakers->references++;
	return breakers;
}

void breakers_drop(struct breakers *breakers)
{
	if (breakers && !--breakers->references)
		free(breakers);
}

static unsigned open_stat(enum cluster_priority priority, enum breaker_resource resource)
{
	static const unsigned ids[CLUSTER_PRIORITIES][BREAKER_RESOURCES] = {
		{CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_CX_OPEN,
		 CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_PENDING_OPEN,
		 CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_OPEN,
		 CLUSTER_STAT_CIRCUIT_BREAKERS_DEFAULT_RQ_RETRY_OPEN},
		{CLUSTER_STAT_CIRCUIT_BREAKERS_HIGH_CX_OPEN,
		 CLUSTER_STAT_CIRCUIT_BREAKERS_HIGH_RQ_PENDING_OPEN,
		 CLUSTER_STAT_CIRCUIT_BREAKERS_HIGH_RQ_OPEN,
		 CLUSTER_STAT_CIRCUIT_BREAKERS_HIGH_RQ_RETRY_OPEN},
	};
	return ids[priority][resource];
}

static unsigned remaining_stat(enum breaker_resource resource)
{
	static const unsigned ids[BREAKER_RESOURCES] = {
		CLUSTER_REMAINING_STAT_REMAINING_CX, CLUSTER_REMAINING_STAT_REMAINING_PENDING,
		CLUSTER_REMAINING_STAT_REMAINING_RQ, CLUSTER_REMAINING_STAT_REMAINING_RETRIES};
	return ids[resource];
}

static uint32_t configured_limit(const struct breaker_limits *limits,
				 enum breaker_resource resource)
{
	switch (resource) {
	case BREAKER_CONNECTIONS:
		return limits->max_connections;
	case BREAKER_PENDING:
		return limits->max_pending;
	case BREAKER_REQUESTS:
		return limits->max_requests;
	case BREAKER_RETRIES:
		return limits->max_retries;
	case BREAKER_RESOURCES:
		break;
	}
	return 0;
}

static uint32_t used_of(const struct breaker *breaker, enum breaker_resource resource)
{
	return __atomic_load_n(&breaker->words[resource].used, __ATOMIC_RELAXED);
}

uint32_t breaker_limit(const struct breaker *breaker, const struct breaker_limits *limits,
		       enum breaker_resource resource)
{
	if (resource != BREAKER_RETRIES || !limits->has_budget)
		return configured_limit(limits, resource);
	double active = (double)used_of(breaker, BREAKER_REQUESTS) +
			(double)used_of(breaker, BREAKER_PENDING);
	uint32_t share = (uint32_t)(limits->budget_percent / 100.0 * active);
	return share > limits->min_retry_concurrency ? share : limits->min_retry_concurrency;
}

static bool is_batched(enum breaker_resource resource)
{
	return resource != BREAKER_RETRIES; /* few, and a budget's limit moves */
}

/* How many slots to take or keep in hand at a time: one when more than half are given out. */
static uint32_t batch_size(uint32_t used, uint32_t limit, enum breaker_resource resource)
{
	uint32_t batch = limit / BREAKER_BATCH_SHARE;
	if (!is_batched(resource) || used > limit / 2 || batch < 1)
		return 1;
	return batch < BREAKER_BATCH_MAX ? batch : BREAKER_BATCH_MAX;
}

/* Takes up to a batch from the shared word; answers how many, 0 when the limit is met. */
static uint32_t take_shared(struct breaker_word *word, uint32_t limit,
			    enum breaker_resource resource)
{
	uint32_t used = __atomic_load_n(&word->used, __ATOMIC_RELAXED), n;
	do {
		if (used >= limit)
			return 0;
		n = batch_size(used, limit, resource);
		n = n < limit - used ? n : limit - used;
	} while (!__atomic_compare_exchange_n(&word->used, &used, used + n, true, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	return n;
}

/* The gauge of the whole process is moved by whoever sees the state change first. */
static void show_open(struct breaker_word *word, bool is_open, enum breaker_resource resource,
		      const struct breaker_stats *stats)
{
	if (__atomic_load_n(&word->is_open, __ATOMIC_RELAXED) == is_open ||
	    __atomic_exchange_n(&word->is_open, is_open, __ATOMIC_RELAXED) == is_open)
		return;
	unsigned id = open_stat(stats->priority, resource);
	if (is_open)
		stat_gauge_inc(stats->shard, stats->cluster, id);
	else
		stat_gauge_dec(stats->shard, stats->cluster, id);
}

static void show_remaining(bool is_taken, enum breaker_resource resource,
			   const struct breaker_stats *stats)
{
	if (!stats->remaining)
		return;
	if (is_taken)
		stat_gauge_dec(stats->shard, stats->remaining, remaining_stat(resource));
	else
		stat_gauge_inc(stats->shard, stats->remaining, remaining_stat(resource));
}

/* What the lease may do by itself from now on. */
static void set_quick(const struct breaker *breaker, struct breaker_lease *lease,
		      enum breaker_resource resource, uint32_t limit, uint32_t batch)
{
	lease->breaker = breaker;
	lease->tight[resource] = limit / 2;
	lease->spare_max[resource] = batch > 1 ? 2 * batch : 0;
}

bool breaker_take(struct breaker *breaker, struct breaker_lease *lease,
		  const struct breaker_limits *limits, enum breaker_resource resource,
		  const struct breaker_stats *stats)
{
	struct breaker_word *word = &breaker->words[resource];

	lease->is_shown = stats->remaining != NULL;
	if (UNLIKELY(lease->used[resource] >= lease->held[resource])) {
		uint32_t limit = breaker_limit(breaker, limits, resource),
			 n = take_shared(word, limit, resource);
		if (!n)
			return false;
		lease->held[resource] += n;
		set_quick(breaker, lease, resource, limit, n);
		if (n == 1)
			show_open(word, used_of(breaker, resource) >= limit, resource, stats);
	}
	lease->used[resource]++;
	show_remaining(true, resource, stats);
	return true;
}

void breaker_take_anyway(struct breaker *breaker, struct breaker_lease *lease,
			 const struct breaker_limits *limits, enum breaker_resource resource,
			 const struct breaker_stats *stats)
{
	if (breaker_take(breaker, lease, limits, resource, stats))
		return;
	__atomic_fetch_add(&breaker->words[resource].used, 1, __ATOMIC_RELAXED);
	lease->held[resource]++;
	lease->used[resource]++;
	lease->over[resource]++;
}

void breaker_drop(struct breaker *breaker, struct breaker_lease *lease,
		  const struct breaker_limits *limits, enum breaker_resource resource,
		  const struct breaker_stats *stats)
{
	struct breaker_word *word = &breaker->words[resource];
	uint32_t limit = breaker_limit(breaker, limits, resource),
		 used = used_of(breaker, resource);

	invariant(lease->used[resource]);
	lease->used[resource]--;
	if (lease->over[resource])
		lease->over[resource]--;
	else
		show_remaining(false, resource, stats);
	uint32_t spare = lease->held[resource] - lease->used[resource],
		 batch = batch_size(used, limit, resource);
	uint32_t keep = batch > 1 ? batch : 0;
	if (spare > 2 * keep) {
		lease->held[resource] -= spare - keep;
		used = __atomic_sub_fetch(&word->used, spare - keep, __ATOMIC_RELAXED);
		show_open(word, used >= limit, resource, stats);
	}
}

void breaker_settle(struct breaker *breaker, struct breaker_lease *lease)
{
	for (int i = 0; i < BREAKER_RESOURCES; i++) {
		uint32_t spare = lease->held[i] - lease->used[i];
		if (!spare)
			continue;
		__atomic_fetch_sub(&breaker->words[i].used, spare, __ATOMIC_RELAXED);
		lease->held[i] -= spare;
	}
}

void breaker_move(struct breaker *to, struct breaker *from, struct breaker_lease *lease)
{
	breaker_lease_forget(lease);
	for (int i = 0; i < BREAKER_RESOURCES; i++) {
		__atomic_fetch_add(&to->words[i].used, lease->used[i], __ATOMIC_RELAXED);
		__atomic_fetch_sub(&from->words[i].used, lease->held[i], __ATOMIC_RELAXED);
		lease->held[i] = lease->used[i];
	}
}

void breaker_show_limits(const struct breaker_limits *limits, const struct breaker_stats *stats)
{
	if (!stats->remaining)
		return;
	for (int i = 0; i < BREAKER_RESOURCES; i++)
		stat_gauge_set(stats->shard, stats->remaining,
			       remaining_stat((enum breaker_resource)i),
			       configured_limit(limits, (enum breaker_resource)i));
	stat_gauge_set(stats->shard, stats->remaining, CLUSTER_REMAINING_STAT_REMAINING_CX_POOLS,
		       limits->max_pools == UINT32_MAX ? UINT64_MAX : limits->max_pools);
}
