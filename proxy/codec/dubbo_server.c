/* The side that faces consumers. */
#include "codec/dubbo_head.h"
#include "codec/dubbo_heads.h"
#include "codec/dubbo_parts.h"
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
	exchange->is_sent = exchange->is_in_parts = false;
	exchange->protocol = STREAM_PROTOCOL_DUBBO;
	list_push_back(&dubbo->open, &exchange->link);
	return exchange;
}

static enum status read_head(struct dubbo_frame frame, struct slice payload, struct rpc_head *head)
{
	*head = (struct rpc_head){
		.protocol = RPC_DUBBO,
		.serialization = frame.flag & DUBBO_SERIALIZATION_MASK,
		.result = RPC_RESULT_UNKNOWN,
		.is_oneway = !(frame.flag & DUBBO_FLAG_TWOWAY),
	};
	return dubbo_head_read(payload, head->serialization, head);
}

/* A request whose head is not among the kept ones: decodes it, and keeps it. Its exchange, or NULL
 * when it was refused or nobody wants it. */
static COLD struct exchange *begin_unknown(struct dubbo *dubbo, struct dubbo_frame frame,
					   struct slice payload)
{
	struct rpc_head head;

	enum status status = read_head(frame, payload, &head);
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
	struct dubbo_request *request = exchange->state;

	if (rpc_exchange_deliver(exchange, &dubbo->current, &request->headers, &request->head,
				 payload, data))
		dubbo->current = NULL;
}

/* An id that doesn't count up may be that of an open request: each gets its own answer all the
 * same. */
static COLD void note_id(struct dubbo *dubbo, uint64_t id)
{
	bool is_passed = dubbo->options->is_passed && dubbo->options->is_passed(&dubbo->codec, id);
	bool is_open = is_passed || rpc_exchange_has_id(&dubbo->open, id);

	if (list_is_empty(&dubbo->open)) /* or the numbers have begun anew */
		dubbo->latest_id = id;
	if (!is_open)
		return;
	dubbo->options->counts->reused_ids++;
	dubbo_notice(dubbo, RPC_NOTICE_REUSED_ID);
}

static inline void count_request(struct dubbo *dubbo, uint64_t id)
{
	dubbo->options->counts->requests++;
	if (LIKELY((int64_t)(id - dubbo->latest_id) > 0))
		dubbo->latest_id = id;
	else
		note_id(dubbo, id);
}

