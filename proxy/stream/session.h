/* A downstream connection with its codec and its streams.
 *
 *   conn ─ bytes ─> session_read ─> codec ─ events ─> streams ─> chain ─> …
 *   … ─> session_send_* ─> codec ─> conn.out
 *
 *   SERVING ─drain─> DRAINING (no new streams) ─idle─> CLOSING ─> gone
 *
 * What a protocol's manager adds stands in its const session_type. Owner: the worker
 * (worker->served); the manager's struct embeds the session and is freed by session_type->ended at
 * the end of the turn. Thread: its worker. Timers: conn's, one for idle (no stream), duration,
 * drain and a head's time. Limits: streams by the codec, look-ahead SESSION_LOOK_AHEAD. */
#ifndef STREAM_SESSION_H
#define STREAM_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/list.h"
#include "codec/codec.h"
#include "net/conn.h"
#include "net/conn_filter.h"
#include "net/served.h"
#include "stream/chain.h"
#include "stream/stream.h"
#include "stream/worker_context.h"

enum {
	SESSION_LOOK_AHEAD =
		16384, /* bytes read ahead of a paused exchange before the socket rests */
	SESSION_DELAYED_CLOSE_MS = 1000,
	SESSION_DRAIN_IDLE_MS = 1000,   /* for one more message, while it is being drained */
	SESSION_BUFFER_LIMIT = 1 << 20, /* what filters may hold of a message: Envoy's default */
};

struct argument_path;
struct argument_value;
struct handover;
struct policy_facts;
struct relay_sink;
struct section_reader;
struct section_writer;
struct session;
struct session_type;

/* What is configured for all sessions of a filter chain, whatever the protocol. Part of a manager's
 * configuration. */
struct session_config {
	const struct session_type *type;
	struct chain_config chain;
	bool is_logged;                  /* somebody reads what a stream was when it has ended */
	uint64_t stream_idle_timeout_ms; /* 0: none, as for all of these */
	uint64_t idle_timeout_ms, max_connection_duration_ms, delayed_close_timeout_ms;
	uint64_t max_requests_per_connection;
	uint64_t request_headers_timeout_ms; /* from a head's first byte to its last */
	bool notes_reads;                    /* was_read is called */
	bool is_inbound;                     /* of a listener whose traffic_direction is INBOUND */
	bool ignores_failing; /* drain_type MODIFY_ONLY: /healthcheck/fail asks nobody to leave */
	bool is_unshared;     /* its clients share no upstream connections (`shared: false`) */
};

struct session_type {
	enum stream_protocol protocol;
	/* The request's head is there: checks, amends, finds the route. False: it has replied. */
	bool (*prepare_request)(struct stream *s, bool end);
	/* The answer's head has passed the filters and is about to be sent. */
	void (*prepare_response)(struct stream *s, struct headers *headers, bool end);
	/* A local reply was rendered; may change it (local_reply_config). NULL: nothing to change.
	 */
	void (*amend_reply)(struct stream *s, const struct local_reply *reply,
			    struct headers *headers, struct buf *body);
	/* Looks up s->route from s->request. */
	void (*find_route)(struct stream *s);
	/* What a call says in its arguments and attachments (filter_facts).
	 * NULL: these requests have none. */
	bool (*argument)(struct stream *s, const struct argument_path *path,
			 struct argument_value *value);
	bool (*attachment)(struct stream *s, struct slice name, struct slice *text);
	/* The stream is complete: count it, log it. The last use of the stream. */
	void (*stream_ended)(struct stream *s);
	/* The request couldn't be read, and no stream had begun: count it. */
	void (*request_failed)(struct session *session, enum reply_reason reason,
			       struct slice details);
	/* Sends the error answer for a request that couldn't be read. NULL: the codec's own. */
	void (*send_error)(struct session *session, enum reply_reason reason);
	/* The codec has noticed something: count it. May be NULL. */
	void (*noticed)(struct session *session, unsigned what, unsigned n);
	/* A read has ended (config->notes_reads); has_left: a message has begun, and isn't whole.
	 */
	void (*was_read)(struct session *session, bool has_left);
	/* An answer in parts of a call without a stream (codec_writer) is to be paused, or goes on.
	 * NULL: there are none. */
	void (*pause_parts)(struct session *session, bool pauses);
	/* The idle timeout has run out: count it. May be NULL. */
	void (*idle_timed_out)(struct session *session);
	/* A drain closes it while nothing is under way: count it. May be NULL. */
	void (*drained)(struct session *session);
	/* The connection is to be given away, or was given away elsewhere and goes on here
	 * (stream/session_handover.h): writes the codec's state and returns its protocol's name,
	 * or NULL if it can't go on elsewhere as it is; reads it, before session_start, or returns
	 * false. NULL: none can. */
	const char *(*write_state)(struct session *session, struct section_writer *out);
	bool (*read_state)(struct session *session, struct section_reader *in);
	/* It is to be given away with calls under way, whose answers go to the relay: takes its
	 * socket, and lists the calls. STATUS_AGAIN: not now. NULL: none can. */
	enum status (*give_busy)(struct session *session, struct relay_sink *relay,
				 struct handover *handover);
	/* The connection ends: what the type has under way beside streams ends, too. May be NULL.
	 */
	void (*gone)(struct session *session);
	/* The connection is gone and all streams with it; frees what embeds the session
	 * (loop_bury). */
	void (*ended)(struct session *session);
};

