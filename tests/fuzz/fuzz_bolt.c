/* Any bytes on a Bolt connection, in reads of any size, on either side, with an owner that answers,
 * holds, abandons, edits and renders replies as the input says.
 *
 *   input: side, and whether calls pass | size of reads | what the owner does, two bits a request |
 * bytes of the connection
 */
#include <stdint.h>
#include <stdlib.h>

#include "codec/bolt.h"
#include "codec/bolt_arguments.h"
#include "codec/bolt_edits.h"
#include "codec/bolt_fields.h"
#include "codec/bolt_frame.h"
#include "codec/bolt_heads.h"
#include "message/argument_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CALLS = 64 };

#define OTHER "another" /* a method */

struct call {
	struct exchange exchange;
	struct arena arena;
	struct headers *edited; /* NULL: not */
	bool is_open;
};

struct end {
	struct buf_pool pool;
	struct buf out;
	struct bolt bolt;
	struct bolt_counts counts;
	struct bolt_heads heads;
	struct bolt_options options;
	struct call calls[CALLS];
	unsigned begun;
	uint8_t behaviour;
	bool passes;
	struct {
		struct rpc_kept *head;
		uint64_t id;
		struct buf frame;
	} passed[CALLS];
	unsigned passed_count;
};

static struct end *end_of(struct exchange *exchange)
{
	return exchange->codec->owner;
}

static struct call *call_of(struct exchange *exchange)
{
	return container_of(exchange, struct call, exchange);
}

static struct exchange *on_begin(struct codec *codec)
{
	struct end *end = codec->owner;

	if (end->begun == CALLS)
		return NULL;
	struct call *call = &end->calls[end->begun++];
	call->is_open = true;
	return &call->exchange;
}

static void reply(struct exchange *exchange, enum reply_reason reason)
{
	const struct codec_type *type = exchange->codec->type;
	struct local_reply local = {.reason = reason, .grpc_status = -1};
	struct headers headers;
	struct buf body;

	headers_init(&headers, exchange->arena, 4);
	buf_init(&body, exchange->codec->out->pool);
	type->render_reply(exchange, &local, &headers, &body);
	type->send_headers(exchange, &headers, false);
	type->send_data(exchange, &body, true);
}

static void read_arguments(const struct headers *headers)
{
	static const struct argument_step steps[] = {
		{.kind = ARGUMENT_STEP_FIELD, .name = {"id", 2}},
		{.kind = ARGUMENT_STEP_INDEX, .index = 1},
	};
	struct argument_value value;

	for (unsigned i = 0; i < 6; i++) {
		const struct argument_path path = {
			.argument = i / 2, .step_count = i % 2 * 2, .steps = steps};
		if (!bolt_argument_value(headers, &path, &value))
			argument_value_text(&value, headers->arena);
	}
}

/* The third received one goes, others are set, maybe it becomes another call. */
static void edit(struct call *call, struct headers *headers, bool is_other)
{
	const struct rpc_received *received = headers->rpc->received;

	if (received->own + 2 < received->count)
		headers_remove(headers, header_name(&received->items[received->own + 2]));
	headers_set(headers, SLICE("rpc_req_baggage.x-tag"), SLICE("green"));
	headers_set(headers, SLICE("tri-service-group"), SLICE("g"));
	if (is_other)
		headers_set_id(headers, HEADER_PATH, SLICE("/other/" OTHER));
	call->edited = headers;
}

static void rewrite(struct call *call, struct buf *data)
{
	const struct rpc_head *rpc = call->edited->rpc;
	struct bolt_frame frame = *rpc->bolt;
	size_t len = data->len, old_len = frame.headers_len;
	struct rpc_attachment *fields;
	uint32_t count;
	bool is_changed;

	if (bolt_rewrite(data, &frame, call->edited, &call->arena, &is_changed))
		return;
	invariant(frame.class_len == rpc->bolt->class_len);
	invariant(data->len <= len + frame.headers_len - old_len + sizeof OTHER);
	char *map = arena_alloc(&call->arena, (size_t)frame.class_len + frame.headers_len + 1);
	buf_peek(data, map, (size_t)frame.class_len + frame.headers_len);
	invariant(!bolt_fields_read(slice_make(map + frame.class_len, frame.headers_len),
				    &call->arena, &fields, &count));
}

