/* The Dubbo protocol (magic dabb), both sides of it: frames <-> message events.
 *
 *   consumer -> [server codec] begin, headers, data(end) -> stream
 *            -> send_… -> [client codec] -> provider
 *
 * A frame is delivered when it is whole: `headers` and `data(end)` follow each other, the payload
 * as it came (TURN bytes), also while the exchange's reads are paused (who paused holds it). What
 * is sent leaves as one frame when its end is known. A body over options->parts_over may come and
 * leave in parts instead, if its owner says so (options->takes_…parts; dubbo_parts.h). A request
 * looks like its Triple twin (":path: /interface/method", …); facts of the frame are in
 * headers->rpc. Attachments are read on demand (dubbo_attachments.h). Heartbeats are answered here.
 * Each call has an id of ours on an upstream connection (open_calls.h); the consumer's own is in
 * exchange->wire_id.
 *
 * A connection fails for lost framing only (no magic, a length that Java hasn't): `reset` for each
 * open exchange, then `failed`. A frame whose body is over the limit is skipped: a request is an
 * exchange all the same (head->is_over_limit), an answer is a reset. EOF is no failure: `reset` for
 * each open exchange, and must_close. A request that can't be decoded is answered with status 40;
 * one in a serialization that isn't known here goes on with "" for service and method (:path "//").
 * A one-way request's exchange is closed, on the server side, by any answer (nothing is written) or
 * by `abandon`; on the client side as soon as it is written. What a client codec can't send (no
 * room, no Dubbo request) is reset within send_headers.
 *
 * Owner: the session or pooled connection that embeds it. Thread: its worker.
 * Limits: payload_limit, max_in_flight (client). */
#ifndef CODEC_DUBBO_H
#define CODEC_DUBBO_H

#include <stdint.h>

#include "codec/codec.h"
#include "codec/dubbo_frame.h"
#include "codec/open_calls.h"
#include "codec/rpc_notice.h"

enum {
	DUBBO_PAYLOAD_LIMIT = 8 << 20, /* Dubbo's own default */
	DUBBO_MAX_IN_FLIGHT = 65536,
	DUBBO_PARTS_OVER = 65536,
	DUBBO_SKIP_LIMIT = 256 << 20, /* what announces more is no frame */
};

/* What happened on the connections that share this; the owner reads and exports it. */
struct dubbo_counts {
	uint64_t requests, answers;      /* whole frames of messages received */
	uint64_t heartbeats_answered;    /* the peer's */
	uint64_t heartbeats_sent;        /* ours */
	uint64_t readonly_events;        /* "R" and "W" received */
	uint64_t ignored_events;         /* of no known meaning */
	uint64_t undecodable_requests;   /* answered with status 40 */
	uint64_t other_serializations;   /* requests in none of Hessian2 */
	uint64_t reused_ids;             /* of requests, that an open one has */
	uint64_t provider_requests;      /* calls that an upstream began; answered with status 40 */
	uint64_t unknown_answers;        /* late, repeated or forged; dropped */
	uint64_t bad_magic;              /* connections lost */
	uint64_t oversized;              /* frames skipped */
	uint64_t oneway_answers_dropped; /* by a server codec: nobody waits for them */
	uint64_t edited_requests, edited_answers; /* written anew: filters have changed headers */
	uint64_t uneditable_messages; /* that should have been, but can't be read so far */
};

struct dubbo_heads;
struct rpc_kept;

/* A piece of an answer to a request that was passed on. */
struct dubbo_answer_part {
	struct slice head;  /* the frame's header, of the first; else "" */
	struct slice bytes; /* of the body; in turn memory */
	uint32_t left;      /* of the body after this; 0: the exchange is detached */
};

