#include <stdlib.h>
#include <time.h>

#include <envoy/config/cluster/v3/cluster.pb-c.h>
#include <envoy/config/core/v3/config_source.pb-c.h>

#include "server/server.h"
#include "telemetry/stats_server.h"

typedef Envoy__Config__Cluster__V3__Cluster Cluster;
typedef Envoy__Config__Core__V3__ConfigSource ConfigSource;

enum { SLICE_NS = 500000 }; /* main looks at everything else after so long */

/* --- one cluster --- */

static const ConfigSource *endpoints_source(const Cluster *message)
{
	bool is_eds = message->cluster_discovery_type_case ==
			      ENVOY__CONFIG__CLUSTER__V3__CLUSTER__CLUSTER_DISCOVERY_TYPE_TYPE &&
		      message->type == ENVOY__CONFIG__CLUSTER__V3__CLUSTER__DISCOVERY_TYPE__EDS;

	return is_eds && message->eds_cluster_config ? message->eds_cluster_config->eds_config
						     : NULL;
}

/* The endpoints of a version that is new. */
static enum status open_endpoints(struct dynamic *dynamic, struct cluster_record *record,
				  const ConfigSource *source, struct diag *diag)
{
	if (source && dynamic->server->options->mode == MODE_SERVE)
		return dynamic_subscribe_endpoints(dynamic, record, source, diag);
	subscription_close(record->endpoints);
	record->endpoints = NULL;
	record->has_endpoints =
		false; /* should it be of type EDS again, its hosts are built anew */
	origin_fini(&record->endpoints_origin);
	return STATUS_OK;
}

enum status dynamic_put_cluster(struct dynamic *dynamic, struct cluster_offer *offer,
				struct resource_file *file, bool *is_changed, struct diag *diag)
{
	struct server *server = dynamic->server;
	struct cluster_manager *manager = &server->clusters;
	const Cluster *message = offer->message;
	struct cluster_record *record = cluster_manager_find(manager, slice_of(message->name));
	const ConfigSource *source = endpoints_source(message);
	const char *path, *watched_directory;
	enum status status = STATUS_OK;

	*is_changed = !record || record->hash != offer->hash;
	if (source)
		status = subscription_source(source, &path, &watched_directory, diag);
	if (status) {
		diag_prefix(diag, "eds_cluster_config.eds_config");
		return status;
	}
	status = cluster_manager_put(manager, offer, server->loop.wall_ns, diag);
	if (status)
		return status;
	record = cluster_manager_find(manager, slice_of(message->name));
	if (!*is_changed) {
		origin_move(&record->origin, &message->base, file);
		return STATUS_OK;
	}
	origin_set(&record->origin, &message->base, file, server->loop.wall_ns);
	return open_endpoints(dynamic, record, source, diag);
}

/* --- what the builder does of an answer --- */

struct built_cluster {
	struct cluster *cluster; /* owned; NULL: in force already, at fault, or handed over */
	struct diag *fault;      /* owned; NULL: none */
};

struct clusters_work {
	uint64_t *known; /* hashes of what was in force when the file was read; sorted by the
			    builder */
	size_t known_count;
	struct built_cluster *built; /* by resource; NULL: the file could not be read */
	size_t count;
	struct map named; /* resources */
	/* How far main has come. */
	size_t next, refused;
	struct list_node *record; /* NULL: resources aren't through yet */
};

static void *clusters_begin(struct subscription *sub)
{
	struct dynamic *dynamic = sub->subject;
	const struct cluster_manager *manager = &dynamic->server->clusters;
	struct clusters_work *work = calloc(1, sizeof *work);

	invariant(work);
	map_init(&work->named, NULL);
	work->known = calloc(manager->active + manager->warming + 1, sizeof *work->known);
	invariant(work->known);
	for (struct list_node *n = manager->records.next; n != &manager->records; n = n->next) {
		const struct cluster_record *record = container_of(n, struct cluster_record, link);
		if (!record->is_static)
			work->known[work->known_count++] = record->hash;
	}
	return work;
}

static int compare_hashes(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	return (a > b) - (a < b);
}

static void build(struct built_cluster *built, const struct file_resource *resource)
{
	struct diag diag = {0};

	if (!cluster_build((const Cluster *)resource->message, &built->cluster, &diag))
		return;
	built->cluster = NULL;
	built->fault = malloc(sizeof diag);
	invariant(built->fault);
	*built->fault = diag;
}

