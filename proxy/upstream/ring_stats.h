/* What is shown of a ring or a Maglev table: its size and how evenly hosts share it. Names are
 * Envoy's. Thread: constant data. */
#ifndef UPSTREAM_RING_STATS_H
#define UPSTREAM_RING_STATS_H

#include "telemetry/stats_table.h"

/* clang-format off */

/* "cluster.<name>.ring_hash_lb" */
#define RING_HASH_STATS(X, S) \
	X(S, SIZE, "size", GAUGE) \
	X(S, MIN, "min_hashes_per_host", GAUGE) \
	X(S, MAX, "max_hashes_per_host", GAUGE)
STAT_ENUM(ring_hash_stat, RING_HASH_STAT, RING_HASH_STATS);
extern const struct stat_type ring_hash_stats;

/* "cluster.<name>.maglev_lb" */
#define MAGLEV_STATS(X, S) \
	X(S, MIN, "min_entries_per_host", GAUGE) \
	X(S, MAX, "max_entries_per_host", GAUGE)
STAT_ENUM(maglev_stat, MAGLEV_STAT, MAGLEV_STATS);
extern const struct stat_type maglev_stats;

/* clang-format on */

struct cluster;
struct host_set;
struct stats_shard;

/* Shows the table of the set's first priority. Nothing for other policies. Main. */
void ring_stats_show(const struct cluster *cluster, const struct host_set *set,
		     struct stats_shard *shard);

#endif
