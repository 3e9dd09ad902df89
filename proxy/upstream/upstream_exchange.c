/* The requests on a pooled connection, and what its codec says of them. */
#include "upstream/upstream_conn_private.h"

/* --- a request comes --- */

/* The request is one of the connection's. */
static inline void enlist(struct upstream_conn *uc, struct upstream_request *request)
{
	struct cluster_worker *cluster = request->host->cluster;
	uint64_t *words = stats_words(cluster->upstream->stats, cluster->stats);

	request->conn = uc;
	request->state = UPSTREAM_REQUEST_ATTACHED;
	request->is_conn_reused = uc->served > 0;
	request->begins_at = uc->conn.bytes_written + uc->conn.out.len;
	uc->served++;
	uc->active++;
	list_push_back(&uc->requests, &request->link);
	request->host->active++;
	request->host->counts.rq_total++;
	stat_word_add(words + CLUSTER_STAT_UPSTREAM_RQ_TOTAL, 1);
	stat_word_add(words + CLUSTER_STAT_UPSTREAM_RQ_ACTIVE, 1);
}

/* Who is held up by a slow host is told so: that takes a stream. */
bool upstream_conn_can_pass(const struct upstream_conn *uc)
{
	return !uc->conn.is_blocked && uc->conn.out.len <= MULTIPLEX_OUTPUT_CAP &&
	       uc->active < uc->pool->dialect->max_in_flight && !uc->codec->is_failed;
}

void upstream_conn_pass(struct upstream_conn *uc, struct upstream_request *request,
			struct slice frame)
{
	enlist(uc, request);
	request->is_blocked = request->has_answer_begun = false;
	uc->pool->dialect->pass(uc->codec, &request->exchange, frame);
	conn_flush_later(&uc->conn);
}

void upstream_conn_attach(struct upstream_conn *uc, struct upstream_request *request)
{
	enlist(uc, request);
	if (!uc->pool->dialect->is_multiplexed)
		upstream_conn_set_state(uc, UPSTREAM_CONN_BUSY);
	if (UNLIKELY(uc->conn.is_blocked)) {
		request->is_blocked = true;
		request->events->blocked(request);
	}
	request->events->ready(request);
}

/* --- it goes --- */

void upstream_conn_leave_alone(struct upstream_request *request)
{
	struct upstream_conn *uc = request->conn;

	while (upstream_conn_is_exclusive(uc) && request->exchange.read_pauses) {
		request->exchange.read_pauses--;
		conn_read_resume(&uc->conn);
	}
	uc->is_alone = false;
}

/* One whose answer has come whole. */
static inline void detach_whole(struct upstream_request *request)
{
	struct worker_host *host = request->host;
	struct stats_shard *shard = host->cluster->upstream->stats;

	request->was_untouched = request->conn->conn.bytes_written <= request->begins_at;
	list_remove(&request->link);
	request->conn->active--;
	request->conn = NULL;
	request->state = UPSTREAM_REQUEST_OVER;
	host->active--;
	cluster_worker_drop(host->cluster, request->priority, BREAKER_REQUESTS);
	stat_gauge_dec(shard, host->cluster->stats, CLUSTER_STAT_UPSTREAM_RQ_ACTIVE);
}

static void detach(struct upstream_request *request)
{
	if (UNLIKELY(request->conn->is_alone || request->exchange.read_pauses))
		upstream_conn_leave_alone(request);
	detach_whole(request);
}

/* Ends without an answer. A frame that waits in the connection's output may be sent elsewhere. */
static void lose(struct upstream_conn *uc, struct upstream_request *request)
{
	bool is_frame = uc->codec->type->is_multiplexed &&
			(request->exchange.is_sent || request->exchange.is_in_parts);

	detach(request);
	request->unsent = is_frame && request->was_untouched ? &uc->conn.out : NULL;
	request->unsent_type = uc->codec->type;
	request->unsent_at = (size_t)(request->begins_at - uc->conn.bytes_written);
}