/* Of one that is to be given away. */
enum session_leaving {
	SESSION_STAYS,
	SESSION_LEAVES,      /* at its next boundary */
	SESSION_LEAVES_HELD, /* and reads are paused once for it */
	SESSION_GIVEN,       /* it isn't its connection's any more */
};

struct session {
	struct conn conn;
	const struct session_config *config;
	struct codec *codec;
	struct worker_context *worker;
	struct pin *listener;
	const struct served_chain *chain;
	struct accepted_end *end; /* NULL: has heard already */
	struct served served;     /* worker->served */
	struct list_node streams;
	uint64_t id;
	uint64_t start_ms;
	struct addr_packed remote, local; /* a stream has them unpacked */
	uint32_t waits_since_ms; /* since the last stream's end, or a head's first byte: the low
				    bits of the loop's time */
	uint32_t request_count;
	uint32_t buffer_limit;
	unsigned stream_count : 20;
	unsigned leaving : 2;   /* enum session_leaving */
	bool has_reserve : 1;   /* upstream connections of its own (upstream/reserve.h) */
	bool is_head_begun : 1; /* … that has a time limit, and isn't whole */
	bool is_draining : 1;   /* told the codec */
	bool is_patient : 1;    /* … and waits for one more message, to answer it with the word */
	bool is_closing : 1;
	bool is_closed_by_peer : 1;
	bool has_unread_request : 1; /* answered before it had ended: its bytes may still be on
					their way */
	bool is_read_held : 1;       /* the look-ahead is full: conn reads are paused once */
	bool is_output_full : 1;     /* between blocked and unblocked */
	bool is_reading : 1;         /* codec_read runs: closing waits */
};

/* Takes the accepted connection. The caller has opened the codec (its owner is the session, its out
 * session->conn.out) after session_init and before session_start. */
void session_init(struct session *session, const struct session_config *config,
		  const struct accepted *accepted);
void session_start(struct session *session, struct codec *codec);

/* The codec's events for servers: what every manager opens its codec with. */
extern const struct codec_events session_codec_events;

/* The response sink: from the last response filter to the codec. */
void session_send_headers(struct stream *s, struct headers *headers, bool end);
void session_send_data(struct stream *s, struct buf *data, bool end);
void session_send_trailers(struct stream *s, struct headers *trailers);

/* No new requests: tells the peer by its protocol, closes when the last stream has ended. */
void session_drain(struct session *session);

/* The same, but one without a stream waits a while for the peer's next message: it may be on its
 * way. Asked again, it goes on as it was. */
void session_leave(struct session *session);

/* Whether the answer that is about to be sent is to be the connection's last, by the drains it is
 * concerned by. Asked only while worker->is_asking. */
COLD bool session_is_last_answer(struct session *session);

/* Closes at once, with everything that is under way. */
void session_close(struct session *session);

/* Reading may go on: an exchange was resumed, or the next pipelined request may start. */
void session_read_on(struct session *session);

/* Output waits, or doesn't any more: so does who writes an answer in parts. */
COLD void session_pause_writer(struct session *session, bool pauses);

/* A stream has been closed: the session may have to close, or to read on. */
void session_stream_closed(struct session *session, struct stream *s);

/* Its connection is someone else's now: it ends at once if that is DEAD here, else with its last
 * stream. For who gives it (stream/session_handover.h). */
void session_given(struct session *session);
/* The listener doesn't count it any more, though it hasn't ended. */
void session_uncount(struct session *session);

/* What policies decide by. */
void stream_facts(struct stream *s, struct policy_facts *facts);

static inline struct session *session_of_codec(struct codec *codec)
{
	return codec->owner;
}

#endif
