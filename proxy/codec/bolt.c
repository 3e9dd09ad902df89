#include "codec/bolt.h"

#include "base/crc32.h"
#include "codec/bolt_edits.h"
#include "codec/bolt_internal.h"

enum {
	HEARTBEAT_ID = UINT32_MAX, /* its index is beyond any table of calls (BOLT_MAX_IN_FLIGHT) */
};

/* --- writing */

/* Over everything but what stands before `crc`. */
static uint32_t crc_of(uint32_t crc, const struct buf *payload)
{
	for (const struct buf_segment *s = payload->first; s; s = s->next)
		crc = crc32(crc, slice_make(s->data, s->len));
	return crc;
}

void bolt_put_frame(struct bolt *bolt, struct bolt_frame *frame, struct buf *payload)
{
	struct buf *out = bolt->codec.out;
	char *header = buf_turn_reserve(out->pool, BOLT_HEADER_MAX);
	uint32_t len = payload ? (uint32_t)payload->len : 0, crc = 0;

	frame->content_len = len - frame->class_len - frame->headers_len;
	size_t size = bolt_frame_write(header, frame);
	buf_turn_commit(out->pool, size);
	buf_append_turn(out, slice_make(header, size));
	bool has_crc = bolt_frame_has_crc(frame);
	if (UNLIKELY(has_crc)) {
		crc = crc32(0, slice_make(header, size));
		if (payload)
			crc = crc_of(crc, payload);
	}
	if (payload)
		buf_move_all(out, payload);
	if (UNLIKELY(has_crc)) {
		char bytes[BOLT_CRC_SIZE];
		bolt_put_u32(bytes, crc);
		buf_append_copy(out, slice_make(bytes, sizeof bytes));
	}
}

void bolt_refuse(struct bolt *bolt, const struct bolt_frame *request, uint16_t status)
{
	struct bolt_frame answer = bolt_answer_to(request, status);

	if (request->type != BOLT_ONEWAY)
		bolt_put_frame(bolt, &answer, NULL);
}

enum status bolt_edit(struct bolt *bolt, struct buf *payload, struct bolt_frame *frame,
		      const struct headers *edited, struct arena *arena)
{
	bool is_changed;
	enum status status = bolt_rewrite(payload, frame, edited, arena, &is_changed);

	if (status)
		bolt_notice(bolt, RPC_NOTICE_UNEDITABLE);
	else if (is_changed)
		bolt_notice(bolt, RPC_NOTICE_EDITED);
	return status;
}

/* --- heartbeats and what else is no call */

static COLD void take_heartbeat(struct bolt *bolt, const struct bolt_frame *frame)
{
	struct bolt_frame answer = bolt_answer_to(frame, BOLT_OK);

	if (frame->type == BOLT_ONEWAY)
		return;
	answer.command = BOLT_HEARTBEAT;
	bolt->options->counts->heartbeats_answered++;
	bolt_put_frame(bolt, &answer, NULL);
}

/* Proxies obey it from upstreams only, as MOSN does. */
static COLD void take_goaway(struct bolt *bolt)
{
	struct codec *codec = &bolt->codec;

	bolt->options->counts->goaways++;
	if (codec->side == CODEC_SERVER || codec->is_draining)
		return;
	codec->is_draining = true;
	codec->events->draining(codec);
}

static COLD void take_command(struct bolt *bolt, const struct bolt_frame *frame)
{
	if (bolt->codec.side == CODEC_SERVER)
		bolt_notice(bolt, RPC_NOTICE_EVENT);
	if (frame->command == BOLT_HEARTBEAT) {
		take_heartbeat(bolt, frame);
	} else if (frame->command == BOLT_GOAWAY) {
		take_goaway(bolt);
	} else {
		bolt->options->counts->ignored_commands++;
		bolt_refuse(bolt, frame, BOLT_UNKNOWN);
	}
}

static bool bolt_heartbeat(struct codec *codec)
{
	struct bolt *bolt = bolt_of(codec);

	if (bolt->is_heartbeat_open)
		return false;
	bolt->is_heartbeat_open = true;
	bolt->options->counts->heartbeats_sent++;
	bolt_put_frame(bolt,
		       &(struct bolt_frame){.id = HEARTBEAT_ID,
					    .timeout_ms = BOLT_NO_TIMEOUT,
					    .command = BOLT_HEARTBEAT,
					    .protocol = bolt->protocol,
					    .version = bolt->version,
					    .type = BOLT_REQUEST,
					    .command_version = 1,
					    .serialization = BOLT_SOFA_HESSIAN},
		       NULL);
	return true;
}

