#include "upstream/cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_hosts.h"
#include "upstream/breaker.h"
#include "upstream/ring_stats.h"

static struct stat_scope *take_scope(const struct cluster *cluster, struct stats *stats,
				     const struct stat_type *type, const char *suffix)
{
	size_t size = cluster->stat_name.len + 64;
	char *name = malloc(size);
	invariant(name);
	int len = snprintf(name, size, "cluster.%.*s%s", SLICE_FMT(cluster->stat_name), suffix);
	struct stat_scope *scope = stat_scope_take(stats, type, slice_make(name, (size_t)len));
	free(name);
	return scope;
}

void cluster_take_stats(struct cluster *cluster, struct stats *stats)
{
	invariant(!cluster->stats);
	cluster->stats_owner = stats;
	cluster->stats = take_scope(cluster, stats, &cluster_stats, "");
	cluster->external_stats = take_scope(cluster, stats, &code_stats, ".external");
	cluster->internal_stats = take_scope(cluster, stats, &code_stats, ".internal");
	cluster->retry_stats = take_scope(cluster, stats, &code_stats, ".retry");
	if (cluster->outlier)
		cluster->outlier_stats =
			take_scope(cluster, stats, &outlier_stats, ".outlier_detection");
	if (cluster->check_count)
		cluster->health_stats =
			take_scope(cluster, stats, &health_check_stats, ".health_check");
	if (cluster->lb.policy == LB_RING_HASH)
		cluster->ring_stats = take_scope(cluster, stats, &ring_hash_stats, ".ring_hash_lb");
	else if (cluster->lb.policy == LB_MAGLEV)
		cluster->ring_stats = take_scope(cluster, stats, &maglev_stats, ".maglev_lb");
	static const char *const priorities[CLUSTER_PRIORITIES] = {".circuit_breakers.default",
								   ".circuit_breakers.high"};
	for (int i = 0; i < CLUSTER_PRIORITIES; i++)
		if (cluster->breakers[i].tracks_remaining)
			cluster->remaining_stats[i] =
				take_scope(cluster, stats, &cluster_remaining_stats, priorities[i]);
}

void cluster_share_breakers(struct cluster *cluster, struct breakers *breakers)
{
	cluster->shared_breakers = breakers_take(breakers);
}

void cluster_drop_stats(struct cluster *cluster)
{
	if (!cluster->stats_owner)
		return;
	stat_scope_drop(cluster->stats_owner, cluster->stats);
	stat_scope_drop(cluster->stats_owner, cluster->outlier_stats);
	stat_scope_drop(cluster->stats_owner, cluster->health_stats);
	stat_scope_drop(cluster->stats_owner, cluster->ring_stats);
	stat_scope_drop(cluster->stats_owner, cluster->external_stats);
	stat_scope_drop(cluster->stats_owner, cluster->internal_stats);
	stat_scope_drop(cluster->stats_owner, cluster->retry_stats);
	for (int i = 0; i < CLUSTER_PRIORITIES; i++)
		stat_scope_drop(cluster->stats_owner, cluster->remaining_stats[i]);
	cluster->stats_owner = NULL;
}

void cluster_detach(struct cluster *cluster)
{
	cluster_drop_stats(cluster);
	breakers_drop(cluster->shared_breakers);
	cluster->shared_breakers = NULL;
}

void cluster_release(struct published *published)
{
	struct cluster *cluster = container_of(published, struct cluster, published);
	struct arena arena = published->arena; /* the cluster itself stands in it */

	cluster_detach(cluster);
	arena_free(&arena);
}

void cluster_free(struct cluster *cluster)
{
	if (cluster)
		cluster_release(&cluster->published);
}
