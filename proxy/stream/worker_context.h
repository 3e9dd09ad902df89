/* What code on a worker's request path may reach of its worker: loop, pins, stats, chance, memory
 * for streams.
 *
 * Owner: the worker embeds it. Thread: the worker's. */
#ifndef STREAM_WORKER_CONTEXT_H
#define STREAM_WORKER_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/date.h"
#include "base/drain.h"
#include "base/list.h"
#include "base/published.h"
#include "base/random.h"
#include "base/slab.h"
#include "base/slice.h"
#include "codec/bolt.h"
#include "codec/bolt_heads.h"
#include "codec/dubbo.h"
#include "codec/dubbo_heads.h"
#include "net/loop.h"
#include "telemetry/stats.h"

struct upstream_worker;
struct log_worker;
struct rpc_call;
struct worker_context;

enum { WORKER_FREE_STREAMS = 1024 };

/* Connections between this process and the one that follows or preceded it (net/handover.h). */
struct worker_handover {
	struct list_node away; /* given, with calls under way here: manager/rpc_away.h */
	struct list_node owed; /* adopted, with calls under way elsewhere: manager/rpc_owed.h */
	bool has_boundary;     /* one that was to be given away may be asked again, if any was */
	/* An adopted connection has ended, whose calls are under way elsewhere: nobody waits for
	 * their answers. NULL: nobody is told. */
	void (*owed_is_void)(struct worker_context *worker, uint64_t connection);
};

struct worker_context {
	struct loop *loop;
	struct pin_table pins;
	struct stats_shard *stats;
	struct upstream_worker *upstream;
	/* A client connection with upstream connections of its own has gone (upstream/reserve.h).
	 */
	void (*end_reserve)(struct upstream_worker *upstream, uint64_t client);
	struct log_worker *logs;
	struct random random;
	unsigned index;
	uint64_t next_id; /* of connections and streams, unique in the process: starts at index <<
			     48 */
	bool is_asking;   /* any of these, or a drain of a listener: looked at with every answer */
	bool is_failing;  /* /healthcheck/fail: every answer asks its client to leave */
	bool is_leaving;  /* the process ends: each connection at its next boundary */
	struct drain drains[DRAIN_SCOPES]; /* of the process: clients are asked to leave */
	char date[32];                     /* IMF-fixdate of date_ns */
	uint64_t date_ns;                  /* a whole second of the loop's wall clock */
	void *free_streams;                /* struct stream, linked by their first pointer */
	unsigned free_stream_count;
	struct rpc_call *free_calls;
	unsigned free_call_count;
	struct arena call_arena; /* while one is looked at; empty else */
	uint64_t config_epoch;   /* another one after each publication: what is remembered of a
				    configuration holds in its own only */
	struct dubbo_heads dubbo_heads; /* of the calls of all its Dubbo connections */
	struct dubbo_counts dubbo_counts;
	struct bolt_heads bolt_heads; /* likewise */
	struct bolt_counts bolt_counts;
	struct slab http_sessions, rpc_sessions, tcp_sessions; /* their managers' */
	struct worker_handover handover;
	struct list_node served; /* struct served: all downstream connections of this worker */
};

void worker_make_date(struct worker_context *worker);

/* "Sun, 06 Nov 1994 08:49:37 GMT", made anew once a second. */
static inline struct slice worker_date(struct worker_context *worker)
{
	if (UNLIKELY(worker->loop->wall_ns - worker->date_ns >= UINT64_C(1000000000)))
		worker_make_date(worker);
	return slice_make(worker->date, DATE_HTTP_LEN);
}

#endif
