/* The side that faces providers. */
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_head.h"
#include "codec/dubbo_heads.h"
#include "codec/dubbo_parts.h"
#include "codec/dubbo_rewrite.h"
#include "message/stream_info.h"

/* --- the end of an exchange */

/* exchange->state of a request that doesn't come in one piece, or leaves as another. */
struct sending {
	struct buf gathered;
	struct dubbo_edits edits; /* if is_edited */
	bool is_edited;
};

/* The exchange of a call that this codec holds, of which nothing comes or leaves in parts. */
static inline void detach_whole(struct dubbo *dubbo, struct exchange *exchange)
{
	struct sending *sending = exchange->state;

	if (sending && sending->gathered.pool)
		buf_clear(&sending->gathered);
	open_calls_remove(&dubbo->calls, exchange->slot);
	exchange->codec = NULL;
	exchange->state = NULL;
	if (dubbo->current == exchange)
		dubbo->current = NULL;
}

static void detach(struct dubbo *dubbo, struct exchange *exchange)
{
	detach_whole(dubbo, exchange);
	if (UNLIKELY(dubbo->receiving == exchange)) {
		dubbo->receiving = NULL;
		dubbo->codec.must_close = true;
	}
	if (UNLIKELY(dubbo_writes(dubbo, exchange)))
		dubbo_writer_break(dubbo);
}

void dubbo_client_end_all(struct dubbo *dubbo, enum reply_reason reason)
{
	for (uint32_t i = 0; i < dubbo->calls.capacity; i++) {
		struct exchange *exchange = dubbo->calls.calls[i].exchange;
		if (!exchange)
			continue;
		detach(dubbo, exchange);
		if (reason != REPLY_NONE)
			dubbo->codec.events->reset(exchange, reason);
	}
}

void dubbo_client_abandon(struct exchange *exchange)
{
	if (exchange->codec && open_calls_has(&dubbo_of(exchange->codec)->calls, exchange))
		detach(dubbo_of(exchange->codec), exchange);
	exchange->codec = NULL;
}

/* --- answers */

static struct dubbo_answer *make_answer(struct exchange *exchange, struct dubbo_frame frame,
					struct slice payload)
{
	struct dubbo_answer *answer = dubbo_answer_make(frame.status, exchange->arena);

	answer->head.serialization = frame.flag & DUBBO_SERIALIZATION_MASK;
	if (LIKELY(frame.status == DUBBO_OK))
		answer->head.result =
			(int8_t)dubbo_result_read(payload, answer->head.serialization);
	return answer;
}

void dubbo_client_take(struct dubbo *dubbo, struct dubbo_frame frame, struct slice payload)
{
	const struct open_call *call =
		open_calls_find(&dubbo->calls, (uint32_t)frame.id, frame.id >> 32, UINT32_MAX);

	if (UNLIKELY(!call)) {
		dubbo->options->counts->unknown_answers++;
		dubbo_notice(dubbo, RPC_NOTICE_UNKNOWN_ANSWER);
		return;
	}
	struct exchange *exchange = call->exchange;
	dubbo->options->counts->answers++;
	if (LIKELY(call->is_passed)) {
		detach_whole(dubbo, exchange);
		dubbo->options->passed(exchange, dubbo_frame_around(payload));
		return;
	}
	struct dubbo_answer *answer = make_answer(exchange, frame, payload);
	answer->head.payload = payload;
	if (UNLIKELY(call->wants_attachments) &&
	    dubbo_read_answer_attachments(&answer->headers, exchange->arena))
		dubbo_attachments_publish(&answer->headers);
	exchange->is_received = true;
	exchange->protocol = STREAM_PROTOCOL_DUBBO;
	struct buf data;
	buf_init(&data, dubbo->codec.out->pool);
	buf_append_turn(&data, payload);
	bool is_over = rpc_exchange_deliver(exchange, &dubbo->current, &answer->headers,
					    &answer->head, payload, payload.len ? &data : NULL);
	if (data.len)
		buf_clear(&data);
	if (!is_over)
		return;
	detach(dubbo, exchange);
	dubbo->codec.events->closed(exchange);
}

/* --- answers in parts */

/* It is skipped; the call ends without it. */
static void end_over_limit(struct dubbo *dubbo, struct exchange *exchange)
{
	dubbo->options->counts->answers++;
	detach(dubbo, exchange);
	dubbo->codec.events->reset(exchange, REPLY_ANSWER_OVER_LIMIT);
}

