/* Bolt messages' heads: what a codec makes of one, and those that a worker keeps for later calls.
 *
 *   key: target service and method, as on the wire ─ hash ─> slot: {key, shape, struct bolt_request
 *                                                                   with its strings}
 *
 * A call like the latest one of its connection, or one with a header map as long, is known by its
 * shape (bolt_shape.h); others are looked through for their names. A newer head takes an older
 * one's place. What a message gets is a copy in its own arena; a call without a stream holds the
 * slot by count instead.
 * Owner: one a worker, given to its codecs in their options. Thread: its worker. Size: up to
 * BOLT_HEAD_SLOTS times 2 KiB or so. */
#ifndef CODEC_BOLT_HEADS_H
#define CODEC_BOLT_HEADS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "codec/bolt_frame.h"
#include "codec/bolt_head.h"
#include "codec/rpc_kept.h"
#include "message/headers.h"
#include "message/rpc_head.h"

enum {
	BOLT_HEAD_SLOTS = 64,
	BOLT_HEAD_KEY = 255,
	BOLT_HEAD_ITEMS = 12, /* room for headers: seven of ours, and those that filters add */
	BOLT_ANSWER_ITEMS = 4,
};

/* A request while it is open: one block in its exchange's arena. */
struct bolt_request {
	struct headers headers;
	struct rpc_head head;
	struct bolt_frame frame;      /* as received */
	struct bolt_frame answer;     /* what is being sent back */
	const struct headers *edited; /* the answer's; NULL: nothing differs from what came */
	struct buf gathered; /* of an answer that comes in pieces; pool is NULL until the first */
	uint32_t text_len;
	struct header items[BOLT_HEAD_ITEMS];
	char text[]; /* "/service/method", version and group, one behind the other */
};

/* An answer, likewise. */
struct bolt_answer {
	struct headers headers;
	struct rpc_head head;
	struct bolt_frame frame;
	struct header items[BOLT_ANSWER_ITEMS];
};

struct bolt_head_slot;

struct bolt_heads {
	struct bolt_head_slot *slots[BOLT_HEAD_SLOTS];
	uint8_t by_length[BOLT_HEAD_SLOTS]; /* of the header map: the latest place it led to */
};

static inline void bolt_heads_init(struct bolt_heads *heads)
{
	*heads = (struct bolt_heads){.slots = {NULL}};
}

/* Forgets all heads; those that calls hold live on until their release. */
void bolt_heads_fini(struct bolt_heads *heads);

/* A request that goes where the names say, with headers and strings of its own in the arena; NULL:
 * bolt_names_split refuses them. */
struct bolt_request *bolt_request_make(const struct bolt_names *names,
				       const struct bolt_frame *frame, struct arena *arena);

/* An answer with the frame's status: ":status", and the frame's facts in its head. */
struct bolt_answer *bolt_answer_make(const struct bolt_frame *frame, struct arena *arena);

/* The kept head of messages that begin as this payload does, with a class name and a header map of
 * these lengths, or NULL: it is to be looked at. Borrowed until the next bolt_heads_keep. *latest:
 * where the caller's last one was; zero at first. */
struct rpc_kept *bolt_heads_find(const struct bolt_heads *heads, const char *payload,
				 size_t class_len, size_t headers_len, uint8_t *latest);

/* The kept head with these names, which were read of this payload, or NULL; likewise. It is known
 * by its shape from now on. */
struct rpc_kept *bolt_heads_find_names(struct bolt_heads *heads, const struct bolt_names *names,
				       struct slice payload, const struct bolt_frame *frame,
				       uint8_t *latest);

/* What bolt_request_make would make of that head and this frame, with the slot's memo. */
struct bolt_request *bolt_request_copy(struct rpc_kept *kept, const struct bolt_frame *frame,
				       struct arena *arena);

/* Keeps the request's head for later calls, if its names aren't over BOLT_HEAD_KEY bytes. */
void bolt_heads_keep(struct bolt_heads *heads, const struct bolt_names *names,
		     const struct bolt_request *request);

#endif
