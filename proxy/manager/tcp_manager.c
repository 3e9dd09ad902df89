#include "base/hash.h"
#include "manager/tcp_private.h"
#include "telemetry/access_log.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_network.h"

static void count(struct tcp_session *t, unsigned id)
{
	stat_inc(t->worker->stats, t->config->stats, id);
}

static void cluster_count(struct tcp_session *t, unsigned id)
{
	stat_inc(t->worker->stats, t->cluster->stats, id);
}

void tcp_session_free(struct grave *grave)
{
	struct tcp_session *t = container_of(grave, struct tcp_session, down.io.grave);
	slab_give(&t->worker->tcp_sessions, t);
}

static void count_up_end(struct tcp_session *t, bool is_remote)
{
	struct stats_shard *shard = t->worker->stats;
	struct stat_scope *scope = t->cluster->stats;

	stat_gauge_dec(shard, scope, CLUSTER_STAT_UPSTREAM_CX_ACTIVE);
	stat_inc(shard, scope, CLUSTER_STAT_UPSTREAM_CX_DESTROY);
	stat_inc(shard, scope,
		 is_remote ? CLUSTER_STAT_UPSTREAM_CX_DESTROY_REMOTE
			   : CLUSTER_STAT_UPSTREAM_CX_DESTROY_LOCAL);
	if (t->is_joined) {
		stat_inc(shard, scope, CLUSTER_STAT_UPSTREAM_CX_DESTROY_WITH_ACTIVE_RQ);
		stat_inc(shard, scope,
			 is_remote ? CLUSTER_STAT_UPSTREAM_CX_DESTROY_REMOTE_WITH_ACTIVE_RQ
				   : CLUSTER_STAT_UPSTREAM_CX_DESTROY_LOCAL_WITH_ACTIVE_RQ);
	}
	stat_add(shard, scope, CLUSTER_STAT_UPSTREAM_CX_RX_BYTES_TOTAL, t->up.bytes_read);
	stat_add(shard, scope, CLUSTER_STAT_UPSTREAM_CX_TX_BYTES_TOTAL, t->up.bytes_written);
	if (t->is_joined)
		stat_gauge_dec(shard, scope, CLUSTER_STAT_UPSTREAM_RQ_ACTIVE);
	t->info.upstream_wire_received += t->up.bytes_read;
	t->info.upstream_wire_sent += t->up.bytes_written;
	cluster_worker_drop(t->cluster, CLUSTER_PRIORITY_DEFAULT, BREAKER_CONNECTIONS);
	t->host->active--;
}

static void log_session(struct tcp_session *t)
{
	struct stream_info *info = &t->info;

	info->times.end_ns = t->worker->loop->now_ns;
	info->request_body_bytes = info->downstream_wire_received = t->down.bytes_read;
	info->response_body_bytes = info->downstream_wire_sent = t->down.bytes_written;
	stat_add(t->worker->stats, t->config->stats, TCP_STAT_DOWNSTREAM_CX_RX_BYTES_TOTAL,
		 t->down.bytes_read);
	stat_add(t->worker->stats, t->config->stats, TCP_STAT_DOWNSTREAM_CX_TX_BYTES_TOTAL,
		 t->down.bytes_written);
	if (t->config->access_log)
		access_log_write(t->config->access_log, t->worker->logs, info);
}

void tcp_session_leave(struct tcp_session *t, uint64_t lived_ms)
{
	struct timer_wheel *wheel = &t->worker->loop->wheel;

	served_end(&t->served, t->chain);
	timer_cancel(wheel, &t->idle_timer);
	timer_cancel(wheel, &t->duration_timer);
	if (t->host)
		worker_host_release(t->host);
	accepted_ended(t->end, lived_ms);
	pin_drop(t->listener);
	conn_bury(&t->down, tcp_session_free);
}