/* No stock peer knows a word for it. */
static void bolt_drain(struct codec *codec)
{
	codec->is_draining = true;
}

/* --- reading */

static void end_all(struct bolt *bolt, enum reply_reason reason)
{
	if (bolt->codec.side == CODEC_SERVER)
		bolt_server_end_all(bolt, reason);
	else
		bolt_client_end_all(bolt, reason);
}

/* The connection can't go on. */
static COLD void fail(struct bolt *bolt, enum reply_reason reason, struct slice details)
{
	struct codec *codec = &bolt->codec;

	codec->is_failed = true;
	codec->must_close = true;
	if (codec->side == CODEC_CLIENT)
		reason = REPLY_UPSTREAM_PROTOCOL_ERROR;
	end_all(bolt, reason);
	codec->events->failed(codec, reason, details);
}

static COLD void fail_framing(struct bolt *bolt, enum status status)
{
	struct bolt_counts *counts = bolt->options->counts;

	if (status == STATUS_TOO_LARGE) {
		counts->oversized++;
		fail(bolt, REPLY_PAYLOAD_TOO_LARGE, SLICE("bolt.payload_over_limit"));
	} else {
		counts->no_bolt++;
		fail(bolt, REPLY_BAD_REQUEST, SLICE("bolt.no_bolt"));
	}
}

static COLD void end_at_eof(struct bolt *bolt)
{
	bolt->codec.is_failed = true;
	bolt->codec.must_close = true;
	end_all(bolt, bolt->codec.side == CODEC_SERVER ? REPLY_DOWNSTREAM_DISCONNECT
						       : REPLY_CONNECTION_LOST);
}

static void take_answer(struct bolt *bolt, const struct bolt_frame *frame, struct slice bytes)
{
	if (UNLIKELY(bolt->codec.side == CODEC_SERVER))
		bolt->options->counts->unknown_answers++;
	else if (UNLIKELY(frame->id == HEARTBEAT_ID))
		bolt->is_heartbeat_open = false; /* an error is a sign of life, too */
	else if (UNLIKELY(frame->command == BOLT_HEARTBEAT))
		bolt->options->counts->ignored_commands++;
	else
		bolt_client_take(bolt, frame, bytes);
}

static void take_frame(struct bolt *bolt, const struct bolt_frame *frame, struct slice bytes)
{
	if (UNLIKELY(!bolt_frame_is_intact(bytes, frame))) {
		bolt->options->counts->bad_checksums++;
		fail(bolt, REPLY_BAD_REQUEST, SLICE("bolt.bad_checksum"));
	} else if (frame->type == BOLT_ANSWER) {
		take_answer(bolt, frame, bytes);
	} else if (UNLIKELY(frame->command != BOLT_RPC_REQUEST)) {
		take_command(bolt, frame);
	} else if (LIKELY(bolt->codec.side == CODEC_SERVER)) {
		bolt_server_take(bolt, frame, bytes);
	} else {
		bolt->options->counts->provider_requests++;
		bolt_notice(bolt, RPC_NOTICE_PROVIDER_REQUEST);
		bolt_refuse(bolt, frame, BOLT_CODEC_EXCEPTION);
	}
}

/* Its head can be answered; the rest of it is not kept. */
static COLD void skip_frame(struct bolt *bolt, const struct bolt_frame *frame)
{
	bool is_server = bolt->codec.side == CODEC_SERVER;

	bolt->skip_left = bolt_frame_header_size(frame) + bolt_frame_payload_size(frame) +
			  (bolt_frame_has_crc(frame) ? BOLT_CRC_SIZE : 0);
	bolt->options->counts->oversized++;
	bolt_notice(bolt, RPC_NOTICE_OVER_LIMIT);
	if (frame->type != BOLT_ANSWER)
		bolt_refuse(bolt, frame, BOLT_CODEC_EXCEPTION);
	else if (is_server)
		bolt->options->counts->unknown_answers++;
	else
		bolt_client_skip(bolt, frame);
}

static size_t skip(struct bolt *bolt, size_t len)
{
	size_t n = bolt->skip_left < len ? (size_t)bolt->skip_left : len;

	bolt->skip_left -= n;
	return n;
}

