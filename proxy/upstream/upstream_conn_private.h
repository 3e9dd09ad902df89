/* What the files of a pooled connection share, and nobody else includes.
 *
 *   upstream_conn.c: its life and its states     upstream_exchange.c: the requests on it
 *   upstream_quiet.c: its time                   upstream_dialects.c: what is of one protocol */
#ifndef UPSTREAM_UPSTREAM_CONN_PRIVATE_H
#define UPSTREAM_UPSTREAM_CONN_PRIVATE_H

#include "telemetry/stats_cluster.h"
#include "upstream/upstream_dialect.h"
#include "upstream/upstream_worker.h"

static inline struct cluster_worker *cluster_of(const struct upstream_conn *uc)
{
	return uc->pool->host->cluster;
}

static inline const struct cluster *config_of(const struct upstream_conn *uc)
{
	return cluster_worker_config(cluster_of(uc));
}

static inline struct upstream_worker *upstream_of(const struct upstream_conn *uc)
{
	return cluster_of(uc)->upstream;
}

static inline void upstream_conn_count(const struct upstream_conn *uc, unsigned id)
{
	stat_inc(upstream_of(uc)->stats, cluster_of(uc)->stats, id);
}

/* --- upstream_conn.c */

/* The one door between the pool's lists. */
void upstream_conn_set_state(struct upstream_conn *uc, enum upstream_conn_state state);
/* A request has ended while the connection stays: it may serve the next. */
void upstream_conn_settle(struct upstream_conn *uc);

/* --- upstream_exchange.c */

extern const struct codec_events upstream_codec_events;

/* The codec's word of a passed frame's answer. is_ok: no error of the provider. */
void upstream_conn_passed(struct exchange *exchange, struct slice frame, bool is_ok);
/* Whether the answer, in a frame that isn't whole yet, may come in parts: its request is the only
 * one on the connection, which takes no other until then and rests as a whole when it is paused. */
bool upstream_conn_takes_parts(struct exchange *exchange, uint8_t serialization);
/* The codec's word of a part of a passed frame's answer. head: of the first; left 0: the last. */
void upstream_conn_passed_part(struct exchange *exchange, struct slice head, struct slice bytes,
			       uint32_t left, bool is_ok);
/* The codec's word of what it dealt with by itself. */
void upstream_conn_noticed(struct codec *codec, enum rpc_notice notice);

/* Each with a reset event. */
void upstream_conn_reset_requests(struct upstream_conn *uc, enum reply_reason reason);
/* Each is told that the connection takes no more for now, or again. */
void upstream_conn_block_requests(struct upstream_conn *uc, bool is_blocked);

/* --- upstream_quiet.c: one timer, set to the earliest limit */

/* Sets it: the connection is made, or was heard again. */
void upstream_quiet_wait(struct upstream_conn *uc);
COLD void upstream_quiet_end(struct upstream_conn *uc);
void upstream_quiet_timed_out(struct upstream_conn *uc);

/* Bytes have come. */
static inline void upstream_quiet_heard(struct upstream_conn *uc)
{
	uc->heard_ms = loop_now_ms(conn_loop(&uc->conn));
	if (UNLIKELY(uc->heartbeat != HEARTBEAT_NONE))
		upstream_quiet_end(uc);
}

#endif