static void begin_passed(struct dubbo *dubbo, struct exchange *exchange, struct slice payload)
{
	const struct dubbo_answer_part part = {
		.head = slice_make(payload.data - DUBBO_HEADER_SIZE, DUBBO_HEADER_SIZE),
		.left = dubbo->receiving_left,
		.bytes = slice_make(payload.data, 0),
	};

	dubbo->options->passed_part(exchange, &part);
}

bool dubbo_client_begin_parts(struct dubbo *dubbo, const struct dubbo_frame *frame,
			      struct slice payload, bool is_over_limit)
{
	const struct dubbo_options *options = dubbo->options;
	uint8_t serialization = frame->flag & DUBBO_SERIALIZATION_MASK;
	const struct open_call *call =
		open_calls_find(&dubbo->calls, (uint32_t)frame->id, frame->id >> 32, UINT32_MAX);

	if (!call) {
		options->counts->unknown_answers++;
		dubbo_notice(dubbo, RPC_NOTICE_UNKNOWN_ANSWER);
		return true;
	}
	struct exchange *exchange = call->exchange;
	if (is_over_limit) {
		end_over_limit(dubbo, exchange);
		return true;
	}
	if (!payload.len || (!call->is_passed && call->wants_attachments) ||
	    !options->takes_parts || !options->takes_parts(exchange, serialization))
		return false;
	options->counts->answers++;
	dubbo->receiving = exchange;
	if (call->is_passed) {
		begin_passed(dubbo, exchange, payload);
		return true;
	}
	struct dubbo_answer *answer = make_answer(exchange, *frame, payload);
	answer->head.body_len = frame->body_len;
	exchange->protocol = STREAM_PROTOCOL_DUBBO;
	dubbo->codec.events->headers(exchange, &answer->headers, false);
	return true;
}

void dubbo_client_take_part(struct dubbo *dubbo, struct exchange *exchange, struct slice bytes,
			    uint32_t left)
{
	struct buf data;

	if (dubbo->calls.calls[exchange->slot].is_passed) {
		if (!left)
			detach(dubbo, exchange);
		dubbo->options->passed_part(
			exchange, &(struct dubbo_answer_part){.bytes = bytes, .left = left});
		return;
	}
	exchange->is_received = !left;
	dubbo->current = exchange;
	buf_init(&data, dubbo->codec.out->pool);
	buf_append_turn(&data, bytes);
	dubbo->codec.events->data(exchange, &data, !left);
	buf_clear(&data);
	bool is_over = !left && dubbo->current == exchange;
	dubbo->current = NULL;
	if (!is_over)
		return;
	detach(dubbo, exchange);
	dubbo->codec.events->closed(exchange);
}

/* --- requests */

/* 0, the generation in 31 bits, the index in 32. */
static uint64_t wire_id(const struct open_calls *calls, uint32_t index)
{
	return (uint64_t)calls->calls[index].generation << 32 | index;
}

/* What can't be sent here is given up at once. */
static COLD void refuse(struct dubbo *dubbo, struct exchange *exchange, enum reply_reason reason)
{
	exchange->codec = NULL;
	dubbo->codec.events->reset(exchange, reason);
}

/* Of a serialization that we can't write only where it goes to matters: it goes on without its new
 * attachments. False: it can't go on. */
static COLD bool rewrite(struct dubbo *dubbo, struct exchange *exchange, uint8_t flag,
			 struct buf *body)
{
	const struct dubbo_edits *edits = &((struct sending *)exchange->state)->edits;
	enum status status = dubbo_rewrite_request(body, flag & DUBBO_SERIALIZATION_MASK, edits);
	bool is_moved = edits->service.data || edits->service_version.data || edits->method.data;

	if (!status) {
		dubbo->options->counts->edited_requests++;
		dubbo_notice(dubbo, RPC_NOTICE_EDITED);
		return true;
	}
	dubbo->options->counts->uneditable_messages++;
	dubbo_notice(dubbo, RPC_NOTICE_UNEDITABLE);
	return status == STATUS_UNSUPPORTED && !is_moved;
}

