#include "upstream/upstream_conn.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "codec/bolt_frame.h"
#include "codec/dubbo_frame.h"
#include "telemetry/stats_cluster.h"
#include "upstream/upstream_worker.h"

enum { FLUSH_MS = 1000 }; /* for what a draining connection has still to send */

static struct cluster_worker *cluster_of(const struct upstream_conn *uc)
{
	return uc->pool->host->cluster;
}

static const struct cluster *config_of(const struct upstream_conn *uc)
{
	return cluster_worker_config(cluster_of(uc));
}

static struct upstream_worker *upstream_of(const struct upstream_conn *uc)
{
	return cluster_of(uc)->upstream;
}

static void count(const struct upstream_conn *uc, unsigned id)
{
	stat_inc(upstream_of(uc)->stats, cluster_of(uc)->stats, id);
}

/* The one door between the pool's lists. */
static void set_state(struct upstream_conn *uc, enum upstream_conn_state state)
{
	struct pool *pool = uc->pool;

	list_remove(&uc->link);
	if (UNLIKELY(uc->state == UPSTREAM_CONN_CONNECTING)) /* it never connects again */
		pool->connecting_count--;
	uc->state = (uint8_t)state;
	list_push_back(&pool->conns[state], &uc->link);
}

/* Its peer wants to close it, and won't say otherwise. */
static bool is_leaving(const struct upstream_conn *uc)
{
	return uc->codec->is_draining && !uc->is_readonly;
}

void upstream_conn_update(struct upstream_conn *uc)
{
	if (uc->state == UPSTREAM_CONN_CONNECTING || uc->state == UPSTREAM_CONN_SILENT ||
	    uc->state == UPSTREAM_CONN_DRAINING)
		return;
	uint32_t most = config_of(uc)->http.max_requests_per_connection;
	bool is_used_up = most && uc->served >= most;
	if (is_used_up && !uc->is_used_up) {
		uc->is_used_up = true;
		count(uc, CLUSTER_STAT_UPSTREAM_CX_MAX_REQUESTS);
	}
	if (uc->codec->must_close || is_leaving(uc) || is_used_up) {
		upstream_conn_drain(uc);
		return;
	}
	bool has_room = uc->codec->type->room(uc->codec) > 0;
	enum upstream_conn_state state = has_room ? UPSTREAM_CONN_READY : UPSTREAM_CONN_BUSY;
	if (uc->state != state)
		set_state(uc, state);
}

/* --- the end --- */

static void conn_free(struct grave *grave)
{
	free(container_of(grave, struct upstream_conn, conn.io.grave));
}

static void detach(struct upstream_request *request)
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

