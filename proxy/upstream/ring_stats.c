#include "upstream/ring_stats.h"

#include "telemetry/stats.h"
#include "upstream/balancer.h"

STAT_TYPE(ring_hash_stats, "ring_hash_lb", RING_HASH_STAT, RING_HASH_STATS);
STAT_TYPE(maglev_stats, "maglev_lb", MAGLEV_STAT, MAGLEV_STATS);

void ring_stats_show(const struct cluster *cluster, const struct host_set *set,
		     struct stats_shard *shard)
{
	const struct host_group *group = &set->balance->priorities[0].healthy;

	if (!cluster->ring_stats)
		return;
	if (cluster->lb.policy == LB_MAGLEV) {
		stat_gauge_set(shard, cluster->ring_stats, MAGLEV_STAT_MIN, group->min_entries);
		stat_gauge_set(shard, cluster->ring_stats, MAGLEV_STAT_MAX, group->max_entries);
		return;
	}
	stat_gauge_set(shard, cluster->ring_stats, RING_HASH_STAT_SIZE, group->size);
	stat_gauge_set(shard, cluster->ring_stats, RING_HASH_STAT_MIN, group->min_entries);
	stat_gauge_set(shard, cluster->ring_stats, RING_HASH_STAT_MAX, group->max_entries);
}
