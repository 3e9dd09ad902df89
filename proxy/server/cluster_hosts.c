#include "server/cluster_hosts.h"

#include <stdlib.h>

#include "server/builder.h"
#include "server/cluster_manager.h"
#include "server/subscriptions.h"
#include "upstream/assignment.h"

/* What the builder makes a host set of: versions that stay as they are while it works. */
struct hosts_work {
	struct builder_job job;
	struct cluster_manager *manager;
	struct cluster_record *record; /* NULL: gone meanwhile */
	struct cluster *cluster;       /* a reference */
	struct host_set *before;       /* a reference; NULL: none */
	struct assignment *assignment; /* owned; NULL: the cluster's own */
	bool is_refresh, is_due;       /* is_due: counted in manager->due */
	uint32_t generation;
	struct host_set *made; /* NULL: not built */
};

/* --- the builder's thread --- */

static void run(struct builder_job *job)
{
	struct hosts_work *work = container_of(job, struct hosts_work, job);
	const struct assignment *assignment =
		work->assignment ? work->assignment : work->cluster->assignment;

	work->made =
		work->is_refresh
			? host_set_refresh(work->before, work->cluster, work->generation)
			: host_set_build(assignment, work->cluster, work->before, work->generation);
	assignment_free(work->assignment);
	work->assignment = NULL;
}

/* --- main --- */

uint32_t cluster_hosts_generation(struct cluster_record *record)
{
	return ++record->generation;
}

/* How much there is to do, in hosts. */
static uint64_t size_of(const struct cluster *cluster, uint64_t count)
{
	const struct lb_config *lb = &cluster->lb;

	if (lb->policy == LB_RING_HASH && lb->min_ring_size > count)
		return lb->min_ring_size;
	return count;
}

static void not_due(struct hosts_work *work)
{
	work->manager->due -= work->is_due;
	work->is_due = false;
}

static void work_free(struct hosts_work *work)
{
	not_due(work);
	if (work->made) {
		work->made->published.owner = work->manager;
		cluster_hosts_release(&work->made->published);
	}
	assignment_free(work->assignment);
	if (work->before)
		published_drop(&work->before->published);
	published_drop(&work->cluster->published);
	free(work);
}

static void build_what_waits(struct cluster_record *record);

static void take(struct cluster_record *record, struct hosts_work *work)
{
	bool is_current = work->made && work->cluster == record->cluster;

	record->work = NULL;
	not_due(work);
	if (is_current && (!work->is_refresh || record->hosts == work->before)) {
		cluster_manager_set_hosts(record->manager, record, work->made);
		work->made = NULL;
	} else if (is_current && work->is_refresh) {
		record->is_refresh_due = true; /* EDS was faster */
	}
	build_what_waits(record);
}

static void done(struct builder_job *job)
{
	struct hosts_work *work = container_of(job, struct hosts_work, job);
	struct cluster_manager *manager = work->manager;
	bool is_wanted = work->record;

	if (is_wanted)
		take(work->record, work);
	work_free(work);
	if (is_wanted)
		manager->settled(manager);
}

static struct hosts_work *work_new(struct cluster_record *record, struct assignment *assignment,
				   bool is_refresh)
{
	struct hosts_work *work = calloc(1, sizeof *work);

	invariant(work);
	*work = (struct hosts_work){
		.job = {.run = run, .done = done},
		.manager = record->manager,
		.record = record,
		.cluster = record->cluster,
		.before = record->hosts,
		.assignment = assignment,
		.is_refresh = is_refresh,
		.is_due = !assignment && !is_refresh,
		.generation = cluster_hosts_generation(record),
	};
	work->cluster->published.references++;
	if (work->before)
		work->before->published.references++;
	record->manager->due += work->is_due;
	return work;
}

/* By the builder, or here when it is little or there is no thread. Takes the assignment. */
static void build(struct cluster_record *record, struct assignment *assignment, bool is_refresh,
		  bool at_once)
{
	struct hosts_work *work = work_new(record, assignment, is_refresh);

	record->work = work;
	if (!at_once && !builder_post(record->manager->builder, &work->job))
		return;
	run(&work->job);
	take(record, work);
	work_free(work);
}

static void build_what_waits(struct cluster_record *record)
{
	struct assignment *assignment = record->assignment;
	const struct assignment *hosts = assignment ? assignment : record->cluster->assignment;

	if (record->work)
		return;
	record->assignment = NULL;
	if (record->is_build_due) {
		bool at_once = size_of(record->cluster, hosts->endpoint_count) <= HOSTS_AT_ONCE &&
			       (!record->hosts || record->hosts->count <= HOSTS_AT_ONCE);
		record->is_build_due = record->is_refresh_due = false;
		build(record, assignment, false, at_once);
	} else if (record->is_refresh_due) {
		/* One that EDS has out must come first. */
		bool is_alone = !record->endpoints || !record->endpoints->load;
		record->is_refresh_due = false;
		build(record, NULL, true,
		      is_alone && size_of(record->cluster, record->hosts->count) <= HOSTS_AT_ONCE);
	}
}

void cluster_hosts_assign(struct cluster_record *record, struct assignment *assignment)
{
	assignment_free(record->assignment);
	record->assignment = assignment;
	record->is_build_due = true;
	build_what_waits(record);
}

void cluster_hosts_refresh(struct cluster_record *record)
{
	record->is_refresh_due = true;
	build_what_waits(record);
}

void cluster_hosts_forget(struct cluster_record *record)
{
	assignment_free(record->assignment);
	record->assignment = NULL;
	record->is_build_due = false;
}

void cluster_hosts_stop(struct cluster_record *record)
{
	cluster_hosts_forget(record);
	if (!record->work)
		return;
	not_due(record->work);
	record->work->record = NULL;
	record->work = NULL;
}

/* --- the end of what was published --- */

static void free_hosts(void *object)
{
	host_set_free(object);
}

void cluster_hosts_release(struct published *published)
{
	struct host_set *set = container_of(published, struct host_set, published);
	struct cluster_manager *manager = published->owner;

	if (set->count > HOSTS_AT_ONCE)
		builder_bury(manager->builder, free_hosts, set);
	else
		host_set_free(set);
}

static void free_cluster(void *object)
{
	cluster_free(object);
}

void cluster_hosts_release_cluster(struct published *published)
{
	struct cluster *cluster = container_of(published, struct cluster, published);
	struct cluster_manager *manager = published->owner;

	cluster_detach(cluster);
	if (cluster->assignment && cluster->assignment->endpoint_count > HOSTS_AT_ONCE)
		builder_bury(manager->builder, free_cluster, cluster);
	else
		cluster_free(cluster);
}