static enum status clusters_prepare(struct subscription_load *load)
{
	struct clusters_work *work = load->work;
	const struct file_resources *resources = &load->file->resources;

	qsort(work->known, work->known_count, sizeof *work->known, compare_hashes);
	work->built = calloc(resources->count + 1, sizeof *work->built);
	invariant(work->built);
	work->count = resources->count;
	for (size_t i = 0; i < resources->count; i++) {
		const struct file_resource *resource = &resources->items[i];
		map_set(&work->named, resource->name, &work->named);
		if (!bsearch(&resource->hash, work->known, work->known_count, sizeof *work->known,
			     compare_hashes))
			build(&work->built[i], resource);
	}
	return STATUS_OK;
}

static void clusters_end(void *data)
{
	struct clusters_work *work = data;

	for (size_t i = 0; i < work->count; i++) {
		cluster_free(work->built[i].cluster);
		free(work->built[i].fault);
	}
	map_free(&work->named);
	free(work->built);
	free(work->known);
	free(work);
}

/* --- main puts it in force, some clusters in a turn --- */

static bool is_over(uint64_t end_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec >= end_ns;
}

static uint64_t slice_end(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec + SLICE_NS;
}

/* One that is refused keeps its old version. */
static void put(struct dynamic *dynamic, struct subscription_load *load, size_t index,
		bool *is_changed, struct diag *diag)
{
	struct clusters_work *work = load->work;
	const struct file_resource *resource = &load->file->resources.items[index];
	struct cluster_offer offer = {.message = (const Cluster *)resource->message,
				      .hash = resource->hash,
				      .built = work->built[index].cluster,
				      .fault = work->built[index].fault};
	struct diag one = {0};
	bool is_new;
	enum status status = dynamic_put_cluster(dynamic, &offer, load->file, &is_new, &one);

	work->built[index].cluster = offer.built;
	if (status == STATUS_EXISTS) /* a static one: it stays, and nobody minds */
		return;
	if (status) {
		file_resources_place(&load->file->resources, resource, &one);
		dynamic_gather(diag, &one, &work->refused);
	} else {
		*is_changed |= is_new;
	}
}

/* Clusters that the answer doesn't have any more. False: there are more to look at. Nobody else
 * adds or removes any meanwhile. */
static bool remove_others(struct dynamic *dynamic, struct clusters_work *work, uint64_t end_ns)
{
	struct cluster_manager *manager = &dynamic->server->clusters;

	if (!work->record)
		work->record = manager->records.next;
	while (work->record != &manager->records) {
		struct cluster_record *record =
			container_of(work->record, struct cluster_record, link);
		if (is_over(end_ns))
			return false;
		work->record = work->record->next;
		if (!record->is_static && !map_get(&work->named, record->name))
			cluster_manager_remove(manager, record->name);
	}
	return true;
}

static enum status clusters_apply(struct subscription *sub, struct subscription_load *load,
				  bool *is_changed, bool *is_empty, struct diag *diag)
{
	struct dynamic *dynamic = sub->subject;
	struct clusters_work *work = load->work;
	uint64_t end_ns = slice_end();

	*is_empty = !work->count;
	while (work->next < work->count && !is_over(end_ns))
		put(dynamic, load, work->next++, is_changed, diag);
	load->has_more = work->next < work->count || !remove_others(dynamic, work, end_ns);
	return work->refused && !load->has_more ? STATUS_INVALID : STATUS_OK;
}

const struct subscription_type dynamic_clusters_type = {
	.what = "clusters",
	.message = &envoy__config__cluster__v3__cluster__descriptor,
	.begin = clusters_begin,
	.prepare = clusters_prepare,
	.apply = clusters_apply,
	.end = clusters_end,
	.attempt = CDS_STAT_UPDATE_ATTEMPT,
	.success = CDS_STAT_UPDATE_SUCCESS,
	.failure = CDS_STAT_UPDATE_FAILURE,
	.version = CDS_STAT_VERSION,
	.rejected = CDS_STAT_UPDATE_REJECTED,
	.time = CDS_STAT_UPDATE_TIME,
	.version_text = CDS_STAT_VERSION_TEXT,
	.duration = CDS_STAT_UPDATE_DURATION,
	.counts_reloads = true,
	.reload = CDS_STAT_CONFIG_RELOAD,
	.reload_time = CDS_STAT_CONFIG_RELOAD_TIME_MS,
};
