#include "manager/http_splice.h"
#include "manager/router.h"

#include "manager/router_private.h"
#include "message/format.h"
#include "routing/virtual_host.h"
#include "stream/reply.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_http.h"

enum { FORMATTED_BODY_MAX = 16384 };

static const struct router_config *config_of(const struct router *r)
{
	return r->filter->config;
}

/* What a consumer's log should say: its message is all that a caller of Java gets to see. */
static COLD struct slice rpc_text(const struct router *r, enum reply_reason reason)
{
	const struct rpc_head *rpc = r->stream->request->rpc;
	struct arena *arena = &r->stream->arena;

	switch ((int)reason) {
	case REPLY_NO_ROUTE:
		return slice_of(arena_printf(arena, "no route for %.*s.%.*s",
					     SLICE_FMT(rpc->service), SLICE_FMT(rpc->method)));
	case REPLY_NO_CLUSTER:
		return slice_of(
			arena_printf(arena, "unknown cluster '%.*s'", SLICE_FMT(r->pick.name)));
	case REPLY_NO_HEALTHY_UPSTREAM:
		return slice_of(arena_printf(arena, "no healthy upstream for '%.*s'",
					     SLICE_FMT(r->pick.name)));
	}
	return reply_reasons[reason].text;
}

static bool reply(struct router *r, enum reply_reason reason, unsigned status, struct slice details)
{
	struct local_reply local = {
		.reason = reason,
		.http_status = (uint16_t)(status ? status : reply_reasons[reason].http),
		.grpc_status = -1,
		.text = router_is_rpc(r) ? rpc_text(r, reason) : reply_reasons[reason].text};
	reply_send_details(r->stream, &local, details);
	return false;
}

/* --- routes that answer themselves --- */

static void answer_direct(struct router *r)
{
	const struct direct_response *direct = r->route->direct_response;
	struct stream *s = r->stream;
	struct local_reply local = {.reason = REPLY_DIRECT_RESPONSE,
				    .http_status = direct->status,
				    .grpc_status = -1,
				    .text = direct->body,
				    .content_type = direct->content_type};

	if (direct->body_format) {
		char *text = arena_alloc(&s->arena, FORMATTED_BODY_MAX);
		size_t len = format_write(direct->body_format, &s->info, text, FORMATTED_BODY_MAX);
		local.text = slice_make(text, len < FORMATTED_BODY_MAX ? len : FORMATTED_BODY_MAX);
	}
	route_rewrite_request(r->route, NULL, s->request, true);
	reply_send_details(s, &local, SLICE("direct_response"));
}

static void answer_redirect(struct router *r)
{
	const struct redirect *redirect = r->route->redirect;
	struct stream *s = r->stream;

	s->redirect_location =
		redirect_location(redirect, r->route->matcher, s->request, &s->arena);
	reply_send_details(s,
			   &(struct local_reply){.reason = REPLY_DIRECT_RESPONSE,
						 .http_status = redirect->status,
						 .grpc_status = -1},
			   SLICE("direct_response"));
}

/* --- cluster and host --- */

static struct cluster_worker *find_cluster(const struct router *r)
{
	struct upstream_worker *upstream = r->stream->worker->upstream;

	if (r->pick.slot != CLUSTER_SLOT_NONE)
		return cluster_worker_find(upstream, r->pick.slot);
	return cluster_worker_find_name(upstream, r->pick.name);
}

/* Held: what it counts to may outlive the cluster's configuration. */
static void set_cluster(struct router *r, struct cluster_worker *cluster)
{
	struct cluster_worker *old = r->cluster;

	r->cluster = cluster ? cluster_worker_hold(cluster) : NULL;
	if (old)
		cluster_worker_release(old);
}

void router_let_go(struct router *r)
{
	if (r->is_closed && r->request.state == UPSTREAM_REQUEST_OVER)
		set_cluster(r, NULL);
}

static void hash_request(struct router *r)
{
	struct stream *s = r->stream;
	struct slice path = headers_get(s->request, HEADER_PATH);
	size_t mark = slice_find_char(path, '?', 0);
	struct hash_input input = {.headers = s->request,
				   .query = mark < path.len ? slice_sub(path, mark + 1, path.len)
							    : (struct slice){0},
				   .client = s->info.downstream_remote,
				   .local = s->info.downstream_local,
				   .arena = &s->arena};

	r->hash = hash_policies_hash(&r->route->forward->hash_policies, &input);
}