/* Ends without an answer. A frame that waits in the connection's output may be sent elsewhere. */
static void lose(struct upstream_conn *uc, struct upstream_request *request)
{
	bool is_frame = uc->codec->type->is_multiplexed && request->exchange.is_sent;

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

static void reset_requests(struct upstream_conn *uc, enum reply_reason reason)
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

static void count_end(const struct upstream_conn *uc, bool is_remote)
{
	bool is_active = !list_is_empty(&uc->requests);

	count(uc, CLUSTER_STAT_UPSTREAM_CX_DESTROY);
	count(uc, is_remote ? CLUSTER_STAT_UPSTREAM_CX_DESTROY_REMOTE
			    : CLUSTER_STAT_UPSTREAM_CX_DESTROY_LOCAL);
	if (is_active) {
		count(uc, CLUSTER_STAT_UPSTREAM_CX_DESTROY_WITH_ACTIVE_RQ);
		count(uc, is_remote ? CLUSTER_STAT_UPSTREAM_CX_DESTROY_REMOTE_WITH_ACTIVE_RQ
				    : CLUSTER_STAT_UPSTREAM_CX_DESTROY_LOCAL_WITH_ACTIVE_RQ);
	}
}

/* The descriptor is closed already. */
static void gone(struct upstream_conn *uc, enum reply_reason reason, bool is_remote)
{
	struct pool *pool = uc->pool;
	struct upstream_worker *upstream = upstream_of(uc);
	struct stat_scope *stats = cluster_of(uc)->stats;

	bool was_connecting = uc->state == UPSTREAM_CONN_CONNECTING;

	worker_host_hold(pool->host);
	set_state(uc, UPSTREAM_CONN_DRAINING);
	if (UNLIKELY(uc->is_readonly))
		host_readonly_over(pool->host->host, true, loop_now_ms(upstream->loop));
	count_end(uc, is_remote);
	stat_gauge_dec(upstream->stats, stats, CLUSTER_STAT_UPSTREAM_CX_ACTIVE);
	stat_record(upstream->stats, stats, CLUSTER_STAT_UPSTREAM_CX_LENGTH_MS,
		    loop_now_ms(upstream->loop) - uc->start_ms);
	stat_add(upstream->stats, stats, CLUSTER_STAT_UPSTREAM_CX_RX_BYTES_TOTAL,
		 uc->conn.bytes_read);
	stat_add(upstream->stats, stats, CLUSTER_STAT_UPSTREAM_CX_TX_BYTES_TOTAL,
		 uc->conn.bytes_written);
	stat_record(upstream->stats, stats, CLUSTER_STAT_UPSTREAM_RQ_PER_CX, uc->served);
	reset_requests(uc, reason);
	buf_clear(&uc->conn.out);
	uc->codec->type->close(uc->codec);
	list_remove(&uc->link);
	pool->conn_count--;
	cluster_worker_drop(pool->host->cluster, uc->priority, BREAKER_CONNECTIONS);
	conn_bury(&uc->conn, conn_free);
	if (pool->pending_count && !was_connecting)
		pool_serve_pending(pool); /* requests may have waited for this connection */
	pool_end_if_over(pool);
	worker_host_release(pool->host);
}

void upstream_conn_close(struct upstream_conn *uc, enum reply_reason reason)
{
	if (uc->conn.state == CONN_DEAD)
		return;
	conn_close(&uc->conn, false);
	gone(uc, reason, false);
}

void upstream_conn_drain(struct upstream_conn *uc)
{
	bool is_over = list_is_empty(&uc->requests) && !uc->is_reading;

	if (is_over && !uc->conn.out.len) {
		upstream_conn_close(uc, REPLY_CONNECTION_LOST);
		return;
	}
	if (uc->state != UPSTREAM_CONN_DRAINING)
		set_state(uc, UPSTREAM_CONN_DRAINING);
	if (is_over) /* a one-way call is still to be sent */
		conn_close_flushed(&uc->conn, FLUSH_MS);
}

/* A request ends while the connection stays: it may serve the next. */
static void settle(struct upstream_conn *uc)
{
	uc->last_use_ms = loop_now_ms(conn_loop(&uc->conn));
	if (uc->state == UPSTREAM_CONN_DRAINING) {
		if (list_is_empty(&uc->requests) && !uc->is_reading)
			upstream_conn_close(uc, REPLY_CONNECTION_LOST);
		return;
	}
	upstream_conn_update(uc);
	if (uc->state == UPSTREAM_CONN_READY && uc->pool->pending_count)
		pool_serve_pending(uc->pool);
}

/* --- the connection's events --- */

static struct upstream_conn *of_conn(struct conn *conn)
{
	return container_of(conn, struct upstream_conn, conn);
}

/* --- time: one timer for all, set to the earliest limit */

static bool has_heartbeat(const struct upstream_conn *uc)
{
	return uc->codec->type->is_multiplexed && uc->codec->type->heartbeat;
}

/* Since bytes came from it: calls that wait for their answers don't say that the peer lives. */
static uint64_t quiet_ms(const struct upstream_conn *uc)
{
	return loop_now_ms(upstream_of(uc)->loop) - uc->heard_ms;
}

/* How long it may go on without a request; 0: no longer. */
static uint64_t rest_of_idle_ms(const struct upstream_conn *uc)
{
	uint64_t limit_ms = config_of(uc)->http.idle_timeout_ms;
	uint64_t idle_ms = loop_now_ms(upstream_of(uc)->loop) - uc->last_use_ms;

	if (!limit_ms || uc->is_readonly) /* WRITEABLE may come */
		return UINT64_MAX;
	if (!list_is_empty(&uc->requests))
		return limit_ms;
	return idle_ms < limit_ms ? limit_ms - idle_ms : 0;
}

static uint64_t rest_of_quiet_ms(const struct upstream_conn *uc)
{
	uint64_t limit_ms = config_of(uc)->http.keepalive_interval_ms;

	if (uc->pool->protocol == STREAM_PROTOCOL_BOLT && limit_ms > BOLT_HEARTBEAT_MS)
		limit_ms = BOLT_HEARTBEAT_MS;
	if (!has_heartbeat(uc) || !limit_ms)
		return UINT64_MAX;
	return quiet_ms(uc) < limit_ms ? limit_ms - quiet_ms(uc) : 0;
}

static void wait_on(struct upstream_conn *uc)
{
	uint64_t idle_ms = rest_of_idle_ms(uc), silence_ms = rest_of_quiet_ms(uc);
	uint64_t rest_ms = idle_ms < silence_ms ? idle_ms : silence_ms;

	if (rest_ms != UINT64_MAX)
		conn_set_timer(&uc->conn, rest_ms ? rest_ms : 1);
}

/* Nothing new is sent there; what is under way may still be answered. */
static void lose_heartbeat(struct upstream_conn *uc)
{
	count(uc, CLUSTER_STAT_UPSTREAM_CX_HEARTBEAT_LOST);
	uc->heartbeat = HEARTBEAT_LOST;
	if (list_is_empty(&uc->requests)) {
		upstream_conn_close(uc, REPLY_CONNECTION_LOST);
		return;
	}
	if (uc->state != UPSTREAM_CONN_DRAINING)
		set_state(uc, UPSTREAM_CONN_SILENT);
	conn_set_timer(&uc->conn, MULTIPLEX_SILENT_MS);
}

/* Bytes have come since an earlier heartbeat, but no answer to it: it isn't asked twice. */
static void send_heartbeat(struct upstream_conn *uc)
{
	if (!uc->codec->type->heartbeat(uc->codec)) {
		lose_heartbeat(uc);
		return;
	}
	uc->heartbeat = HEARTBEAT_SENT;
	conn_flush_later(&uc->conn);
	conn_set_timer(&uc->conn, config_of(uc)->http.keepalive_timeout_ms);
}

static void end_silence(struct upstream_conn *uc)
{
	switch ((enum heartbeat_state)uc->heartbeat) {
	case HEARTBEAT_NONE:
		send_heartbeat(uc);
		break;
	case HEARTBEAT_SENT:
		lose_heartbeat(uc);
		break;
	case HEARTBEAT_LOST:
		upstream_conn_close(uc, REPLY_CONNECTION_LOST);
		break;
	}
}

static void on_timed_out(struct conn *conn)
{
	struct upstream_conn *uc = of_conn(conn);

	if (!rest_of_idle_ms(uc)) {
		count(uc, CLUSTER_STAT_UPSTREAM_CX_IDLE_TIMEOUT);
		upstream_conn_close(uc, REPLY_CONNECTION_LOST);
		return;
	}
	if (!rest_of_quiet_ms(uc)) {
		end_silence(uc);
		return;
	}
	wait_on(uc);
	if (uc->state == UPSTREAM_CONN_READY && pool_has_surplus(uc->pool))
		upstream_conn_drain(uc);
}

/* The peer lives after all. */
static COLD void hear_again(struct upstream_conn *uc)
{
	uc->heartbeat = HEARTBEAT_NONE;
	if (uc->state == UPSTREAM_CONN_SILENT)
		set_state(uc, UPSTREAM_CONN_READY);
	wait_on(uc);
}

static void on_connected(struct conn *conn)
{
	struct upstream_conn *uc = of_conn(conn);
	struct pool *pool = uc->pool;

	stat_record(upstream_of(uc)->stats, cluster_of(uc)->stats,
		    CLUSTER_STAT_UPSTREAM_CX_CONNECT_MS,
		    loop_now_ms(conn_loop(conn)) - uc->start_ms);
	uc->last_use_ms = uc->heard_ms = loop_now_ms(conn_loop(conn));
	wait_on(uc);
	set_state(uc, UPSTREAM_CONN_READY);
	host_readonly_connected(pool->host->host);
	worker_host_note(pool->host, OUTLIER_LOCAL_SUCCESS);
	if (pool->is_draining && list_is_empty(&pool->pending))
		upstream_conn_drain(uc);
	else
		pool_serve_pending(pool);
}

static size_t on_read(struct conn *conn, struct slice bytes, bool eof)
{
	struct upstream_conn *uc = of_conn(conn);

	uc->heard_ms = loop_now_ms(conn_loop(conn));
	if (UNLIKELY(uc->heartbeat != HEARTBEAT_NONE))
		hear_again(uc);
	uc->is_reading = true;
	size_t consumed = codec_read(uc->codec, bytes, eof);
	uc->is_reading = false;
	if (conn->state == CONN_DEAD)
		return bytes.len;
	if (eof && consumed == bytes.len) {
		conn_close(conn, false);
		gone(uc, REPLY_CONNECTION_LOST, true);
		return bytes.len;
	}
	if (uc->codec->is_failed) {
		upstream_conn_close(uc, REPLY_UPSTREAM_PROTOCOL_ERROR);
		return bytes.len;
	}
	if (conn->out.len)
		conn_flush_later(conn);
	if (uc->state == UPSTREAM_CONN_DRAINING) {
		if (list_is_empty(&uc->requests))
			upstream_conn_close(uc, REPLY_CONNECTION_LOST);
	} else if (UNLIKELY(uc->codec->must_close || is_leaving(uc))) {
		upstream_conn_update(uc); /* what else changes its room settles it where it does */
	} else if (uc->is_unsettled) {
		settle(uc);
	}
	uc->is_unsettled = false;
	return consumed;
}

static void each_request(struct upstream_conn *uc, bool is_blocked)
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

static void on_blocked(struct conn *conn)
{
	count(of_conn(conn), CLUSTER_STAT_UPSTREAM_FLOW_CONTROL_BACKED_UP_TOTAL);
	each_request(of_conn(conn), true);
}

static void on_unblocked(struct conn *conn)
{
	count(of_conn(conn), CLUSTER_STAT_UPSTREAM_FLOW_CONTROL_DRAINED_TOTAL);
	each_request(of_conn(conn), false);
}

static void on_closed(struct conn *conn, enum status why)
{
	struct upstream_conn *uc = of_conn(conn);
	struct pool *pool = uc->pool;
	bool was_connecting = uc->state == UPSTREAM_CONN_CONNECTING;

	worker_host_hold(pool->host);
	if (was_connecting) {
		enum reply_reason reason =
			why == STATUS_AGAIN ? REPLY_CONNECT_TIMEOUT : REPLY_CONNECT_FAILURE;
		count(uc, CLUSTER_STAT_UPSTREAM_CX_CONNECT_FAIL);
		pool->host->counts.cx_connect_fail++;
		if (why == STATUS_AGAIN)
			count(uc, CLUSTER_STAT_UPSTREAM_CX_CONNECT_TIMEOUT);
		gone(uc, reason, why != STATUS_AGAIN);
		pool_connect_failed(pool, reason, (struct slice){0});
		pool_end_if_over(pool);
	} else {
		gone(uc, REPLY_CONNECTION_LOST, true);
	}
	worker_host_release(pool->host);
}

static const struct conn_events conn_events = {
	.read = on_read,
	.connected = on_connected,
	.blocked = on_blocked,
	.unblocked = on_unblocked,
	.timed_out = on_timed_out,
	.closed = on_closed,
};

/* --- the codec's events --- */

static struct upstream_request *of_exchange(struct exchange *exchange)
{
	return container_of(exchange, struct upstream_request, exchange);
}

/* An RPC answer other than OK is an error of the provider (what its code throws is an OK answer).
 */
static enum outlier_event event_of(const struct headers *headers, unsigned status)
{
	if (headers->rpc)
		return headers->rpc->status ==
				       (headers->rpc->protocol == RPC_BOLT ? BOLT_OK : DUBBO_OK)
			       ? OUTLIER_SUCCESS
			       : OUTLIER_5XX;
	return outlier_event_of(status);
}

static void on_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct upstream_request *request = of_exchange(exchange);
	request->has_answer_begun = true;
	request->status = (uint16_t)headers_status(headers);
	worker_host_note(request->host, event_of(headers, request->status));
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
		set_state(uc, UPSTREAM_CONN_DRAINING); /* nothing goes again on this one */
	if (reason == REPLY_UPSTREAM_PROTOCOL_ERROR)
		count(uc, CLUSTER_STAT_UPSTREAM_CX_PROTOCOL_ERROR);
	if (LIKELY(reason != REPLY_BAD_REQUEST)) /* which can't be sent: no fault of the host's */
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
	settle(uc);
	request->events->complete(request);
	worker_host_release(host);
	worker_host_release(pool_host);
}

