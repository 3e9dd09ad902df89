/* One Bolt codec with an owner that writes down what it is told, and the golden frames.
 *
 * struct end is one end of a connection as the proxy sees it: bytes go in by end_feed, what the
 * codec sends is taken with end_taken. Each exchange is a struct call, kept until end_close. */
#ifndef TEST_BOLT_HARNESS_H
#define TEST_BOLT_HARNESS_H

#include "codec/bolt.h"
#include "codec/bolt_frame.h"
#include "codec/bolt_heads.h"
#include "support/golden.h"

struct call {
	struct exchange exchange;
	struct arena arena;
	struct headers *headers;
	struct rpc_head head; /* as it was in the headers event */
	char *data;
	size_t data_len;
	unsigned headers_events, data_events, closed_events, reset_events;
	enum reply_reason reset_reason;
	bool ended;
	struct end *end;
	struct call *next;
};

struct end {
	struct buf_pool pool;
	struct buf out;
	struct bolt bolt;
	struct bolt_counts counts;
	struct bolt_heads heads;
	struct bolt_options options;
	struct call *calls; /* newest first */
	unsigned call_count, failed_events, draining_events;
	unsigned notices[RPC_NOTICES];
	enum reply_reason failed_reason;
	bool refuse;        /* begin answers NULL */
	bool abandon_early; /* the headers event abandons the exchange */
	bool publish;       /* the headers event makes headers of the header map */
	bool published;
	unsigned passes; /* so many are still to be taken by `pass` */
	uint64_t passed_id;
	struct rpc_kept *passed_head; /* held */
	char *passed_frame;           /* of a request, or of an answer */
	size_t passed_len;
	struct call *passed_call; /* whose answer it is */
	char *taken;
};

static inline struct end *end_of(struct codec *codec)
{
	return codec->owner;
}

static inline struct call *call_of(struct exchange *exchange)
{
	return container_of(exchange, struct call, exchange);
}

static inline struct call *end_call_new(struct end *end)
{
	struct call *call = calloc(1, sizeof *call);

	assert_non_null(call);
	arena_init(&call->arena, 4096);
	call->exchange.arena = &call->arena;
	call->exchange.codec = &end->bolt.codec;
	call->end = end;
	call->next = end->calls;
	end->calls = call;
	end->call_count++;
	return call;
}

static inline struct exchange *on_begin(struct codec *codec)
{
	struct end *end = end_of(codec);
	return end->refuse ? NULL : &end_call_new(end)->exchange;
}

static inline void on_headers(struct exchange *exchange, struct headers *headers, bool is_end)
{
	struct call *call = call_of(exchange);
	struct end *end = end_of(exchange->codec);

	call->headers_events++;
	call->headers = headers;
	call->head = *headers->rpc;
	call->ended = is_end;
	if (end->publish)
		end->published = bolt_publish(headers, exchange->arena);
	if (end->abandon_early)
		exchange->codec->type->abandon(exchange);
}

static inline void on_data(struct exchange *exchange, struct buf *data, bool is_end)
{
	struct call *call = call_of(exchange);

	call->data_events++;
	call->ended = is_end;
	call->data = realloc(call->data, call->data_len + data->len + 1);
	assert_non_null(call->data);
	call->data_len += buf_peek(data, call->data + call->data_len, data->len);
}

static inline void on_reset(struct exchange *exchange, enum reply_reason reason)
{
	struct call *call = call_of(exchange);

	assert_null(exchange->codec);
	call->reset_events++;
	call->reset_reason = reason;
}

static inline void on_closed(struct exchange *exchange)
{
	assert_null(exchange->codec);
	call_of(exchange)->closed_events++;
}

static inline void on_failed(struct codec *codec, enum reply_reason reason, struct slice details)
{
	assert_true(details.len);
	end_of(codec)->failed_events++;
	end_of(codec)->failed_reason = reason;
}

static inline void on_draining(struct codec *codec)
{
	end_of(codec)->draining_events++;
}

static const struct codec_events end_events = {
	.begin = on_begin,
	.headers = on_headers,
	.data = on_data,
	.reset = on_reset,
	.closed = on_closed,
	.failed = on_failed,
	.draining = on_draining,
};

static inline void on_noticed(struct codec *codec, enum rpc_notice notice)
{
	end_of(codec)->notices[notice]++;
}

static inline void end_keep_frame(struct end *end, struct slice frame)
{
	free(end->passed_frame);
	end->passed_frame = malloc(frame.len);
	assert_non_null(end->passed_frame);
	memcpy(end->passed_frame, frame.data, frame.len);
	end->passed_len = frame.len;
}

static inline bool on_pass(struct codec *codec, struct rpc_kept *head, uint64_t id,
			   struct slice frame)
{
	struct end *end = end_of(codec);

	if (!end->passes)
		return false;
	end->passes--;
	end->passed_id = id;
	end->passed_head = head;
	rpc_kept_hold(head);
	end_keep_frame(end, frame);
	return true;
}

