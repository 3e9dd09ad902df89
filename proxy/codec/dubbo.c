#include "codec/dubbo.h"

#include "codec/dubbo_internal.h"
#include "codec/dubbo_jsonb.h"
#include "codec/dubbo_parts.h"
#include "codec/dubbo_reply.h"

enum {
	EVENT_LIMIT = 15, /* bytes of an event's body; Java refuses more */
	HEARTBEAT_INDEX =
		OPEN_CALLS_NONE, /* in the place of a call's index, so that no call has it */
};

enum event {
	EVENT_HEARTBEAT,
	EVENT_READONLY,
	EVENT_WRITEABLE,
	EVENT_UNKNOWN,
};

/* --- writing */

static void put_small_frame(struct dubbo *dubbo, uint8_t flag, uint8_t status, uint64_t id,
			    struct slice body)
{
	struct buf bytes;

	buf_init(&bytes, dubbo->codec.out->pool);
	buf_append_copy(&bytes, body);
	dubbo_put_frame(dubbo, flag, status, id, &bytes);
}

void dubbo_refuse(struct dubbo *dubbo, struct dubbo_frame request, struct slice text)
{
	struct arena arena;
	struct dubbo_reply reply;

	if (!(request.flag & DUBBO_FLAG_TWOWAY))
		return;
	arena_init(&arena, 256);
	dubbo_reply_make(&reply, DUBBO_BAD_REQUEST, request.flag & DUBBO_SERIALIZATION_MASK,
			 SLICE(""), text, &arena);
	put_small_frame(dubbo, reply.serialization, DUBBO_BAD_REQUEST, request.id, reply.body);
	arena_free(&arena);
}

void dubbo_answer_lost(struct dubbo *dubbo, uint64_t id, uint8_t serialization,
		       enum reply_reason reason)
{
	const struct reply_reason_row *row = &reply_reasons[reason];
	struct arena arena;
	struct dubbo_reply reply;

	arena_init(&arena, 256);
	dubbo_reply_make(&reply, row->dubbo, serialization, SLICE(""), row->text, &arena);
	put_small_frame(dubbo, reply.serialization, reply.status, id, reply.body);
	arena_free(&arena);
}

void dubbo_put_frames(struct dubbo *dubbo, struct slice frames)
{
	struct buf bytes;

	buf_init(&bytes, dubbo->codec.out->pool);
	buf_append_owned(&bytes, frames);
	if (dubbo->writer)
		dubbo_put_later(dubbo, &bytes);
	else
		buf_move_all(dubbo->codec.out, &bytes);
}

/* --- events: heartbeats, READONLY */

static enum event event_of(struct slice body, uint8_t serialization)
{
	struct slice text = {NULL, 0};

	if (!body.len)
		return EVENT_HEARTBEAT;
	if (serialization == DUBBO_FASTJSON2) {
		struct slice block;
		if (dubbo_jsonb_take_block(&body, &block) ||
		    dubbo_jsonb_take_text(&block, &text, NULL))
			return EVENT_UNKNOWN;
	} else if (body.len == 2 && body.data[0] == 1) {
		text = slice_sub(body, 1, 2);
	} else if (serialization == DUBBO_HESSIAN2 && body.data[0] != 'N') {
		return EVENT_UNKNOWN;
	}
	if (!text.data)
		return EVENT_HEARTBEAT;
	if (slice_equal(text, SLICE("R")))
		return EVENT_READONLY;
	return slice_equal(text, SLICE("W")) ? EVENT_WRITEABLE : EVENT_UNKNOWN;
}

static void answer_heartbeat(struct dubbo *dubbo, struct dubbo_frame frame, struct slice body)
{
	uint8_t serialization = frame.flag & DUBBO_SERIALIZATION_MASK;

	if (!(frame.flag & DUBBO_FLAG_TWOWAY))
		return;
	dubbo->options->counts->heartbeats_answered++;
	put_small_frame(dubbo, DUBBO_FLAG_EVENT | serialization, DUBBO_OK, frame.id,
			serialization == DUBBO_HESSIAN2 ? SLICE("N") : body);
}

static void set_draining(struct dubbo *dubbo, bool is_draining)
{
	struct codec *codec = &dubbo->codec;

	dubbo->options->counts->readonly_events++;
	if (codec->side == CODEC_SERVER || codec->is_draining == is_draining)
		return;
	codec->is_draining = is_draining;
	if (is_draining)
		codec->events->draining(codec);
	else if (codec->events->undraining)
		codec->events->undraining(codec);
}

