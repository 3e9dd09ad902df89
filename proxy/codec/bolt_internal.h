/* What the files of the Bolt codec share: bolt.c reads frames and knows heartbeats, bolt_server.c
 * and bolt_client.c know exchanges. */
#ifndef CODEC_BOLT_INTERNAL_H
#define CODEC_BOLT_INTERNAL_H

#include "codec/bolt.h"
#include "codec/bolt_frame.h"
#include "codec/gather.h"
#include "codec/rpc_exchange.h"

static inline struct bolt *bolt_of(struct codec *codec)
{
	return container_of(codec, struct bolt, codec);
}

/* Appends a frame with this header, a payload of all of `payload` (moved; NULL: none), whose
 * content takes what class name and header map leave of it, and a checksum if the header has one.
 */
void bolt_put_frame(struct bolt *bolt, struct bolt_frame *frame, struct buf *payload);

/* Answers the request with that status and nothing else, if an answer is waited for. */
COLD void bolt_refuse(struct bolt *bolt, const struct bolt_frame *request, uint16_t status);

/* The answer to a request, in its form: its payload is still to be said. */
static inline struct bolt_frame bolt_answer_to(const struct bolt_frame *request, uint16_t status)
{
	return (struct bolt_frame){
		.id = request->id,
		.status = status,
		.command = BOLT_RPC_ANSWER,
		.protocol = request->protocol,
		.version = request->version,
		.type = BOLT_ANSWER,
		.command_version = request->command_version,
		.serialization = request->serialization,
		.switches = request->switches,
	};
}

/* bolt_rewrite, and tells what has come of it. */
COLD MUST_CHECK enum status bolt_edit(struct bolt *bolt, struct buf *payload,
				      struct bolt_frame *frame, const struct headers *edited,
				      struct arena *arena);

static inline void bolt_notice(struct bolt *bolt, enum rpc_notice notice)
{
	if (bolt->options->noticed)
		bolt->options->noticed(&bolt->codec, notice);
}

/* The payload of a whole frame. */
static inline struct slice bolt_payload_of(struct slice bytes, const struct bolt_frame *frame)
{
	return (struct slice){bytes.data + bolt_frame_header_size(frame),
			      (size_t)bolt_frame_payload_size(frame)};
}

/* A whole request (answer) that is no heartbeat. */
void bolt_server_take(struct bolt *bolt, const struct bolt_frame *frame, struct slice bytes);
void bolt_client_take(struct bolt *bolt, const struct bolt_frame *frame, struct slice bytes);

/* The answer is over the limit and skipped: its call ends without it. */
COLD void bolt_client_skip(struct bolt *bolt, const struct bolt_frame *frame);

/* Passes the usual request (answer) on that bytes begin with, or serves it; its size. 0: it isn't
 * here, isn't usual, or its head isn't known: it is to be read. */
size_t bolt_server_pass(struct bolt *bolt, struct slice bytes);
size_t bolt_client_pass(struct bolt *bolt, struct slice bytes);

/* Detaches every exchange, with a reset event each unless reason is REPLY_NONE. */
void bolt_server_end_all(struct bolt *bolt, enum reply_reason reason);
void bolt_client_end_all(struct bolt *bolt, enum reply_reason reason);

void bolt_server_send_headers(struct exchange *exchange, struct headers *headers, bool end);
void bolt_client_send_headers(struct exchange *exchange, struct headers *headers, bool end);
void bolt_server_send_data(struct exchange *exchange, struct buf *data, bool end);
void bolt_client_send_data(struct exchange *exchange, struct buf *data, bool end);
void bolt_server_abandon(struct exchange *exchange);
void bolt_client_abandon(struct exchange *exchange);
void bolt_server_render(struct exchange *exchange, const struct local_reply *reply,
			struct headers *headers, struct buf *body);

#endif
