/* What a worker does for the cluster's limits and for its hosts' good name: breakers and outlier
 * events. */
#include "upstream/upstream_worker.h"

/* Where the slot of a priority is taken. */
struct limit {
	struct breaker *breaker;
	struct breaker_lease *lease;
	const struct breaker_limits *limits;
	struct breaker_stats stats;
};

/* False for a cluster without breakers (tests). */
static bool find_limit(struct cluster_worker *cluster, enum cluster_priority priority,
		       struct limit *limit)
{
	const struct cluster *config = cluster_worker_config(cluster);

	if (!config->shared_breakers)
		return false;
	*limit = (struct limit){
		.breaker = &config->shared_breakers->priorities[priority],
		.lease = &cluster->leases[priority],
		.limits = &config->breakers[priority],
		.stats = {.shard = cluster->upstream->stats,
			  .cluster = cluster->stats,
			  .remaining = config->remaining_stats[priority],
			  .priority = priority},
	};
	return true;
}

bool cluster_worker_take_shared(struct cluster_worker *cluster, enum cluster_priority priority,
				enum breaker_resource resource)
{
	struct limit limit;
	return !find_limit(cluster, priority, &limit) ||
	       breaker_take(limit.breaker, limit.lease, limit.limits, resource, &limit.stats);
}

void cluster_worker_take_anyway(struct cluster_worker *cluster, enum cluster_priority priority,
				enum breaker_resource resource)
{
	struct limit limit;
	if (find_limit(cluster, priority, &limit))
		breaker_take_anyway(limit.breaker, limit.lease, limit.limits, resource,
				    &limit.stats);
}

void cluster_worker_drop_shared(struct cluster_worker *cluster, enum cluster_priority priority,
				enum breaker_resource resource)
{
	struct limit limit;
	if (find_limit(cluster, priority, &limit))
		breaker_drop(limit.breaker, limit.lease, limit.limits, resource, &limit.stats);
}

bool retry_slot_take(struct retry_slot *slot, struct cluster_worker *cluster,
		     enum cluster_priority priority)
{
	if (!cluster_worker_take(cluster, priority, BREAKER_RETRIES))
		return false;
	*slot = (struct retry_slot){cluster_worker_hold(cluster), priority};
	return true;
}

void retry_slot_give(struct retry_slot *slot)
{
	struct cluster_worker *cluster = slot->cluster;

	slot->cluster = NULL;
	cluster_worker_drop(cluster, slot->priority, BREAKER_RETRIES);
	cluster_worker_release(cluster);
}

static void report(struct worker_host *wh, unsigned causes, bool has_failed)
{
	struct upstream_worker *upstream = wh->cluster->upstream;
	struct host_report report = {
		.slot = wh->cluster->slot, .causes = causes, .has_failed = has_failed};

	if (!upstream->report)
		return;
	report.host = host_take(wh->host);
	upstream->report(upstream, &report);
}

void worker_host_note(struct worker_host *wh, enum outlier_event event)
{
	const struct outlier_config *config = cluster_worker_config(wh->cluster)->outlier;

	if (event == OUTLIER_SUCCESS)
		wh->counts.rq_success++;
	else if (event != OUTLIER_LOCAL_SUCCESS)
		wh->counts.rq_error++;
	if (!config || wh->is_removed)
		return;
	unsigned causes = outlier_note(wh->host, config, event);
	if (UNLIKELY(causes != 0))
		report(wh, causes, false);
}

void worker_host_failed(struct worker_host *wh)
{
	if (!wh->is_removed && !(host_health(wh->host) & HOST_EXCLUDED))
		report(wh, 0, true);
}

/* --- telling main of successes, once an interval --- */

enum {
	TELL_BUCKETS = 1024, /* in one turn: 0.1 ms or so */
	TELL_MS = 1,         /* to the next ones */
};

static void tell_host(struct worker_host *wh)
{
	struct upstream_worker *upstream = wh->cluster->upstream;
	uint64_t requests = wh->counts.rq_success + wh->counts.rq_error;
	struct host_report report = {
		.slot = wh->cluster->slot,
		.requests = requests - wh->told_requests,
		.successes = wh->counts.rq_success - wh->told_successes,
	};

	wh->told_requests = requests;
	wh->told_successes = wh->counts.rq_success;
	if (!report.requests || !upstream->report || wh->is_removed)
		return;
	report.host = host_take(wh->host);
	upstream->report(upstream, &report);
}

static void on_tell(struct timer *timer)
{
	struct cluster_worker *cluster = container_of(timer, struct cluster_worker, tell_timer);

	for (uint32_t n = 0; n < TELL_BUCKETS && cluster->told < cluster->bucket_count; n++)
		for (struct worker_host *wh = cluster->buckets[cluster->told++]; wh; wh = wh->next)
			tell_host(wh);
	bool is_through = cluster->told >= cluster->bucket_count;
	if (is_through)
		cluster->told = 0;
	timer_start(&cluster->upstream->loop->wheel, timer,
		    is_through ? cluster_worker_config(cluster)->outlier->interval_ms : TELL_MS);
}

void cluster_worker_tell(struct cluster_worker *cluster)
{
	const struct outlier_config *config = cluster_worker_config(cluster)->outlier;
	struct timer_wheel *wheel = &cluster->upstream->loop->wheel;

	if (!cluster->tell_timer.fire)
		timer_init(&cluster->tell_timer, on_tell);
	if (cluster->is_removed || !outlier_wants_counts(config))
		timer_cancel(wheel, &cluster->tell_timer);
	else if (!timer_is_running(&cluster->tell_timer))
		timer_start(wheel, &cluster->tell_timer, config->interval_ms);
}