static COLD void take_event(struct dubbo *dubbo, struct dubbo_frame frame, struct slice body)
{
	enum event event = EVENT_UNKNOWN;

	if (!(frame.flag & DUBBO_FLAG_REQUEST)) {
		dubbo->is_heartbeat_open = false;
		return;
	}
	if (dubbo->codec.side == CODEC_SERVER)
		dubbo_notice(dubbo, RPC_NOTICE_EVENT);
	if (body.len <= EVENT_LIMIT)
		event = event_of(body, frame.flag & DUBBO_SERIALIZATION_MASK);
	switch (event) {
	case EVENT_HEARTBEAT:
		answer_heartbeat(dubbo, frame, body);
		break;
	case EVENT_READONLY:
		set_draining(dubbo, true);
		break;
	case EVENT_WRITEABLE:
		set_draining(dubbo, false);
		break;
	case EVENT_UNKNOWN:
		dubbo->options->counts->ignored_events++;
		break;
	}
}

static bool dubbo_heartbeat(struct codec *codec)
{
	struct dubbo *dubbo = dubbo_of(codec);

	if (dubbo->is_heartbeat_open)
		return false;
	dubbo->is_heartbeat_open = true;
	dubbo->options->counts->heartbeats_sent++;
	put_small_frame(dubbo,
			DUBBO_FLAG_REQUEST | DUBBO_FLAG_TWOWAY | DUBBO_FLAG_EVENT | DUBBO_HESSIAN2,
			0, HEARTBEAT_INDEX, SLICE("N"));
	return true;
}

static void tell(struct codec *codec, bool is_draining)
{
	if (codec->is_draining == is_draining || codec->is_failed)
		return;
	codec->is_draining = is_draining;
	put_small_frame(dubbo_of(codec), DUBBO_FLAG_REQUEST | DUBBO_FLAG_EVENT | DUBBO_HESSIAN2, 0,
			0, is_draining ? SLICE("\1R") : SLICE("\1W"));
}

static void dubbo_drain(struct codec *codec)
{
	tell(codec, true);
}

static void dubbo_undrain(struct codec *codec)
{
	tell(codec, false);
}

/* --- reading */

static void end_all(struct dubbo *dubbo, enum reply_reason reason)
{
	if (dubbo->codec.side == CODEC_SERVER)
		dubbo_server_end_all(dubbo, reason);
	else
		dubbo_client_end_all(dubbo, reason);
}

/* The connection can't go on. */
static COLD void fail(struct dubbo *dubbo, enum reply_reason reason, struct slice details)
{
	struct codec *codec = &dubbo->codec;

	codec->is_failed = true;
	codec->must_close = true;
	end_all(dubbo, reason);
	codec->events->failed(codec, reason, details);
}

static COLD void fail_framing(struct dubbo *dubbo, enum status status)
{
	struct dubbo_counts *counts = dubbo->options->counts;
	bool is_server = dubbo->codec.side == CODEC_SERVER;

	if (status == STATUS_TOO_LARGE) {
		counts->oversized++;
		fail(dubbo, is_server ? REPLY_PAYLOAD_TOO_LARGE : REPLY_UPSTREAM_PROTOCOL_ERROR,
		     SLICE("dubbo.no_length"));
	} else {
		counts->bad_magic++;
		fail(dubbo, is_server ? REPLY_BAD_REQUEST : REPLY_UPSTREAM_PROTOCOL_ERROR,
		     SLICE("dubbo.bad_magic"));
	}
}

static COLD void end_at_eof(struct dubbo *dubbo)
{
	dubbo->codec.is_failed = true;
	dubbo->codec.must_close = true;
	end_all(dubbo, dubbo->codec.side == CODEC_SERVER ? REPLY_DOWNSTREAM_DISCONNECT
							 : REPLY_CONNECTION_LOST);
}

static void take_frame(struct dubbo *dubbo, struct dubbo_frame frame, struct slice body)
{
	bool is_request = frame.flag & DUBBO_FLAG_REQUEST;
	struct dubbo_counts *counts = dubbo->options->counts;

	if (UNLIKELY(frame.flag & DUBBO_FLAG_EVENT)) {
		take_event(dubbo, frame, body);
	} else if (dubbo->codec.side == CODEC_SERVER) {
		if (LIKELY(is_request))
			dubbo_server_take(dubbo, frame, body);
		else
			counts->unknown_answers++;
	} else if (UNLIKELY(!is_request && frame.id == HEARTBEAT_INDEX)) {
		dubbo->is_heartbeat_open = false; /* an error is a sign of life, too */
	} else if (LIKELY(!is_request)) {
		dubbo_client_take(dubbo, frame, body);
	} else {
		counts->provider_requests++;
		dubbo_notice(dubbo, RPC_NOTICE_PROVIDER_REQUEST);
		dubbo_refuse(dubbo, frame, SLICE("this connection takes no requests"));
	}
}

