/* The side that faces consumers. */
#include "codec/dubbo_head.h"
#include "codec/dubbo_heads.h"
#include "codec/dubbo_internal.h"
#include "codec/dubbo_reply.h"
#include "codec/dubbo_rewrite.h"
#include "message/stream_info.h"

enum {
	NO_RPC_ANSWER = 1 << 16, /* exchange->slot: the answer came in another protocol */
};

/* exchange->state while the request is open. What will be sent back, status << 8 | serialization,
 * is in exchange->slot. */
static struct dubbo_request *request_of(const struct exchange *exchange)
{
	return exchange->state;
}

/* --- requests */

static struct exchange *begin(struct dubbo *dubbo, uint64_t id, bool is_oneway)
{
	struct exchange *exchange = dubbo->codec.events->begin(&dubbo->codec);

	if (!exchange)
		return NULL;
	exchange->codec = &dubbo->codec;
	exchange->wire_id = id;
	exchange->slot = 0;
	exchange->is_oneway = is_oneway;
	exchange->is_received = true;
	exchange->is_sent = false;
	exchange->protocol = STREAM_PROTOCOL_DUBBO;
	list_push_back(&dubbo->open, &exchange->link);
	return exchange;
}

/* A request whose head is not among the kept ones: decodes it, and keeps it. Its exchange, or NULL
 * when it was refused or nobody wants it. */
static COLD struct exchange *begin_unknown(struct dubbo *dubbo, struct dubbo_frame frame,
					   struct slice payload)
{
	struct rpc_head head = {
		.protocol = RPC_DUBBO,
		.serialization = frame.flag & DUBBO_SERIALIZATION_MASK,
		.result = RPC_RESULT_UNKNOWN,
		.is_oneway = !(frame.flag & DUBBO_FLAG_TWOWAY),
	};

	enum status status = dubbo_head_read(payload, head.serialization, &head);
	if (head.serialization != DUBBO_HESSIAN2) {
		dubbo->options->counts->other_serializations++;
		dubbo_notice(dubbo, RPC_NOTICE_OTHER_SERIALIZATION);
	}
	/* Of one that isn't known its service and method are "". */
	if (status && status != STATUS_UNSUPPORTED) {
		dubbo->options->counts->undecodable_requests++;
		dubbo_notice(dubbo, RPC_NOTICE_UNDECODABLE);
		dubbo_refuse(dubbo, frame, SLICE("Fail to decode request"));
		return NULL;
	}
	struct exchange *exchange = begin(dubbo, frame.id, head.is_oneway);
	if (!exchange)
		return NULL;
	struct dubbo_request *request = dubbo_request_make(&head, exchange->arena);
	if (dubbo->options->heads)
		dubbo_heads_keep(dubbo->options->heads, payload, request);
	exchange->state = request;
	return exchange;
}

static struct exchange *begin_known(struct dubbo *dubbo, struct rpc_kept *head, uint64_t id,
				    bool is_oneway)
{
	struct exchange *exchange = begin(dubbo, id, is_oneway);

	if (LIKELY(exchange != NULL))
		exchange->state = dubbo_request_copy(head, is_oneway, exchange->arena);
	return exchange;
}

/* The events of an exchange that was begun. payload: the whole body, or nothing if it isn't
 * contiguous. */
static void deliver(struct dubbo *dubbo, struct exchange *exchange, struct slice payload,
		    struct buf *data)
{
	const struct codec_events *events = dubbo->codec.events;
	struct dubbo_request *request = exchange->state;

	request->head.payload = payload;
	dubbo->current = exchange;
	events->headers(exchange, &request->headers, false);
	if (UNLIKELY(dubbo->current != exchange))
		return;
	request->head.payload = (struct slice){NULL, 0};
	events->data(exchange, data, true);
	dubbo->current = NULL;
}

enum { LOOKED_AT = 256 };

/* An id that doesn't count up may be that of an open request: each gets its own answer all the
 * same. Among many open ones it isn't looked for everywhere. */