/* The whole request is here: writes it. */
static void finish(struct exchange *exchange, struct buf *body)
{
	struct dubbo *dubbo = dubbo_of(exchange->codec);
	struct open_call *call = &dubbo->calls.calls[exchange->slot];
	struct sending *sending = exchange->state;

	if (UNLIKELY(sending && sending->is_edited && body) &&
	    !rewrite(dubbo, exchange, call->flag, body)) {
		buf_clear(body);
		detach(dubbo, exchange);
		refuse(dubbo, exchange, REPLY_BAD_REQUEST);
		return;
	}
	dubbo_put_frame(dubbo, call->flag, 0, exchange->wire_id, body);
	exchange->is_sent = true;
	call->is_on_wire = true;
	if (UNLIKELY(exchange->is_oneway)) {
		detach(dubbo, exchange);
		dubbo->codec.events->closed(exchange);
	}
}

static struct sending *sending_of(struct exchange *exchange)
{
	if (!exchange->state)
		exchange->state = ARENA_NEW(exchange->arena, struct sending);
	return exchange->state;
}

static COLD void find_edits(struct exchange *exchange, const struct headers *headers)
{
	struct dubbo_edits edits;

	if (!dubbo_edits_find(&edits, headers, false, exchange->arena))
		return;
	sending_of(exchange)->edits = edits;
	sending_of(exchange)->is_edited = true;
}

/* On a connection of its own: the header goes, and what comes of the body follows. */
static COLD void begin_parts(struct exchange *exchange, uint32_t body_len)
{
	struct dubbo *dubbo = dubbo_of(exchange->codec);
	struct open_call *call = &dubbo->calls.calls[exchange->slot];

	exchange->is_in_parts = true;
	call->is_on_wire = true;
	dubbo_writer_begin(dubbo,
			   &(struct dubbo_frame){.id = exchange->wire_id,
						 .body_len = body_len,
						 .flag = call->flag},
			   exchange);
}

static COLD void send_part(struct exchange *exchange, struct buf *data)
{
	struct dubbo *dubbo = dubbo_of(exchange->codec);

	if (!dubbo_writer_put(dubbo, data))
		return;
	exchange->is_sent = true;
	if (!exchange->is_oneway)
		return;
	detach(dubbo, exchange);
	dubbo->codec.events->closed(exchange);
}

void dubbo_client_send_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct dubbo *dubbo = dubbo_of(exchange->codec);
	const struct rpc_head *rpc = headers->rpc;

	enum reply_reason refusal = rpc_exchange_refusal(
		&dubbo->codec, &dubbo->calls, dubbo->options->max_in_flight, rpc, RPC_DUBBO);
	if (UNLIKELY(refusal != REPLY_NONE)) {
		refuse(dubbo, exchange, refusal);
		return;
	}
	exchange->state = NULL;
	exchange->is_oneway = rpc->is_oneway;
	exchange->is_received = exchange->is_sent = exchange->is_in_parts = false;
	exchange->slot = open_calls_add(&dubbo->calls, exchange,
					(uint8_t)(DUBBO_FLAG_REQUEST |
						  (rpc->is_oneway ? 0 : DUBBO_FLAG_TWOWAY) |
						  rpc->serialization));
	exchange->wire_id = wire_id(&dubbo->calls, exchange->slot);
	dubbo->calls.calls[exchange->slot].wants_attachments = rpc->wants_answer_attachments;
	if (UNLIKELY(dubbo_may_be_edited(headers)))
		find_edits(exchange, headers);
	if (end)
		finish(exchange, NULL);
	else if (UNLIKELY(rpc->body_len && !exchange->state))
		begin_parts(exchange, rpc->body_len);
}

void dubbo_client_send_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct sending *sending = exchange->state;

	if (UNLIKELY(exchange->is_in_parts)) {
		send_part(exchange, data);
		return;
	}
	if (LIKELY(end && (!sending || !sending->gathered.pool))) {
		finish(exchange, data);
		return;
	}
	sending = sending_of(exchange);
	codec_gather(&sending->gathered, data, end);
	if (end)
		finish(exchange, &sending->gathered);
}

void dubbo_pass_request(struct dubbo *dubbo, struct exchange *exchange, struct slice frame)
{
	uint8_t flag = (uint8_t)frame.data[2];

	rpc_exchange_attach_passed(exchange, &dubbo->codec, &dubbo->calls, flag);
	exchange->wire_id = wire_id(&dubbo->calls, exchange->slot);
	dubbo_frame_readdress(frame, flag, 0, exchange->wire_id);
	buf_append_turn(dubbo->codec.out, frame);
}
