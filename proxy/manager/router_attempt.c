#include "manager/http_splice.h"
#include "manager/router_private.h"
#include "routing/virtual_host.h"
#include "stream/chain.h"
#include "stream/reply.h"
#include "stream/session.h"
#include "telemetry/stats_cluster.h"

static struct router *of_request(struct upstream_request *request)
{
	return container_of(request, struct router, request);
}

/* --- the request --- */

void router_pause_request(struct router *r)
{
	if (r->is_request_paused)
		return;
	r->is_request_paused = true;
	if (router_is_rpc(r)) /* this call's bytes are all here: its consumer sends no more calls */
		conn_read_pause(&r->stream->session->conn);
	else
		stream_request_pause(r->stream);
}

void router_resume_request(struct router *r)
{
	if (!r->is_request_paused)
		return;
	r->is_request_paused = false;
	if (router_is_rpc(r))
		conn_read_resume(&r->stream->session->conn);
	else
		stream_request_resume(r->stream);
}

/* Everything of the request that is there: head, body so far, trailers. */
void router_send(struct router *r)
{
	struct stream *s = r->stream;
	struct buf body;

	if (LIKELY(!r->has_body && r->is_request_ended && !r->trailers)) {
		r->is_sending = true;
		upstream_send_headers(&r->request, s->request, true);
		if (!r->request.is_blocked)
			router_resume_request(r);
		return;
	}
	buf_init(&body, &s->worker->loop->pool);
	if (r->can_retry)
		buf_borrow_all(&body, &r->retained);
	else
		buf_move_all(&body, &r->waiting);
	bool has_data = body.len || (r->has_body && r->is_request_ended && !r->trailers);
	bool is_end = r->is_request_ended && !r->trailers;

	r->is_sending = true;
	upstream_send_headers(&r->request, s->request, is_end && !has_data);
	if (has_data && r->request.state == UPSTREAM_REQUEST_ATTACHED)
		upstream_send_data(&r->request, &body, is_end);
	if (r->trailers && r->request.state == UPSTREAM_REQUEST_ATTACHED)
		upstream_send_trailers(&r->request, r->trailers);
	buf_clear(&body);
	if (!r->request.is_blocked)
		router_resume_request(r);
}

static void touch_try(struct router *r)
{
	if (r->timeouts.per_try_idle_ms)
		stream_limit_start(r->stream, STREAM_LIMIT_TRY_IDLE, r->timeouts.per_try_idle_ms);
}

/* A copy: the log reads it when the connection may have gone. */
static void note_local(struct stream *s, struct upstream_conn *uc)
{
	struct addr *addr = arena_alloc(&s->arena, sizeof *addr);

	*addr = *upstream_conn_local(uc);
	s->info.upstream_local = addr;
}

static void on_ready(struct upstream_request *request)
{
	struct router *r = of_request(request);
	struct stream *s = r->stream;
	struct stream_times *times = &s->info.times;

	r->is_waiting = false;
	times->pool_ready_ns = s->worker->loop->now_ns;
	if (!times->upstream_start_ns)
		times->upstream_start_ns = s->worker->loop->now_ns;
	s->info.upstream_connection_id = request->conn->id;
	s->info.upstream_protocol = request->protocol;
	if (UNLIKELY(s->session->config->is_logged))
		note_local(s, request->conn);
	touch_try(r);
	router_send(r);
}

/* Filters that look at data see what they see of whole answers. */
static bool takes_parts(struct upstream_request *request, uint8_t serialization)
{
	struct stream *s = of_request(request)->stream;

	(void)serialization; /* the other codec gathers what it can't send so */
	return !codec_writer(s->session->codec) && chain_passes_data(s, DIRECTION_RESPONSE);
}

static void on_blocked(struct upstream_request *request)
{
	router_pause_request(of_request(request));
}

static void on_unblocked(struct upstream_request *request)
{
	router_resume_request(of_request(request));
}

/* --- the answer --- */