static COLD void note_id(struct dubbo *dubbo, uint64_t id)
{
	const struct list_node *node = dubbo->open.next;
	bool is_open = dubbo->options->is_passed && dubbo->options->is_passed(&dubbo->codec, id);

	for (unsigned i = 0; i < LOOKED_AT && node != &dubbo->open && !is_open; i++) {
		is_open = container_of(node, struct exchange, link)->wire_id == id;
		node = node->next;
	}
	if (list_is_empty(&dubbo->open)) /* or the numbers have begun anew */
		dubbo->latest_id = id;
	if (!is_open)
		return;
	dubbo->options->counts->reused_ids++;
	dubbo_notice(dubbo, RPC_NOTICE_REUSED_ID);
}

void dubbo_server_take(struct dubbo *dubbo, struct dubbo_frame frame, struct slice payload)
{
	const struct dubbo_options *options = dubbo->options;
	bool is_oneway = !(frame.flag & DUBBO_FLAG_TWOWAY);
	struct rpc_kept *head = NULL;
	struct buf data;

	options->counts->requests++;
	if (LIKELY((int64_t)(frame.id - dubbo->latest_id) > 0))
		dubbo->latest_id = frame.id;
	else
		note_id(dubbo, frame.id);
	if (LIKELY((frame.flag & DUBBO_SERIALIZATION_MASK) == DUBBO_HESSIAN2 && options->heads))
		head = dubbo_heads_find(options->heads, payload, &dubbo->latest_head);
	if (LIKELY(head && options->pass && !is_oneway) &&
	    options->pass(&dubbo->codec, head, frame.id, dubbo_frame_around(payload)))
		return;
	struct exchange *exchange = LIKELY(head != NULL)
					    ? begin_known(dubbo, head, frame.id, is_oneway)
					    : begin_unknown(dubbo, frame, payload);
	if (UNLIKELY(!exchange))
		return;
	buf_init(&data, dubbo->codec.out->pool);
	buf_append_turn(&data, payload);
	deliver(dubbo, exchange, payload, &data);
	buf_clear(&data);
}

void dubbo_take_back(struct dubbo *dubbo, struct rpc_kept *head, uint64_t id, struct buf *payload)
{
	struct exchange *outer = dubbo->current;
	struct exchange *exchange = begin_known(dubbo, head, id, false);

	if (exchange)
		deliver(dubbo, exchange,
			payload->len && payload->len <= BUF_TURN_BLOCK_SIZE ? buf_flat(payload)
									    : (struct slice){0},
			payload);
	buf_clear(payload);
	/* Whose events were being delivered when this one came back. */
	dubbo->current = outer && outer->codec ? outer : NULL;
}

void dubbo_pass_answer(struct dubbo *dubbo, uint64_t id, struct slice frame)
{
	dubbo_frame_readdress(frame, (uint8_t)frame.data[2] & DUBBO_SERIALIZATION_MASK,
			      (uint8_t)frame.data[3], id);
	buf_append_turn(dubbo->codec.out, frame);
}

/* --- the end of an exchange */

static void detach(struct dubbo *dubbo, struct exchange *exchange)
{
	struct dubbo_request *request = request_of(exchange);

	if (request && request->gathered.pool)
		buf_clear(&request->gathered);
	list_remove(&exchange->link);
	exchange->codec = NULL;
	exchange->state = NULL;
	if (dubbo->current == exchange)
		dubbo->current = NULL;
}

void dubbo_server_end_all(struct dubbo *dubbo, enum reply_reason reason)
{
	while (!list_is_empty(&dubbo->open)) {
		struct exchange *exchange = container_of(dubbo->open.next, struct exchange, link);
		detach(dubbo, exchange);
		if (reason != REPLY_NONE)
			dubbo->codec.events->reset(exchange, reason);
	}
}

void dubbo_server_abandon(struct exchange *exchange)
{
	if (exchange->codec)
		detach(dubbo_of(exchange->codec), exchange);
}

/* --- answers */

/* An answer that can't have other attachments goes on with those that it has. */
static COLD void rewrite(struct exchange *exchange, struct buf *body)
{
	const struct dubbo_request *request = request_of(exchange);
	struct dubbo_counts *counts = dubbo_of(exchange->codec)->options->counts;
	uint8_t serialization = exchange->slot & DUBBO_SERIALIZATION_MASK;
	bool may_add = dubbo_knows_answer_attachments(request->head.protocol_version);

	if (dubbo_rewrite_answer(body, serialization, may_add, request->edits))
		counts->uneditable_messages++;
	else
		counts->edited_answers++;
}