static bool is_success(const struct upstream_request *request, struct slice frame)
{
	return LIKELY(request->protocol == STREAM_PROTOCOL_DUBBO)
		       ? dubbo_frame_status(frame) == DUBBO_OK
		       : bolt_frame_status(frame) == BOLT_OK;
}

/* The connection's state follows at the end of the read, once for all the answers it brings. */
void upstream_conn_passed(struct exchange *exchange, struct slice frame)
{
	struct upstream_request *request = of_exchange(exchange);
	struct worker_host *host = request->host;

	worker_host_note(host, is_success(request, frame) ? OUTLIER_SUCCESS : OUTLIER_5XX);
	request->conn->is_unsettled = true;
	detach(request);
	request->events->passed(request, frame);
	worker_host_release(host);
}

void upstream_conn_noticed(struct codec *codec, enum dubbo_notice notice)
{
	if (notice == DUBBO_NOTICE_PROVIDER_REQUEST)
		count(codec->owner, CLUSTER_STAT_UPSTREAM_RQ_FROM_PROVIDER);
	else if (notice == DUBBO_NOTICE_UNKNOWN_ANSWER)
		count(codec->owner, CLUSTER_STAT_UPSTREAM_RQ_UNKNOWN_ANSWER);
}

void upstream_conn_bolt_noticed(struct codec *codec, enum bolt_notice notice)
{
	if (notice == BOLT_NOTICE_PROVIDER_REQUEST)
		count(codec->owner, CLUSTER_STAT_UPSTREAM_RQ_FROM_PROVIDER);
	else if (notice == BOLT_NOTICE_UNKNOWN_ANSWER)
		count(codec->owner, CLUSTER_STAT_UPSTREAM_RQ_UNKNOWN_ANSWER);
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
	count(uc, CLUSTER_STAT_UPSTREAM_CX_CLOSE_NOTIFY);
	if (uc->pool->protocol == STREAM_PROTOCOL_DUBBO) {
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

static const struct codec_events codec_events = {
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

/* --- the beginning --- */

static void open_codec(struct upstream_conn *uc)
{
	if (uc->pool->protocol == STREAM_PROTOCOL_DUBBO) {
		dubbo_open(&uc->dubbo, CODEC_CLIENT, &codec_events, uc, &uc->conn.out,
			   &upstream_of(uc)->dubbo_options);
		uc->codec = &uc->dubbo.codec;
	} else if (uc->pool->protocol == STREAM_PROTOCOL_BOLT) {
		bolt_open(&uc->bolt, CODEC_CLIENT, &codec_events, uc, &uc->conn.out,
			  &upstream_of(uc)->bolt_options);
		uc->codec = &uc->bolt.codec;
	} else {
		http1_open(&uc->http1, CODEC_CLIENT, &cluster_of(uc)->http1_options, &codec_events,
			   uc, &uc->conn.out);
		uc->codec = &uc->http1.codec;
	}
}

struct upstream_conn *upstream_conn_open(struct pool *pool, enum cluster_priority priority,
					 enum status *why)
{
	struct upstream_conn *uc = calloc(1, sizeof *uc);
	struct cluster_worker *cluster = pool->host->cluster;
	const struct cluster *config = cluster_worker_config(cluster);
	struct loop *loop = cluster->upstream->loop;
	const struct addr *source = config->bind_source.family ? &config->bind_source : NULL;

	invariant(uc);
	uc->pool = pool;
	uc->priority = (uint8_t)priority;
	*why = conn_connect(&uc->conn, loop, &pool->host->host->addr, source,
			    config->connect_timeout_ms, &plain_transport, &conn_events);
	stat_inc(cluster->upstream->stats, cluster->stats, CLUSTER_STAT_UPSTREAM_CX_TOTAL);
	pool->host->counts.cx_total++;
	if (*why) {
		pool->host->counts.cx_connect_fail++;
		stat_inc(cluster->upstream->stats, cluster->stats,
			 CLUSTER_STAT_UPSTREAM_CX_CONNECT_FAIL);
		free(uc);
		return NULL;
	}
	if (config->buffer_limit && config->buffer_limit < CONN_DEFAULT_HIGH_MARK)
		uc->conn.high_mark = config->buffer_limit;
	uc->conn.keeps_unsent = true;
	uc->id = ++cluster->upstream->next_conn_id;
	uc->start_ms = uc->last_use_ms = loop_now_ms(loop);
	list_init(&uc->requests);
	open_codec(uc);
	if (!pool->is_multiplexed)
		count(uc, CLUSTER_STAT_UPSTREAM_CX_HTTP1_TOTAL);
	stat_gauge_inc(cluster->upstream->stats, cluster->stats, CLUSTER_STAT_UPSTREAM_CX_ACTIVE);
	uc->state = UPSTREAM_CONN_CONNECTING;
	pool->connecting_count++;
	pool->conn_count++;
	list_push_back(&pool->conns[UPSTREAM_CONN_CONNECTING], &uc->link);
	return uc;
}

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
	       (LIKELY(uc->pool->protocol == STREAM_PROTOCOL_DUBBO) ? dubbo_can_pass(&uc->dubbo)
								    : bolt_can_pass(&uc->bolt));
}

void upstream_conn_pass(struct upstream_conn *uc, struct upstream_request *request,
			struct slice frame)
{
	enlist(uc, request);
	request->is_blocked = request->has_answer_begun = false;
	if (LIKELY(uc->pool->protocol == STREAM_PROTOCOL_DUBBO))
		dubbo_pass_request(&uc->dubbo, &request->exchange, frame);
	else
		bolt_pass_request(&uc->bolt, &request->exchange, frame);
	conn_flush_later(&uc->conn);
}

void upstream_conn_attach(struct upstream_conn *uc, struct upstream_request *request)
{
	enlist(uc, request);
	if (!uc->codec->type->is_multiplexed)
		set_state(uc, UPSTREAM_CONN_BUSY);
	if (UNLIKELY(uc->conn.is_blocked)) {
		request->is_blocked = true;
		request->events->blocked(request);
	}
	request->events->ready(request);
}

const struct addr *upstream_conn_local(struct upstream_conn *uc)
{
	if (!uc->has_local) {
		struct sockaddr_storage name;
		socklen_t len = sizeof name;
		uc->has_local = true;
		if (!getsockname(io_fd(&uc->conn.io), (struct sockaddr *)&name, &len))
			addr_from_sockaddr(&name, len, &uc->local, NULL);
	}
	return &uc->local;
}
