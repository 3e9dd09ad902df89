/* One codec of calls with an owner that writes down what it is told, and the golden frames.
 *
 * struct end is one end of a connection as the proxy sees it: bytes go in by end_feed, what the
 * codec sends is taken with end_taken. Each exchange is a struct call, kept until end_close.
 *
 * Included by bolt_harness.h and dubbo_harness.h, which say what is their protocol's: END_CODEC,
 * the codec with all that it needs, end_open_codec, end_close_codec, end_sees. */
#ifndef TEST_RPC_HARNESS_H
#define TEST_RPC_HARNESS_H

#include "codec/codec.h"
#include "codec/rpc_kept.h"
#include "message/rpc_head.h"
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
	struct codec *codec;
	END_CODEC
	struct call *calls; /* newest first */
	unsigned call_count, failed_events, draining_events, undraining_events;
	enum reply_reason failed_reason;
	bool refuse;        /* begin answers NULL */
	bool abandon_early; /* the headers event abandons the exchange */
	/* what `pass` took: the frame as it was, its id, its head (held) */
	unsigned passes; /* so many are still to be taken */
	uint64_t passed_id;
	struct rpc_kept *passed_head;
	char *passed_frame; /* of a request, or of an answer */
	size_t passed_len;
	struct call *passed_call; /* whose answer it is */
	char *taken;
};

/* The protocol's: opens the codec of a new end, and closes it. */
static inline struct codec *end_open_codec(struct end *end, enum codec_side side);
static inline void end_close_codec(struct end *end);
/* What the owner does in the headers event. */
static inline void end_sees(struct end *end, struct exchange *exchange, struct headers *headers);

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
	call->exchange.codec = end->codec;
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
	end_sees(end, exchange, headers);
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

static inline void on_undraining(struct codec *codec)
{
	end_of(codec)->undraining_events++;
}

static const struct codec_events end_events = {
	.begin = on_begin,
	.headers = on_headers,
	.data = on_data,
	.reset = on_reset,
	.closed = on_closed,
	.failed = on_failed,
	.draining = on_draining,
	.undraining = on_undraining,
};

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
	buf_pool_init(&end->pool);
	buf_init(&end->out, &end->pool);
	end->codec = end_open_codec(end, side);
	return end;
}

static inline void end_close(struct end *end)
{
	end->codec->type->close(end->codec);
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
	end_close_codec(end);
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
	size_t n = codec_read(end->codec, slice_make(copy, bytes.len), eof);
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

#endif