static bool choose_cluster(struct router *r)
{
	struct stream *s = r->stream;
	const struct route_action *action = r->route->forward;

	if (action->hash_policies.count)
		hash_request(r);
	bool is_named = route_pick_cluster(r->route, s->request, s->random,
					   r->hash.is_found ? &r->hash.hash : NULL, &r->pick);
	if (is_named && !router_narrow(r))
		return false;
	set_cluster(r, is_named ? find_cluster(r) : NULL);
	s->info.cluster_name = r->pick.name;
	if (!r->cluster) {
		unsigned status = action->cluster_not_found_status;
		return reply(r, REPLY_NO_CLUSTER, status ? status : 503, (struct slice){0});
	}
	return true;
}

/* Where the client wanted to go, for clusters that take it there. NULL: nowhere that is known. */
static const struct addr *find_destination(struct router *r, struct addr *destination)
{
	const struct cluster *cluster = cluster_worker_config(r->cluster);
	const struct stream_info *info = &r->stream->info;

	if (cluster->type != CLUSTER_ORIGINAL_DST)
		return NULL;
	if (cluster->uses_header_for_original_dst) {
		const struct header *header =
			headers_find(r->stream->request, cluster->original_dst_header);
		if (!header)
			return NULL;
		if (addr_parse(header_value(header), destination)) {
			router_cluster_count(r, CLUSTER_STAT_ORIGINAL_DST_HOST_INVALID);
			return NULL;
		}
	} else {
		*destination = *info->downstream_local;
	}
	if (cluster->original_dst_port)
		destination->port = cluster->original_dst_port;
	return destination;
}

/* The load of a further attempt, away from priorities that were tried. NULL: as usual. */
static const uint8_t *shift_priorities(struct router *r, const struct retry_policy *policy,
				       uint8_t *loads)
{
	const struct host_set *set = cluster_worker_hosts(r->cluster);

	if (!set || !r->attempts || !policy || !policy->priority_update_frequency)
		return NULL;
	if (r->attempts % policy->priority_update_frequency == 0)
		r->excluded_priorities = r->tried_priorities;
	if (!r->excluded_priorities)
		return NULL;
	if (balance_exclude(set->balance, r->excluded_priorities, loads))
		return loads;
	r->excluded_priorities = r->tried_priorities = 0; /* all were tried: from the beginning */
	return NULL;
}

static void note_priority(struct router *r, const struct pick *pick)
{
	const struct host_set *set = cluster_worker_hosts(r->cluster);
	uint32_t priority =
		set && pick->index < set->count ? host_set_locality(set, pick->index)->priority : 0;

	r->tried_priorities |= UINT64_C(1) << (priority < 64 ? priority : 63);
}

/* A host for an attempt that isn't the first of a plain request to a plain cluster. */
static struct worker_host *choose_host_by_all(struct router *r)
{
	const struct retry_policy *policy = r->plan.policy;
	uint8_t loads[ASSIGNMENT_PRIORITY_MAX + 1];
	struct addr destination;
	struct pick pick = {
		.address = find_destination(r, &destination),
		.has_hash = r->hash.is_found,
		.hash = r->hash.hash,
		.match = r->pick.metadata_match,
		.metadata = r->stream->info.metadata,
		.narrowing = r->narrowing,
		.attempts = 1,
		.index = BALANCE_NONE,
		.priority_loads = shift_priorities(r, policy, loads),
	};

	if (r->attempts && policy &&
	    (policy->avoids_previous_hosts || policy->avoids_canary_hosts ||
	     policy->avoided_metadata)) {
		pick.attempts = (policy->host_attempts ? policy->host_attempts : 1) + 1;
		pick.is_refused = router_was_tried;
		pick.owner = r;
	} else if (UNLIKELY(r->resends) && router_is_rpc(r)) {
		pick.attempts = ROUTER_TRIED_HOSTS;
		pick.is_refused = router_was_tried;
		pick.owner = r;
	}
	struct worker_host *host = cluster_worker_pick(r->cluster, &pick);
	if (policy && policy->priority_update_frequency)
		note_priority(r, &pick);
	return host;
}

