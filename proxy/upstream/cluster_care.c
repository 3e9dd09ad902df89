#include "upstream/cluster_care.h"

#include "net/loop.h"
#include "telemetry/stats.h"
#include "upstream/host_memory.h"
#include "upstream/host_set.h"

static void refresh_soon(struct cluster_care *care)
{
	uint64_t now_ms = loop_now_ms(care->loop), due_ms = care->refreshed_ms + CARE_REFRESH_MS;

	if (!timer_is_running(&care->refresh_timer))
		timer_start(&care->loop->wheel, &care->refresh_timer,
			    due_ms > now_ms ? due_ms - now_ms : 0);
}

static void on_refresh(struct timer *timer)
{
	struct cluster_care *care = container_of(timer, struct cluster_care, refresh_timer);

	care->refreshed_ms = loop_now_ms(care->loop);
	if (care->hosts)
		care->events->refresh(care);
}

static void warm_if_so(struct cluster_care *care)
{
	if (care->is_warm || !care->cluster || !care->hosts ||
	    !health_checker_is_warm(&care->checker))
		return;
	if (care->dns.count && !care->dns.has_answered)
		return;
	care->is_warm = true;
	care->events->warm(care);
}

/* --- health checks --- */

static void on_changed(struct health_checker *checker)
{
	struct cluster_care *care = container_of(checker, struct cluster_care, checker);
	refresh_soon(care);
	warm_if_so(care);
}

static void on_succeeded(struct health_checker *checker, struct host *host)
{
	struct cluster_care *care = container_of(checker, struct cluster_care, checker);
	if (outlier_checked(&care->outlier, host, loop_now_ms(care->loop)))
		refresh_soon(care);
}

static const struct health_checker_events checker_events = {
	.changed = on_changed,
	.succeeded = on_succeeded,
};

void cluster_care_fail(struct cluster_care *care, const struct host *host)
{
	health_checker_fail(&care->checker, host);
}

/* --- outliers --- */

static void on_interval(struct timer *timer)
{
	struct cluster_care *care = container_of(timer, struct cluster_care, outlier_timer);

	uint32_t host_count = care->hosts ? care->hosts->count : 0;

	if (outlier_tick(&care->outlier, host_count, loop_now_ms(care->loop)))
		refresh_soon(care);
	timer_start(&care->loop->wheel, &care->outlier_timer, care->cluster->outlier->interval_ms);
}

void cluster_care_trip(struct cluster_care *care, struct host *host, unsigned causes)
{
	bool is_out = false;

	if (!care->hosts || host_set_find(care->hosts, host) == UINT32_MAX)
		return; /* it has left meanwhile */
	for (unsigned cause = 0; cause < OUTLIER_CAUSES; cause++)
		if (causes >> cause & 1)
			is_out |= outlier_trip(&care->outlier, host, (enum outlier_cause)cause,
					       care->hosts->count, loop_now_ms(care->loop));
	if (is_out)
		refresh_soon(care);
}

void cluster_care_count(struct cluster_care *care, struct host *host, uint64_t requests,
			uint64_t successes)
{
	if (care->hosts && host_set_find(care->hosts, host) != UINT32_MAX)
		outlier_count(&care->outlier, host, requests, successes);
}

static void configure_outlier(struct cluster_care *care)
{
	const struct outlier_config *config = care->cluster->outlier;

	outlier_configure(&care->outlier, config, care->cluster->outlier_stats);
	if (!config)
		timer_cancel(&care->loop->wheel, &care->outlier_timer);
	else if (!timer_is_running(&care->outlier_timer))
		timer_start(&care->loop->wheel, &care->outlier_timer, config->interval_ms);
}

void cluster_care_remember(struct cluster_care *care, const struct host_memory *memory)
{
	care->memory = care->checker.memory = memory;
}

/* Those that the process before has ejected. */
static void remember_outliers(struct cluster_care *care)
{
	bool is_out = false;

	if (!care->memory || !care->memory->findings.count || !care->cluster->outlier)
		return;
	for (uint32_t i = 0; i < care->hosts->count; i++) {
		struct host *host = care->hosts->hosts[i];
		struct host_finding *finding =
			host_memory_find(care->memory, care->cluster->published.name, host);
		is_out |= finding &&
			  outlier_remember(&care->outlier, host, finding, loop_now_ms(care->loop));
	}
	if (is_out)
		refresh_soon(care);
}

/* --- DNS --- */

static void on_assign(struct dns_cluster *dc, struct assignment *assignment)
{
	struct cluster_care *care = container_of(dc, struct cluster_care, dns);
	care->events->assign(care, assignment);
}

/* --- life --- */

void cluster_care_init(struct cluster_care *care, struct loop *loop, struct random *random,
		       struct stats *stats, struct dns *shared_dns,
		       const struct cluster_care_events *events)
{
	*care = (struct cluster_care){.loop = loop, .events = events};
	health_checker_init(&care->checker, loop, random, stats, &checker_events);
	outlier_init(&care->outlier, stats_main_shard(stats), random);
	dns_cluster_init(&care->dns, loop, random, stats, shared_dns, on_assign);
	timer_init(&care->outlier_timer, on_interval);
	timer_init(&care->refresh_timer, on_refresh);
}

void cluster_care_fini(struct cluster_care *care)
{
	dns_cluster_fini(&care->dns);
	health_checker_fini(&care->checker);
	outlier_fini(&care->outlier);
	timer_cancel(&care->loop->wheel, &care->outlier_timer);
	timer_cancel(&care->loop->wheel, &care->refresh_timer);
}

void cluster_care_cluster(struct cluster_care *care, const struct cluster *cluster)
{
	care->cluster = cluster;
	care->is_warm = false;
	configure_outlier(care);
	dns_cluster_configure(&care->dns, cluster);
	health_checker_configure(&care->checker, cluster, care->hosts);
	warm_if_so(care);
}

void cluster_care_hosts(struct cluster_care *care, const struct host_set *hosts)
{
	care->hosts = hosts;
	health_checker_configure(&care->checker, care->cluster, hosts);
	outlier_keep(&care->outlier, hosts);
	if (care->cluster && hosts)
		remember_outliers(care);
	warm_if_so(care);
}
