#include "manager/router_private.h"
#include "telemetry/stats_cluster.h"
#include "upstream/labels.h"

static bool is_avoided(const struct retry_policy *policy, const struct labels *labels)
{
	const struct label *canary = labels_find(labels, SLICE("envoy.lb"), SLICE("canary"));

	if (policy->avoids_canary_hosts && canary && canary->kind == LABEL_BOOL && canary->truth)
		return true;
	return policy->avoided_metadata && labels_hold(labels, policy->avoided_metadata);
}

static bool is_among_tried(const struct router *r, const struct host *host)
{
	uint32_t count = r->attempts < ROUTER_TRIED_HOSTS ? r->attempts : ROUTER_TRIED_HOSTS;

	for (uint32_t i = 0; i < count; i++)
		if (r->tried[i] == host)
			return true;
	return false;
}

bool router_was_tried(void *owner, const struct host_set *set, uint32_t index)
{
	const struct router *r = owner;
	const struct retry_policy *policy = r->plan.policy;

	if ((!policy || policy->avoids_previous_hosts) && is_among_tried(r, set->hosts[index]))
		return true;
	return policy && is_avoided(policy, host_set_labels(set, index));
}

/* Whether the cluster has a healthy host that wasn't tried; asked after a failure only. */
bool router_has_other_host(const struct router *r)
{
	const struct host_set *set = cluster_worker_hosts(r->cluster);

	for (uint32_t i = 0; set && i < set->count && i <= ROUTER_TRIED_HOSTS; i++)
		if (!is_among_tried(r, set->hosts[i]) && !host_is_unhealthy(set->hosts[i]))
			return true;
	return false;
}

void router_on_backoff(struct timer *timer)
{
	router_start_attempt(container_of(timer, struct router, backoff_timer));
}

static void wait_and_retry(struct router *r, const struct headers *response)
{
	struct stream *s = r->stream;
	struct timer_wheel *wheel = &s->worker->loop->wheel;
	uint32_t delay_ms =
		retry_plan_take(&r->plan, response, s->worker->loop->wall_ns / 1000000000,
				random_next(&s->worker->random));

	upstream_request_cancel(&r->request);
	stream_limit_stop(s, STREAM_LIMIT_TRY);
	stream_limit_stop(s, STREAM_LIMIT_TRY_IDLE);
	router_cluster_count(r, CLUSTER_STAT_UPSTREAM_RQ_RETRY);
	router_cluster_count(r, r->plan.was_server_asked
					? CLUSTER_STAT_UPSTREAM_RQ_RETRY_BACKOFF_RATELIMITED
					: CLUSTER_STAT_UPSTREAM_RQ_RETRY_BACKOFF_EXPONENTIAL);
	r->is_sending = false;
	timer_start(wheel, &r->backoff_timer, delay_ms);
}

/* was_seen: by a host, perhaps. */
static bool may_retry(struct router *r, bool was_seen)
{
	if (!r->can_retry || r->is_answering || r->is_timed_out)
		return false;
	if (was_seen && router_is_rpc(r) && r->stream->request->rpc->is_once)
		return false;
	if (!r->plan.left) {
		router_cluster_count(r, CLUSTER_STAT_UPSTREAM_RQ_RETRY_LIMIT_EXCEEDED);
		return false;
	}
	if (!retry_slot_take(&r->retry_slot, r->cluster, router_priority(r))) {
		router_cluster_count(r, CLUSTER_STAT_UPSTREAM_RQ_RETRY_OVERFLOW);
		return false;
	}
	return true;
}

bool router_retry_response(struct router *r, const struct headers *headers)
{
	retry_slot_drop(&r->retry_slot);
	if (!r->plan.on)
		return false;
	if (!retry_plan_wants_response(&r->plan, headers)) {
		if (r->plan.done)
			router_cluster_count(r, CLUSTER_STAT_UPSTREAM_RQ_RETRY_SUCCESS);
		return false;
	}
	if (!may_retry(r, true)) {
		if (!r->plan.left && r->plan.done)
			stream_info_flag(&r->stream->info,
					 RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT_EXCEEDED);
		return false;
	}
	wait_and_retry(r, headers);
	return true;
}

bool router_retry_reset(struct router *r, enum reply_reason reason, bool was_request_sent)
{
	struct retry_reset reset = {.reason = reason, .was_request_sent = was_request_sent};

	retry_slot_drop(&r->retry_slot);
	if (!r->plan.on || !retry_plan_wants_reset(&r->plan, &reset) ||
	    !may_retry(r, was_request_sent))
		return false;
	wait_and_retry(r, NULL);
	return true;
}