static struct worker_host *choose_host(struct router *r)
{
	struct worker_host *host = NULL;

	if (router_is_rpc(r) && !r->attempts && r->stream->request->rpc->host)
		return r->stream->request->rpc->host;
	if (LIKELY(r->cluster->is_plain && r->route->is_plain && !r->attempts && !r->resends &&
		   !r->narrowing))
		host = cluster_worker_pick_next(r->cluster);
	return host ? host : choose_host_by_all(r);
}

/* --- the request's head --- */

static void set_attempt_count(struct router *r)
{
	struct stream *s = r->stream;

	headers_set_id(s->request, HEADER_X_ENVOY_ATTEMPT_COUNT,
		       arena_number(&s->arena, r->attempts));
}

static uint64_t rest_of_stream_ms(const struct router *r, uint64_t limit_ms)
{
	const struct stream *s = r->stream;
	uint64_t passed_ms = (s->worker->loop->now_ns - s->info.times.start_ns) / 1000000;

	return limit_ms > passed_ms ? limit_ms - passed_ms : 1;
}

/* The route's limit of the whole stream holds in the place of the listener's. */
static void limit_duration(struct router *r)
{
	struct stream *s = r->stream;
	uint32_t max_ms = request_max_duration(r->route->forward, s->request);

	if (!max_ms)
		stream_limit_stop(s, STREAM_LIMIT_DURATION);
	else if (max_ms != DURATION_UNSET)
		stream_limit_start(s, STREAM_LIMIT_DURATION, rest_of_stream_ms(r, max_ms));
}

static void prepare_by_route(struct router *r, bool writes)
{
	struct stream *s = r->stream;
	const struct retry_policy *retry = route_retry_policy(r->route);

	request_timeouts_init(&r->timeouts, r->route->forward, retry, s->request, writes);
	retry_plan_init(&r->plan, retry, s->request);
	r->can_retry = r->plan.on != 0;
	s->info.virtual_cluster_name =
		virtual_host_cluster_name(r->route->virtual_host, s->request);
	route_mutate_request(r->route, r->pick.weighted, s->request, &s->info);
	route_rewrite_request(r->route, r->pick.weighted, s->request, writes);
	if (r->route->extras->body_buffer_limit != UINT64_MAX &&
	    r->route->extras->body_buffer_limit < s->buffer_limit)
		s->buffer_limit = (uint32_t)r->route->extras->body_buffer_limit;
	if (r->route->forward->idle_timeout_ms != DURATION_UNSET)
		stream_set_idle_timeout(s, r->route->forward->idle_timeout_ms);
	if (r->route->forward->has_stream_duration)
		limit_duration(r);
}

/* What is left of the time that its manager and its caller give the call, if that is less than the
 * route's. */
static void limit_call(struct router *r, uint64_t limit_ms)
{
	uint64_t left_ms = rest_of_stream_ms(r, limit_ms);

	if (!r->timeouts.total_ms || left_ms < r->timeouts.total_ms)
		r->timeouts.total_ms = left_ms;
}

/* The frame goes on as it came, once, unless something asks for more. */
static void prepare_call(struct router *r)
{
	const struct stream *s = r->stream;
	const struct rpc_head *rpc = s->request->rpc;

	r->timeouts.total_ms = r->route->forward->timeout_ms;
	if (UNLIKELY(!r->route->is_plain))
		prepare_by_route(r, false);
	if (UNLIKELY(rpc->limit_ms))
		limit_call(r, rpc->limit_ms);
	if (UNLIKELY(rpc->is_idempotent))
		r->can_retry = true;
}

static void prepare_head(struct router *r)
{
	struct stream *s = r->stream;
	bool writes = !config_of(r)->suppresses_envoy_headers;

	if (router_is_rpc(r)) {
		prepare_call(r);
		return;
	}
	if (LIKELY(r->route->is_plain && !headers_has_any(s->request, &route_asked_names))) {
		r->timeouts.total_ms = r->route->forward->timeout_ms;
		if (writes && r->timeouts.total_ms)
			headers_set_id(s->request, HEADER_X_ENVOY_EXPECTED_RQ_TIMEOUT_MS,
				       r->route->forward->timeout_text);
		return;
	}
	prepare_by_route(r, writes);
}