static void set_number(struct stream *s, struct headers *headers, enum header_id id, uint64_t n)
{
	headers_set_id(headers, id, arena_number(&s->arena, n));
}

static void amend_answer(struct router *r, struct headers *headers)
{
	struct stream *s = r->stream;
	const struct router_config *config = r->filter->config;

	if (router_is_rpc(r)) {
		route_mutate_response(r->route, r->pick.weighted, headers, &s->info);
		return;
	}
	if (!config->suppresses_envoy_headers)
		set_number(s, headers, HEADER_X_ENVOY_UPSTREAM_SERVICE_TIME,
			   (s->worker->loop->now_ns - r->try_start_ns) / 1000000);
	if (r->route->virtual_host->includes_attempt_count_in_response)
		set_number(s, headers, HEADER_X_ENVOY_ATTEMPT_COUNT, r->attempts);
	for (const struct made_cookie *cookie = r->hash.cookies; cookie; cookie = cookie->next)
		headers_add_id(headers, HEADER_SET_COOKIE, cookie->set_cookie);
	route_mutate_response(r->route, r->pick.weighted, headers, &s->info);
}

static void answer_ended(struct stream *s)
{
	s->info.times.response_end_ns = s->worker->loop->now_ns;
	if (UNLIKELY(s->info.call_times != NULL))
		s->info.call_times->answered_ns = loop_clock_ns();
}

static void on_headers(struct upstream_request *request, struct headers *headers, bool end)
{
	struct router *r = of_request(request);
	struct stream *s = r->stream;
	unsigned code = request->status;

	touch_try(r);
	s->info.times.response_start_ns = s->worker->loop->now_ns;
	r->was_try_timed_out = false;
	if (router_retry_response(r, headers)) {
		router_count_retried(r, code);
		return;
	}
	router_count_code(r, code);
	stream_limit_stop(s, STREAM_LIMIT_TRY);
	r->is_answering = true;
	r->can_retry = false;
	buf_clear(&r->retained);
	s->info.response_code_details = SLICE("via_upstream");
	amend_answer(r, headers);
	if (end)
		answer_ended(s);
	stream_response_headers(s, headers, end);
}

static void on_informational(struct upstream_request *request, struct headers *headers)
{
	stream_response_informational(of_request(request)->stream, headers);
}

static void on_data(struct upstream_request *request, struct buf *data, bool end)
{
	struct router *r = of_request(request);

	touch_try(r);
	if (end) {
		answer_ended(r->stream);
		http_splice_end(r->stream, request, DIRECTION_RESPONSE);
	}
	stream_response_data(r->stream, data, end);
	/* A try's idle time is told of bytes by events only. */
	if (!end && request->state == UPSTREAM_REQUEST_ATTACHED && !r->timeouts.per_try_idle_ms)
		http_splice(r->stream, request, DIRECTION_RESPONSE);
}

static void on_trailers(struct upstream_request *request, struct headers *trailers)
{
	struct router *r = of_request(request);

	answer_ended(r->stream);
	stream_response_trailers(r->stream, trailers);
}

/* Nothing more is to come from upstream: what is held for the request goes back. */
static void settle(struct router *r)
{
	struct stream *s = r->stream;

	r->is_over = true;
	retry_slot_drop(&r->retry_slot);
	router_stop_timers(r);
	buf_clear(&r->waiting);
	buf_clear(&r->retained);
	if (s->source == r)
		stream_clear_source(s);
	router_resume_request(r);
}

/* The answer has ended; a one-way call has none, and its stream ends here. */
static void on_complete(struct upstream_request *request)
{
	struct router *r = of_request(request);
	struct stream *s = r->stream;

	router_count_time(r);
	router_let_go(r);
	if (r->is_over)
		return;
	settle(r);
	if (s->down.is_oneway && stream_is_open(s))
		stream_abort(s, RESPONSE_FLAG_COUNT, (struct slice){0});
}

/* --- failure --- */

