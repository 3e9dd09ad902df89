/* The side that faces providers. */
#include "codec/dubbo_head.h"
#include "codec/dubbo_internal.h"
#include "message/stream_info.h"

/* An answer; in its exchange's arena. */
struct answer {
	struct headers headers;
	struct rpc_head head;
};

/* The HTTP status that retry policies and outlier detection see. An exception of the service is a
 * success of the transport. */
static struct slice http_status(uint8_t status)
{
	switch (status) {
	case DUBBO_OK:
		return SLICE("200");
	case DUBBO_BAD_REQUEST:
	case DUBBO_SERIALIZATION_ERROR:
		return SLICE("400");
	case DUBBO_SERVICE_NOT_FOUND:
		return SLICE("404");
	case DUBBO_BAD_RESPONSE:
		return SLICE("502");
	case DUBBO_CHANNEL_INACTIVE:
	case DUBBO_SERVER_ERROR:
	case DUBBO_THREADPOOL_EXHAUSTED:
		return SLICE("503");
	case DUBBO_CLIENT_TIMEOUT:
	case DUBBO_SERVER_TIMEOUT:
		return SLICE("504");
	default: /* SERVICE_ERROR, CLIENT_ERROR, and what Dubbo may yet invent */
		return SLICE("500");
	}
}

/* --- the end of an exchange */

/* The exchange of a call that this codec holds; state is the buf of a body that comes in pieces. */
static void detach(struct dubbo *dubbo, struct exchange *exchange)
{
	struct buf *gathered = exchange->state;

	if (gathered)
		buf_clear(gathered);
	dubbo_calls_remove(&dubbo->calls, exchange->slot);
	exchange->codec = NULL;
	exchange->state = NULL;
	if (dubbo->current == exchange)
		dubbo->current = NULL;
}

static bool is_attached(const struct dubbo *dubbo, const struct exchange *exchange)
{
	return exchange->slot < dubbo->calls.capacity &&
	       dubbo->calls.calls[exchange->slot].exchange == exchange;
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
	struct dubbo *dubbo = dubbo_of(exchange->codec);

	if (is_attached(dubbo, exchange))
		detach(dubbo, exchange);
	exchange->codec = NULL;
}

/* --- answers */

static struct answer *answer_make(const struct dubbo_frame *frame, struct slice payload,
				  struct arena *arena)
{
	struct answer *answer = arena_alloc(arena, sizeof *answer);
	uint8_t serialization = frame->flag & DUBBO_SERIALIZATION_MASK;

	answer->head = (struct rpc_head){
		.protocol = RPC_DUBBO,
		.serialization = serialization,
		.status = frame->status,
		.result = (int8_t)(frame->status == DUBBO_OK
					   ? dubbo_result_read(payload, serialization)
					   : RPC_RESULT_UNKNOWN),
		.payload = payload,
	};
	headers_init(&answer->headers, arena, 4);
	answer->headers.rpc = &answer->head;
	headers_add_id(&answer->headers, HEADER_STATUS, http_status(frame->status));
	return answer;
}

void dubbo_client_take(struct dubbo *dubbo, const struct dubbo_frame *frame, struct slice payload)
{
	const struct codec_events *events = dubbo->codec.events;
	struct exchange *exchange = dubbo_calls_find(&dubbo->calls, frame->id);

	if (UNLIKELY(!exchange)) {
		dubbo->options->counts->unknown_answers++;
		return;
	}
	dubbo->options->counts->answers++;
	struct answer *answer = answer_make(frame, payload, exchange->arena);
	exchange->is_received = true;
	exchange->protocol = STREAM_PROTOCOL_DUBBO;
	dubbo->current = exchange;
	events->headers(exchange, &answer->headers, !payload.len);
	if (dubbo->current != exchange)
		return;
	answer->head.payload = (struct slice){NULL, 0};

	if (LIKELY(payload.len)) {
		struct buf data;
		buf_init(&data, dubbo->codec.out->pool);
		buf_append_turn(&data, payload);
		events->data(exchange, &data, true);
		buf_clear(&data);
		if (dubbo->current != exchange)
			return;
	}
	detach(dubbo, exchange);
	events->closed(exchange);
}

/* --- requests */

/* The whole request is here: writes it. */
static void finish(struct exchange *exchange, struct buf *body)
{
	struct dubbo *dubbo = dubbo_of(exchange->codec);
	struct dubbo_call *call = &dubbo->calls.calls[exchange->slot];

	dubbo_put_frame(dubbo,
			(struct dubbo_frame){.id = dubbo_calls_id(&dubbo->calls, exchange->slot),
					     .flag = call->flag},
			body);
	exchange->is_sent = true;
	call->is_on_wire = true;
	if (UNLIKELY(exchange->is_oneway)) {
		detach(dubbo, exchange);
		dubbo->codec.events->closed(exchange);
	}
}

/* What can't be sent here is given up at once. */
static COLD void refuse(struct dubbo *dubbo, struct exchange *exchange, enum reply_reason reason)
{
	exchange->codec = NULL;
	dubbo->codec.events->reset(exchange, reason);
}

void dubbo_client_send_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct dubbo *dubbo = dubbo_of(exchange->codec);
	const struct rpc_head *rpc = headers->rpc;

	if (UNLIKELY(dubbo->codec.is_failed)) {
		refuse(dubbo, exchange, REPLY_CONNECTION_LOST);
		return;
	}
	if (UNLIKELY(dubbo->calls.open >= dubbo->options->max_in_flight)) {
		refuse(dubbo, exchange, REPLY_OVERFLOW);
		return;
	}
	if (UNLIKELY(!rpc || rpc->protocol != RPC_DUBBO)) {
		refuse(dubbo, exchange, REPLY_INTERNAL_ERROR);
		return;
	}
	exchange->state = NULL;
	exchange->is_oneway = rpc->is_oneway;
	exchange->is_received = exchange->is_sent = false;
	exchange->slot = dubbo_calls_add(&dubbo->calls, exchange,
					 (uint8_t)(DUBBO_FLAG_REQUEST |
						   (rpc->is_oneway ? 0 : DUBBO_FLAG_TWOWAY) |
						   rpc->serialization));
	exchange->wire_id = dubbo_calls_id(&dubbo->calls, exchange->slot);
	if (end)
		finish(exchange, NULL);
}

void dubbo_client_send_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct buf *gathered = exchange->state;

	if (LIKELY(end && !gathered)) {
		finish(exchange, data);
		return;
	}
	if (!gathered) {
		gathered = exchange->state = ARENA_NEW(exchange->arena, struct buf);
		buf_init(gathered, data->pool);
	}
	buf_move_all(gathered, data);
	if (end)
		finish(exchange, gathered);
	else
		buf_own(gathered);
}