/* The assignment of the hosts may ask for a share of all requests to be dropped. */
static bool is_dropped(struct router *r)
{
	const struct host_set *set = cluster_worker_hosts(r->cluster);

	for (uint32_t i = 0; set && i < set->drop_count; i++)
		if (random_below(&r->stream->worker->random, 1000000) < set->drops[i].per_million)
			return true;
	return false;
}

/* A copy: the log reads it when the host may have gone. */
static void note_host(struct stream *s, const struct host *host)
{
	struct addr *addr = arena_alloc(&s->arena, sizeof *addr);

	*addr = host->addr;
	if (addr->family == ADDR_UNIX)
		addr->path = arena_string(&s->arena, slice_of(addr->path));
	s->info.upstream_remote = addr;
	s->info.upstream_host_name = host->hostname_len
					     ? arena_slice(&s->arena, host_hostname(host))
					     : (struct slice){"", 0};
}

void router_start_attempt(struct router *r)
{
	struct stream *s = r->stream;

	if (r->attempts || r->resends) /* the first one's was just chosen */
		set_cluster(r, find_cluster(r));
	if (!r->cluster) {
		reply(r, REPLY_NO_CLUSTER, 503, (struct slice){0});
		return;
	}
	if (!r->cluster->is_plain && is_dropped(r)) {
		router_cluster_count(r, CLUSTER_STAT_UPSTREAM_RQ_DROP_OVERLOAD);
		reply(r, REPLY_DROP_OVERLOAD, 0, (struct slice){0});
		return;
	}
	struct worker_host *host = choose_host(r);
	if (!host) {
		router_cluster_count(r, CLUSTER_STAT_UPSTREAM_CX_NONE_HEALTHY);
		router_count_code(r, 503);
		reply(r, REPLY_NO_HEALTHY_UPSTREAM, 0, (struct slice){0});
		return;
	}
	r->tried[r->attempts % ROUTER_TRIED_HOSTS] = host->host;
	r->attempts++;
	s->info.attempt_count = (uint8_t)(r->attempts < 255 ? r->attempts : 255);
	if (r->route->virtual_host->includes_attempt_count)
		set_attempt_count(r);
	if (r->was_try_timed_out && r->route->virtual_host->includes_is_timeout_retry)
		headers_set_id(s->request, HEADER_X_ENVOY_IS_TIMEOUT_RETRY, SLICE("true"));
	if (r->attempts > 1)
		request_timeouts_write(&r->timeouts, r->route->forward, s->request,
				       (s->worker->loop->now_ns - s->info.times.start_ns) / 1000000,
				       !config_of(r)->suppresses_envoy_headers &&
					       !router_is_rpc(r));
	if (r->route->forward->host_rewrite.kind == HOST_REWRITE_AUTO &&
	    host_hostname(host->host).len)
		host_rewrite_set(s->request, host_hostname(host->host),
				 r->route->forward->appends_forwarded_host,
				 !config_of(r)->suppresses_envoy_headers);
	note_host(s, host->host);
	r->is_sending = false;
	r->is_waiting = true;
	r->try_start_ns = s->worker->loop->now_ns;
	if (r->timeouts.per_try_ms)
		stream_limit_start(s, STREAM_LIMIT_TRY, r->timeouts.per_try_ms);
	r->request.priority = (uint8_t)router_priority(r);
	r->request.reserve = router_reserve(r);
	r->request.is_in_parts = router_is_rpc(r) && s->request->rpc->body_len;
	if (UNLIKELY(s->info.call_times != NULL) && !s->info.call_times->sent_ns)
		s->info.call_times->sent_ns = loop_clock_ns();
	upstream_request_start(&r->request, host, router_protocol(r), &s->arena,
			       &router_request_events);
}

/* --- the filter --- */

void router_open(struct filter *f)
{
	struct router *r = f->state;

	r->filter = f;
	r->stream = f->stream;
	buf_init(&r->waiting, &f->stream->worker->loop->pool);
	buf_init(&r->retained, &f->stream->worker->loop->pool);
	timer_init(&r->backoff_timer, router_on_backoff);
}

