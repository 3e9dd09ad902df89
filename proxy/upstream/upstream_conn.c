#include "upstream/upstream_conn.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "upstream/upstream_conn_private.h"

enum { FLUSH_MS = 1000 }; /* for what a draining connection has still to send */

void upstream_conn_set_state(struct upstream_conn *uc, enum upstream_conn_state state)
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
		upstream_conn_count(uc, CLUSTER_STAT_UPSTREAM_CX_MAX_REQUESTS);
	}
	if (uc->codec->must_close || is_leaving(uc) || is_used_up) {
		upstream_conn_drain(uc);
		return;
	}
	bool is_taken = uc->active && upstream_conn_is_exclusive(uc);
	bool has_room = !is_taken && uc->codec->type->room(uc->codec) > 0;
	enum upstream_conn_state state = has_room ? UPSTREAM_CONN_READY : UPSTREAM_CONN_BUSY;
	if (uc->state != state)
		upstream_conn_set_state(uc, state);
}

/* --- the end --- */

static void conn_free(struct grave *grave)
{
	free(container_of(grave, struct upstream_conn, conn.io.grave));
}

static void count_end(const struct upstream_conn *uc, bool is_remote)
{
	bool is_active = !list_is_empty(&uc->requests);

	upstream_conn_count(uc, CLUSTER_STAT_UPSTREAM_CX_DESTROY);
	upstream_conn_count(uc, is_remote ? CLUSTER_STAT_UPSTREAM_CX_DESTROY_REMOTE
					  : CLUSTER_STAT_UPSTREAM_CX_DESTROY_LOCAL);
	if (is_active) {
		upstream_conn_count(uc, CLUSTER_STAT_UPSTREAM_CX_DESTROY_WITH_ACTIVE_RQ);
		upstream_conn_count(
			uc, is_remote ? CLUSTER_STAT_UPSTREAM_CX_DESTROY_REMOTE_WITH_ACTIVE_RQ
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
	upstream_conn_set_state(uc, UPSTREAM_CONN_DRAINING);
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
	upstream_conn_reset_requests(uc, reason);
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
		upstream_conn_set_state(uc, UPSTREAM_CONN_DRAINING);
	if (is_over) /* a one-way call is still to be sent */
		conn_close_flushed(&uc->conn, FLUSH_MS);
}

/* A request ends while the connection stays: it may serve the next. */
void upstream_conn_settle(struct upstream_conn *uc)
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

static void on_connected(struct conn *conn)
{
	struct upstream_conn *uc = of_conn(conn);
	struct pool *pool = uc->pool;

	stat_record(upstream_of(uc)->stats, cluster_of(uc)->stats,
		    CLUSTER_STAT_UPSTREAM_CX_CONNECT_MS,
		    loop_now_ms(conn_loop(conn)) - uc->start_ms);
	uc->last_use_ms = uc->heard_ms = loop_now_ms(conn_loop(conn));
	upstream_quiet_wait(uc);
	upstream_conn_set_state(uc, UPSTREAM_CONN_READY);
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

	upstream_quiet_heard(uc);
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
		upstream_conn_settle(uc);
	}
	uc->is_unsettled = false;
	return consumed;
}

static void on_blocked(struct conn *conn)
{
	upstream_conn_count(of_conn(conn), CLUSTER_STAT_UPSTREAM_FLOW_CONTROL_BACKED_UP_TOTAL);
	upstream_conn_block_requests(of_conn(conn), true);
}

static void on_unblocked(struct conn *conn)
{
	upstream_conn_count(of_conn(conn), CLUSTER_STAT_UPSTREAM_FLOW_CONTROL_DRAINED_TOTAL);
	upstream_conn_block_requests(of_conn(conn), false);
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
		upstream_conn_count(uc, CLUSTER_STAT_UPSTREAM_CX_CONNECT_FAIL);
		pool->host->counts.cx_connect_fail++;
		if (why == STATUS_AGAIN)
			upstream_conn_count(uc, CLUSTER_STAT_UPSTREAM_CX_CONNECT_TIMEOUT);
		gone(uc, reason, why != STATUS_AGAIN);
		pool_connect_failed(pool, reason, (struct slice){0});
		pool_end_if_over(pool);
	} else {
		gone(uc, REPLY_CONNECTION_LOST, true);
	}
	worker_host_release(pool->host);
}

static void on_timed_out(struct conn *conn)
{
	upstream_quiet_timed_out(of_conn(conn));
}

static const struct conn_events conn_events = {
	.read = on_read,
	.connected = on_connected,
	.blocked = on_blocked,
	.unblocked = on_unblocked,
	.timed_out = on_timed_out,
	.closed = on_closed,
};

/* --- the beginning --- */

struct upstream_conn *upstream_conn_open(struct pool *pool, enum cluster_priority priority,
					 enum status *why)
{
	struct upstream_conn *uc = calloc(1, sizeof *uc);
	struct cluster_worker *cluster = pool->host->cluster;
	const struct cluster *config = cluster_worker_config(cluster);
	struct loop *loop = cluster->upstream->loop;

	invariant(uc);
	uc->pool = pool;
	uc->priority = (uint8_t)priority;
	*why = conn_connect(&uc->conn, loop, &pool->host->host->addr, &config->socket,
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
	uc->codec = pool->dialect->open(uc);
	uc->conn.reads_bulk = uc->codec->type->is_multiplexed;
	if (!uc->codec->type->is_multiplexed)
		upstream_conn_count(uc, CLUSTER_STAT_UPSTREAM_CX_HTTP1_TOTAL);
	stat_gauge_inc(cluster->upstream->stats, cluster->stats, CLUSTER_STAT_UPSTREAM_CX_ACTIVE);
	uc->state = UPSTREAM_CONN_CONNECTING;
	pool->connecting_count++;
	pool->conn_count++;
	list_push_back(&pool->conns[UPSTREAM_CONN_CONNECTING], &uc->link);
	return uc;
}

bool upstream_conn_is_exclusive(const struct upstream_conn *uc)
{
	return uc->is_alone || !uc->pool->dialect->is_multiplexed;
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
