/* The side that faces providers. */
#include "codec/bolt_edits.h"
#include "codec/bolt_heads.h"
#include "codec/bolt_internal.h"
#include "message/stream_info.h"

/* Of a request that is being sent, in its exchange's arena: exchange->state, until it is on the
 * wire. */
struct sending {
	struct bolt_frame frame;
	const struct headers *edited; /* NULL: nothing differs from what came */
	struct buf gathered; /* of a payload that comes in pieces; pool is NULL until the first */
};

/* --- ids */

enum {
	INDEX_MASK = (1 << BOLT_ID_INDEX_BITS) - 1,
	GENERATION_MASK = (1 << (32 - BOLT_ID_INDEX_BITS)) - 1,
};

static uint32_t id_of(const struct open_calls *calls, uint32_t index)
{
	return calls->calls[index].generation << BOLT_ID_INDEX_BITS | index;
}

static inline const struct open_call *find_call(const struct bolt *bolt, uint32_t id)
{
	return open_calls_find(&bolt->calls, id & INDEX_MASK, id >> BOLT_ID_INDEX_BITS,
			       GENERATION_MASK);
}

/* --- the end of an exchange */

/* The exchange of a call that this codec holds. */
static void detach(struct bolt *bolt, struct exchange *exchange)
{
	struct sending *sending = exchange->state;

	if (sending && sending->gathered.pool)
		buf_clear(&sending->gathered);
	open_calls_remove(&bolt->calls, exchange->slot);
	exchange->codec = NULL;
	exchange->state = NULL;
	if (bolt->current == exchange)
		bolt->current = NULL;
}

void bolt_client_end_all(struct bolt *bolt, enum reply_reason reason)
{
	for (uint32_t i = 0; i < bolt->calls.capacity; i++) {
		struct exchange *exchange = bolt->calls.calls[i].exchange;
		if (!exchange)
			continue;
		detach(bolt, exchange);
		if (reason != REPLY_NONE)
			bolt->codec.events->reset(exchange, reason);
	}
}

void bolt_client_abandon(struct exchange *exchange)
{
	if (exchange->codec && open_calls_has(&bolt_of(exchange->codec)->calls, exchange))
		detach(bolt_of(exchange->codec), exchange);
	exchange->codec = NULL;
}

/* --- answers */

/* The call that the answer is for, or NULL: it is counted. */
static const struct open_call *answered_call(struct bolt *bolt, const struct bolt_frame *frame)
{
	const struct open_call *call = find_call(bolt, frame->id);

	if (LIKELY(call != NULL)) {
		bolt->options->counts->answers++;
	} else {
		bolt->options->counts->unknown_answers++;
		bolt_notice(bolt, RPC_NOTICE_UNKNOWN_ANSWER);
	}
	return call;
}

void bolt_client_skip(struct bolt *bolt, const struct bolt_frame *frame)
{
	const struct open_call *call = answered_call(bolt, frame);

	if (!call)
		return;
	struct exchange *exchange = call->exchange;
	detach(bolt, exchange);
	bolt->codec.events->reset(exchange, REPLY_ANSWER_OVER_LIMIT);
}

void bolt_client_take(struct bolt *bolt, const struct bolt_frame *frame, struct slice bytes)
{
	const struct open_call *call = answered_call(bolt, frame);

	if (UNLIKELY(!call))
		return;
	struct exchange *exchange = call->exchange;
	if (LIKELY(call->is_passed)) {
		detach(bolt, exchange);
		bolt->options->passed(exchange, bytes);
		return;
	}
	struct slice payload = bolt_payload_of(bytes, frame);
	struct bolt_answer *answer = bolt_answer_make(frame, exchange->arena);
	if (LIKELY(frame->status == BOLT_OK))
		answer->head.result = (int8_t)bolt_result_read(bolt_header_map(payload, frame));
	exchange->is_received = true;
	exchange->protocol = STREAM_PROTOCOL_BOLT;
	if (UNLIKELY(call->wants_attachments)) {
		answer->head.payload = payload;
		bolt_publish(&answer->headers, exchange->arena);
	}
	struct buf data;
	buf_init(&data, bolt->codec.out->pool);
	buf_append_turn(&data, payload);
	bool is_over = rpc_exchange_deliver(exchange, &bolt->current, &answer->headers,
					    &answer->head, payload, payload.len ? &data : NULL);
	buf_clear(&data);
	if (!is_over)
		return;
	detach(bolt, exchange);
	bolt->codec.events->closed(exchange);
}

