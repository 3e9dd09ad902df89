/* One protocol on one side of one connection: bytes <-> message events. The seam between what a
 * connection reads and writes and what a stream means. No I/O, no clock.
 *
 *   server:  bytes -> codec_read -> begin, headers, data, trailers -> stream
 *            stream -> send_headers, … -> codec->out
 *   client:  upstream request -> send_headers, … -> codec->out
 *            bytes -> codec_read -> headers, data, trailers -> upstream request
 *
 * An exchange is one request with its answer. It is embedded in what the owner keeps for it (a
 * stream, an upstream request), and attached to the codec from `begin` (server) or the first
 * send_headers (client) until `closed`, `reset` or `abandon`. HTTP/1 has one at a time, a
 * multiplexed RPC protocol many.
 *
 * Owner: the session (server) or pooled connection (client) embeds or holds the codec. Thread: its
 * worker. Errors on the wire are events, never returns: `reset` for one exchange, `failed` for the
 * connection. */
#ifndef CODEC_CODEC_H
#define CODEC_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"
#include "message/headers.h"
#include "message/reply_reason.h"
#include "message/rpc_head.h"

enum codec_side {
	CODEC_SERVER, /* faces a client: reads requests */
	CODEC_CLIENT, /* faces an upstream: reads answers */
};

struct codec;

/* A message of a multiplexed protocol that leaves piece by piece: what else is sent waits for its
 * end. */
struct codec_writer {
	struct exchange *exchange; /* whose it is; NULL: of a call that passes (rpc_call.h) */
	bool is_paused;            /* the owner's: the pieces' source is, until there is room */
};

struct exchange {
	struct codec *codec;   /* NULL: not attached (any more) */
	struct arena *arena;   /* incoming headers are made here; set by the owner */
	struct list_node link; /* the codec's */
	void *state;           /* the codec's, for this exchange; may live in the arena */
	uint64_t wire_id;      /* the id that the peer knows, for multiplexed protocols */
	uint32_t slot;         /* the codec's: index in its table of calls */
	uint16_t read_pauses;  /* counted: the codec delivers no data while > 0 (HTTP/1: consumes
				  nothing more) */
	bool is_received;      /* the peer's message has ended */
	bool is_sent;          /* ours has ended */
	bool is_tunnel;   /* after an accepted upgrade or CONNECT: data is opaque, both ways, until
			     EOF */
	bool is_oneway;   /* an RPC call without an answer */
	bool is_in_parts; /* ours leaves piece by piece, as it comes (codec_writer) */
	bool is_head;     /* HTTP: the request was HEAD */
	uint8_t protocol; /* enum stream_protocol, of the message received */
};

/* What a codec tells its owner. Any event may lead to calls of the type's send_… and abandon on any
 * exchange, to exchange pauses, and (server) to drain; it may not free the codec. */
struct codec_events {
	/* Server: a request begins. Returns an exchange with its arena set, or NULL to refuse it
	 * silently (codec skips it). */
	struct exchange *(*begin)(struct codec *codec);
	/* The head. Headers live in exchange->arena. end: no data, no trailers will come. */
	void (*headers)(struct exchange *exchange, struct headers *headers, bool end);
	/* Client: 1xx other than 101. */
	void (*informational)(struct exchange *exchange, struct headers *headers);
	/* Body bytes, TURN; take them with buf_move or leave them to be dropped. end: the message
	 * is complete. */
	void (*data)(struct exchange *exchange, struct buf *data, bool end);
	void (*trailers)(struct exchange *exchange, struct headers *trailers);
	/* The peer gave this exchange up, or it can't go on (client: connection lost before the
	 * answer ended). Detached. */
	void (*reset)(struct exchange *exchange, enum reply_reason reason);
	/* Both messages are complete. Detached: the exchange may be freed, the connection may serve
	 * the next. */
	void (*closed)(struct exchange *exchange);
	/* The connection can't go on: after `reset` of each open exchange. Server: reason and
	 * details say what to answer (send_error) before closing; client: nothing is to be
	 * sent. */
	void (*failed)(struct codec *codec, enum reply_reason reason, struct slice details);
	/* The peer takes no new exchanges (GOAWAY, READONLY event, Connection: close). Open ones go
	 * on. */
	void (*draining)(struct codec *codec);
	/* READONLY is taken back (Dubbo "W"). May be NULL. */
	void (*undraining)(struct codec *codec);
	/* Something rare that only the codec sees, n times: to be counted (enum http1_notice). May
	 * be NULL. */
	void (*noticed)(struct codec *codec, unsigned what, unsigned n);
};

