/* Any bytes on a Dubbo connection, in reads of any size, on either side, with an owner that
 * answers, holds, abandons and renders replies as the input says.
 *
 *   input: side, whether calls pass, whether long frames come in parts, how long those are, a low
 * limit | size of reads | what the owner does, two bits a request |
 * bytes of the connection
 */
#include <stdint.h>
#include <stdlib.h>

#include "codec/dubbo.h"
#include "codec/dubbo_arguments.h"
#include "codec/dubbo_attachment_bytes.h"
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_edits.h"
#include "codec/dubbo_rewrite.h"
#include "codec/dubbo_frame.h"
#include "codec/dubbo_heads.h"
#include "codec/hessian2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	CALLS = 64,
	ANSWER = 70000, /* bytes of our answers in parts: some are held as their tail */
};

struct call {
	struct exchange exchange;
	struct arena arena;
	bool is_open, has_answer;
	bool is_in_parts; /* its message ends with a later event */
};

struct end {
	struct buf_pool pool;
	struct buf out;
	struct dubbo dubbo;
	struct dubbo_counts counts;
	struct dubbo_heads heads;
	struct dubbo_options options;
	struct call calls[CALLS];
	unsigned begun;
	uint8_t behaviour;
	bool passes, has_parts;
	struct {
		struct rpc_kept *head;
		uint64_t id;
		struct buf payload;
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

/* The first part of one; finish_parts gives the rest. */
static void reply_in_parts(struct exchange *exchange)
{
	static const char body[ANSWER] = "\x91";
	struct dubbo_answer *answer = dubbo_answer_make(DUBBO_OK, exchange->arena);
	const struct codec_type *type = exchange->codec->type;
	struct buf data;

	answer->head.serialization = DUBBO_HESSIAN2;
	answer->head.body_len = ANSWER;
	buf_init(&data, exchange->codec->out->pool);
	buf_append_turn(&data, slice_make(body, ANSWER / 2));
	type->send_headers(exchange, &answer->headers, false);
	type->send_data(exchange, &data, false);
}

static void finish_parts(struct exchange *exchange)
{
	static const char body[ANSWER];
	struct buf data;

	buf_init(&data, exchange->codec->out->pool);
	buf_append_turn(&data, slice_make(body, ANSWER - ANSWER / 2));
	exchange->codec->type->send_data(exchange, &data, true);
}

/* Filters change what they like of it: the codec checks what it writes. */
static void edit(struct exchange *exchange, struct headers *headers, uint8_t how)
{
	bool is_answer = headers_has(headers, HEADER_STATUS);
	struct dubbo_edits edits;
	struct buf body;

	invariant(!headers->rpc->received || !dubbo_may_be_edited(headers));
	if (how & 16)
		headers_add(headers, SLICE("x-early"), SLICE("v"));
	if (how & 32)
		headers_ask(headers, (struct slice){NULL, 0});
	const struct rpc_received *received = headers->rpc->received;
	if (received && received->count > received->own) {
		uint32_t n = received->own + how % (received->count - received->own);
		if (how & 1)
			headers_remove(headers, header_name(&received->items[n]));
		else
			headers_set(headers, header_name(&received->items[n]), SLICE("other"));
	}
	headers_set(headers, SLICE("x-new"), SLICE("v"));
	if (how & 2 && !is_answer)
		headers_set_id(headers, HEADER_PATH, SLICE("/other/name"));
	if (how & 4 && !is_answer)
		headers_set_id(headers, HEADER_TRI_SERVICE_GROUP, SLICE("g"));
	invariant(dubbo_may_be_edited(headers));
	invariant(dubbo_edits_find(&edits, headers, is_answer, exchange->arena));
	buf_init(&body, exchange->codec->out->pool);
	buf_append_turn(&body, headers->rpc->payload);
	uint8_t serialization = headers->rpc->serialization;
	if (is_answer ? dubbo_rewrite_answer(&body, serialization, how & 8, &edits)
		      : dubbo_rewrite_request(&body, serialization, &edits))
		invariant(body.len == headers->rpc->payload.len);
	buf_check(&body);
	buf_clear(&body);
}

/* What the bytes of attachments say that are asked for by name is what reading all of them says. */
static void ask_by_names(struct headers *headers, struct arena *arena)
{
	const struct rpc_head *rpc = headers->rpc;
	struct slice names[3] = {SLICE("path"), SLICE("k"), SLICE("X-Trace")}, values[3];
	struct slice text, told;
	struct hessian2_reader reader;

	for (uint32_t i = 0; i < rpc->attachment_count && i < 2; i++)
		names[i] = rpc->attachments[i].name;
	if (rpc->serialization != DUBBO_HESSIAN2 ||
	    !dubbo_attachment_bytes(slice_sub(rpc->payload, rpc->attachments_at, rpc->payload.len),
				    names, COUNT_OF(names), values))
		return;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		bool is_there = dubbo_attachment(headers, names[i], &text);
		invariant(is_there == (values[i].len > 0));
		if (!is_there)
			continue;
		hessian2_init(&reader, values[i], arena);
		invariant(!hessian2_read_text(&reader, &told) && reader.pos == reader.len);
		invariant(!text.data == !told.data && slice_equal(text, told));
	}
}

static void on_headers(struct exchange *exchange, struct headers *headers, bool is_end)
{
	struct end *end = end_of(exchange);
	struct call *call = call_of(exchange);

	invariant(call->is_open);
	invariant(!memchr(headers_get(headers, HEADER_PATH).data ?: "", '\n',
			  headers_get(headers, HEADER_PATH).len));
	call->has_answer = true;
	call->is_in_parts = headers->rpc->body_len && !is_end;
	if (end->dubbo.codec.side == CODEC_CLIENT) {
		if (dubbo_read_answer_attachments(headers, exchange->arena) &&
		    !headers->rpc->received)
			dubbo_attachments_publish(headers);
		edit(exchange, headers, end->behaviour);
		return;
	}
	invariant(is_end == headers->rpc->is_over_limit);
	invariant(!headers->rpc->service.len == !headers->rpc->method.len);
	invariant(headers->rpc->service.len ||
		  (headers->rpc->serialization != DUBBO_HESSIAN2 && !headers->rpc->arguments_at));
	struct slice value;
	for (unsigned i = 0; i < 3; i++)
		invariant(!dubbo_argument(headers, i, &value) || value.data);
	if (dubbo_read_attachments(headers, exchange->arena)) {
		dubbo_attachments_agree(headers->rpc);
		ask_by_names(headers, exchange->arena);
		for (uint32_t i = 0; i < headers->rpc->attachment_count; i++)
			invariant(dubbo_attachment(headers, headers->rpc->attachments[i].name,
						   &value));
		dubbo_attachments_publish(headers);
	}
	edit(exchange, headers, end->behaviour);
	switch (end->behaviour & 3) {
	case 0: /* answered when the connection has been read */
		break;
	case 1:
		if (end->has_parts)
			reply_in_parts(exchange);
		else
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
	invariant(call_of(exchange)->is_open && (is_end || call_of(exchange)->is_in_parts));
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

static void on_undraining(struct codec *codec)
{
	invariant(!codec->is_draining);
}

static const struct codec_events events = {
	.begin = on_begin,
	.headers = on_headers,
	.data = on_data,
	.reset = on_reset,
	.closed = on_over,
	.failed = on_failed,
	.draining = on_draining,
	.undraining = on_undraining,
};

static bool on_pass(struct codec *codec, struct rpc_kept *head, uint64_t id, struct slice frame)
{
	struct end *end = codec->owner;

	invariant(frame.len >= DUBBO_HEADER_SIZE && !memcmp(frame.data, "\xda\xbb", 2));
	if (!end->passes || end->passed_count == CALLS)
		return false;
	rpc_kept_hold(head);
	end->passed[end->passed_count].head = head;
	end->passed[end->passed_count].id = id;
	buf_init(&end->passed[end->passed_count].payload, &end->pool);
	buf_append_owned(&end->passed[end->passed_count++].payload,
			 slice_sub(frame, DUBBO_HEADER_SIZE, frame.len));
	return true;
}

/* Every other one is answered, the others come back. */
static void end_passed(struct end *end)
{
	char frame[DUBBO_HEADER_SIZE + 1] = "\xda\xbb\x02\x14";

	frame[DUBBO_HEADER_SIZE - 1] = 1;
	for (unsigned i = 0; i < end->passed_count; i++) {
		struct buf *payload = &end->passed[i].payload;
		if (i % 2 && !end->dubbo.codec.is_failed)
			dubbo_take_back(&end->dubbo, end->passed[i].head, end->passed[i].id,
					payload);
		else
			dubbo_pass_answer(&end->dubbo, end->passed[i].id,
					  slice_make(frame, sizeof frame));
		buf_clear(payload);
		rpc_kept_release(end->passed[i].head);
	}
	end->passed_count = 0;
}

static void on_passed(struct exchange *exchange, struct slice frame)
{
	invariant(frame.len >= DUBBO_HEADER_SIZE && !memcmp(frame.data, "\xda\xbb", 2));
	on_over(exchange);
}

static bool takes_request_parts(struct codec *codec, struct headers *headers)
{
	struct end *end = codec->owner;

	invariant(headers->rpc->service.len && headers->rpc->method.len);
	return end->has_parts;
}

static bool takes_parts(struct exchange *exchange, uint8_t serialization)
{
	(void)serialization;
	return end_of(exchange)->has_parts;
}

static void on_passed_part(struct exchange *exchange, const struct dubbo_answer_part *part)
{
	invariant(!part->head.len || part->head.len == DUBBO_HEADER_SIZE);
	invariant(!part->left == !exchange->codec);
	if (!part->left)
		on_over(exchange);
}

static void pass_calls(struct end *end)
{
	static char frame[DUBBO_HEADER_SIZE] = "\xda\xbb\xc2";

	for (unsigned i = 0; i < 8; i++)
		dubbo_pass_request(&end->dubbo, on_begin(&end->dubbo.codec),
				   slice_make(frame, sizeof frame));
}

static void open_calls(struct end *end)
{
	struct rpc_head head = {.protocol = RPC_DUBBO,
				.serialization = 2,
				.wants_answer_attachments = !end->has_parts};

	for (unsigned i = 0; i < 8; i++) {
		struct exchange *exchange = on_begin(&end->dubbo.codec);
		struct headers headers;
		exchange->codec = &end->dubbo.codec;
		headers_init(&headers, exchange->arena, 1);
		headers.rpc = &head;
		dubbo_client_codec.send_headers(exchange, &headers, true);
	}
	dubbo_client_codec.heartbeat(&end->dubbo.codec);
}

/* The second of two answers in parts at a time. */
static bool is_gathered(const struct exchange *exchange)
{
	const struct dubbo_request *request = exchange->state;
	return request->gathered.pool;
}

static void answer_the_open(struct end *end)
{
	for (unsigned i = 0; i < end->begun; i++) {
		struct exchange *exchange = &end->calls[i].exchange;
		if (!exchange->codec || end->dubbo.codec.side == CODEC_CLIENT)
			continue;
		bool is_begun = exchange->is_in_parts || is_gathered(exchange);
		if (is_begun && i % 2) {
			end->calls[i].is_open = false;
			exchange->codec->type->abandon(exchange);
		} else if (is_begun) {
			finish_parts(exchange);
		} else {
			reply(exchange, REPLY_NO_ROUTE);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	struct end *end = calloc(1, sizeof *end);
	invariant(end);
	enum codec_side side = data[0] & 1 ? CODEC_CLIENT : CODEC_SERVER;
	size_t step = data[1] ? data[1] : size;

	end->behaviour = data[2];
	end->passes = data[0] & 2;
	end->has_parts = data[0] & 4;
	end->options = (struct dubbo_options){.payload_limit = data[0] & 16 ? 64 : 1 << 20,
					      .max_in_flight = CALLS,
					      .parts_over = data[0] & 8 ? 0 : 32,
					      .takes_request_parts = takes_request_parts,
					      .takes_parts = takes_parts,
					      .passed_part = on_passed_part,
					      .counts = &end->counts,
					      .heads = &end->heads,
					      .pass = on_pass,
					      .passed = on_passed};
	buf_pool_init(&end->pool);
	dubbo_heads_init(&end->heads);
	buf_init(&end->out, &end->pool);
	for (unsigned i = 0; i < CALLS; i++) {
		arena_init(&end->calls[i].arena, 1024);
		end->calls[i].exchange.arena = &end->calls[i].arena;
	}
	dubbo_open(&end->dubbo, side, &events, end, &end->out, &end->options);
	if (side == CODEC_CLIENT)
		open_calls(end);
	if (side == CODEC_CLIENT && end->passes)
		pass_calls(end);

	struct slice bytes = slice_make(data + 3, size - 3);
	size_t from = 0;
	for (size_t to = 0; to < bytes.len;) {
		to = bytes.len - to > step ? to + step : bytes.len;
		/* each read is a block of its own size */
		char *block = malloc(to - from + 1);
		invariant(block);
		memcpy(block, bytes.data + from, to - from);
		size_t n = codec_read(&end->dubbo.codec, slice_make(block, to - from), false);
		invariant(n <= to - from);
		invariant(end->dubbo.codec.is_failed || n == to - from ||
			  end->dubbo.codec.needs > to - from - n);
		from += n;
		buf_check(&end->out);
		buf_clear(&end->out);
		buf_pool_rewind(&end->pool);
		free(block);
	}
	end_passed(end);
	answer_the_open(end);
	buf_clear(&end->out);
	codec_read(&end->dubbo.codec, slice_make(bytes.data + from, bytes.len - from), true);
	invariant(end->dubbo.codec.is_failed);
	end->dubbo.codec.type->close(&end->dubbo.codec);
	for (unsigned i = 0; i < CALLS; i++) {
		invariant(!end->calls[i].is_open);
		arena_free(&end->calls[i].arena);
	}
	buf_clear(&end->out);
	buf_pool_fini(&end->pool);
	dubbo_heads_fini(&end->heads);
	free(end);
	return 0;
}
