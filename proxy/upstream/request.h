/* One request to one host: the upstream half of an exchange.
 *
 *   upstream_request_start ─┬ pool has a connection ──────────────────> ready
 *                           └ none: PENDING ─ connected / full / … ───> ready or failed
 *   ready ─ upstream_send_* … events … complete
 *
 * `ready` or `failed` may come from within start. After `failed`, `reset` or `complete` the request
 * is over and holds nothing; upstream_request_cancel ends it at any other time, without an event.
 *
 * Owner: who embeds it (the router's attempt), until it is over. Thread: its worker. */
#ifndef UPSTREAM_REQUEST_H
#define UPSTREAM_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "codec/codec.h"
#include "message/reply_reason.h"
#include "message/stream_info.h"

struct cluster_worker;
struct reserve;
struct upstream_conn;
struct upstream_request;
struct worker_host;

struct upstream_request_events {
	/* A connection is at hand: send now. */
	void (*ready)(struct upstream_request *request);
	/* There will be none. details: for %UPSTREAM_TRANSPORT_FAILURE_REASON%, may be empty. */
	void (*failed)(struct upstream_request *request, enum reply_reason reason,
		       struct slice details);
	void (*headers)(struct upstream_request *request, struct headers *headers, bool end);
	void (*informational)(struct upstream_request *request, struct headers *headers);
	void (*data)(struct upstream_request *request, struct buf *data, bool end);
	void (*trailers)(struct upstream_request *request, struct headers *trailers);
	/* It broke off after ready. was_untouched, is_conn_reused and has_answer_begun say whether
	 * it may go again. */
	void (*reset)(struct upstream_request *request, enum reply_reason reason);
	/* The answer has ended, and the request. The last event. */
	void (*complete)(struct upstream_request *request);
	/* The whole answer to a frame that was passed on, in turn memory that may be written to.
	 * The last event. */
	void (*passed)(struct upstream_request *request, struct slice frame);
	/* Whether an answer, in that serialization, may come in parts: an RPC one of which the
	 * first bytes are there. NULL: it comes whole. */
	bool (*takes_parts)(struct upstream_request *request, uint8_t serialization);
	/* A part of the answer to a frame that was passed on, in turn memory. head: the frame's
	 * header, of the first; else "". left: of its body after this; 0: the last event. */
	void (*passed_part)(struct upstream_request *request, struct slice head, struct slice bytes,
			    uint32_t left);
	/* The connection takes no more for now, and again. Alternating. */
	void (*blocked)(struct upstream_request *request);
	void (*unblocked)(struct upstream_request *request);
};

enum upstream_request_state {
	UPSTREAM_REQUEST_OVER,
	UPSTREAM_REQUEST_PENDING,
	UPSTREAM_REQUEST_ATTACHED,
};

struct upstream_request {
	struct exchange exchange;
	const struct upstream_request_events *events;
	struct list_node link;      /* in its pool's pending, or its connection's requests */
	struct worker_host *host;   /* counted while not over */
	struct reserve *reserve;    /* set before start: NULL, or whose connections it takes */
	struct upstream_conn *conn; /* while attached */
	uint8_t state;              /* enum upstream_request_state */
	uint8_t protocol;           /* enum stream_protocol */
	uint8_t priority;           /* enum cluster_priority */
	bool is_in_parts;           /* set before start: the body comes in parts, so it has a
				       connection for itself */
	bool is_conn_reused;        /* the connection had served before */
	bool is_blocked;            /* between blocked and unblocked */
	bool has_answer_begun;
	uint16_t status;          /* the HTTP answer's, when `headers` comes */
	bool was_untouched;       /* since it is over: the kernel had taken no byte of it */
	uint64_t begins_at;       /* where in all of conn's output its first byte stands */
	const struct buf *unsent; /* during `reset`: where its RPC frame, untouched, waits to be
				     sent, at … NULL: nowhere */
	size_t unsent_at;
	const struct codec_type *unsent_type; /* likewise: what the frame is one of */
};

/* The host must be this worker's. priority, reserve and is_in_parts are set, and kept. arena: where
 * answers' headers are made. */
void upstream_request_start(struct upstream_request *request, struct worker_host *host,
			    enum stream_protocol protocol, struct arena *arena,
			    const struct upstream_request_events *events);
/* An RPC request that needs no message events, only `passed`, `reset`, `blocked` and `unblocked`:
 * its frame, in turn memory that may be written to, goes on as it is but for its id. False, and
 * nothing was done: there is no connection at hand that takes it now. */
bool upstream_request_pass(struct upstream_request *request, struct worker_host *host,
			   enum stream_protocol protocol, struct slice frame,
			   const struct upstream_request_events *events);
/* Does nothing to one that is over. */
void upstream_request_cancel(struct upstream_request *request);

/* Only while attached. Data is moved. */
void upstream_send_headers(struct upstream_request *request, struct headers *headers, bool end);
void upstream_send_data(struct upstream_request *request, struct buf *data, bool end);
void upstream_send_trailers(struct upstream_request *request, struct headers *trailers);

/* During `reset` only: the body of an RPC request of which the kernel has taken no byte, appended
 * to *body as owned copies. False: some was taken, or it isn't at hand. */
bool upstream_request_unsent(const struct upstream_request *request, struct buf *body);

/* The same of the whole frame. */
bool upstream_request_unsent_frame(const struct upstream_request *request, struct buf *frame);

/* Counted: no data of the answer is delivered meanwhile (a multiplexed connection goes on reading).
 */
void upstream_pause(struct upstream_request *request);
void upstream_resume(struct upstream_request *request);

#endif
