/* Circuit breakers: how many connections, waiting requests, requests and retries a cluster may have
 * at one time, in the whole process.
 *
 *   struct breaker (shared)     used: 1024 at most ──┬── lease of worker 0: held 16, used 9
 *                                                    └── lease of worker 1: held 16, used 16
 *
 * A worker takes slots from the shared word in batches while that is far from its limit, and one by
 * one when it isn't (or the limit is small), so the common take is an add to a plain word. What a
 * worker holds and doesn't use others can't have: together they may meet the limit early by 1/64 of
 * it for each worker, never late.
 *
 * Owner: the cluster's versions count references; leases are the workers'. Thread: takes and drops
 * any, each with its own lease. */
#ifndef UPSTREAM_BREAKER_H
#define UPSTREAM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/cluster.h"

struct stat_scope;
struct stats_shard;

enum breaker_resource {
	BREAKER_CONNECTIONS,
	BREAKER_PENDING,
	BREAKER_REQUESTS,
	BREAKER_RETRIES,
	BREAKER_RESOURCES,
};

enum {
	BREAKER_BATCH_SHARE = 64, /* a batch is at most this part of the limit */
	BREAKER_BATCH_MAX = 64,
};

/* One resource, on a cache line of its own. */
struct breaker_word {
	_Alignas(64) uint32_t used; /* atomic: slots given out, leased ones included */
	uint32_t is_open;           /* atomic: the limit is met (what cx_open, rq_open … show) */
};

struct breaker {
	struct breaker_word words[BREAKER_RESOURCES];
};

/* The breakers of a cluster, for all of its versions. */
struct breakers {
	struct breaker priorities[CLUSTER_PRIORITIES];
	uint32_t references; /* main's */
};

/* A worker's slots of one breaker. Zeroed: none. The lower part makes the common case quick: spare
 * slots up to spare_max are kept while no more than `tight` are given out in all; 0 sends every
 * call the long way. */
struct breaker_lease {
	uint32_t held[BREAKER_RESOURCES], used[BREAKER_RESOURCES];
	uint32_t over[BREAKER_RESOURCES]; /* of used: taken anyway, so of what remained nothing */
	uint32_t spare_max[BREAKER_RESOURCES], tight[BREAKER_RESOURCES];
	const struct breaker *breaker; /* that spare_max and tight are for */
	bool is_shown;                 /* remaining_* is tracked */
};

/* Where a breaker's state shows. */
struct breaker_stats {
	struct stats_shard *shard;
	const struct stat_scope *cluster;   /* cluster_stats */
	const struct stat_scope *remaining; /* cluster_remaining_stats; NULL: not tracked */
	enum cluster_priority priority;
};

/* Returns owned, by one reference. */
struct breakers *breakers_new(void);
struct breakers *breakers_take(struct breakers *breakers);
/* NULL: nothing. */
void breakers_drop(struct breakers *breakers);

/* The quick ways: true when the lease alone could do it. */
static inline bool breaker_take_spare(struct breaker_lease *lease, enum breaker_resource resource)
{
	bool is_quick = lease->used[resource] < lease->held[resource] && !lease->is_shown;
	lease->used[resource] += is_quick;
	return LIKELY(is_quick);
}

static inline bool breaker_keep_spare(struct breaker_lease *lease, enum breaker_resource resource)
{
	if (lease->held[resource] - lease->used[resource] >= lease->spare_max[resource] ||
	    lease->is_shown ||
	    __atomic_load_n(&lease->breaker->words[resource].used, __ATOMIC_RELAXED) >
		    lease->tight[resource])
		return false;
	lease->used[resource]--;
	return true;
}

/* The limits have changed: the next calls go the long way. */
static inline void breaker_lease_forget(struct breaker_lease *lease)
{
	lease->is_shown = true;
	for (int i = 0; i < BREAKER_RESOURCES; i++)
		lease->spare_max[i] = 0;
}

/* One slot, or false when the limit is met. */
bool breaker_take(struct breaker *breaker, struct breaker_lease *lease,
		  const struct breaker_limits *limits, enum breaker_resource resource,
		  const struct breaker_stats *stats);

/* One slot whatever the limit says: the first connection to a host, which requests wait for. */
void breaker_take_anyway(struct breaker *breaker, struct breaker_lease *lease,
			 const struct breaker_limits *limits, enum breaker_resource resource,
			 const struct breaker_stats *stats);

/* Gives a slot back. */
void breaker_drop(struct breaker *breaker, struct breaker_lease *lease,
		  const struct breaker_limits *limits, enum breaker_resource resource,
		  const struct breaker_stats *stats);

/* Moves a lease to another breaker: what is used counts there from now on. */
void breaker_move(struct breaker *to, struct breaker *from, struct breaker_lease *lease);

/* Gives back what is held and not used: before a lease is forgotten, and when a worker falls idle.
 */
void breaker_settle(struct breaker *breaker, struct breaker_lease *lease);

/* The limit in force. Retries with a budget: a share of what is active and waiting now. */
uint32_t breaker_limit(const struct breaker *breaker, const struct breaker_limits *limits,
		       enum breaker_resource resource);

/* Main, when a cluster version with these limits is published: the remaining_* gauges of main's
 * shard. */
void breaker_show_limits(const struct breaker_limits *limits, const struct breaker_stats *stats);

#endif
