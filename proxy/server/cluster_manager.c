#include "server/cluster_manager.h"

#include <stdlib.h>

#include <envoy/config/cluster/v3/cluster.pb-c.h>

#include "server/cluster_hosts.h"
#include "server/subscriptions.h"
#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"
#include "upstream/assignment.h"
#include "upstream/dns.h"
#include "upstream/ring_stats.h"
#include "upstream/subset.h"
#include "upstream/upstream_worker.h"

void cluster_manager_init(struct cluster_manager *manager, struct publisher *publisher,
			  struct loop *loop, struct random *random, struct stats *stats)
{
	memset(manager, 0, sizeof *manager);
	manager->publisher = publisher;
	manager->loop = loop;
	manager->random = random;
	manager->stats = stats;
	manager->scope = stat_scope_take(stats, &cluster_manager_stats, SLICE("cluster_manager"));
	list_init(&manager->records);
	host_memory_init(&manager->memory);
	map_init(&manager->by_name, NULL);
}

static void unpublished_drop(struct cluster_record *record);

static void record_free(struct cluster_record *record)
{
	record->manager->warming -= record->is_warming;
	record->manager->active -= !record->is_warming;
	record->manager->by_slot[record->slot] = NULL;
	cluster_hosts_stop(record);
	subscription_close(record->endpoints);
	origin_fini(&record->origin);
	origin_fini(&record->endpoints_origin);
	cluster_care_fini(&record->care);
	list_remove(&record->link);
	breakers_drop(record->breakers);
	free(record);
}

void cluster_manager_fini(struct cluster_manager *manager)
{
	while (!list_is_empty(&manager->records)) {
		struct cluster_record *record =
			container_of(manager->records.next, struct cluster_record, link);
		unpublished_drop(record);
		record_free(record);
	}
	dns_close(manager->dns);
	host_memory_fini(&manager->memory);
	map_free(&manager->by_name);
	free(manager->by_slot);
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
	gauge(manager, CLUSTER_MANAGER_STAT_ACTIVE_CLUSTERS, manager->active);
	gauge(manager, CLUSTER_MANAGER_STAT_WARMING_CLUSTERS, manager->warming);
}

/* Envoy counts the balancer of each thread that has one: main's and each worker's. */
static void show_subsets(struct cluster_manager *manager, struct cluster_record *record)
{
	struct stats_shard *shard = stats_main_shard(manager->stats);
	uint64_t now = (uint64_t)subset_index_count(record->hosts->subsets) *
		       (manager->publisher->worker_count + 1);
	uint64_t before =
		stat_value(manager->stats, record->cluster->stats, CLUSTER_STAT_LB_SUBSETS_ACTIVE);

	stat_gauge_set(shard, record->cluster->stats, CLUSTER_STAT_LB_SUBSETS_ACTIVE, now);
	stat_add(shard, record->cluster->stats,
		 now > before ? CLUSTER_STAT_LB_SUBSETS_CREATED : CLUSTER_STAT_LB_SUBSETS_REMOVED,
		 now > before ? now - before : before - now);
}

