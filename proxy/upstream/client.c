#include "upstream/client.h"

#include <stdlib.h>

#include "codec/bolt_frame.h"
#include "telemetry/stats_cluster.h"
#include "upstream/upstream_worker.h"

static struct client_call *of_request(struct upstream_request *request)
{
	return container_of(request, struct client_call, request);
}

/* --- the end --- */

/* Everything but what `done` shows. */
static void stop(struct client_call *call)
{
	struct cluster_worker *cluster = call->cluster;

	call->cluster = NULL;
	scope_remove(&call->item);
	timer_cancel(&call->upstream->loop->wheel, &call->timeout);
	buf_clear(&call->body);
	buf_clear(&call->answer);
	if (cluster)
		cluster_worker_release(cluster);
}

static void count(const struct client_call *call, unsigned status)
{
	struct stats_shard *shard = call->upstream->stats;
	struct stat_scope *scope = call->cluster->stats;

	if (call->headers->rpc) /* it has no such code */
		return;
	if (status < 100 || status > 599)
		return;
	stat_inc(shard, scope, stat_class_id(CLUSTER_STAT_UPSTREAM_RQ_1XX, status));
	stat_inc(shard, scope, CLUSTER_STAT_UPSTREAM_RQ_COMPLETED);
	stat_code_inc(shard, scope, CLUSTER_STAT_UPSTREAM_RQ_CODE, status);
}

static void fail(struct client_call *call, enum reply_reason reason)
{
	const struct client_answer answer = {.failure = reason};

	if (call->cluster)
		count(call, reply_reasons[reason].http);
	stop(call);
	call->done(call, &answer);
}

void client_cancel(struct client_call *call)
{
	if (!call->cluster)
		return;
	upstream_request_cancel(&call->request);
	stop(call);
}

static void on_scope_cancel(struct scope_item *item)
{
	client_cancel(container_of(item, struct client_call, item));
}

static void on_timeout(struct timer *timer)
{
	struct client_call *call = container_of(timer, struct client_call, timeout);

	if (call->request.state == UPSTREAM_REQUEST_ATTACHED)
		worker_host_note(call->request.host, OUTLIER_LOCAL_FAILURE);
	stat_inc(call->upstream->stats, call->cluster->stats, CLUSTER_STAT_UPSTREAM_RQ_TIMEOUT);
	upstream_request_cancel(&call->request);
	fail(call, REPLY_UPSTREAM_TIMEOUT);
}

/* --- the request's events
 * ---------------------------------------------------------------------------------------- */

static void on_ready(struct upstream_request *request)
{
	struct client_call *call = of_request(request);
	bool has_body = call->body.len;

	upstream_send_headers(request, call->headers, !has_body);
	if (has_body && request->state == UPSTREAM_REQUEST_ATTACHED)
		upstream_send_data(request, &call->body, true);
}

static void on_failed(struct upstream_request *request, enum reply_reason reason,
		      struct slice details)
{
	(void)details;
	fail(of_request(request), reason);
}

static void on_headers(struct upstream_request *request, struct headers *headers, bool is_end)
{
	struct client_call *call = of_request(request);
	uint64_t status = 0;

	(void)is_end; /* complete follows */
	if (slice_to_uint64(headers_get(headers, HEADER_STATUS), &status) && status < 1000)
		call->status = (unsigned)status;
	call->answer_headers = headers;
}

static void on_data(struct upstream_request *request, struct buf *data, bool is_end)
{
	struct client_call *call = of_request(request);

	(void)is_end;
	if (data->len > call->body_limit - call->answer.len) {
		buf_clear(data);
		upstream_request_cancel(request);
		fail(call, REPLY_RESPONSE_TOO_LARGE);
		return;
	}
	buf_move_all(&call->answer, data);
	buf_own(&call->answer);
}

static void on_reset(struct upstream_request *request, enum reply_reason reason)
{
	fail(of_request(request), reason);
}

static void on_complete(struct upstream_request *request)
{
	struct client_call *call = of_request(request);

	if (!call->cluster)
		return;
	if (!call->answer_headers) { /* of a one-way call */
		stop(call);
		call->done(call, &(struct client_answer){.failure = REPLY_NONE});
		return;
	}
	char *bytes = arena_alloc(call->arena, call->answer.len + 1);
	size_t len = buf_peek(&call->answer, bytes, call->answer.len);
	struct client_answer answer = {
		.status = call->status,
		.headers = call->answer_headers,
		.body = slice_make(bytes, len),
	};
	count(call, call->status);
	stop(call);
	call->done(call, &answer);
}

static void ignore_informational(struct upstream_request *request, struct headers *headers)
{
	(void)request;
	(void)headers;
}

static void ignore_trailers(struct upstream_request *request, struct headers *trailers)
{
	(void)request;
	(void)trailers;
}

/* The body is there as a whole, and bounded by who made it. */
static void ignore_pressure(struct upstream_request *request)
{
	(void)request;
}

static const struct upstream_request_events request_events = {
	.ready = on_ready,
	.failed = on_failed,
	.headers = on_headers,
	.informational = ignore_informational,
	.data = on_data,
	.trailers = ignore_trailers,
	.reset = on_reset,
	.complete = on_complete,
	.blocked = ignore_pressure,
	.unblocked = ignore_pressure,
};