/* Closes what is open, once, and buries the session. */
static void end(struct tcp_session *t)
{
	struct loop *loop = t->worker->loop;

	if (t->is_over)
		return;
	t->is_over = true;
	if (t->is_up) {
		count_up_end(t, t->is_up_last);
		conn_close(&t->up, t->is_reset);
	}
	log_session(t);
	conn_close(&t->down, t->is_reset);
	tcp_session_leave(t, loop_now_ms(loop) - t->info.times.start_ns / 1000000);
}

/* Lets the downstream side send what it has before it closes. */
static void end_flushed(struct tcp_session *t)
{
	if (t->down.out.len && t->down.state == CONN_OPEN)
		conn_close_flushed(&t->down, 0); /* down's `closed` ends the session */
	else
		end(t);
}

/* --- the flow --- */

static size_t pass(struct conn *to, struct slice bytes, bool eof)
{
	if (bytes.len) {
		buf_append_turn(&to->out, bytes);
		conn_flush_later(to);
	}
	if (eof)
		conn_shutdown(to);
	return bytes.len;
}

static struct tcp_session *of_down(struct conn *conn)
{
	return container_of(conn, struct tcp_session, down);
}

static struct tcp_session *of_up(struct conn *conn)
{
	return container_of(conn, struct tcp_session, up);
}

static size_t on_down_read(struct conn *conn, struct slice bytes, bool eof)
{
	struct tcp_session *t = of_down(conn);

	t->last_activity_ms = loop_now_ms(conn_loop(conn));
	t->is_down_eof |= eof;
	return pass(&t->up, bytes, eof);
}

static size_t on_up_read(struct conn *conn, struct slice bytes, bool eof)
{
	struct tcp_session *t = of_up(conn);

	t->last_activity_ms = loop_now_ms(conn_loop(conn));
	if (eof && !t->is_up_eof) {
		t->is_up_eof = true;
		t->is_up_last = t->is_down_eof;
	}
	return pass(&t->down, bytes, eof);
}

static void on_down_blocked(struct conn *conn)
{
	conn_read_pause(&of_down(conn)->up);
}

static void on_down_unblocked(struct conn *conn)
{
	conn_read_resume(&of_down(conn)->up);
}

static void on_up_blocked(struct conn *conn)
{
	count(of_up(conn), TCP_STAT_DOWNSTREAM_FLOW_CONTROL_PAUSED_READING_TOTAL);
	conn_read_pause(&of_up(conn)->down);
}

static void on_up_unblocked(struct conn *conn)
{
	count(of_up(conn), TCP_STAT_DOWNSTREAM_FLOW_CONTROL_RESUMED_READING_TOTAL);
	conn_read_resume(&of_up(conn)->down);
}

/* Both ends have ended and all is sent: over. */
static void end_if_both_shut(struct tcp_session *t)
{
	if (t->is_down_eof && t->is_up_eof && !t->down.out.len && !t->up.out.len)
		end(t);
}

static void on_down_flushed(struct conn *conn)
{
	end_if_both_shut(of_down(conn));
}

static void on_up_flushed(struct conn *conn)
{
	end_if_both_shut(of_up(conn));
}

static void on_down_closed(struct conn *conn, enum status why)
{
	struct tcp_session *t = of_down(conn);
	if (why)
		stream_info_flag(&t->info, RESPONSE_FLAG_DOWNSTREAM_CONNECTION_TERMINATION);
	t->is_reset = why == status_of_errno(ECONNRESET);
	end(t);
}

/* --- connecting --- */

static void connect_next(struct tcp_session *t);

static uint64_t splice_room(struct splice *splice)
{
	(void)splice;
	return UINT64_MAX;
}

static void moved_up(struct splice *splice, uint64_t n)
{
	struct tcp_session *t = container_of(splice, struct tcp_session, to_up);
	(void)n;
	t->last_activity_ms = loop_now_ms(t->worker->loop);
}

