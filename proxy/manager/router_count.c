#include "manager/router_private.h"
#include "telemetry/stats_cluster.h"

void router_count_code(struct router *r, unsigned code)
{
	struct stats_shard *shard = r->stream->worker->stats;
	struct stat_scope *scope = r->cluster->stats;

	if (code < 100 || code > 599 || router_is_rpc(r)) /* a call has no such code */
		return;
	stat_inc(shard, scope, stat_class_id(CLUSTER_STAT_UPSTREAM_RQ_1XX, code));
	stat_inc(shard, scope, CLUSTER_STAT_UPSTREAM_RQ_COMPLETED);
	stat_code_inc(shard, scope, CLUSTER_STAT_UPSTREAM_RQ_CODE, code);
}

void router_count_time(struct router *r)
{
	if (router_is_rpc(r)) /* dubbo.<stat_prefix>.request_time_ms */
		return;
	stat_record(r->stream->worker->stats, r->cluster->stats, CLUSTER_STAT_UPSTREAM_RQ_TIME,
		    (r->stream->worker->loop->now_ns - r->try_start_ns) / 1000000);
}
