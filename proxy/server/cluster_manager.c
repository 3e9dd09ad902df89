#include "server/cluster_manager.h"

#include <stdlib.h>

#include <envoy/config/cluster/v3/cluster.pb-c.h>

#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"
#include "upstream/assignment.h"

void cluster_manager_init(struct cluster_manager *manager, struct publisher *publisher,
			  struct stats *stats)
{
	manager->publisher = publisher;
	manager->stats = stats;
	manager->scope = stat_scope_take(stats, &cluster_manager_stats, SLICE("cluster_manager"));
	list_init(&manager->records);
	map_init(&manager->by_name, NULL);
}

static void record_free(struct cluster_record *record)
{
	list_remove(&record->link);
	breakers_drop(record->breakers);
	free(record);
}

void cluster_manager_fini(struct cluster_manager *manager)
{
	while (!list_is_empty(&manager->records)) {
		struct cluster_record *record =
			container_of(manager->records.next, struct cluster_record, link);
		if (record->is_warming)
			published_drop(&record->cluster->published);
		record_free(record);
	}
	map_free(&manager->by_name);
	stat_scope_drop(manager->stats, manager->scope);
}

struct cluster_record *cluster_manager_find(const struct cluster_manager *manager,
					    struct slice name)
{
	return map_get(&manager->by_name, name);
}

static void gauge(struct cluster_manager *manager, unsigned id, uint64_t value)
{
	stat_gauge_set(stats_main_shard(manager->stats), manager->scope, id, value);
}

static void show_counts(struct cluster_manager *manager)
{
	uint64_t active = 0, warming = 0;

	for (struct list_node *n = manager->records.next; n != &manager->records; n = n->next) {
		bool is_warming = container_of(n, struct cluster_record, link)->is_warming;
		warming += is_warming;
		active += !is_warming;
	}
	gauge(manager, CLUSTER_MANAGER_STAT_ACTIVE_CLUSTERS, active);
	gauge(manager, CLUSTER_MANAGER_STAT_WARMING_CLUSTERS, warming);
}

static void show_members(struct cluster_manager *manager, struct cluster_record *record)
{
	struct stats_shard *shard = stats_main_shard(manager->stats);
	const struct stat_scope *scope = record->cluster->stats;
	const struct host_set *hosts = record->hosts;

	stat_gauge_set(shard, scope, CLUSTER_STAT_MEMBERSHIP_TOTAL, hosts->count);
	stat_gauge_set(shard, scope, CLUSTER_STAT_MEMBERSHIP_HEALTHY, hosts->healthy);
	stat_gauge_set(shard, scope, CLUSTER_STAT_MEMBERSHIP_DEGRADED, hosts->degraded);
	stat_gauge_set(shard, scope, CLUSTER_STAT_MEMBERSHIP_EXCLUDED, hosts->excluded);
}

/* The name is the map's key, so it must be the current version's. */
static void set_name(struct cluster_manager *manager, struct cluster_record *record,
		     struct cluster *cluster)
{
	if (record->cluster)
		map_remove(&manager->by_name, record->name);
	record->name = cluster->published.name;
	map_set(&manager->by_name, record->name, record);
}

/* The version in force until now goes with its last user; a warming one that never served goes at
 * once. */
static void set_cluster(struct cluster_manager *manager, struct cluster_record *record,
			struct cluster *cluster)
{
	struct cluster *old = record->cluster;
	bool was_warming = record->is_warming;

	set_name(manager, record, cluster);
	record->cluster = cluster;
	record->is_warming = !record->hosts;
	if (!record->is_warming)
		publisher_add(manager->publisher, &cluster->published);
	if (old && was_warming)
		published_drop(&old->published);
}

void cluster_manager_set_hosts(struct cluster_manager *manager, struct cluster_record *record,
			       struct host_set *hosts)
{
	bool was_warming = record->is_warming;

	hosts->published.slot = record->slot;
	record->hosts = hosts;
	record->is_warming = false;
	publisher_add(manager->publisher, &hosts->published);
	if (was_warming)
		publisher_add(manager->publisher, &record->cluster->published);
	if (hosts->added || hosts->removed)
		stat_inc(stats_main_shard(manager->stats), record->cluster->stats,
			 CLUSTER_STAT_MEMBERSHIP_CHANGE);
	show_members(manager, record);
	show_counts(manager);
}

static struct cluster_record *record_new(struct cluster_manager *manager, uint32_t slot)
{
	struct cluster_record *record = calloc(1, sizeof *record);

	invariant(record);
	record->slot = slot;
	record->breakers = breakers_new();
	list_push_back(&manager->records, &record->link);
	return record;
}

static void count(struct cluster_manager *manager, unsigned id)
{
	stat_inc(stats_main_shard(manager->stats), manager->scope, id);
}

enum status cluster_manager_put(struct cluster_manager *manager,
				const Envoy__Config__Cluster__V3__Cluster *message, uint64_t hash,
				bool is_static, uint64_t now_wall_ns, struct diag *diag)
{
	struct cluster_record *record = cluster_manager_find(manager, slice_of(message->name));
	struct cluster *cluster;

	if (record && record->is_static && !is_static)
		return STATUS_EXISTS;
	if (record && is_static)
		return diag_at(diag, "name", "there is another cluster '%s'", message->name);
	if (record && record->hash == hash)
		return STATUS_OK;
	enum status status = cluster_build(message, &cluster, diag);
	if (status)
		return status;
	cluster->published.slot =
		publisher_slot(manager->publisher, PUBLISHED_CLUSTER, cluster->published.name);
	cluster_take_stats(cluster, manager->stats);
	count(manager,
	      record ? CLUSTER_MANAGER_STAT_CLUSTER_MODIFIED : CLUSTER_MANAGER_STAT_CLUSTER_ADDED);
	if (!record)
		record = record_new(manager, cluster->published.slot);
	record->hash = hash;
	record->is_static = is_static;
	record->updated_wall_ns = now_wall_ns;
	set_cluster(manager, record, cluster);
	if (cluster->type == CLUSTER_STATIC || cluster->type == CLUSTER_ORIGINAL_DST)
		cluster_manager_set_hosts(
			manager, record,
			host_set_build(cluster->assignment, cluster, record->hosts));
	show_counts(manager);
	return STATUS_OK;
}

void cluster_manager_remove(struct cluster_manager *manager, struct slice name)
{
	struct cluster_record *record = cluster_manager_find(manager, name);

	if (!record || record->is_static)
		return;
	map_remove(&manager->by_name, record->name);
	if (record->is_warming) {
		published_drop(&record->cluster->published);
	} else {
		publisher_remove(manager->publisher, PUBLISHED_CLUSTER, record->slot);
		publisher_remove(manager->publisher, PUBLISHED_HOST_SET, record->slot);
	}
	record_free(record);
	count(manager, CLUSTER_MANAGER_STAT_CLUSTER_REMOVED);
	show_counts(manager);
}