static void moved_down(struct splice *splice, uint64_t n)
{
	struct tcp_session *t = container_of(splice, struct tcp_session, to_down);
	(void)n;
	t->last_activity_ms = loop_now_ms(t->worker->loop);
}

static const struct splice_type to_up_type = {.room = splice_room, .moved = moved_up};
static const struct splice_type to_down_type = {.room = splice_room, .moved = moved_down};

/* Both are open: bytes flow. */
static void join(struct tcp_session *t)
{
	struct sockaddr_storage name;
	socklen_t len = sizeof name;

	t->is_joined = true;
	if (!getsockname(io_fd(&t->up.io), (struct sockaddr *)&name, &len)) {
		addr_from_sockaddr(&name, len, &t->up_local, NULL);
		t->info.upstream_local = &t->up_local;
	}
	splice_join(&t->to_up, &to_up_type, &t->down, &t->up);
	splice_join(&t->to_down, &to_down_type, &t->up, &t->down);
	conn_read_resume(&t->down);
}

static void on_up_connected(struct conn *conn)
{
	struct tcp_session *t = of_up(conn);
	struct stats_shard *shard = t->worker->stats;

	t->info.times.pool_ready_ns = conn_loop(conn)->now_ns;
	stat_record(shard, t->cluster->stats, CLUSTER_STAT_UPSTREAM_CX_CONNECT_MS,
		    (conn_loop(conn)->now_ns - t->info.times.upstream_start_ns) / 1000000);
	cluster_count(t, CLUSTER_STAT_UPSTREAM_RQ_TOTAL);
	stat_gauge_inc(shard, t->cluster->stats, CLUSTER_STAT_UPSTREAM_RQ_ACTIVE);
	join(t);
	t->worker->handover.has_boundary = true;
}

static void on_up_closed(struct conn *conn, enum status why)
{
	struct tcp_session *t = of_up(conn);

	t->is_up = false;
	count_up_end(t, why != STATUS_AGAIN);
	t->is_reset = why == status_of_errno(ECONNRESET);
	if (t->is_joined && t->is_reset) {
		end(t);
		return;
	}
	if (t->is_joined) {
		end_flushed(t);
		return;
	}
	cluster_count(t, CLUSTER_STAT_UPSTREAM_CX_CONNECT_FAIL);
	if (why == STATUS_AGAIN)
		cluster_count(t, CLUSTER_STAT_UPSTREAM_CX_CONNECT_TIMEOUT);
	connect_next(t);
}

static const struct conn_events down_events = {
	.read = on_down_read,
	.blocked = on_down_blocked,
	.unblocked = on_down_unblocked,
	.flushed = on_down_flushed,
	.closed = on_down_closed,
};

static const struct conn_events up_events = {
	.read = on_up_read,
	.connected = on_up_connected,
	.blocked = on_up_blocked,
	.unblocked = on_up_unblocked,
	.flushed = on_up_flushed,
	.closed = on_up_closed,
};

static const struct tcp_cluster *choose_cluster(struct tcp_session *t)
{
	const struct tcp_cluster *clusters = t->config->clusters;
	uint32_t draw = 0;

	if (t->config->cluster_count > 1)
		draw = random_below(&t->worker->random, t->config->weight_sum);
	while (draw >= clusters->weight_below)
		clusters++;
	return clusters;
}

static struct worker_host *choose_host(struct tcp_session *t)
{
	struct addr destination = t->local;
	struct pick pick = {
		.attempts = 1, .address = &destination, .match = t->choice->metadata_match};
	uint16_t port = cluster_worker_config(t->cluster)->original_dst_port;

	if (port)
		destination.port = port;
	if (t->config->hashes_source_ip) {
		char ip[ADDR_TEXT_MAX];
		size_t len = addr_format_ip(&t->remote, ip);
		pick.has_hash = true;
		pick.hash = hash_bytes(slice_make(ip, len));
	}
	return cluster_worker_pick(t->cluster, &pick);
}