static void show_limits(struct cluster_manager *manager, const struct cluster *cluster)
{
	for (int i = 0; i < CLUSTER_PRIORITIES; i++) {
		struct breaker_stats stats = {.shard = stats_main_shard(manager->stats),
					      .cluster = cluster->stats,
					      .remaining = cluster->remaining_stats[i],
					      .priority = (enum cluster_priority)i};
		breaker_show_limits(&cluster->breakers[i], &stats);
	}
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
	stat_gauge_set(shard, scope, CLUSTER_STAT_MAX_HOST_WEIGHT, host_set_max_weight(hosts));
	ring_stats_show(record->cluster, hosts, shard);
	if (hosts->subsets)
		show_subsets(manager, record);
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

/* What warms is held by us alone: it was never published. */
static void unpublished_drop(struct cluster_record *record)
{
	if (!record->is_warming)
		return;
	if (record->cluster)
		published_drop(&record->cluster->published);
	if (record->hosts)
		published_drop(&record->hosts->published);
}

static void publish(struct cluster_manager *manager, struct cluster_record *record)
{
	record->is_warming = false;
	manager->warming--;
	manager->active++;
	publisher_add(manager->publisher, &record->hosts->published);
	publisher_add(manager->publisher, &record->cluster->published);
	show_members(manager, record);
	show_counts(manager);
	if (manager->warmed)
		manager->warmed(manager);
}

static void publish_if_warm(struct cluster_manager *manager, struct cluster_record *record)
{
	if (record->is_warming && record->hosts && cluster_care_is_warm(&record->care))
		publish(manager, record);
}

void cluster_manager_set_hosts(struct cluster_manager *manager, struct cluster_record *record,
			       struct host_set *hosts)
{
	struct host_set *old = record->hosts;
	bool was_warming = record->is_warming;

	hosts->published.slot = record->slot;
	hosts->published.owner = manager;
	hosts->published.free = cluster_hosts_release;
	record->hosts = hosts;
	if (hosts->added || hosts->removed)
		stat_inc(stats_main_shard(manager->stats), record->cluster->stats,
			 CLUSTER_STAT_MEMBERSHIP_CHANGE);
	cluster_care_hosts(&record->care, hosts);
	if (!was_warming) {
		publisher_add(manager->publisher, &hosts->published);
		show_members(manager, record);
		return;
	}
	publish_if_warm(manager, record);
	if (old)
		published_drop(&old->published);
}

/* --- what goes on around a cluster --- */

static struct cluster_record *of_care(struct cluster_care *care)
{
	return container_of(care, struct cluster_record, care);
}

/* DNS has an answer. */
static void on_assign(struct cluster_care *care, struct assignment *assignment)
{
	cluster_hosts_assign(of_care(care), assignment);
	publisher_send(of_care(care)->manager->publisher);
}

/* Hosts' health has changed: the tables are made anew. */
static void on_refresh(struct cluster_care *care)
{
	cluster_hosts_refresh(of_care(care));
	publisher_send(of_care(care)->manager->publisher);
}

static void on_warm(struct cluster_care *care)
{
	struct cluster_record *record = of_care(care);

	publish_if_warm(record->manager, record);
	publisher_send(record->manager->publisher);
}

static const struct cluster_care_events care_events = {
	.assign = on_assign,
	.refresh = on_refresh,
	.warm = on_warm,
};

void cluster_manager_report(struct cluster_manager *manager, const struct host_report *report)
{
	struct cluster_record *record =
		report->slot < manager->slot_count ? manager->by_slot[report->slot] : NULL;

	if (record && report->has_failed)
		cluster_care_fail(&record->care, report->host);
	else if (record && report->causes)
		cluster_care_trip(&record->care, report->host, report->causes);
	else if (record)
		cluster_care_count(&record->care, report->host, report->requests,
				   report->successes);
	host_drop(report->host);
}

/* --- versions --- */

/* The hosts of the version before serve the new one too, until its own are known. */
static void set_cluster(struct cluster_manager *manager, struct cluster_record *record,
			struct cluster *cluster)
{
	struct cluster *old = record->cluster;
	bool was_warming = record->is_warming;

	set_name(manager, record, cluster);
	record->cluster = cluster;
	show_limits(manager, cluster);
	cluster_care_cluster(&record->care, cluster);
	if (!was_warming)
		publisher_add(manager->publisher, &cluster->published);
	else if (old)
		published_drop(&old->published);
}

static void place_record(struct cluster_manager *manager, struct cluster_record *record)
{
	uint32_t count = manager->slot_count ? manager->slot_count : 16;

	while (count <= record->slot)
		count *= 2;
	if (count > manager->slot_count) {
		manager->by_slot =
			realloc(manager->by_slot, count * sizeof(struct cluster_record *));
		invariant(manager->by_slot);
		while (manager->slot_count < count)
			manager->by_slot[manager->slot_count++] = NULL;
	}
	manager->by_slot[record->slot] = record;
}

static struct cluster_record *record_new(struct cluster_manager *manager, uint32_t slot)
{
	struct cluster_record *record = calloc(1, sizeof *record);

	invariant(record);
	record->manager = manager;
	record->slot = slot;
	record->is_warming = true;
	manager->warming++;
	place_record(manager, record);
	record->breakers = breakers_new();
	cluster_care_init(&record->care, manager->loop, manager->random, manager->stats,
			  manager->dns, &care_events);
	cluster_care_remember(&record->care, &manager->memory);
	list_push_back(&manager->records, &record->link);
	return record;
}

static enum status open_dns(struct cluster_manager *manager, const struct cluster *cluster)
{
	if (manager->dns ||
	    (cluster->type != CLUSTER_STRICT_DNS && cluster->type != CLUSTER_LOGICAL_DNS))
		return STATUS_OK;
	return dns_open(&manager->dns, manager->loop, manager->stats, &cluster->dns);
}

static void count(struct cluster_manager *manager, unsigned id)
{
	stat_inc(stats_main_shard(manager->stats), manager->scope, id);
}

/* The offer's cluster, built if it isn't yet. */
static enum status take_built(struct cluster_offer *offer, struct cluster **cluster,
			      struct diag *diag)
{
	if (offer->fault) {
		*diag = *offer->fault;
		return STATUS_INVALID;
	}
	if (!offer->built)
		return cluster_build(offer->message, cluster, diag);
	*cluster = offer->built;
	offer->built = NULL;
	return STATUS_OK;
}

enum status cluster_manager_put(struct cluster_manager *manager, struct cluster_offer *offer,
				uint64_t now_wall_ns, struct diag *diag)
{
	const char *name = offer->message->name;
	struct cluster_record *record = cluster_manager_find(manager, slice_of(name));
	struct cluster *cluster;

	if (record && record->is_static && !offer->is_static)
		return STATUS_EXISTS;
	if (record && offer->is_static)
		return diag_at(diag, "name", "there is another cluster '%s'", name);
	if (record && record->hash == offer->hash)
		return STATUS_OK;
	enum status status = take_built(offer, &cluster, diag);
	if (status)
		return status;
	cluster->published.slot =
		publisher_slot(manager->publisher, PUBLISHED_CLUSTER, cluster->published.name);
	cluster->published.owner = manager;
	cluster->published.free = cluster_hosts_release_cluster;
	if (open_dns(manager, cluster)) {
		cluster_free(cluster);
		return diag_set(diag, "the DNS resolver cannot start");
	}
	cluster_take_stats(cluster, manager->stats);
	count(manager,
	      record ? CLUSTER_MANAGER_STAT_CLUSTER_MODIFIED : CLUSTER_MANAGER_STAT_CLUSTER_ADDED);
	if (!record)
		record = record_new(manager, cluster->published.slot);
	record->hash = offer->hash;
	record->is_static = offer->is_static;
	record->updated_wall_ns = now_wall_ns;
	cluster_share_breakers(cluster, record->breakers);
	cluster_hosts_forget(record);
	set_cluster(manager, record, cluster);
	if (cluster->type == CLUSTER_STATIC || cluster->type == CLUSTER_ORIGINAL_DST)
		cluster_hosts_assign(record, NULL);
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
		unpublished_drop(record);
	} else {
		publisher_remove(manager->publisher, PUBLISHED_CLUSTER, record->slot);
		publisher_remove(manager->publisher, PUBLISHED_HOST_SET, record->slot);
	}
	record_free(record);
	count(manager, CLUSTER_MANAGER_STAT_CLUSTER_REMOVED);
	show_counts(manager);
}
