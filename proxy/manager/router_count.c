#include "manager/router_private.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_http.h"

/* Envoy counts requests of the mesh apart from those that came from outside. */
static const struct stat_scope *origin_scope(const struct router *r)
{
	const struct cluster *cluster = cluster_worker_config(r->cluster);
	bool is_internal = headers_has(r->stream->request, HEADER_X_ENVOY_INTERNAL);

	return is_internal ? cluster->internal_stats : cluster->external_stats;
}

void router_count_code(struct router *r, unsigned code)
{
	struct stats_shard *shard = r->stream->worker->stats;

	if (router_is_rpc(r)) /* a call has no such code */
		return;
	stat_count_answer(shard, r->cluster->stats, CLUSTER_STAT_UPSTREAM_RQ_1XX, code);
	stat_count_answer(shard, origin_scope(r), CODE_STAT_UPSTREAM_RQ_1XX, code);
}

void router_count_retried(struct router *r, unsigned code)
{
	if (!router_is_rpc(r))
		stat_count_answer(r->stream->worker->stats,
				  cluster_worker_config(r->cluster)->retry_stats,
				  CODE_STAT_UPSTREAM_RQ_1XX, code);
}

void router_count(struct router *r, unsigned id)
{
	const struct router_config *config = r->filter->config;

	if (config->stats)
		stat_inc(r->stream->worker->stats, config->stats, id);
}

void router_count_time(struct router *r)
{
	uint64_t ms = (r->stream->worker->loop->now_ns - r->try_start_ns) / 1000000;

	if (router_is_rpc(r)) /* dubbo.<stat_prefix>.request_time_ms */
		return;
	stat_record(r->stream->worker->stats, r->cluster->stats, CLUSTER_STAT_UPSTREAM_RQ_TIME, ms);
	stat_record(r->stream->worker->stats, origin_scope(r), CODE_STAT_UPSTREAM_RQ_TIME, ms);
}