static void on_headers(struct exchange *exchange, struct headers *headers, bool is_end)
{
	struct end *end = end_of(exchange);
	struct call *call = call_of(exchange);
	struct slice path = headers_get(headers, HEADER_PATH);

	invariant(call->is_open);
	invariant(!memchr(path.data ? path.data : "", '\n', path.len));
	if (end->behaviour & 4 && bolt_publish(headers, exchange->arena)) {
		bool is_request = end->bolt.codec.side == CODEC_SERVER;
		invariant(headers->rpc->has_attachments);
		if (is_request)
			bolt_request_agrees(headers->rpc, exchange->arena);
		edit(call, headers, is_request && end->behaviour & 8);
	}
	if (end->bolt.codec.side == CODEC_CLIENT)
		return;
	invariant(!is_end && headers->rpc->service.len && headers->rpc->bolt);
	read_arguments(headers);
	switch (end->behaviour & 3) {
	case 0: /* answered when the connection has been read */
		break;
	case 1:
		reply(exchange, REPLY_BLOCKED);
		break;
	case 2:
		reply(exchange, REPLY_UPSTREAM_TIMEOUT);
		break;
	case 3:
		call->is_open = false;
		exchange->codec->type->abandon(exchange);
		break;
	}
	end->behaviour = (uint8_t)(end->behaviour >> 2 | end->behaviour << 6);
}

static void on_data(struct exchange *exchange, struct buf *data, bool is_end)
{
	struct call *call = call_of(exchange);

	invariant(call->is_open && is_end);
	if (call->edited)
		rewrite(call, data);
	buf_check(data);
}

static void on_over(struct exchange *exchange)
{
	invariant(call_of(exchange)->is_open && !exchange->codec);
	call_of(exchange)->is_open = false;
}

static void on_reset(struct exchange *exchange, enum reply_reason reason)
{
	(void)reason;
	on_over(exchange);
}

static void on_failed(struct codec *codec, enum reply_reason reason, struct slice details)
{
	invariant(reason != REPLY_NONE && details.len);
	if (codec->side == CODEC_SERVER)
		codec->type->send_error(codec, reason, details);
}

static void on_draining(struct codec *codec)
{
	invariant(codec->is_draining);
}

static const struct codec_events events = {
	.begin = on_begin,
	.headers = on_headers,
	.data = on_data,
	.reset = on_reset,
	.closed = on_over,
	.failed = on_failed,
	.draining = on_draining,
};

static bool on_pass(struct codec *codec, struct rpc_kept *head, uint64_t id, struct slice frame)
{
	struct end *end = codec->owner;

	if (!end->passes || end->passed_count == CALLS)
		return false;
	rpc_kept_hold(head);
	end->passed[end->passed_count].head = head;
	end->passed[end->passed_count].id = id;
	buf_init(&end->passed[end->passed_count].frame, &end->pool);
	buf_append_owned(&end->passed[end->passed_count++].frame, frame);
	return true;
}

static const struct bolt_frame answer = {.command = BOLT_RPC_ANSWER,
					 .protocol = 1,
					 .version = 1,
					 .type = BOLT_ANSWER,
					 .command_version = 1,
					 .serialization = BOLT_SOFA_HESSIAN};

/* Every other one is answered, the others come back. */
static void end_passed(struct end *end)
{
	char frame[BOLT_HEADER_MAX];
	size_t len = bolt_frame_write(frame, &answer);

	for (unsigned i = 0; i < end->passed_count; i++) {
		struct buf *whole = &end->passed[i].frame;
		if (i % 2 && !end->bolt.codec.is_failed)
			bolt_take_back(&end->bolt, end->passed[i].head, end->passed[i].id, whole);
		else
			bolt_pass_answer(&end->bolt, end->passed[i].id, slice_make(frame, len));
		buf_clear(whole);
		rpc_kept_release(end->passed[i].head);
	}
	end->passed_count = 0;
}

