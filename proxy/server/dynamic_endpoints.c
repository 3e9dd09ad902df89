#include <stdlib.h>

#include <envoy/config/endpoint/v3/endpoint.pb-c.h>

#include "server/cluster_hosts.h"
#include "server/server.h"
#include "telemetry/stats_cluster.h"
#include "upstream/assignment.h"

/* What the builder makes host sets of: versions that stay as they are while it works. */
struct endpoints_work {
	struct cluster *cluster; /* a reference */
	struct host_set *before; /* a reference; NULL: none */
	uint32_t generation;     /* of the set to be built */
	struct host_set *hosts;  /* what was built; NULL: the file had none */
	struct cluster_manager *manager;
	uint64_t hash;
};

static void *endpoints_begin(struct subscription *sub)
{
	struct cluster_record *record = sub->subject;
	struct endpoints_work *work = calloc(1, sizeof *work);

	invariant(work);
	work->cluster = record->cluster;
	work->cluster->published.references++;
	work->before = record->hosts;
	if (work->before)
		work->before->published.references++;
	work->generation = cluster_hosts_generation(record);
	work->manager = record->manager;
	return work;
}

static void endpoints_end(void *data)
{
	struct endpoints_work *work = data;

	if (work->hosts) {
		work->hosts->published.owner = work->manager;
		cluster_hosts_release(&work->hosts->published);
	}
	if (work->before)
		published_drop(&work->before->published);
	published_drop(&work->cluster->published);
	free(work);
}

/* On the builder's thread. The cluster's service_name is the subscription's name, and lives with
 * it. */
static enum status endpoints_prepare(struct subscription_load *load)
{
	struct endpoints_work *work = load->work;
	const struct file_resources *resources = &load->file->resources;
	struct slice name = work->cluster->service_name;
	struct assignment *assignment;

	if (!resources->count)
		return STATUS_OK;
	if (resources->count != 1)
		return diag_set(&load->diag,
				"there must be one ClusterLoadAssignment, of '%.*s'; there are %zu",
				SLICE_FMT(name), resources->count);
	const struct file_resource *resource = &resources->items[0];
	if (!slice_equal(resource->name, name))
		return diag_set(&load->diag, "expected the endpoints of '%.*s', these are '%.*s's",
				SLICE_FMT(name), SLICE_FMT(resource->name));
	work->hash = resource->hash;
	enum status status = assignment_build(
		(const Envoy__Config__Endpoint__V3__ClusterLoadAssignment *)resource->message,
		false, &assignment, &load->diag);
	if (status) {
		file_resources_place(resources, resource, &load->diag);
		return status;
	}
	work->hosts = host_set_build(assignment, work->cluster, work->before, work->generation);
	assignment_free(assignment);
	return STATUS_OK;
}

static enum status endpoints_apply(struct subscription *sub, struct subscription_load *load,
				   bool *is_changed, bool *is_empty, struct diag *diag)
{
	struct cluster_record *record = sub->subject;
	struct endpoints_work *work = load->work;

	(void)diag;
	if (work->cluster != record->cluster)
		return STATUS_AGAIN;
	*is_empty = !work->hosts;
	if (!work->hosts)
		return STATUS_OK;
	*is_changed = !record->has_endpoints || record->endpoints_hash != work->hash ||
		      record->endpoints_cluster_hash != record->hash;
	origin_set(&record->endpoints_origin, load->file->resources.items[0].message, load->file,
		   sub->owner->loop->wall_ns);
	if (!*is_changed) {
		stat_inc(stats_main_shard(sub->owner->stats), record->cluster->stats,
			 CLUSTER_STAT_UPDATE_NO_REBUILD);
		return STATUS_OK;
	}
	record->has_endpoints = true;
	record->endpoints_hash = work->hash;
	record->endpoints_cluster_hash = record->hash;
	/* Hosts' health may have made a newer set of those before meanwhile: it has the same hosts.
	 */
	cluster_manager_set_hosts(record->manager, record, work->hosts);
	work->hosts = NULL;
	return STATUS_OK;
}

/* A cluster whose first answer is no good or empty serves without hosts: it must hold up nothing.
 */
static void endpoints_known(struct subscription *sub, bool is_good)
{
	struct cluster_record *record = sub->subject;
	struct assignment *none;
	struct diag diag = {0};

	(void)is_good;
	if (record->hosts || assignment_build(NULL, false, &none, &diag))
		return;
	cluster_manager_set_hosts(
		record->manager, record,
		host_set_build(none, record->cluster, NULL, cluster_hosts_generation(record)));
	assignment_free(none);
}

static const struct subscription_type endpoints_type = {
	.what = "endpoints",
	.message = &envoy__config__endpoint__v3__cluster_load_assignment__descriptor,
	.begin = endpoints_begin,
	.prepare = endpoints_prepare,
	.apply = endpoints_apply,
	.known = endpoints_known,
	.end = endpoints_end,
	.attempt = CLUSTER_STAT_UPDATE_ATTEMPT,
	.success = CLUSTER_STAT_UPDATE_SUCCESS,
	.failure = CLUSTER_STAT_UPDATE_FAILURE,
	.version = CLUSTER_STAT_VERSION,
	.rejected = EDS_STAT_UPDATE_REJECTED,
	.time = EDS_STAT_UPDATE_TIME,
	.version_text = EDS_STAT_VERSION_TEXT,
	.duration = EDS_STAT_UPDATE_DURATION,
	.counts_empty = true,
	.empty = CLUSTER_STAT_UPDATE_EMPTY,
};

enum status dynamic_subscribe_endpoints(struct dynamic *dynamic, struct cluster_record *record,
					const Envoy__Config__Core__V3__ConfigSource *source,
					struct diag *diag)
{
	const struct cluster *cluster = record->cluster;
	struct subscription *old = record->endpoints, *sub;

	if (old && slice_equal(old->name, cluster->service_name) &&
	    subscription_is_of(old, source)) {
		subscription_load(old); /* for the new version of the cluster */
		return STATUS_OK;
	}
	struct slice stat_name = cluster->stat_name;
	char *scope_name = arena_printf(&record->cluster->published.arena, "cluster.%.*s",
					SLICE_FMT(stat_name));
	const struct subscription_config config = {
		.type = &endpoints_type,
		.source = source,
		.name = cluster->service_name,
		.subject = record,
		.scope = stat_scope_hold(cluster->stats),
		.more = stat_scope_take(dynamic->server->stats, &eds_stats, slice_of(scope_name)),
	};
	enum status status = subscription_open(&dynamic->subscriptions, &config, &sub, diag);
	if (status)
		return status;
	subscription_close(old);
	record->endpoints = sub;
	subscription_load(sub);
	return STATUS_OK;
}