static size_t dubbo_read(struct codec *codec, struct slice bytes, bool eof)
{
	struct dubbo *dubbo = dubbo_of(codec);
	size_t pos = 0;

	codec->needs = 0;
	if (UNLIKELY(dubbo->receiving_left)) {
		pos = dubbo_take_parts(dubbo, bytes);
		if (dubbo->receiving_left)
			goto out;
	}
	while (pos < bytes.len && !codec->is_failed) {
		struct dubbo_frame frame;
		struct slice rest = slice_sub(bytes, pos, bytes.len);
		enum status status = dubbo_frame_read(rest, dubbo->options->payload_limit, &frame);
		if (status) {
			codec->needs = DUBBO_HEADER_SIZE + frame.body_len;
			if (LIKELY(status == STATUS_AGAIN &&
				   frame.body_len <= dubbo->options->parts_over))
				break;
			if (status == STATUS_MALFORMED ||
			    (status == STATUS_TOO_LARGE && frame.body_len > DUBBO_SKIP_LIMIT)) {
				codec->needs = 0;
				fail_framing(dubbo, status);
				break;
			}
			size_t n = dubbo_begin_parts(dubbo, &frame, rest, status != STATUS_AGAIN);
			pos += n;
			if (n && !dubbo->receiving_left)
				continue;
			break;
		}
		pos += DUBBO_HEADER_SIZE + frame.body_len;
		take_frame(dubbo, frame, slice_sub(bytes, pos - frame.body_len, pos));
	}
out:
	if (UNLIKELY(eof) && !codec->is_failed)
		end_at_eof(dubbo);
	return codec->is_failed ? bytes.len : pos;
}

/* --- the codec */

/* A Dubbo message has none: they only end it. */
static void dubbo_send_trailers(struct exchange *exchange, struct headers *trailers)
{
	struct buf nothing;

	(void)trailers;
	buf_init(&nothing, exchange->codec->out->pool);
	exchange->codec->type->send_data(exchange, &nothing, true);
}

/* Whose framing is lost has no id that an answer could name. */
static void dubbo_send_error(struct codec *codec, enum reply_reason reason, struct slice text)
{
	(void)codec;
	(void)reason;
	(void)text;
}

static unsigned dubbo_room(const struct codec *codec)
{
	const struct dubbo *dubbo = container_of(codec, const struct dubbo, codec);
	uint32_t most = dubbo->options->max_in_flight;

	if (codec->is_failed || dubbo->calls.open >= most)
		return 0;
	return most - dubbo->calls.open;
}

static struct codec_frame_parts dubbo_frame_parts(struct slice head)
{
	struct dubbo_frame frame;
	enum status status = dubbo_frame_read(head, UINT32_MAX, &frame);

	invariant(!status || (status == STATUS_AGAIN && head.len >= DUBBO_HEADER_SIZE));
	return (struct codec_frame_parts){.header = DUBBO_HEADER_SIZE, .payload = frame.body_len};
}

static struct codec_writer *dubbo_writer(const struct codec *codec)
{
	return container_of(codec, const struct dubbo, codec)->writer;
}

static void dubbo_close(struct codec *codec)
{
	struct dubbo *dubbo = dubbo_of(codec);

	codec->is_failed = true;
	end_all(dubbo, REPLY_NONE);
	if (dubbo->writer)
		dubbo_writer_break(dubbo);
	open_calls_fini(&dubbo->calls);
}

void dubbo_open(struct dubbo *dubbo, enum codec_side side, const struct codec_events *events,
		void *owner, struct buf *out, const struct dubbo_options *options)
{
	*dubbo = (struct dubbo){
		.codec = {.type = side == CODEC_SERVER ? &dubbo_codec : &dubbo_client_codec,
			  .events = events,
			  .owner = owner,
			  .out = out,
			  .side = (uint8_t)side},
		.options = options,
	};
	list_init(&dubbo->open);
	open_calls_init(&dubbo->calls);
}

const struct codec_type dubbo_codec = {
	.name = "dubbo",
	.is_multiplexed = true,
	.read = dubbo_read,
	.send_headers = dubbo_server_send_headers,
	.send_data = dubbo_server_send_data,
	.send_trailers = dubbo_send_trailers,
	.render_reply = dubbo_server_render,
	.send_error = dubbo_send_error,
	.abandon = dubbo_server_abandon,
	.drain = dubbo_drain,
	.undrain = dubbo_undrain,
	.room = dubbo_room,
	.heartbeat = dubbo_heartbeat,
	.writer = dubbo_writer,
	.close = dubbo_close,
};

const struct codec_type dubbo_client_codec = {
	.name = "dubbo",
	.is_multiplexed = true,
	.read = dubbo_read,
	.send_headers = dubbo_client_send_headers,
	.send_data = dubbo_client_send_data,
	.send_trailers = dubbo_send_trailers,
	.abandon = dubbo_client_abandon,
	.room = dubbo_room,
	.frame_parts = dubbo_frame_parts,
	.heartbeat = dubbo_heartbeat,
	.writer = dubbo_writer,
	.close = dubbo_close,
};