static void on_passed(struct exchange *exchange, struct slice frame)
{
	invariant(frame.len >= 20);
	invariant(bolt_frame_status(frame) == BOLT_OK ||
		  bolt_frame_result(frame) == RPC_RESULT_UNKNOWN);
	on_over(exchange);
}

static const struct bolt_frame request = {.timeout_ms = 100,
					  .command = BOLT_RPC_REQUEST,
					  .protocol = 1,
					  .version = 1,
					  .type = BOLT_REQUEST,
					  .command_version = 1,
					  .serialization = BOLT_SOFA_HESSIAN};

static void pass_calls(struct end *end)
{
	char frame[BOLT_HEADER_MAX];
	size_t len = bolt_frame_write(frame, &request);

	for (unsigned i = 0; i < 8; i++)
		bolt_pass_request(&end->bolt, on_begin(&end->bolt.codec), slice_make(frame, len));
	buf_own(&end->out);
}

static void open_calls(struct end *end)
{
	struct rpc_head head = {.protocol = RPC_BOLT, .bolt = &request};

	for (unsigned i = 0; i < 8; i++) {
		struct exchange *exchange = on_begin(&end->bolt.codec);
		struct headers headers;
		exchange->codec = &end->bolt.codec;
		headers_init(&headers, exchange->arena, 1);
		headers.rpc = &head;
		bolt_client_codec.send_headers(exchange, &headers, true);
	}
	bolt_client_codec.heartbeat(&end->bolt.codec);
}

static void answer_the_open(struct end *end)
{
	for (unsigned i = 0; i < end->begun; i++)
		if (end->calls[i].exchange.codec && end->bolt.codec.side == CODEC_SERVER)
			reply(&end->calls[i].exchange, REPLY_NO_ROUTE);
}

static void read_all(struct end *end, struct slice bytes, size_t step)
{
	size_t from = 0;

	for (size_t to = 0; to < bytes.len;) {
		to = bytes.len - to > step ? to + step : bytes.len;
		/* each read is a block of its own size */
		char *block = malloc(to - from + 1);
		invariant(block);
		memcpy(block, bytes.data + from, to - from);
		size_t n = codec_read(&end->bolt.codec, slice_make(block, to - from), false);
		invariant(n <= to - from);
		invariant(end->bolt.codec.is_failed || n == to - from ||
			  end->bolt.codec.needs > to - from - n);
		from += n;
		buf_check(&end->out);
		buf_clear(&end->out);
		buf_pool_rewind(&end->pool);
		free(block);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	struct end *end = calloc(1, sizeof *end);
	invariant(end);
	enum codec_side side = data[0] & 1 ? CODEC_CLIENT : CODEC_SERVER;

	end->behaviour = data[2];
	end->passes = data[0] & 2;
	end->options = (struct bolt_options){.payload_limit = 1 << 20,
					     .max_in_flight = CALLS,
					     .counts = &end->counts,
					     .heads = &end->heads,
					     .pass = on_pass,
					     .passed = on_passed};
	buf_pool_init(&end->pool);
	bolt_heads_init(&end->heads);
	buf_init(&end->out, &end->pool);
	for (unsigned i = 0; i < CALLS; i++) {
		arena_init(&end->calls[i].arena, 1024);
		end->calls[i].exchange.arena = &end->calls[i].arena;
	}
	bolt_open(&end->bolt, side, &events, end, &end->out, &end->options);
	if (side == CODEC_CLIENT)
		open_calls(end);
	if (side == CODEC_CLIENT && end->passes)
		pass_calls(end);
	read_all(end, slice_make(data + 3, size - 3), data[1] ? data[1] : size);
	end_passed(end);
	answer_the_open(end);
	buf_clear(&end->out);
	codec_read(&end->bolt.codec, (struct slice){NULL, 0}, true);
	for (unsigned i = 0; i < end->begun; i++)
		invariant(!end->calls[i].exchange.codec && !end->calls[i].is_open);
	end->bolt.codec.type->close(&end->bolt.codec);
	for (unsigned i = 0; i < CALLS; i++)
		arena_free(&end->calls[i].arena);
	buf_clear(&end->out);
	invariant(!end->pool.blocks_out);
	buf_pool_fini(&end->pool);
	bolt_heads_fini(&end->heads);
	free(end);
	return 0;
}
