/* How long a pooled connection may be quiet: without a request (idle), and without a byte from its
 * peer (heartbeats of multiplexed protocols). */
#include "upstream/upstream_conn_private.h"

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
	uint32_t most_ms = uc->pool->dialect->heartbeat_ms;

	if (most_ms && limit_ms > most_ms)
		limit_ms = most_ms;
	if (!has_heartbeat(uc) || !limit_ms)
		return UINT64_MAX;
	return quiet_ms(uc) < limit_ms ? limit_ms - quiet_ms(uc) : 0;
}

void upstream_quiet_wait(struct upstream_conn *uc)
{
	uint64_t idle_ms = rest_of_idle_ms(uc), silence_ms = rest_of_quiet_ms(uc);
	uint64_t rest_ms = idle_ms < silence_ms ? idle_ms : silence_ms;

	if (rest_ms != UINT64_MAX)
		conn_set_timer(&uc->conn, rest_ms ? rest_ms : 1);
}

/* Nothing new is sent there; what is under way may still be answered. */
static void lose_heartbeat(struct upstream_conn *uc)
{
	upstream_conn_count(uc, CLUSTER_STAT_UPSTREAM_CX_HEARTBEAT_LOST);
	uc->heartbeat = HEARTBEAT_LOST;
	if (list_is_empty(&uc->requests)) {
		upstream_conn_close(uc, REPLY_CONNECTION_LOST);
		return;
	}
	if (uc->state != UPSTREAM_CONN_DRAINING)
		upstream_conn_set_state(uc, UPSTREAM_CONN_SILENT);
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

/* It is silent since we don't read, or have yet to give it the rest of a call, which it takes. */
static bool is_quiet_for_us(struct upstream_conn *uc)
{
	bool takes_more = !uc->conn.out.len || uc->conn.bytes_written != uc->written_before;

	uc->written_before = uc->conn.bytes_written;
	return uc->conn.read_pauses || (codec_writer(uc->codec) && takes_more);
}

void upstream_quiet_timed_out(struct upstream_conn *uc)
{
	if (!rest_of_idle_ms(uc)) {
		upstream_conn_count(uc, CLUSTER_STAT_UPSTREAM_CX_IDLE_TIMEOUT);
		upstream_conn_close(uc, REPLY_CONNECTION_LOST);
		return;
	}
	if (!rest_of_quiet_ms(uc)) {
		if (!is_quiet_for_us(uc)) {
			end_silence(uc);
			return;
		}
		uc->heard_ms = loop_now_ms(upstream_of(uc)->loop);
	}
	upstream_quiet_wait(uc);
	if (uc->state == UPSTREAM_CONN_READY && pool_has_surplus(uc->pool))
		upstream_conn_drain(uc);
}

/* The peer lives after all. */
void upstream_quiet_end(struct upstream_conn *uc)
{
	uc->heartbeat = HEARTBEAT_NONE;
	if (uc->state == UPSTREAM_CONN_SILENT)
		upstream_conn_set_state(uc, UPSTREAM_CONN_READY);
	upstream_quiet_wait(uc);
}
