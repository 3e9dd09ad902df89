#include "upstream/request.h"

#include "telemetry/stats_cluster.h"
#include "upstream/reserve.h"
#include "upstream/upstream_worker.h"

static struct pool *pool_of(const struct upstream_request *request)
{
	unsigned kind = request->protocol;

	if (UNLIKELY(request->is_in_parts) && kind == STREAM_PROTOCOL_DUBBO)
		kind = UPSTREAM_DUBBO_ALONE;
	if (UNLIKELY(request->reserve != NULL))
		return reserve_pool(request->reserve, request->host, kind);
	return worker_host_pool(request->host, kind);
}

void upstream_request_start(struct upstream_request *request, struct worker_host *host,
			    enum stream_protocol protocol, struct arena *arena,
			    const struct upstream_request_events *events)
{
	uint8_t priority = request->priority;
	struct reserve *reserve = request->reserve;
	bool is_in_parts = request->is_in_parts;

	memset(request, 0, sizeof *request);
	request->priority = priority;
	request->reserve = reserve;
	request->is_in_parts = is_in_parts;
	request->events = events;
	request->exchange.arena = arena;
	request->host = worker_host_hold(host);
	request->protocol = (uint8_t)protocol;
	pool_request(pool_of(request), request);
}

bool upstream_request_pass(struct upstream_request *request, struct worker_host *host,
			   enum stream_protocol protocol, struct slice frame,
			   const struct upstream_request_events *events)
{
	struct pool *pool = host->pools[protocol];
	struct upstream_conn *uc = LIKELY(pool != NULL) ? pool_with_room(pool) : NULL;

	if (UNLIKELY(!uc || !upstream_conn_can_pass(uc)) ||
	    UNLIKELY(!cluster_worker_take(host->cluster, request->priority, BREAKER_REQUESTS)))
		return false;
	request->events = events;
	request->host = worker_host_hold(host);
	request->protocol = (uint8_t)protocol;
	upstream_conn_pass(uc, request, frame);
	return true;
}

static void cancel_attached(struct upstream_request *request)
{
	struct upstream_conn *uc = request->conn;
	struct worker_host *host = request->host;

	if (request->exchange.codec)
		uc->codec->type->abandon(&request->exchange);
	if (UNLIKELY(uc->is_alone || request->exchange.read_pauses))
		upstream_conn_leave_alone(request);
	list_remove(&request->link);
	uc->active--;
	request->conn = NULL;
	request->state = UPSTREAM_REQUEST_OVER;
	host->active--;
	cluster_worker_drop(host->cluster, request->priority, BREAKER_REQUESTS);
	stat_gauge_dec(host->cluster->upstream->stats, host->cluster->stats,
		       CLUSTER_STAT_UPSTREAM_RQ_ACTIVE);
	stat_inc(host->cluster->upstream->stats, host->cluster->stats,
		 CLUSTER_STAT_UPSTREAM_RQ_TX_RESET);
	upstream_conn_update(uc);
	worker_host_release(host);
}

static void cancel_pending(struct upstream_request *request)
{
	struct worker_host *host = request->host;
	struct pool *pool = pool_of(request);

	list_remove(&request->link);
	pool->pending_count--;
	cluster_worker_drop(host->cluster, request->priority, BREAKER_PENDING);
	request->state = UPSTREAM_REQUEST_OVER;
	stat_gauge_dec(host->cluster->upstream->stats, host->cluster->stats,
		       CLUSTER_STAT_UPSTREAM_RQ_PENDING_ACTIVE);
	stat_inc(host->cluster->upstream->stats, host->cluster->stats,
		 CLUSTER_STAT_UPSTREAM_RQ_CANCELLED);
	if (UNLIKELY(pool->is_draining)) {
		pool_drain(pool);
		pool_end_if_over(pool);
	}
	worker_host_release(host);
}

void upstream_request_cancel(struct upstream_request *request)
{
	switch ((enum upstream_request_state)request->state) {
	case UPSTREAM_REQUEST_OVER:
		break;
	case UPSTREAM_REQUEST_PENDING:
		cancel_pending(request);
		break;
	case UPSTREAM_REQUEST_ATTACHED:
		cancel_attached(request);
		break;
	}
}

/* An RPC frame is written as a whole, by whichever call ends it, or from its head on. */
static void note_beginning(struct upstream_request *request, const struct upstream_conn *uc)
{
	if (uc->codec->type->is_multiplexed && !request->exchange.is_in_parts)
		request->begins_at = uc->conn.bytes_written + uc->conn.out.len;
}

void upstream_send_headers(struct upstream_request *request, struct headers *headers, bool end)
{
	struct upstream_conn *uc = request->conn;

	note_beginning(request, uc);
	request->exchange.codec = uc->codec;
	uc->codec->type->send_headers(&request->exchange, headers, end);
	conn_flush_later(&uc->conn);
}

void upstream_send_data(struct upstream_request *request, struct buf *data, bool end)
{
	struct upstream_conn *uc = request->conn;

	note_beginning(request, uc);
	uc->codec->type->send_data(&request->exchange, data, end);
	conn_flush_later(&uc->conn);
}

void upstream_send_trailers(struct upstream_request *request, struct headers *trailers)
{
	struct upstream_conn *uc = request->conn;

	note_beginning(request, uc);
	uc->codec->type->send_trailers(&request->exchange, trailers);
	conn_flush_later(&uc->conn);
}

static struct codec_frame_parts unsent_parts(const struct upstream_request *request)
{
	char head[CODEC_FRAME_HEAD];
	struct buf bytes;

	buf_init(&bytes, request->unsent->pool);
	buf_copy_range(&bytes, request->unsent, request->unsent_at, sizeof head);
	size_t len = buf_peek(&bytes, head, sizeof head);
	buf_clear(&bytes);
	return request->unsent_type->frame_parts(slice_make(head, len));
}

bool upstream_request_unsent(const struct upstream_request *request, struct buf *body)
{
	if (!request->unsent)
		return false;
	struct codec_frame_parts parts = unsent_parts(request);
	buf_copy_range(body, request->unsent, request->unsent_at + parts.header, parts.payload);
	return true;
}

bool upstream_request_unsent_frame(const struct upstream_request *request, struct buf *frame)
{
	if (!request->unsent)
		return false;
	struct codec_frame_parts parts = unsent_parts(request);
	buf_copy_range(frame, request->unsent, request->unsent_at,
		       parts.header + parts.payload + parts.trailer);
	return true;
}

/* An exclusive connection rests as a whole: nothing else could be read from it. */
void upstream_pause(struct upstream_request *request)
{
	if (request->state != UPSTREAM_REQUEST_ATTACHED)
		return;
	request->exchange.read_pauses++;
	if (upstream_conn_is_exclusive(request->conn))
		conn_read_pause(&request->conn->conn);
}

void upstream_resume(struct upstream_request *request)
{
	if (request->state != UPSTREAM_REQUEST_ATTACHED || !request->exchange.read_pauses)
		return;
	request->exchange.read_pauses--;
	if (upstream_conn_is_exclusive(request->conn))
		conn_read_resume(&request->conn->conn);
	else if (!request->exchange.read_pauses && request->conn->codec->type->resume)
		request->conn->codec->type->resume(&request->exchange);
}