static void give_up(struct tcp_session *t, enum response_flag flag)
{
	stream_info_flag(&t->info, flag);
	end(t);
}

/* False: it failed at once. */
static bool connect_host(struct tcp_session *t)
{
	const struct cluster *cluster = cluster_worker_config(t->cluster);
	struct stats_shard *shard = t->worker->stats;
	struct loop *loop = t->worker->loop;
	enum status status =
		conn_connect(&t->up, loop, &t->host->host->addr, &cluster->socket,
			     cluster->connect_timeout_ms, &plain_transport, &up_events);

	cluster_count(t, CLUSTER_STAT_UPSTREAM_CX_TOTAL);
	t->info.times.upstream_start_ns = loop->now_ns;
	t->info.upstream_remote = &t->host->host->addr;
	t->info.upstream_host_name = host_hostname(t->host->host);
	if (status) {
		cluster_worker_drop(t->cluster, CLUSTER_PRIORITY_DEFAULT, BREAKER_CONNECTIONS);
		cluster_count(t, CLUSTER_STAT_UPSTREAM_CX_CONNECT_FAIL);
		return false;
	}
	t->is_up = true;
	t->host->active++;
	stat_gauge_inc(shard, t->cluster->stats, CLUSTER_STAT_UPSTREAM_CX_ACTIVE);
	return true;
}

/* The host before is kept until here: the log shows it if there is no other. */
static void set_host(struct tcp_session *t, struct worker_host *host)
{
	struct worker_host *before = t->host;

	t->host = worker_host_hold(host);
	if (before)
		worker_host_release(before);
}

/* A host for the next attempt, and a connection's slot. False: there is none, and the session has
 * ended. */
static bool find_host(struct tcp_session *t)
{
	if (t->attempts >= t->config->max_connect_attempts) {
		cluster_count(t, CLUSTER_STAT_UPSTREAM_CX_CONNECT_ATTEMPTS_EXCEEDED);
		stream_info_flag(&t->info, RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT_EXCEEDED);
		give_up(t, RESPONSE_FLAG_UPSTREAM_CONNECTION_FAILURE);
		return false;
	}
	t->cluster = cluster_worker_find(t->worker->upstream, t->choice->slot);
	if (!t->cluster) {
		count(t, TCP_STAT_DOWNSTREAM_CX_NO_ROUTE);
		give_up(t, RESPONSE_FLAG_NO_CLUSTER_FOUND);
		return false;
	}
	if (!cluster_worker_take(t->cluster, CLUSTER_PRIORITY_DEFAULT, BREAKER_CONNECTIONS)) {
		cluster_count(t, CLUSTER_STAT_UPSTREAM_CX_OVERFLOW);
		give_up(t, RESPONSE_FLAG_UPSTREAM_OVERFLOW);
		return false;
	}
	t->attempts++;
	struct worker_host *host = choose_host(t);
	if (!host) {
		cluster_worker_drop(t->cluster, CLUSTER_PRIORITY_DEFAULT, BREAKER_CONNECTIONS);
		cluster_count(t, CLUSTER_STAT_UPSTREAM_CX_NONE_HEALTHY);
		give_up(t, RESPONSE_FLAG_NO_HEALTHY_UPSTREAM);
		return false;
	}
	set_host(t, host);
	return true;
}

static void connect_next(struct tcp_session *t)
{
	while (find_host(t) && !connect_host(t))
		continue;
}

/* --- timers --- */

static void on_idle(struct timer *timer)
{
	struct tcp_session *t = container_of(timer, struct tcp_session, idle_timer);
	uint64_t idle_ms = loop_now_ms(t->worker->loop) - t->last_activity_ms;

	if (idle_ms < t->config->idle_timeout_ms) {
		timer_start(&t->worker->loop->wheel, timer, t->config->idle_timeout_ms - idle_ms);
		return;
	}
	count(t, TCP_STAT_IDLE_TIMEOUT);
	end(t);
}

