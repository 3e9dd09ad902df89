/* A pooled connection to a host, with its codec and the requests on it.
 *
 *   CONNECTING ─> READY (has room) <─> BUSY (none)
 *                   └─ a heartbeat is lost ─> SILENT ─ any byte comes ─> READY
 *     ─> DRAINING (takes no more; ends with its last request) ─> freed
 *
 * READONLY is no state of a connection: it is its host that is picked no more, and the connection
 * stays, for its open calls and to hear WRITEABLE.
 *
 * State = list: a connection is in exactly one of its pool's lists. Owner: its pool; freed by
 * conn_bury. Thread: its worker. Timers (conn's): connect, then idle or heartbeat (multiplexed). */
#ifndef UPSTREAM_UPSTREAM_CONN_H
#define UPSTREAM_UPSTREAM_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/bolt.h"
#include "codec/dubbo.h"
#include "codec/http1.h"
#include "net/conn.h"
#include "upstream/cluster.h"
#include "upstream/request.h"

struct pool;

enum upstream_conn_state {
	UPSTREAM_CONN_CONNECTING,
	UPSTREAM_CONN_READY,
	UPSTREAM_CONN_BUSY,
	UPSTREAM_CONN_SILENT,
	UPSTREAM_CONN_DRAINING,
	UPSTREAM_CONN_STATES,
};

/* Since bytes came last. */
enum heartbeat_state {
	HEARTBEAT_NONE,
	HEARTBEAT_SENT,
	HEARTBEAT_LOST, /* no answer in time */
};

struct upstream_conn {
	struct conn conn;
	struct pool *pool;
	struct list_node link; /* the pool's list of its state */
	struct list_node requests;
	struct codec *codec;
	struct addr local; /* learned when first asked for */
	uint64_t id;
	uint64_t start_ms;
	uint64_t last_use_ms;
	uint64_t heard_ms;       /* multiplexed: when bytes came last */
	uint64_t written_before; /* by when it was last found quiet */
	uint32_t active;         /* requests on it */
	uint32_t served;         /* requests that were attached */
	uint8_t state;           /* enum upstream_conn_state */
	uint8_t priority;        /* enum cluster_priority: whose slot it has */
	bool has_local;
	bool is_used_up;   /* it has served max_requests_per_connection */
	bool is_reading;   /* codec_read runs */
	bool is_unsettled; /* a request has ended since: at the end of the read */
	uint8_t heartbeat; /* enum heartbeat_state */
	bool is_readonly;  /* counted in its host's readonly_count */
	bool is_alone;     /* a shared one's only request gets its answer in parts */
	union {
		struct http1 http1;
		struct dubbo dubbo;
		struct bolt bolt;
	};
};

/* Starts to connect, with a slot of the priority's connection breaker, which is the connection's
 * from then on; NULL when the system refuses at once (*why). */
struct upstream_conn *upstream_conn_open(struct pool *pool, enum cluster_priority priority,
					 enum status *why);

/* Puts the request on the connection, which has room. */
void upstream_conn_attach(struct upstream_conn *uc, struct upstream_request *request);

/* Likewise, with the whole frame that the request is: only when upstream_conn_can_pass says so. */
bool upstream_conn_can_pass(const struct upstream_conn *uc);
void upstream_conn_pass(struct upstream_conn *uc, struct upstream_request *request,
			struct slice frame);
/* Requests on it are reset for `reason`; closed and buried. */
void upstream_conn_close(struct upstream_conn *uc, enum reply_reason reason);

/* Takes no more requests; closed when the last has ended. */
void upstream_conn_drain(struct upstream_conn *uc);

/* Its state follows from what the codec says of its room. */
void upstream_conn_update(struct upstream_conn *uc);

/* It serves one request at a time, now or always: it is paused with it. */
bool upstream_conn_is_exclusive(const struct upstream_conn *uc);
/* A request with an answer in parts, or paused, is over: the connection is for all again, and reads
 * on. */
COLD void upstream_conn_leave_alone(struct upstream_request *request);

/* Its own end. Asks the kernel once. */
const struct addr *upstream_conn_local(struct upstream_conn *uc);

#endif