/* A connection that had idled may end without the host being bad: that request is sent again. */
static void note_reset(const struct upstream_request *request, struct worker_host *host)
{
	if (!request->is_conn_reused || request->has_answer_begun)
		worker_host_note(host, OUTLIER_LOCAL_FAILURE);
}

void upstream_conn_reset_requests(struct upstream_conn *uc, enum reply_reason reason)
{
	while (!list_is_empty(&uc->requests)) {
		struct upstream_request *request =
			container_of(uc->requests.next, struct upstream_request, link);
		struct worker_host *host = request->host;
		if (request->exchange.codec)
			uc->codec->type->abandon(&request->exchange);
		lose(uc, request);
		note_reset(request, host);
		request->events->reset(request, reason);
		worker_host_release(host);
	}
}

void upstream_conn_block_requests(struct upstream_conn *uc, bool is_blocked)
{
	for (struct list_node *n = uc->requests.next, *next; n != &uc->requests; n = next) {
		struct upstream_request *request = container_of(n, struct upstream_request, link);
		next = n->next;
		if (request->is_blocked == is_blocked)
			continue;
		request->is_blocked = is_blocked;
		if (is_blocked)
			request->events->blocked(request);
		else
			request->events->unblocked(request);
	}
}

/* --- the codec's events --- */

static struct upstream_request *of_exchange(struct exchange *exchange)
{
	return container_of(exchange, struct upstream_request, exchange);
}

/* An RPC answer other than OK is an error of the provider (what its code throws is an OK answer).
 */
static enum outlier_event event_of(const struct upstream_request *request,
				   const struct headers *headers)
{
	uint16_t ok = request->conn->pool->dialect->ok_status;

	if (headers->rpc)
		return headers->rpc->status == ok ? OUTLIER_SUCCESS : OUTLIER_5XX;
	return outlier_event_of(request->status);
}

static void on_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct upstream_request *request = of_exchange(exchange);
	request->has_answer_begun = true;
	request->status = (uint16_t)headers_status(headers);
	worker_host_note(request->host, event_of(request, headers));
	if (UNLIKELY(headers_has(headers, HEADER_X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL)))
		worker_host_failed(request->host);
	request->events->headers(request, headers, end);
}

static void on_informational(struct exchange *exchange, struct headers *headers)
{
	struct upstream_request *request = of_exchange(exchange);
	request->events->informational(request, headers);
}

static void on_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct upstream_request *request = of_exchange(exchange);
	request->events->data(request, data, end);
}

static void on_trailers(struct exchange *exchange, struct headers *trailers)
{
	struct upstream_request *request = of_exchange(exchange);
	request->events->trailers(request, trailers);
}

static void on_reset(struct exchange *exchange, enum reply_reason reason)
{
	struct upstream_request *request = of_exchange(exchange);
	struct worker_host *host = request->host;
	struct upstream_conn *uc = request->conn;

	lose(uc, request);
	if (uc->codec->is_failed && uc->state == UPSTREAM_CONN_READY)
		upstream_conn_set_state(
			uc, UPSTREAM_CONN_DRAINING); /* nothing goes again on this one */
	if (reason == REPLY_UPSTREAM_PROTOCOL_ERROR)
		upstream_conn_count(uc, CLUSTER_STAT_UPSTREAM_CX_PROTOCOL_ERROR);
	/* What can't be sent, or taken, is no fault of the host's. */
	if (LIKELY(reason != REPLY_BAD_REQUEST && reason != REPLY_ANSWER_OVER_LIMIT))
		note_reset(request, host);
	request->events->reset(request, reason);
	worker_host_release(host);
}

static void on_exchange_closed(struct exchange *exchange)
{
	struct upstream_request *request = of_exchange(exchange);
	struct worker_host *host = request->host;
	struct upstream_conn *uc = request->conn;

	detach(request);
	worker_host_hold(uc->pool->host);
	struct worker_host *pool_host = uc->pool->host;
	upstream_conn_settle(uc);
	request->events->complete(request);
	worker_host_release(host);
	worker_host_release(pool_host);
}