static void on_duration(struct timer *timer)
{
	struct tcp_session *t = container_of(timer, struct tcp_session, duration_timer);
	count(t, TCP_STAT_MAX_DOWNSTREAM_CONNECTION_DURATION);
	end(t);
}

static void start_timers(struct tcp_session *t)
{
	struct timer_wheel *wheel = &t->worker->loop->wheel;

	t->last_activity_ms = loop_now_ms(t->worker->loop);
	timer_init(&t->idle_timer, on_idle);
	timer_init(&t->duration_timer, on_duration);
	if (t->config->idle_timeout_ms)
		timer_start(wheel, &t->idle_timer, t->config->idle_timeout_ms);
	if (t->config->max_duration_ms)
		timer_start(wheel, &t->duration_timer, t->config->max_duration_ms);
}

void tcp_session_go_on(struct tcp_session *t, int up, uint64_t idle_ms)
{
	uint64_t lived_ms = loop_now_ms(t->worker->loop) - t->info.times.start_ns / 1000000;
	uint64_t most_ms = t->config->max_duration_ms;

	start_timers(t);
	t->last_activity_ms -= idle_ms;
	if (most_ms)
		timer_start(&t->worker->loop->wheel, &t->duration_timer,
			    most_ms > lived_ms ? most_ms - lived_ms : 1);
	conn_open(&t->up, t->worker->loop, up, &plain_transport, &up_events);
	t->is_up = true;
	join(t);
}

static void served_drain(struct served *served)
{
	(void)served; /* only its ends know when a conversation is over; a drain waits for them */
}

static void served_close(struct served *served)
{
	struct tcp_session *t = container_of(served, struct tcp_session, served);

	if (t->chain->drain)
		count(t, TCP_STAT_DOWNSTREAM_CX_DRAIN_CLOSE);
	end(t);
}

static struct served_look served_look(const struct served *served)
{
	(void)served;
	return (struct served_look){SERVED_TCP, SERVED_TCP_END};
}

static struct served_origin served_origin(struct served *served)
{
	struct tcp_session *t = container_of(served, struct tcp_session, served);
	return (struct served_origin){t->listener, &t->chain};
}

static const struct served_type served_type = {
	.drain = served_drain,
	.close = served_close,
	.look = served_look,
	.origin = served_origin,
	.give = tcp_give,
};

struct tcp_session *tcp_session_new(const struct tcp_config *config,
				    const struct accepted *accepted)
{
	struct tcp_session *t = slab_take(&accepted->worker->tcp_sessions, sizeof *t);
	struct loop *loop = accepted->worker->loop;

	memset(t, 0, sizeof *t);
	t->config = config;
	t->worker = accepted->worker;
	t->listener = pin_take(accepted->listener);
	t->chain = accepted->chain;
	t->end = accepted->end;
	t->remote = accepted->remote;
	t->local = accepted->local;
	t->info = (struct stream_info){
		.times.start_ns = loop->now_ns,
		.start_wall_ns = loop->wall_ns,
		.connection_id = ++t->worker->next_id,
		.protocol = STREAM_PROTOCOL_TCP,
		.downstream_remote = &t->remote,
		.downstream_direct_remote = &t->remote,
		.downstream_local = &t->local,
		.filter_chain_name = accepted->chain->name,
	};
	served_begin(&t->served, &served_type, &t->worker->served, t->chain);
	conn_open(&t->down, loop, accepted->fd, &plain_transport, &down_events);
	conn_read_pause(&t->down);
	return t;
}

void tcp_serve(const void *config, const struct accepted *accepted)
{
	struct tcp_session *t = tcp_session_new(config, accepted);

	count(t, TCP_STAT_DOWNSTREAM_CX_TOTAL);
	start_timers(t);
	t->choice = choose_cluster(t);
	t->info.cluster_name = t->choice->name;
	connect_next(t);
}
