/* Frames that come or leave piece by piece.
 *
 *   in:   header, first bytes ─> begun: `headers` ─ data … ─> data(end)      dubbo->receiving
 *   out:  header ─ parts … ─> out       frames sent meanwhile ─> waiting     dubbo->writer
 *
 * The tail of an answer is held until it is whole, longer than any one value without an end of its
 * own in Hessian2. So when its source breaks off there is room for what no reader takes for a part
 * of it: the frame is filled up with it, its caller finds that call broken, and the connection's
 * framing survives. A request that breaks off ends its connection, which it has for itself.
 *
 * Owner: the codec. Thread: its worker. Limits: DUBBO_PARTS_TAIL held; of more than
 * DUBBO_PARTS_WAITING waiting the owner is told (options->held_up). */
#ifndef CODEC_DUBBO_PARTS_H
#define CODEC_DUBBO_PARTS_H

#include "codec/dubbo_internal.h"

enum {
	DUBBO_PARTS_TAIL = 65536 + 256, /* a chunk of 65,535 bytes and its head are shorter */
	DUBBO_PARTS_WAITING = 16 << 20,
};

/* --- in */

/* The bytes begin with a frame that isn't whole, or is over the limit. How many were consumed: all,
 * or none; then codec->needs says how many it waits for. */
COLD size_t dubbo_begin_parts(struct dubbo *dubbo, const struct dubbo_frame *frame,
			      struct slice bytes, bool is_over_limit);
/* The bytes of a frame that was begun, while receiving_left. How many were consumed. */
COLD size_t dubbo_take_parts(struct dubbo *dubbo, struct slice bytes);

/* What is still to come of it is dropped. */
static inline void dubbo_drop_parts(struct dubbo *dubbo, uint32_t left)
{
	dubbo->receiving = NULL;
	dubbo->receiving_left = left;
}

/* dubbo_server.c, dubbo_client.c: the beginning of a request (answer) frame that is no event.
 * payload: what is there of its body. False: more of it is waited for. */
bool dubbo_server_begin_parts(struct dubbo *dubbo, const struct dubbo_frame *frame,
			      struct slice payload, bool is_over_limit);
bool dubbo_client_begin_parts(struct dubbo *dubbo, const struct dubbo_frame *frame,
			      struct slice payload, bool is_over_limit);
/* A part of what is received; left: after it. */
void dubbo_server_take_part(struct dubbo *dubbo, struct exchange *exchange, struct slice bytes,
			    uint32_t left);
void dubbo_client_take_part(struct dubbo *dubbo, struct exchange *exchange, struct slice bytes,
			    uint32_t left);

/* --- out */

/* Sends the header; the codec has no writer. exchange: whose message it is, or NULL. */
void dubbo_writer_begin(struct dubbo *dubbo, const struct dubbo_frame *frame,
			struct exchange *exchange);
/* Moves all of data, no more than is left. True: it was the last. */
bool dubbo_writer_put(struct dubbo *dubbo, struct buf *data);
/* No more will come; the server's side fills the frame up. */
void dubbo_writer_break(struct dubbo *dubbo);

static inline bool dubbo_writes(const struct dubbo *dubbo, const struct exchange *exchange)
{
	return UNLIKELY(dubbo->writer != NULL) && dubbo->writer->exchange == exchange;
}

#endif
