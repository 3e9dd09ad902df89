/* What the files of the Dubbo codec share: dubbo.c reads frames and knows events, dubbo_server.c
 * and dubbo_client.c know exchanges. */
#ifndef CODEC_DUBBO_INTERNAL_H
#define CODEC_DUBBO_INTERNAL_H

#include "codec/dubbo.h"
#include "codec/dubbo_frame.h"
#include "codec/gather.h"
#include "codec/rpc_exchange.h"

static inline struct dubbo *dubbo_of(struct codec *codec)
{
	return container_of(codec, struct dubbo, codec);
}

/* A whole frame that waits for the end of the one that is half written. */
COLD void dubbo_put_later(struct dubbo *dubbo, struct buf *frame);

/* Appends a frame whose body is all of `body` (moved), or none (NULL). */
static inline void dubbo_put_frame(struct dubbo *dubbo, uint8_t flag, uint8_t status, uint64_t id,
				   struct buf *body)
{
	struct buf *out = dubbo->codec.out, frame;
	char *header = buf_turn_reserve(out->pool, DUBBO_HEADER_SIZE);
	uint32_t body_len = body ? (uint32_t)body->len : 0;

	dubbo_frame_write(header, &(struct dubbo_frame){id, body_len, flag, status});
	buf_turn_commit(out->pool, DUBBO_HEADER_SIZE);
	if (UNLIKELY(dubbo->writer != NULL)) {
		buf_init(&frame, out->pool);
		out = &frame;
	}
	buf_append_turn(out, slice_make(header, DUBBO_HEADER_SIZE));
	if (body)
		buf_move_all(out, body);
	if (UNLIKELY(out == &frame))
		dubbo_put_later(dubbo, &frame);
}

/* The frame around a payload that was just read. */
static inline struct slice dubbo_frame_around(struct slice payload)
{
	return slice_make(payload.data - DUBBO_HEADER_SIZE, payload.len + DUBBO_HEADER_SIZE);
}

/* Answers the request of that frame with status 40 and the text, if an answer is waited for. */
COLD void dubbo_refuse(struct dubbo *dubbo, struct dubbo_frame request, struct slice text);

static inline void dubbo_notice(struct dubbo *dubbo, enum rpc_notice notice)
{
	if (dubbo->options->noticed)
		dubbo->options->noticed(&dubbo->codec, notice);
}

/* A whole request (answer) frame that is no event. */
void dubbo_server_take(struct dubbo *dubbo, struct dubbo_frame frame, struct slice payload);
void dubbo_client_take(struct dubbo *dubbo, struct dubbo_frame frame, struct slice payload);

/* Detaches every exchange, with a reset event each unless reason is REPLY_NONE. */
void dubbo_server_end_all(struct dubbo *dubbo, enum reply_reason reason);
void dubbo_client_end_all(struct dubbo *dubbo, enum reply_reason reason);

void dubbo_server_send_headers(struct exchange *exchange, struct headers *headers, bool end);
void dubbo_client_send_headers(struct exchange *exchange, struct headers *headers, bool end);
void dubbo_server_send_data(struct exchange *exchange, struct buf *data, bool end);
void dubbo_client_send_data(struct exchange *exchange, struct buf *data, bool end);
void dubbo_server_abandon(struct exchange *exchange);
void dubbo_client_abandon(struct exchange *exchange);
void dubbo_server_render(struct exchange *exchange, const struct local_reply *reply,
			 struct headers *headers, struct buf *body);

#endif