static bool is_reset(enum reply_reason reason)
{
	return slice_starts_with(reply_reasons[reason].text, SLICE(RESET_TEXT));
}

/* The answer says that it was tried before. */
static void reply_after_retries(struct stream *s, enum reply_reason reason, struct slice details)
{
	struct slice text = reply_reasons[reason].text;
	const size_t prefix = sizeof RESET_TEXT - 1 - (sizeof "reset reason: " - 1);
	char *retried = arena_printf(&s->arena, "%.*sretried and the latest %.*s", (int)prefix,
				     text.data, (int)(text.len - prefix), text.data + prefix);
	struct local_reply reply = {.reason = reason,
				    .http_status = reply_reasons[reason].http,
				    .grpc_status = -1,
				    .text = slice_of(retried)};
	reply_send_details(s, &reply, details);
}

static void give_up(struct router *r, enum reply_reason reason, struct slice details)
{
	struct stream *s = r->stream;

	settle(r);
	if (r->plan.on && r->plan.done && !r->plan.left && !s->has_sent_headers)
		stream_info_flag(&s->info, RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT_EXCEEDED);
	if (r->plan.done && is_reset(reason) && !s->has_sent_headers)
		reply_after_retries(s, reason, details);
	else
		reply_send_reason(s, reason, details);
}

static void count_failure(struct router *r, enum reply_reason reason)
{
	if (!r->is_answering)
		router_count_code(r, reply_reasons[reason].http);
}

/* A call that no host has seen may go to another one, if there is another. */
static bool resend_elsewhere(struct router *r, enum reply_reason reason)
{
	if ((reason != REPLY_CONNECT_FAILURE && reason != REPLY_CONNECT_TIMEOUT) ||
	    !router_is_rpc(r) || r->resends >= ROUTER_RESENDS || !router_has_other_host(r))
		return false;
	r->resends++;
	router_start_attempt(r);
	return true;
}

/* One may have seen it; a second may see it, too. */
static bool resend_idempotent(struct router *r, enum reply_reason reason)
{
	if ((reason != REPLY_CONNECTION_LOST && reason != REPLY_UPSTREAM_RESET) ||
	    !router_is_rpc(r) || !r->stream->request->rpc->is_idempotent || !r->can_retry ||
	    r->resends >= ROUTER_RESENDS)
		return false;
	r->resends++;
	router_start_attempt(r);
	return true;
}

/* Nor has one seen a call of which the connection took no byte. */
static bool resend_unsent(struct router *r, enum reply_reason reason)
{
	if (reason != REPLY_CONNECTION_LOST || !router_is_rpc(r) || r->resends >= ROUTER_RESENDS ||
	    !upstream_request_unsent(&r->request, &r->waiting))
		return false;
	r->resends++;
	router_start_attempt(r);
	return true;
}

static void on_failed(struct upstream_request *request, enum reply_reason reason,
		      struct slice details)
{
	struct router *r = of_request(request);

	r->was_try_timed_out = false;
	r->stream->info.upstream_failure_reason = details;
	if (router_retry_reset(r, reason, false) || resend_elsewhere(r, reason))
		return;
	count_failure(r, reason);
	give_up(r, reason, (struct slice){0});
}

/* May be done twice: RFC 9110, 9.2.2. Of methods that we don't know we can't say so. */
static bool is_idempotent(const struct router *r)
{
	static const struct slice methods[] = {SLICE("GET"),    SLICE("HEAD"),    SLICE("PUT"),
					       SLICE("DELETE"), SLICE("OPTIONS"), SLICE("TRACE")};
	struct slice method = headers_get(r->stream->request, HEADER_METHOD);

	for (size_t i = 0; !router_is_rpc(r) && i < COUNT_OF(methods); i++)
		if (slice_equal(methods[i], method))
			return true;
	return false;
}