/* The connection's state follows at the end of the read, once for all the answers it brings. */
void upstream_conn_passed(struct exchange *exchange, struct slice frame, bool is_ok)
{
	struct upstream_request *request = of_exchange(exchange);
	struct worker_host *host = request->host;

	worker_host_note(host, is_ok ? OUTLIER_SUCCESS : OUTLIER_5XX);
	request->conn->is_unsettled = true;
	detach_whole(request);
	request->events->passed(request, frame);
	worker_host_release(host);
}

bool upstream_conn_takes_parts(struct exchange *exchange, uint8_t serialization)
{
	struct upstream_request *request = of_exchange(exchange);
	struct upstream_conn *uc = request->conn;

	if (uc->active != 1 || exchange->read_pauses || uc->state == UPSTREAM_CONN_SILENT ||
	    !request->events->takes_parts || !request->events->takes_parts(request, serialization))
		return false;
	if (uc->pool->dialect->is_multiplexed) {
		uc->is_alone = true;
		upstream_conn_update(uc);
	}
	return true;
}

void upstream_conn_passed_part(struct exchange *exchange, struct slice head, struct slice bytes,
			       uint32_t left, bool is_ok)
{
	struct upstream_request *request = of_exchange(exchange);
	struct worker_host *host = request->host;

	if (head.len) {
		request->has_answer_begun = true;
		worker_host_note(host, is_ok ? OUTLIER_SUCCESS : OUTLIER_5XX);
	}
	worker_host_hold(host);
	if (!left) {
		request->conn->is_unsettled = true;
		detach(request);
	}
	request->events->passed_part(request, head, bytes, left);
	if (!left)
		worker_host_release(host);
	worker_host_release(host);
}

void upstream_conn_noticed(struct codec *codec, enum rpc_notice notice)
{
	if (notice == RPC_NOTICE_PROVIDER_REQUEST)
		upstream_conn_count(codec->owner, CLUSTER_STAT_UPSTREAM_RQ_FROM_PROVIDER);
	else if (notice == RPC_NOTICE_UNKNOWN_ANSWER)
		upstream_conn_count(codec->owner, CLUSTER_STAT_UPSTREAM_RQ_UNKNOWN_ANSWER);
	else if (notice == RPC_NOTICE_OVER_LIMIT)
		upstream_conn_count(codec->owner, CLUSTER_STAT_UPSTREAM_RQ_ANSWER_OVER_LIMIT);
	else if (notice == RPC_NOTICE_EDITED)
		upstream_conn_count(codec->owner, CLUSTER_STAT_UPSTREAM_RQ_EDITED);
	else if (notice == RPC_NOTICE_UNEDITABLE)
		upstream_conn_count(codec->owner, CLUSTER_STAT_UPSTREAM_RQ_UNEDITABLE);
}

static void on_failed(struct codec *codec, enum reply_reason reason, struct slice details)
{
	(void)codec; /* on_read closes: codec->is_failed */
	(void)reason;
	(void)details;
}

static void on_draining(struct codec *codec)
{
	struct upstream_conn *uc = codec->owner;
	upstream_conn_count(uc, CLUSTER_STAT_UPSTREAM_CX_CLOSE_NOTIFY);
	if (uc->pool->dialect->is_draining_of_host) {
		uc->is_readonly = true;
		host_readonly_said(uc->pool->host->host);
	} else if (uc->state != UPSTREAM_CONN_CONNECTING) {
		upstream_conn_drain(uc);
	}
}

static void on_undraining(struct codec *codec)
{
	struct upstream_conn *uc = codec->owner;

	if (!uc->is_readonly)
		return;
	uc->is_readonly = false;
	host_readonly_over(uc->pool->host->host, false, loop_now_ms(upstream_of(uc)->loop));
}

const struct codec_events upstream_codec_events = {
	.headers = on_headers,
	.informational = on_informational,
	.data = on_data,
	.trailers = on_trailers,
	.reset = on_reset,
	.closed = on_exchange_closed,
	.failed = on_failed,
	.draining = on_draining,
	.undraining = on_undraining,
};
