/* What stats.c (who counts) and stats_read.c (who reads) share.
 *
 * Owner: struct stats. Thread: main, but for the words (each shard's own thread), and for the
 * scopes, texts and intervals of histograms (main and builder, under the lock). */
#ifndef TELEMETRY_STATS_PRIVATE_H
#define TELEMETRY_STATS_PRIVATE_H

#include <pthread.h>

#include "base/section.h"
#include "telemetry/stats.h"

struct stats_settings;

struct stats {
	pthread_mutex_t lock;            /* the scopes: main and the builder take and drop them;
					    texts and histogram views: main writes them */
	struct stats_settings *settings; /* or NULL */
	struct stats_shard *shards, *main;
	struct stats_shard *resets; /* what the counters held when they were last reset; or NULL */
	struct stats_shard *told;   /* what the successor knows, in no list; or NULL */
	struct section_writer told_bytes; /* and what isn't in `told` yet */
	bool is_told;
	struct stats_shard *inherited;   /* what the process before has counted; or NULL */
	struct stat_scope **held_scopes; /* of it: references to scopes that were new */
	uint32_t held_count, held_capacity;
	struct stat_scope **buckets; /* hash table of scopes; a power of two of them */
	struct stat_scope **slots;   /* by slot; NULL: free */
	uint32_t bucket_count, scope_count;
	uint32_t slot_count, slot_capacity;
	uint32_t free_slot; /* none below is free */
};

/* A histogram at the end of the last interval: sparse, since there may be very many. */
struct histogram_view {
	struct view_bin {
		uint64_t count;  /* in all */
		uint64_t recent; /* of which within the interval */
		uint32_t bin;
	} * bins; /* those that hold something */
	uint32_t bin_count;
	uint64_t recent_sum; /* of the values recorded within the interval */
	uint64_t sum;
};

/* A shard that is in no list. */
struct stats_shard *stats_new_shard(struct stats *stats);
/* Every scope that counted in it has been dropped. NULL: nothing. */
void stats_free_shard(struct stats_shard *shard);

/* All that are in the list. */
static inline const struct stats_shard *stats_first_shard(const struct stats *stats)
{
	return __atomic_load_n(&stats->shards, __ATOMIC_ACQUIRE);
}

/* As stat_scope_take, of a prefix with its last dot, as a scope has it. */
struct stat_scope *stats_take_prefix(struct stats *stats, const struct stat_type *type,
				     struct slice prefix);
/* Under the lock: the scope there is, or NULL. */
struct stat_scope *stats_find_prefix(const struct stats *stats, const struct stat_type *type,
				     struct slice prefix);
/* Frees what the shard counted in the scope. */
void stats_forget_block(struct stats_shard *shard, const struct stat_scope *scope);

/* Frees scope->views. */
void stats_forget_views(struct stat_scope *scope);

#endif