struct dubbo_options {
	uint32_t payload_limit; /* largest body received */
	uint32_t max_in_flight; /* client: calls open at one time */
	uint32_t parts_over;    /* bytes of a body beyond which it needn't be whole to go on */
	struct dubbo_counts *counts;
	struct dubbo_heads *heads; /* server: the worker's (dubbo_heads.h); NULL: none are kept */
	void (*noticed)(struct codec *codec, enum rpc_notice notice); /* may be NULL */
	/* Server: shown a whole two-way request with a kept head before its exchange is begun.
	 * True: it was taken, and dubbo_pass_answer or dubbo_take_back follows. NULL: none is. */
	bool (*pass)(struct codec *codec, struct rpc_kept *head, uint64_t id, struct slice frame);
	/* Client: the whole answer to a request that was passed on; detached. In turn memory that
	 * may be written to. */
	void (*passed)(struct exchange *exchange, struct slice frame);
	/* Server: whether a request of that id was taken by `pass` and isn't answered yet. May be
	 * NULL. */
	bool (*is_passed)(struct codec *codec, uint64_t id);
	/* Server: whether a request with this head and a long body may come in parts: its first
	 * bytes are all that is looked at. NULL: none may. Not asked about one in a serialization
	 * that isn't known here: of it there is nothing to look at, and it comes so. */
	bool (*takes_request_parts)(struct codec *codec, struct headers *headers);
	/* Server: a message in parts (codec_writer) holds up more than it may: to be given up. */
	void (*held_up)(struct codec *codec);
	/* Client: likewise of the answer to a request. It is asked again until it is whole. */
	bool (*takes_parts)(struct exchange *exchange, uint8_t serialization);
	/* Client: an answer in parts, to a request that was passed on. */
	void (*passed_part)(struct exchange *exchange, const struct dubbo_answer_part *part);
};

struct dubbo {
	struct codec codec;
	const struct dubbo_options *options;
	struct exchange
		*current;      /* the one whose events are being delivered, while it is attached */
	struct list_node open; /* server: exchanges that were begun and not closed */
	struct open_calls calls;     /* client */
	struct exchange *receiving;  /* of the frame that comes in parts; NULL: it is dropped */
	uint32_t receiving_left;     /* bytes of it to come; 0: none does */
	struct codec_writer *writer; /* of what leaves in parts; NULL: nothing does */
	bool is_heartbeat_open;      /* ours is not answered yet */
	uint8_t latest_head;         /* server: its place in options->heads */
	uint64_t latest_id;          /* server: the highest so far; they count up */
};

/* The server's side, and the client's; dubbo_open chooses. */
extern const struct codec_type dubbo_codec, dubbo_client_codec;

/* Starts the codec of a new connection. Borrows everything as long as the codec lives;
 * codec->type->close frees what it takes. Never fails. */
void dubbo_open(struct dubbo *dubbo, enum codec_side side, const struct codec_events *events,
		void *owner, struct buf *out, const struct dubbo_options *options);

/* --- frames that pass: sent on as they came, but for their ids --- */

/* Client, while it has room: sends the two-way request and attaches the exchange, which is reset or
 * abandoned as any other. The frame lies in turn memory, and is written to. */
void dubbo_pass_request(struct dubbo *dubbo, struct exchange *exchange, struct slice frame);

/* Server: sends the answer to the request of that id. The frame: likewise. */
void dubbo_pass_answer(struct dubbo *dubbo, uint64_t id, struct slice frame);

/* Server: a request that was taken by options->pass becomes an exchange after all, with all its
 * events. payload: the request's own, or nothing; what is left of it is dropped. */
void dubbo_take_back(struct dubbo *dubbo, struct rpc_kept *head, uint64_t id, struct buf *payload);

/* Server, while it has no writer: begins to send the answer to the request of that id in parts.
 * head: the header that it came with. dubbo_put_part for all of its body, or dubbo_break_answer,
 * follows: its caller gets a body that can't be read, and the connection goes on. */
void dubbo_begin_answer(struct dubbo *dubbo, uint64_t id, struct slice head);
void dubbo_put_part(struct dubbo *dubbo, struct buf *data);
void dubbo_break_answer(struct dubbo *dubbo);

/* Server: sends whole frames that another codec has written. Copies. */
void dubbo_put_frames(struct dubbo *dubbo, struct slice frames);

/* Server: answers the two-way request of that id and serialization, which another codec has read,
 * with a reason. */
void dubbo_answer_lost(struct dubbo *dubbo, uint64_t id, uint8_t serialization,
		       enum reply_reason reason);

/* Server: whether an answer in that serialization can be sent in parts: what is broken off must be
 * known for it. */
static inline bool dubbo_answers_in_parts(uint8_t serialization)
{
	return serialization == DUBBO_HESSIAN2;
}

#endif