void dubbo_server_take(struct dubbo *dubbo, struct dubbo_frame frame, struct slice payload)
{
	const struct dubbo_options *options = dubbo->options;
	bool is_oneway = !(frame.flag & DUBBO_FLAG_TWOWAY);
	struct rpc_kept *head = NULL;
	struct buf data;

	count_request(dubbo, frame.id);
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

/* --- requests in parts */

/* Whether its owner takes it so; what can't be read yet isn't asked about. */
static bool may_come_in_parts(struct dubbo *dubbo, const struct rpc_head *head)
{
	const struct dubbo_options *options = dubbo->options;
	struct arena arena;

	if (!options->takes_request_parts)
		return false;
	arena_init(&arena, 2048);
	struct dubbo_request *request = dubbo_request_make(head, &arena);
	bool may = options->takes_request_parts(&dubbo->codec, &request->headers);
	arena_free(&arena);
	return may;
}

/* The whole head stands in the payload, or more of it would not help. */
static bool is_head_there(struct dubbo *dubbo, enum status status, const struct dubbo_frame *frame,
			  struct slice payload)
{
	uint32_t most =
		frame->body_len < DUBBO_HEAD_LIMIT + 1 ? frame->body_len : DUBBO_HEAD_LIMIT + 1;

	if (status != STATUS_MALFORMED || payload.len >= most)
		return true;
	dubbo->codec.needs = DUBBO_HEADER_SIZE + most;
	return false;
}

bool dubbo_server_begin_parts(struct dubbo *dubbo, const struct dubbo_frame *frame,
			      struct slice payload, bool is_over_limit)
{
	bool is_oneway = !(frame->flag & DUBBO_FLAG_TWOWAY);
	struct rpc_kept *kept = NULL;
	struct rpc_head head;

	enum status status = read_head(*frame, payload, &head);
	if (!is_head_there(dubbo, status, frame, payload) ||
	    (!status && !is_over_limit && !may_come_in_parts(dubbo, &head)))
		return false;
	count_request(dubbo, frame->id);
	if (head.serialization == DUBBO_HESSIAN2 && dubbo->options->heads)
		kept = dubbo_heads_find(dubbo->options->heads, payload, &dubbo->latest_head);
	struct exchange *exchange = kept ? begin_known(dubbo, kept, frame->id, is_oneway)
					 : begin_unknown(dubbo, *frame, payload);
	if (!exchange)
		return true;
	struct dubbo_request *request = request_of(exchange);
	request->head.body_len = frame->body_len;
	request->head.is_over_limit = is_over_limit;
	exchange->is_received = is_over_limit;
	dubbo->receiving = is_over_limit ? NULL : exchange;
	dubbo->current = exchange;
	dubbo->codec.events->headers(exchange, &request->headers, is_over_limit);
	dubbo->current = NULL;
	return true;
}

void dubbo_server_take_part(struct dubbo *dubbo, struct exchange *exchange, struct slice bytes,
			    uint32_t left)
{
	struct buf data;

	exchange->is_received = !left;
	buf_init(&data, dubbo->codec.out->pool);
	buf_append_turn(&data, bytes);
	dubbo->codec.events->data(exchange, &data, !left);
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

static COLD void pass_later(struct dubbo *dubbo, struct slice frame)
{
	struct buf bytes;

	buf_init(&bytes, dubbo->codec.out->pool);
	buf_append_turn(&bytes, frame);
	dubbo_put_later(dubbo, &bytes);
}

void dubbo_pass_answer(struct dubbo *dubbo, uint64_t id, struct slice frame)
{
	dubbo_frame_readdress(frame, (uint8_t)frame.data[2] & DUBBO_SERIALIZATION_MASK,
			      (uint8_t)frame.data[3], id);
	if (UNLIKELY(dubbo->writer != NULL))
		pass_later(dubbo, frame);
	else
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
	if (UNLIKELY(dubbo->receiving == exchange))
		dubbo->receiving = NULL; /* what is left of it is dropped */
	if (UNLIKELY(exchange->is_in_parts) && dubbo_writes(dubbo, exchange))
		dubbo_writer_break(dubbo);
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
	struct dubbo *dubbo = dubbo_of(exchange->codec);
	struct dubbo_counts *counts = dubbo->options->counts;
	uint8_t serialization = exchange->slot & DUBBO_SERIALIZATION_MASK;
	bool may_add = dubbo_knows_answer_attachments(request->head.protocol_version);

	if (dubbo_rewrite_answer(body, serialization, may_add, request->edits)) {
		counts->uneditable_messages++;
		dubbo_notice(dubbo, RPC_NOTICE_UNEDITABLE);
	} else {
		counts->edited_answers++;
		dubbo_notice(dubbo, RPC_NOTICE_EDITED);
	}
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

/* An answer that comes in parts leaves so, unless it must be whole for it. */
static COLD void begin_parts(struct exchange *exchange, uint32_t body_len)
{
	struct dubbo *dubbo = dubbo_of(exchange->codec);
	uint8_t serialization = exchange->slot & DUBBO_SERIALIZATION_MASK;

	if (exchange->is_oneway || dubbo->writer || request_of(exchange)->edits ||
	    !dubbo_answers_in_parts(serialization))
		return;
	exchange->is_in_parts = true;
	dubbo_writer_begin(dubbo,
			   &(struct dubbo_frame){.id = exchange->wire_id,
						 .body_len = body_len,
						 .flag = serialization,
						 .status = (uint8_t)(exchange->slot >> 8)},
			   exchange);
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
	else if (UNLIKELY(rpc && rpc->body_len))
		begin_parts(exchange, rpc->body_len);
}

/* All of an answer has left. */
static COLD void finish_parts(struct exchange *exchange)
{
	struct dubbo *dubbo = dubbo_of(exchange->codec);

	exchange->is_sent = true;
	detach(dubbo, exchange);
	dubbo->codec.events->closed(exchange);
}

void dubbo_server_send_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct buf *gathered = &request_of(exchange)->gathered;

	if (UNLIKELY(exchange->is_in_parts)) {
		if (dubbo_writer_put(dubbo_of(exchange->codec), data))
			finish_parts(exchange);
		return;
	}
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

	if (local->reason == REPLY_DEFERRED)
		dubbo_reply_make_null(&reply, request->serialization, exchange->arena);
	else
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