/* The whole answer is here: writes it, and the exchange is over. */
static void finish(struct exchange *exchange, struct buf *body)
{
	struct dubbo *dubbo = dubbo_of(exchange->codec);
	uint32_t slot = exchange->slot;

	if (UNLIKELY(exchange->is_oneway)) {
		dubbo->options->counts->oneway_answers_dropped++;
		if (body)
			buf_clear(body);
	} else {
		if (UNLIKELY(request_of(exchange)->edits && body))
			rewrite(exchange, body);
		dubbo_put_frame(dubbo, slot & DUBBO_SERIALIZATION_MASK, (uint8_t)(slot >> 8),
				exchange->wire_id, body);
	}
	exchange->is_sent = true;
	detach(dubbo, exchange);
	dubbo->codec.events->closed(exchange);
}

/* An answer that no RPC codec made has no body that a consumer could read: its status speaks. */
static COLD void finish_foreign(struct exchange *exchange, struct buf *body)
{
	const struct rpc_head *head = &request_of(exchange)->head;
	struct dubbo_reply reply;
	struct buf text;

	if (body)
		buf_clear(body);
	dubbo_reply_make(&reply, DUBBO_SERVER_ERROR, head->serialization, head->protocol_version,
			 SLICE("the upstream's answer is no Dubbo message"), exchange->arena);
	exchange->slot = (uint32_t)DUBBO_SERVER_ERROR << 8 | reply.serialization;
	buf_init(&text, exchange->codec->out->pool);
	buf_append_copy(&text, reply.body);
	finish(exchange, &text);
}

static void finish_any(struct exchange *exchange, struct buf *body)
{
	if (UNLIKELY(exchange->slot & NO_RPC_ANSWER))
		finish_foreign(exchange, body);
	else
		finish(exchange, body);
}

/* Only a good answer carries attachments. */
static COLD void find_edits(struct exchange *exchange, const struct headers *headers)
{
	struct dubbo_edits edits;

	if (headers->rpc->status != DUBBO_OK ||
	    !dubbo_edits_find(&edits, headers, true, exchange->arena))
		return;
	request_of(exchange)->edits = ARENA_NEW(exchange->arena, struct dubbo_edits);
	*request_of(exchange)->edits = edits;
}

void dubbo_server_send_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	const struct rpc_head *rpc = headers->rpc;

	exchange->slot = rpc && rpc->protocol == RPC_DUBBO
				 ? (uint32_t)rpc->status << 8 | rpc->serialization
				 : NO_RPC_ANSWER;
	if (UNLIKELY(exchange->slot != NO_RPC_ANSWER && dubbo_may_be_edited(headers)))
		find_edits(exchange, headers);
	if (end)
		finish_any(exchange, NULL);
}

void dubbo_server_send_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct buf *gathered = &request_of(exchange)->gathered;

	if (LIKELY(end && !gathered->pool)) {
		finish_any(exchange, data);
		return;
	}
	codec_gather(gathered, data, end);
	if (end)
		finish_any(exchange, gathered);
}

void dubbo_server_render(struct exchange *exchange, const struct local_reply *local,
			 struct headers *headers, struct buf *body)
{
	const struct rpc_head *request = &request_of(exchange)->head;
	const struct reply_reason_row *row = &reply_reasons[local->reason];
	struct rpc_head *head = ARENA_NEW(exchange->arena, struct rpc_head);
	uint16_t http = local->http_status ? local->http_status : row->http;
	struct dubbo_reply reply;

	dubbo_reply_make(&reply, row->dubbo ? row->dubbo : DUBBO_SERVER_ERROR,
			 request->serialization, request->protocol_version,
			 local->text.len ? local->text : row->text, exchange->arena);
	*head = (struct rpc_head){
		.protocol = RPC_DUBBO,
		.serialization = reply.serialization,
		.status = reply.status,
		.result = (int8_t)reply.result,
		.is_local = true,
	};
	headers->rpc = head;
	headers_set_id(headers, HEADER_STATUS,
		       slice_of(arena_printf(exchange->arena, "%u", http ? http : 500u)));
	buf_append_copy(body, reply.body);
}