size_t bolt_client_pass(struct bolt *bolt, struct slice bytes)
{
	struct slice whole =
		bolt_frame_usual(bytes, BOLT_ANSWER, BOLT_RPC_ANSWER, bolt->options->payload_limit);
	if (UNLIKELY(!whole.len))
		return 0;
	const struct open_call *call = find_call(bolt, bolt_get_u32(whole.data + 5));
	if (UNLIKELY(!call || !call->is_passed))
		return 0;
	struct exchange *exchange = call->exchange;
	bolt->options->counts->answers++;
	open_calls_remove(&bolt->calls, exchange->slot); /* it has nothing else here */
	exchange->codec = NULL;
	bolt->options->passed(exchange, whole);
	return whole.len;
}

/* --- requests */

/* What can't be sent after all. */
static COLD void give_up(struct bolt *bolt, struct exchange *exchange, struct buf *payload,
			 enum reply_reason reason)
{
	if (payload)
		buf_clear(payload);
	detach(bolt, exchange);
	bolt->codec.events->reset(exchange, reason);
}

/* The whole request is here: writes it. */
static void finish(struct exchange *exchange, struct buf *payload)
{
	struct bolt *bolt = bolt_of(exchange->codec);
	struct sending *sending = exchange->state;
	struct bolt_frame *frame = &sending->frame;

	if (UNLIKELY((payload ? payload->len : 0) <
		     (size_t)frame->class_len + frame->headers_len)) {
		/* a filter has taken away what the header speaks of */
		give_up(bolt, exchange, payload, REPLY_INTERNAL_ERROR);
		return;
	}
	if (UNLIKELY(sending->edited && payload)) {
		enum status status =
			bolt_edit(bolt, payload, frame, sending->edited, exchange->arena);
		if (status) {
			give_up(bolt, exchange, payload,
				status == STATUS_TOO_LARGE ? REPLY_HEADERS_TOO_LARGE
							   : REPLY_BAD_REQUEST);
			return;
		}
	}
	bolt_put_frame(bolt, frame, payload);
	bolt->protocol = frame->protocol;
	bolt->version = frame->version;
	exchange->state = NULL;
	exchange->is_sent = true;
	bolt->calls.calls[exchange->slot].is_on_wire = true;
	if (UNLIKELY(exchange->is_oneway)) {
		detach(bolt, exchange);
		bolt->codec.events->closed(exchange);
	}
}

/* What can't be sent here is given up at once. */
static COLD void refuse(struct bolt *bolt, struct exchange *exchange, enum reply_reason reason)
{
	exchange->codec = NULL;
	bolt->codec.events->reset(exchange, reason);
}

void bolt_client_send_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct bolt *bolt = bolt_of(exchange->codec);
	const struct rpc_head *rpc = headers->rpc;

	enum reply_reason refusal = rpc_exchange_refusal(
		&bolt->codec, &bolt->calls, bolt->options->max_in_flight, rpc, RPC_BOLT);
	if (UNLIKELY(refusal != REPLY_NONE)) {
		refuse(bolt, exchange, refusal);
		return;
	}
	struct sending *sending = arena_alloc(exchange->arena, sizeof *sending);
	sending->frame = *rpc->bolt;
	sending->edited = bolt_may_be_edited(headers) ? headers : NULL;
	sending->gathered.pool = NULL;
	exchange->state = sending;
	exchange->is_oneway = rpc->is_oneway;
	exchange->is_received = exchange->is_sent = false;
	exchange->slot = open_calls_add(&bolt->calls, exchange, 0);
	bolt->calls.calls[exchange->slot].wants_attachments = rpc->wants_answer_attachments;
	exchange->wire_id = sending->frame.id = id_of(&bolt->calls, exchange->slot);
	if (end)
		finish(exchange, NULL);
}

void bolt_client_send_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct sending *sending = exchange->state;

	if (LIKELY(end && !sending->gathered.pool)) {
		finish(exchange, data);
		return;
	}
	codec_gather(&sending->gathered, data, end);
	if (end)
		finish(exchange, &sending->gathered);
}

void bolt_pass_request(struct bolt *bolt, struct exchange *exchange, struct slice bytes)
{
	rpc_exchange_attach_passed(exchange, &bolt->codec, &bolt->calls, 0);
	exchange->wire_id = id_of(&bolt->calls, exchange->slot);
	bolt->protocol = (uint8_t)bytes.data[0];
	bolt->version = bolt->protocol == 1 ? 1 : (uint8_t)bytes.data[1];
	bolt_frame_readdress(bytes, (uint32_t)exchange->wire_id);
	buf_append_turn(bolt->codec.out, bytes);
}