static void on_reset(struct upstream_request *request, enum reply_reason reason)
{
	struct router *r = of_request(request);

	if (r->is_over) { /* the stream has ended before it */
		router_let_go(r);
		return;
	}
	if (r->is_answering) {
		give_up(r, reason, (struct slice){0});
		return;
	}
	/* Nothing of it was taken, or it met the end of a connection that had idled: not the host's
	 * word on this request. */
	if (request->is_conn_reused && !request->has_answer_begun && r->resends < ROUTER_RESENDS &&
	    reason == REPLY_CONNECTION_LOST && !r->has_body &&
	    (request->was_untouched || is_idempotent(r))) {
		r->resends++;
		r->attempts--;
		router_start_attempt(r);
		return;
	}
	if (resend_unsent(r, reason) || router_retry_reset(r, reason, !request->was_untouched) ||
	    resend_idempotent(r, reason))
		return;
	count_failure(r, reason);
	give_up(r, reason, (struct slice){0});
}

const struct upstream_request_events router_request_events = {
	.ready = on_ready,
	.failed = on_failed,
	.headers = on_headers,
	.informational = on_informational,
	.data = on_data,
	.trailers = on_trailers,
	.reset = on_reset,
	.complete = on_complete,
	.takes_parts = takes_parts,
	.blocked = on_blocked,
	.unblocked = on_unblocked,
};

/* --- what the stream asks of its source --- */

static void source_pause(void *source)
{
	struct router *r = source;
	upstream_pause(&r->request);
}

static void source_resume(void *source)
{
	struct router *r = source;
	upstream_resume(&r->request);
}

static void source_cancel(void *source)
{
	router_end(source);
}

/* --- time --- */

static void time_out(struct router *r, enum reply_reason reason)
{
	r->was_try_timed_out = true;
	if (r->request.state == UPSTREAM_REQUEST_ATTACHED) {
		r->request.host->counts.rq_timeout++;
		worker_host_note(r->request.host, OUTLIER_LOCAL_FAILURE);
	}
	upstream_request_cancel(&r->request);
	if (reason != REPLY_UPSTREAM_TIMEOUT && router_retry_reset(r, reason, true))
		return;
	count_failure(r, REPLY_UPSTREAM_TIMEOUT);
	if (r->timeouts.alt_response && !r->is_answering) {
		settle(r);
		reply_send_details(r->stream,
				   &(struct local_reply){
					   .reason = reason, .http_status = 204, .grpc_status = -1},
				   (struct slice){0});
		return;
	}
	give_up(r, reason, (struct slice){0});
}

static void source_timed_out(void *source, enum stream_limit limit)
{
	struct router *r = source;

	if (limit == STREAM_LIMIT_TOTAL) {
		r->is_timed_out = true;
		router_cluster_count(r, CLUSTER_STAT_UPSTREAM_RQ_TIMEOUT);
		time_out(r, REPLY_UPSTREAM_TIMEOUT);
	} else if (limit == STREAM_LIMIT_TRY) {
		router_cluster_count(r, CLUSTER_STAT_UPSTREAM_RQ_PER_TRY_TIMEOUT);
		time_out(r, REPLY_PER_TRY_TIMEOUT);
	} else {
		router_cluster_count(r, CLUSTER_STAT_UPSTREAM_RQ_PER_TRY_IDLE_TIMEOUT);
		time_out(r, REPLY_PER_TRY_IDLE_TIMEOUT);
	}
}

void router_start_total_timer(struct router *r)
{
	if (r->timeouts.total_ms)
		stream_limit_start(r->stream, STREAM_LIMIT_TOTAL, r->timeouts.total_ms);
}

void router_stop_timers(struct router *r)
{
	stream_limit_stop(r->stream, STREAM_LIMIT_TOTAL);
	stream_limit_stop(r->stream, STREAM_LIMIT_TRY);
	stream_limit_stop(r->stream, STREAM_LIMIT_TRY_IDLE);
	timer_cancel(&r->stream->worker->loop->wheel, &r->backoff_timer);
}

const struct response_source router_source = {
	.pause = source_pause,
	.resume = source_resume,
	.cancel = source_cancel,
	.timed_out = source_timed_out,
};
