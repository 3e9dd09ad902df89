/* Messages' heads laid out beforehand, so that the usual call costs one comparison and one copy.
 *
 *   key: the bytes of a body's five strings ─ hash ─> slot: {key, struct dubbo_request with its
 *                                                           strings}
 *
 * Only request heads in plain Hessian2 are kept (short ASCII strings, at most DUBBO_HEAD_KEY
 * bytes; no generic calls, whose method isn't in it); a newer one takes an older one's place. What
 * a message gets is a copy in its own arena; a call without a stream holds the slot by count
 * instead. Owner: one a worker, given to its codecs in their options. Thread: its worker. Size: up
 * to DUBBO_HEAD_SLOTS KiB or so. */
#ifndef CODEC_DUBBO_HEADS_H
#define CODEC_DUBBO_HEADS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"
#include "codec/hessian2_known.h"
#include "codec/rpc_kept.h"
#include "message/headers.h"
#include "message/rpc_head.h"

enum {
	DUBBO_HEAD_SLOTS = 64,
	DUBBO_HEAD_KEY = 255,
	DUBBO_HEAD_ITEMS = 12, /* room for headers: six of ours, and those that filters add */
	DUBBO_ANSWER_ITEMS = 4,
};

struct dubbo_edits;

/* A request while it is open: one block in its exchange's arena. */
struct dubbo_request {
	struct headers headers;
	struct rpc_head head;
	struct buf gathered; /* of an answer that comes in pieces; pool is NULL until the first */
	struct dubbo_edits *edits; /* of its answer; NULL: none */
	struct header items[DUBBO_HEAD_ITEMS];
	char text[]; /* "/service/method", versions and parameter types, one behind the other */
};

/* An answer, likewise. */
struct dubbo_answer {
	struct headers headers;
	struct rpc_head head;
	struct header items[DUBBO_ANSWER_ITEMS];
};

struct dubbo_head_slot;

struct dubbo_heads {
	struct dubbo_head_slot *slots[DUBBO_HEAD_SLOTS];
	struct hessian2_known known; /* classes of the objects in bodies that were read */
};

static inline void dubbo_heads_init(struct dubbo_heads *heads)
{
	*heads = (struct dubbo_heads){.slots = {NULL}};
}

/* No request with a kept head may be left. */
/* Forgets all heads; those that calls hold live on until their release. */
void dubbo_heads_fini(struct dubbo_heads *heads);

/* A request with this head (its slices may point anywhere) in the arena, with headers and strings
 * of its own. */
struct dubbo_request *dubbo_request_make(const struct rpc_head *head, struct arena *arena);

/* An answer with this status in the arena: ":status", and the status in its head. */
struct dubbo_answer *dubbo_answer_make(uint8_t status, struct arena *arena);

/* The kept head that a Hessian2 payload begins with, or NULL. Borrowed until the next
 * dubbo_heads_keep. *latest: where the caller's last one was; zero at first. */
struct rpc_kept *dubbo_heads_find(const struct dubbo_heads *heads, struct slice payload,
				  uint8_t *latest);

/* What dubbo_request_make would make of that head, is_oneway as given, with its memo. */
struct dubbo_request *dubbo_request_copy(struct rpc_kept *kept, bool is_oneway,
					 struct arena *arena);

/* What it says, but for its texts. Borrowed as long as it is held. */
const struct rpc_head *dubbo_kept_head(const struct rpc_kept *kept);

/* Keeps the request's head for later calls, if it is plain. payload: what it was read from. */
void dubbo_heads_keep(struct dubbo_heads *heads, struct slice payload,
		      const struct dubbo_request *request);

#endif