static bool begin(struct router *r)
{
	struct stream *s = r->stream;

	router_count(r, ROUTER_STAT_RQ_TOTAL);
	r->route = filter_route(r->filter);
	if (!r->route) {
		router_count(r, ROUTER_STAT_NO_ROUTE);
		return reply(r, REPLY_NO_ROUTE, 0, (struct slice){0});
	}
	switch ((enum route_kind)r->route->kind) {
	case ROUTE_DIRECT_RESPONSE:
		router_count(r, ROUTER_STAT_RQ_DIRECT_RESPONSE);
		answer_direct(r);
		return false;
	case ROUTE_REDIRECT:
		router_count(r, ROUTER_STAT_RQ_REDIRECT);
		answer_redirect(r);
		return false;
	case ROUTE_NON_FORWARDING:
		return reply(r, REPLY_NO_ROUTE, 0, (struct slice){0});
	case ROUTE_FORWARD:
		break;
	}
	if (!choose_cluster(r))
		return false;
	prepare_head(r);
	stream_set_source(s, &router_source, r);
	return true;
}

enum filter_status router_request_headers(struct filter *f, struct headers *headers, bool end)
{
	struct router *r = f->state;

	(void)headers;
	r->is_request_ended = end;
	r->has_body = !end;
	if (!begin(r))
		return FILTER_REPLIED;
	if (UNLIKELY(!r->route->is_plain))
		router_mirror_begin(r);
	if (end) {
		router_start_total_timer(r);
		router_mirror_send(r);
	}
	router_start_attempt(r);
	return FILTER_CONTINUE;
}

/* Keeps a copy for a further attempt, or gives retries up when it grows over the limit. */
static void retain(struct router *r, const struct buf *data)
{
	if (!r->can_retry || r->is_answering)
		return;
	if (r->retained.len + data->len > r->stream->buffer_limit) {
		r->can_retry = false;
		router_cluster_count(r, CLUSTER_STAT_RETRY_OR_SHADOW_ABANDONED);
		if (r->is_sending)
			buf_clear(&r->retained);
		else
			buf_move_all(&r->waiting, &r->retained); /* not sent yet */
		return;
	}
	if (r->can_retry)
		buf_copy_all(&r->retained, data);
}

enum filter_status router_request_data(struct filter *f, struct buf *data, bool end)
{
	struct router *r = f->state;

	r->is_request_ended = end;
	r->has_body = r->has_body || data->len;
	if (r->is_over) {
		buf_clear(data);
		return FILTER_CONTINUE;
	}
	router_mirror_data(r, data);
	if (end) {
		router_start_total_timer(r);
		router_mirror_send(r);
	}
	retain(r, data);
	if (r->is_sending) {
		if (end)
			http_splice_end(r->stream, &r->request, DIRECTION_REQUEST);
		upstream_send_data(&r->request, data, end);
		if (!end && !r->can_retry && !r->mirrored)
			http_splice(r->stream, &r->request, DIRECTION_REQUEST);
	} else if (r->can_retry) {
		buf_clear(data); /* goes out of `retained` when the attempt is ready */
	} else {
		buf_move_all(&r->waiting, data);
		buf_own(&r->waiting);
		if (r->waiting.len > CONN_DEFAULT_HIGH_MARK)
			router_pause_request(r);
	}
	return FILTER_CONTINUE;
}

enum filter_status router_request_trailers(struct filter *f, struct headers *trailers)
{
	struct router *r = f->state;

	r->is_request_ended = true;
	r->trailers = trailers;
	if (r->is_over)
		return FILTER_CONTINUE;
	router_start_total_timer(r);
	router_mirror_send(r);
	if (r->is_sending)
		upstream_send_trailers(&r->request, trailers);
	return FILTER_CONTINUE;
}

void router_end(struct router *r)
{
	if (r->is_over)
		return;
	r->is_over = true;
	retry_slot_drop(&r->retry_slot);
	router_stop_timers(r);
	/* Complete, though the codec has yet to say so: it does before this turn ends. */
	if (!r->request.exchange.is_received || !r->request.exchange.is_sent)
		upstream_request_cancel(&r->request);
	router_resume_request(r);
	buf_clear(&r->waiting);
	buf_clear(&r->retained);
}

void router_close(struct filter *f)
{
	struct router *r = f->state;

	router_end(r);
	router_mirror_drop(r);
	r->is_closed = true;
	router_let_go(r);
}