/* The length is known: no chunks are needed. */
static void announce_length(struct headers *headers, size_t len, struct arena *arena)
{
	if (len)
		headers_set_id(headers, HEADER_CONTENT_LENGTH,
			       slice_of(arena_printf(arena, "%zu", len)));
}

static enum stream_protocol protocol_of(const struct headers *headers)
{
	if (!headers->rpc)
		return STREAM_PROTOCOL_HTTP11;
	return headers->rpc->protocol == RPC_BOLT ? STREAM_PROTOCOL_BOLT : STREAM_PROTOCOL_DUBBO;
}

/* --- the beginning --- */

void client_send(struct client_call *call, struct upstream_worker *upstream, struct scope *scope,
		 struct arena *arena, const struct client_request *request,
		 void (*done)(struct client_call *call, const struct client_answer *answer))
{
	struct cluster_worker *cluster = cluster_worker_find_name(upstream, request->cluster);
	struct pick pick = {
		.has_hash = request->has_hash, .hash = request->hash, .index = BALANCE_NONE};

	memset(call, 0, sizeof *call);
	call->upstream = upstream;
	call->arena = arena;
	call->headers = request->headers;
	call->body_limit = request->body_limit ? request->body_limit : CLIENT_BODY_LIMIT;
	call->done = done;
	timer_init(&call->timeout, on_timeout);
	buf_init(&call->body, &upstream->loop->pool);
	buf_init(&call->answer, &upstream->loop->pool);
	if (!cluster) {
		fail(call, REPLY_NO_CLUSTER);
		return;
	}
	call->cluster = cluster_worker_hold(cluster);
	struct worker_host *host = cluster_worker_pick(cluster, &pick);
	if (!host) {
		stat_inc(upstream->stats, cluster->stats, CLUSTER_STAT_UPSTREAM_CX_NONE_HEALTHY);
		fail(call, REPLY_NO_HEALTHY_UPSTREAM);
		return;
	}
	buf_append_owned(&call->body, request->body);
	if (!request->headers->rpc)
		announce_length(request->headers, request->body.len, arena);
	if (scope)
		scope_add(scope, &call->item, on_scope_cancel);
	if (request->timeout_ms)
		timer_start(&upstream->loop->wheel, &call->timeout, request->timeout_ms);
	upstream_request_start(&call->request, host, protocol_of(request->headers), arena,
			       &request_events);
}

struct scope *client_scope(struct upstream_worker *upstream)
{
	return &upstream->fired;
}

/* --- fired calls --- */

struct fired {
	struct client_call call;
	struct arena arena;
	struct headers headers;
	struct grave grave;
};

static void fired_free(struct grave *grave)
{
	struct fired *fired = container_of(grave, struct fired, grave);
	arena_free(&fired->arena);
	free(fired);
}

static void bury(struct fired *fired)
{
	struct upstream_worker *upstream = fired->call.upstream;

	upstream->fired_count--;
	loop_bury(upstream->loop, &fired->grave, fired_free);
}

static void on_fired_done(struct client_call *call, const struct client_answer *answer)
{
	(void)answer;
	bury(container_of(call, struct fired, call));
}

static void on_fired_cancel(struct scope_item *item)
{
	struct fired *fired = container_of(item, struct fired, call.item);

	client_cancel(&fired->call);
	bury(fired);
}

/* Of a call that goes out as it came: with strings of its own; what was read behind them is left
 * out. */
static struct rpc_head *rpc_head_copy(const struct rpc_head *from, struct arena *arena)
{
	struct rpc_head *to = ARENA_NEW(arena, struct rpc_head);

	if (from->bolt) {
		struct bolt_frame *frame = arena_alloc(arena, sizeof *frame);
		*frame = *from->bolt;
		to->bolt = frame;
	}
	to->is_verbatim = true;
	to->protocol = from->protocol;
	to->serialization = from->serialization;
	to->is_oneway = from->is_oneway;
	to->kind = from->kind;
	to->arguments_at = from->arguments_at;
	to->protocol_version = arena_slice(arena, from->protocol_version);
	to->service = arena_slice(arena, from->service);
	to->service_version = arena_slice(arena, from->service_version);
	to->method = arena_slice(arena, from->method);
	to->param_types = arena_slice(arena, from->param_types);
	return to;
}

void client_fire(struct upstream_worker *upstream, const struct client_request *request)
{
	if (upstream->fired_count >= CLIENT_FIRE_MAX)
		return;
	struct fired *fired = calloc(1, sizeof *fired);
	struct client_request copy = *request;

	invariant(fired);
	upstream->fired_count++;
	arena_init(&fired->arena, 4096);
	headers_copy(&fired->headers, request->headers, &fired->arena);
	if (fired->headers.rpc)
		fired->headers.rpc = rpc_head_copy(fired->headers.rpc, &fired->arena);
	copy.headers = &fired->headers;
	client_send(&fired->call, upstream, NULL, &fired->arena, &copy, on_fired_done);
	if (fired->call.cluster)
		scope_add(&upstream->fired, &fired->call.item, on_fired_cancel);
}