static inline void on_passed(struct exchange *exchange, struct slice frame)
{
	struct call *call = call_of(exchange);
	struct end *end = call->end;

	assert_null(exchange->codec);
	end->passed_call = call;
	end_keep_frame(end, frame);
}

static inline struct end *end_open(enum codec_side side)
{
	struct end *end = calloc(1, sizeof *end);

	assert_non_null(end);
	end->options = (struct bolt_options){.payload_limit = BOLT_PAYLOAD_LIMIT,
					     .max_in_flight = BOLT_MAX_IN_FLIGHT,
					     .counts = &end->counts,
					     .heads = &end->heads,
					     .noticed = on_noticed,
					     .pass = on_pass,
					     .passed = on_passed};
	buf_pool_init(&end->pool);
	bolt_heads_init(&end->heads);
	buf_init(&end->out, &end->pool);
	bolt_open(&end->bolt, side, &end_events, end, &end->out, &end->options);
	return end;
}

static inline void end_close(struct end *end)
{
	end->bolt.codec.type->close(&end->bolt.codec);
	while (end->calls) {
		struct call *call = end->calls;
		end->calls = call->next;
		assert_null(call->exchange.codec);
		arena_free(&call->arena);
		free(call->data);
		free(call);
	}
	buf_clear(&end->out);
	assert_int_equal(end->pool.blocks_out, 0);
	buf_pool_fini(&end->pool);
	bolt_heads_fini(&end->heads);
	free(end->taken);
	free(end->passed_frame);
	free(end);
}

/* Feeds a heap copy of exactly these bytes, so that a read beyond them is seen; a turn of its own
 * when nothing waits in out. Returns how many were consumed. */
static inline size_t end_feed(struct end *end, struct slice bytes, bool eof)
{
	char *copy = malloc(bytes.len + !bytes.len);

	assert_non_null(copy);
	if (bytes.len)
		memcpy(copy, bytes.data, bytes.len);
	size_t n = codec_read(&end->bolt.codec, slice_make(copy, bytes.len), eof);
	buf_own(&end->out);
	free(copy);
	return n;
}

/* Everything that was sent since the last time. Valid until the next call; ends a turn. */
static inline struct slice end_taken(struct end *end)
{
	size_t len = end->out.len;

	buf_check(&end->out);
	free(end->taken);
	end->taken = malloc(len + 1);
	assert_non_null(end->taken);
	buf_peek(&end->out, end->taken, len);
	buf_clear(&end->out);
	buf_pool_rewind(&end->pool);
	return slice_make(end->taken, len);
}

/* A golden frame of tests/vectors/bolt. The caller frees .data. */
static inline struct slice golden(const char *file)
{
	return golden_of("bolt", file);
}

/* The one whole frame that the bytes are. */
static inline struct bolt_frame frame_of(struct slice bytes, struct slice *payload)
{
	struct bolt_frame frame;
	size_t needs;

	assert_int_equal(bolt_frame_read(bytes, UINT32_MAX, &frame, &needs), STATUS_OK);
	assert_int_equal(needs, bytes.len);
	assert_true(bolt_frame_is_intact(bytes, &frame));
	size_t at = bolt_frame_header_size(&frame);
	*payload = slice_sub(bytes, at, at + bolt_frame_payload_size(&frame));
	return frame;
}

/* A copy of the frame with another id, and a right checksum. The caller frees .data. */
static inline struct slice with_id(struct slice bytes, uint32_t id)
{
	char *copy = malloc(bytes.len);
	struct bolt_frame frame;
	size_t needs;

	assert_non_null(copy);
	memcpy(copy, bytes.data, bytes.len);
	bytes = slice_make(copy, bytes.len);
	assert_int_equal(bolt_frame_read(bytes, UINT32_MAX, &frame, &needs), STATUS_OK);
	bolt_frame_readdress(bytes, id);
	return bytes;
}

/* Sends a message by that exchange in one piece, as a stream does. */
static inline void call_send(struct call *call, struct headers *headers, struct slice body)
{
	const struct codec_type *type = call->exchange.codec->type;
	struct buf data;

	buf_init(&data, call->exchange.codec->out->pool);
	type->send_headers(&call->exchange, headers, !body.len);
	if (body.len && call->exchange.codec) {
		buf_append_owned(&data, body);
		type->send_data(&call->exchange, &data, true);
		assert_int_equal(data.len, 0);
	}
}

/* The request of a server's call goes out by a client; its call there. */
static inline struct call *forward(const struct call *request, struct end *client)
{
	struct call *call = end_call_new(client);

	call_send(call, request->headers, slice_make(request->data, request->data_len));
	return call;
}

/* The answer of a client's call goes back by the request's server. */
static inline void answer(struct call *request, const struct call *from)
{
	call_send(request, from->headers, slice_make(from->data, from->data_len));
}

#endif