static size_t bolt_read(struct codec *codec, struct slice bytes, bool eof)
{
	struct bolt *bolt = bolt_of(codec);
	size_t pos = UNLIKELY(bolt->skip_left) ? skip(bolt, bytes.len) : 0;

	codec->needs = 0;
	while (pos < bytes.len && !codec->is_failed) {
		struct bolt_frame frame;
		struct slice rest = {bytes.data + pos, bytes.len - pos};
		size_t needs = codec->side == CODEC_SERVER ? bolt_server_pass(bolt, rest)
							   : bolt_client_pass(bolt, rest);
		if (LIKELY(needs)) {
			pos += needs;
			continue;
		}
		enum status status =
			bolt_frame_read(rest, bolt->options->payload_limit, &frame, &needs);
		if (status == STATUS_AGAIN) {
			codec->needs = (uint32_t)needs;
			break;
		}
		if (status == STATUS_TOO_LARGE &&
		    bolt_frame_payload_size(&frame) <= BOLT_SKIP_LIMIT) {
			skip_frame(bolt, &frame);
			pos += skip(bolt, rest.len);
			continue;
		}
		if (UNLIKELY(status)) {
			fail_framing(bolt, status);
			break;
		}
		pos += needs;
		take_frame(bolt, &frame, (struct slice){rest.data, needs});
	}
	if (UNLIKELY(eof) && !codec->is_failed)
		end_at_eof(bolt);
	return codec->is_failed ? bytes.len : pos;
}

/* --- the codec */

/* A Bolt message has none: they only end it. */
static void bolt_send_trailers(struct exchange *exchange, struct headers *trailers)
{
	struct buf nothing;

	(void)trailers;
	buf_init(&nothing, exchange->codec->out->pool);
	exchange->codec->type->send_data(exchange, &nothing, true);
}

/* Whose framing is lost has no id that an answer could name. */
static void bolt_send_error(struct codec *codec, enum reply_reason reason, struct slice text)
{
	(void)codec;
	(void)reason;
	(void)text;
}

static unsigned bolt_room(const struct codec *codec)
{
	const struct bolt *bolt = container_of(codec, const struct bolt, codec);
	uint32_t most = bolt->options->max_in_flight;

	if (codec->is_draining || codec->is_failed || bolt->calls.open >= most)
		return 0;
	return most - bolt->calls.open;
}

static struct codec_frame_parts bolt_frame_parts(struct slice head)
{
	struct bolt_frame frame;
	size_t needs;
	enum status status = bolt_frame_read(head, UINT32_MAX, &frame, &needs);

	invariant(!status || (status == STATUS_AGAIN && needs > BOLT_HEADER_MAX));
	return (struct codec_frame_parts){
		.header = bolt_frame_header_size(&frame),
		.payload = (size_t)bolt_frame_payload_size(&frame),
		.trailer = bolt_frame_has_crc(&frame) ? BOLT_CRC_SIZE : 0,
	};
}

static void bolt_close(struct codec *codec)
{
	struct bolt *bolt = bolt_of(codec);

	codec->is_failed = true;
	end_all(bolt, REPLY_NONE);
	open_calls_fini(&bolt->calls);
}

void bolt_open(struct bolt *bolt, enum codec_side side, const struct codec_events *events,
	       void *owner, struct buf *out, const struct bolt_options *options)
{
	*bolt = (struct bolt){
		.codec = {.type = side == CODEC_SERVER ? &bolt_codec : &bolt_client_codec,
			  .events = events,
			  .owner = owner,
			  .out = out,
			  .side = (uint8_t)side},
		.options = options,
		.protocol = 1,
		.version = 1,
	};
	list_init(&bolt->open);
	open_calls_init(&bolt->calls);
}

const struct codec_type bolt_codec = {
	.name = "bolt",
	.is_multiplexed = true,
	.read = bolt_read,
	.send_headers = bolt_server_send_headers,
	.send_data = bolt_server_send_data,
	.send_trailers = bolt_send_trailers,
	.render_reply = bolt_server_render,
	.send_error = bolt_send_error,
	.abandon = bolt_server_abandon,
	.drain = bolt_drain,
	.room = bolt_room,
	.heartbeat = bolt_heartbeat,
	.close = bolt_close,
};

const struct codec_type bolt_client_codec = {
	.name = "bolt",
	.is_multiplexed = true,
	.read = bolt_read,
	.send_headers = bolt_client_send_headers,
	.send_data = bolt_client_send_data,
	.send_trailers = bolt_send_trailers,
	.abandon = bolt_client_abandon,
	.room = bolt_room,
	.frame_parts = bolt_frame_parts,
	.heartbeat = bolt_heartbeat,
	.close = bolt_close,
};
