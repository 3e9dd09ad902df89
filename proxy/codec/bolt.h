/* The Bolt protocol of SOFA, versions 1 and 2, both sides of it: frames <-> message events.
 *
 *   consumer -> [server codec] begin, headers, data(end) -> stream
 *            -> send_… -> [client codec] -> provider
 *
 * A frame is delivered when it is whole: `headers` and `data(end)` follow each other, also while
 * the exchange's reads are paused (who paused holds it). The data is the payload as it came (TURN
 * bytes): class name, header map and content. What is sent leaves as one frame when its end is
 * known. A request looks like its Triple twin (":path: /interface/method", …); facts of the frame
 * are in headers->rpc. The header map becomes headers on demand (bolt_publish). Heartbeats are
 * answered here. Each call has an id of ours on an upstream connection (open_calls.h); an answer
 * leaves in the version of its request, with a checksum if the request had one, whatever the
 * provider spoke: it answers all in the version that a connection began with.
 *
 * A connection fails for lost framing only (no Bolt, a payload over BOLT_SKIP_LIMIT, a wrong
 * checksum: nothing in such a frame is sure, its id neither): `reset` for each open exchange, then
 * `failed`. A frame over payload_limit is skipped: a request is answered with status 9, an answer
 * is a reset. EOF is no failure: `reset` for each open exchange, and must_close. A request that
 * can't be decoded is answered with status 9. A one-way request's exchange is closed, on the server
 * side, by any answer (nothing is written) or by `abandon`; on the client side as soon as it is
 * written. What a client codec can't send (no room, no Bolt request) is reset within send_headers.
 * There is no word for going away that a stock peer understands (goaway, command 100, makes it
 * close): none is sent, and one that comes from an upstream is obeyed.
 *
 * Owner: the session or pooled connection that embeds it. Thread: its worker.
 * Limits: payload_limit, max_in_flight (client), BOLT_SECTION_LIMIT, BOLT_FIELDS_LIMIT. */
#ifndef CODEC_BOLT_H
#define CODEC_BOLT_H

#include <stdint.h>

#include "codec/codec.h"
#include "codec/open_calls.h"
#include "codec/rpc_notice.h"

enum {
	BOLT_PAYLOAD_LIMIT = 16 << 20, /* Bolt has none of its own */
	BOLT_SKIP_LIMIT = 256 << 20,   /* what announces more is no frame */
	BOLT_ID_INDEX_BITS = 13,       /* of an id; the rest is the slot's generation */
	/* Half of the indices: a table of calls doubles, and the last index is the heartbeat's. */
	BOLT_MAX_IN_FLIGHT = 1 << (BOLT_ID_INDEX_BITS - 1),
};

/* What happened on the connections that share this; the owner reads and exports it. */
struct bolt_counts {
	uint64_t requests, answers;      /* whole frames of messages received */
	uint64_t heartbeats_answered;    /* the peer's */
	uint64_t heartbeats_sent;        /* ours */
	uint64_t goaways;                /* received, of either side */
	uint64_t ignored_commands;       /* of no known meaning */
	uint64_t undecodable_requests;   /* answered with status 9 */
	uint64_t reused_ids;             /* of requests, that an open one has */
	uint64_t provider_requests;      /* calls that an upstream began; answered with status 9 */
	uint64_t unknown_answers;        /* late, repeated or forged; dropped */
	uint64_t oversized;              /* frames skipped, or connections lost for one */
	uint64_t no_bolt;                /* connections lost */
	uint64_t bad_checksums;          /* likewise */
	uint64_t oneway_answers_dropped; /* by a server codec: nobody waits for them */
};

struct bolt_heads;
struct rpc_kept;

struct bolt_options {
	uint32_t payload_limit; /* largest payload received */
	uint32_t max_in_flight; /* client: calls open at one time; up to BOLT_MAX_IN_FLIGHT */
	struct bolt_counts *counts;
	struct bolt_heads *heads; /* server: the worker's (bolt_heads.h); NULL: none are kept */
	void (*noticed)(struct codec *codec, enum rpc_notice notice); /* may be NULL */
	/* Server: shown a whole two-way request with a kept head before its exchange is begun.
	 * True: it was taken, and bolt_pass_answer or bolt_take_back follows. NULL: none is. */
	bool (*pass)(struct codec *codec, struct rpc_kept *head, uint64_t id, struct slice frame);
	/* Client: the whole answer to a request that was passed on; detached. In turn memory that
	 * may be written to. */
	void (*passed)(struct exchange *exchange, struct slice frame);
	/* Server: whether a request of that id was taken by `pass` and isn't answered yet. May be
	 * NULL. */
	bool (*is_passed)(struct codec *codec, uint64_t id);
};

struct bolt {
	struct codec codec;
	const struct bolt_options *options;
	struct exchange
		*current;      /* the one whose events are being delivered, while it is attached */
	struct list_node open; /* server: exchanges that were begun and not closed */
	uint64_t skip_left;    /* of a frame over the limit: bytes still to come */
	struct open_calls calls;   /* client */
	uint32_t latest_id;        /* server: the highest so far; they count up */
	bool is_heartbeat_open;    /* ours is not answered yet */
	uint8_t latest_head;       /* server: its place in options->heads */
	uint8_t protocol, version; /* client: of the latest request; heartbeats speak it, too */
};

/* The server's side, and the client's; bolt_open chooses. */
extern const struct codec_type bolt_codec, bolt_client_codec;

/* Starts the codec of a new connection. Borrows everything as long as the codec lives;
 * codec->type->close frees what it takes. Never fails. */
void bolt_open(struct bolt *bolt, enum codec_side side, const struct codec_events *events,
	       void *owner, struct buf *out, const struct bolt_options *options);

/* Reads the message's header map into headers->rpc (rpc_attachment_find looks it up), and gives the
 * caller's application (app) and timeout their Triple names; done once, later calls only repeat the
 * answer. To be called from the `headers` event (the payload is needed); what is kept is copied to
 * the arena. False: no Bolt message, no payload at hand any more, or a map that can't be read; then
 * nothing is set. */
bool bolt_read_fields(struct headers *headers, struct arena *arena);

/* The same, and adds a header for each entry, by the rules of dubbo_attachments_publish, which see.
 * Once. */
bool bolt_publish(struct headers *headers, struct arena *arena);

/* --- frames that pass: sent on as they came, but for their ids --- */

/* Client, while it has room: sends the two-way request and attaches the exchange, which is reset or
 * abandoned as any other. The frame lies in turn memory, and is written to. */
void bolt_pass_request(struct bolt *bolt, struct exchange *exchange, struct slice frame);

/* Server: sends the answer to the request of that id (the one that `pass` was given). The frame:
 * likewise. */
void bolt_pass_answer(struct bolt *bolt, uint64_t id, struct slice frame);

/* Server: a request that was taken by options->pass becomes an exchange after all, with all its
 * events. payload: the request's own, or nothing; what is left of it is dropped. */
void bolt_take_back(struct bolt *bolt, struct rpc_kept *head, uint64_t id, struct buf *payload);

/* Server: the id that `pass` would have been given for an open exchange's request. */
uint64_t bolt_exchange_id(const struct exchange *exchange);

/* Server: answers the two-way request of that id (likewise), which another codec has read, with a
 * reason. */
void bolt_answer_lost(struct bolt *bolt, uint64_t id, enum reply_reason reason);

#endif