/* What a local reply is made of, before the codec gives it its protocol's form. */
struct local_reply {
	enum reply_reason reason;
	uint16_t http_status; /* reply_reasons[reason].http unless set otherwise (direct response,
				 fault) */
	int grpc_status;      /* -1: from the reason or the HTTP status */
	struct slice text;    /* body or message */
	struct slice content_type; /* "" : text/plain */
};

/* The parts of a frame of a multiplexed protocol. */
struct codec_frame_parts {
	size_t header, payload, trailer; /* bytes; the payload is what `data` gives */
};

enum { CODEC_FRAME_HEAD = 24 }; /* bytes of a frame that tell its parts */

struct codec_type {
	const char *name; /* "http1", "dubbo" */
	bool is_multiplexed;

	/* Bytes from the peer, contiguous: what was left unconsumed last time comes again with more
	 * behind it. Returns how many were consumed. Leaves bytes when a head or frame is
	 * incomplete (see `needs`) or its exchange is paused. eof: no more will come. */
	size_t (*read)(struct codec *codec, struct slice bytes, bool eof);
	/* Client: the first call attaches the exchange, whose codec the owner has set. Appends to
	 * codec->out. end: the message is complete. */
	void (*send_headers)(struct exchange *exchange, struct headers *headers, bool end);
	void (*send_informational)(struct exchange *exchange,
				   struct headers *headers); /* server; NULL: dropped */
	/* Moves all of data. */
	void (*send_data)(struct exchange *exchange, struct buf *data, bool end);
	void (*send_trailers)(struct exchange *exchange, struct headers *trailers);
	/* Server: fills headers and body with the protocol's form of a local reply; it is sent by
	 * send_headers/send_data after the response filters have seen it. */
	void (*render_reply)(struct exchange *exchange, const struct local_reply *reply,
			     struct headers *headers, struct buf *body);
	/* Server, after `failed`: the error answer that needs no exchange. May append nothing. */
	void (*send_error)(struct codec *codec, enum reply_reason reason, struct slice text);
	/* Our side gives the exchange up: it is detached, its later answer is dropped
	 * (multiplexed), or the connection must be closed (codec->must_close is set). No event
	 * follows. */
	void (*abandon)(struct exchange *exchange);
	/* The exchange's read pauses fell to 0. NULL: nothing to do (the owner reads again). */
	void (*resume)(struct exchange *exchange);
	/* We want to close soon: server: READONLY event, `Connection: close` on the next response.
	 */
	void (*drain)(struct codec *codec);
	/* Server: takes that back (Dubbo "W"). NULL: the protocol can't. */
	void (*undrain)(struct codec *codec);
	/* Client: how many more exchanges may be opened now. */
	unsigned (*room)(const struct codec *codec);
	/* Multiplexed: the parts of the frame that begins with these bytes, up to
	 * CODEC_FRAME_HEAD of them, which the codec itself has written. */
	struct codec_frame_parts (*frame_parts)(struct slice head);
	/* Multiplexed: our heartbeat. NULL: the protocol has none. Returns false when the last one
	 * is still unanswered. */
	bool (*heartbeat)(struct codec *codec);
	/* Whose message is half written; NULL: none is. May be NULL: none ever is. */
	struct codec_writer *(*writer)(const struct codec *codec);
	void (*close)(struct codec *codec); /* frees what open took; detaches what is attached,
					       without events */
};

/* The part common to all codecs: first member of struct http1, struct dubbo … */
struct codec {
	const struct codec_type *type;
	const struct codec_events *events;
	void *owner;
	struct buf *out; /* the connection's output; the owner flushes it */
	uint32_t needs;  /* read left bytes: how many in all (from the first left one) it waits for;
			    0: unknown */
	uint8_t side;    /* enum codec_side */
	bool must_close; /* when the open exchanges have ended and out is flushed */
	bool is_failed;
	bool is_draining : 1;
	bool is_stopped : 1; /* read left bytes, as they are for an exchange that is paused */
};

static inline struct codec_writer *codec_writer(const struct codec *codec)
{
	return codec->type->writer ? codec->type->writer(codec) : NULL;
}

static inline size_t codec_read(struct codec *codec, struct slice bytes, bool eof)
{
	return codec->type->read(codec, bytes, eof);
}

#endif
