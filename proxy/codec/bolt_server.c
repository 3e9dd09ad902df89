/* The side that faces consumers. */
#include "codec/bolt_edits.h"
#include "codec/bolt_heads.h"
#include "codec/bolt_internal.h"
#include "codec/bolt_reply.h"
#include "message/stream_info.h"

enum {
	NO_RPC_ANSWER = 1, /* exchange->slot: the answer came in another protocol */
};

/* exchange->state while the request is open. */
static struct bolt_request *request_of(const struct exchange *exchange)
{
	return exchange->state;
}

/* --- who waits for an answer, in one number
 *
 *   [protocol, 2 bits][codec, 6][version, 8][command version, 8][switches, 8][id, 32]
 */

enum { CODEC_LIMIT = 64, USUAL_HEADER = 22 };

static uint64_t wire_id(const struct bolt_frame *request)
{
	return (uint64_t)request->protocol << 62 | (uint64_t)request->serialization << 56 |
	       (uint64_t)request->version << 48 | (uint64_t)request->command_version << 40 |
	       (uint64_t)request->switches << 32 | request->id;
}

/* The same of a request of version 1 where it lies. */
static inline uint64_t usual_wire_id(const char *p)
{
	return UINT64_C(1) << 62 | UINT64_C(1) << 48 | (uint64_t)(uint8_t)p[9] << 56 |
	       (uint64_t)(uint8_t)p[4] << 40 | bolt_get_u32(p + 5);
}

/* The request as far as its answer's form goes. */
static struct bolt_frame of_wire_id(uint64_t id)
{
	return (struct bolt_frame){
		.id = (uint32_t)id,
		.command = BOLT_RPC_REQUEST,
		.protocol = (uint8_t)(id >> 62),
		.version = (uint8_t)(id >> 48),
		.type = BOLT_REQUEST,
		.command_version = (uint8_t)(id >> 40),
		.serialization = id >> 56 & (CODEC_LIMIT - 1),
		.switches = (uint8_t)(id >> 32),
	};
}

/* --- requests */

static struct exchange *begin(struct bolt *bolt, const struct bolt_frame *frame)
{
	struct exchange *exchange = bolt->codec.events->begin(&bolt->codec);

	if (!exchange)
		return NULL;
	exchange->codec = &bolt->codec;
	exchange->wire_id = frame->id;
	exchange->slot = 0;
	exchange->is_oneway = frame->type == BOLT_ONEWAY;
	exchange->is_received = true;
	exchange->is_sent = false;
	exchange->protocol = STREAM_PROTOCOL_BOLT;
	exchange->state = NULL;
	list_push_back(&bolt->open, &exchange->link);
	return exchange;
}

static COLD void refuse_undecodable(struct bolt *bolt, const struct bolt_frame *frame)
{
	bolt->options->counts->undecodable_requests++;
	bolt_notice(bolt, RPC_NOTICE_UNDECODABLE);
	bolt_refuse(bolt, frame, BOLT_CODEC_EXCEPTION);
}

/* A request whose head is not among the kept ones: decodes it, and keeps it. Its exchange, or NULL
 * when it was refused or nobody wants it. */
static COLD struct exchange *begin_unknown(struct bolt *bolt, const struct bolt_frame *frame,
					   const struct bolt_names *names)
{
	struct rpc_head head;
	struct slice group;

	if (bolt_names_split(names, &head, &group)) {
		refuse_undecodable(bolt, frame);
		return NULL;
	}
	struct exchange *exchange = begin(bolt, frame);
	if (!exchange)
		return NULL;
	exchange->state = bolt_request_make(names, frame, exchange->arena);
	if (bolt->options->heads)
		bolt_heads_keep(bolt->options->heads, names, exchange->state);
	return exchange;
}

static struct exchange *begin_known(struct bolt *bolt, struct rpc_kept *head,
				    const struct bolt_frame *frame)
{
	struct exchange *exchange = begin(bolt, frame);

	if (LIKELY(exchange != NULL))
		exchange->state = bolt_request_copy(head, frame, exchange->arena);
	return exchange;
}

/* The events of an exchange that was begun. payload: the whole of it, or nothing if it isn't
 * contiguous. */
static void deliver(struct bolt *bolt, struct exchange *exchange, struct slice payload,
		    struct buf *data)
{
	struct bolt_request *request = exchange->state;

	if (rpc_exchange_deliver(exchange, &bolt->current, &request->headers, &request->head,
				 payload, data))
		bolt->current = NULL;
}

/* The kept head of a request that isn't known by its looks. False: it is refused. */
static COLD bool look_up(struct bolt *bolt, const struct bolt_frame *frame, struct slice payload,
			 struct bolt_names *names, struct rpc_kept **head)
{
	struct bolt_heads *heads = bolt->options->heads;

	if (bolt_names_read(payload, frame, names)) {
		refuse_undecodable(bolt, frame);
		return false;
	}
	*head = heads ? bolt_heads_find_names(heads, names, payload, frame, &bolt->latest_head)
		      : NULL;
	return true;
}

/* Begins the exchange of a request that isn't passed on, and delivers it. names: unless the head is
 * known. */
static void serve(struct bolt *bolt, const struct bolt_frame *frame, struct slice payload,
		  struct rpc_kept *head, const struct bolt_names *names)
{
	struct exchange *exchange = LIKELY(head != NULL) ? begin_known(bolt, head, frame)
							 : begin_unknown(bolt, frame, names);
	struct buf data;

	if (UNLIKELY(!exchange))
		return;
	buf_init(&data, bolt->codec.out->pool);
	buf_append_turn(&data, payload);
	deliver(bolt, exchange, payload, &data);
	buf_clear(&data);
}

static bool pass(struct bolt *bolt, const struct bolt_frame *frame, struct rpc_kept *head,
		 struct slice bytes)
{
	return bolt->options->pass && frame->type == BOLT_REQUEST &&
	       frame->serialization < CODEC_LIMIT &&
	       bolt->options->pass(&bolt->codec, head, wire_id(frame), bytes);
}

/* An id that doesn't count up may be that of an open request: each gets its own answer all the
 * same. passed_id: as `pass` is given it. */
static COLD void note_id(struct bolt *bolt, uint32_t id, uint64_t passed_id)
{
	const struct bolt_options *options = bolt->options;
	bool is_passed = options->is_passed && options->is_passed(&bolt->codec, passed_id);
	bool is_open = is_passed || rpc_exchange_has_id(&bolt->open, id);

	if (list_is_empty(&bolt->open)) /* or the numbers have begun anew */
		bolt->latest_id = id;
	if (!is_open)
		return;
	options->counts->reused_ids++;
	bolt_notice(bolt, RPC_NOTICE_REUSED_ID);
}

/* Whether the id counts up, as it does. */
static inline bool count_request(struct bolt *bolt, uint32_t id)
{
	bolt->options->counts->requests++;
	if (UNLIKELY((int32_t)(id - bolt->latest_id) <= 0))
		return false;
	bolt->latest_id = id;
	return true;
}

/* Every request has a head or a class name, so no payload is empty. */
void bolt_server_take(struct bolt *bolt, const struct bolt_frame *frame, struct slice bytes)
{
	const struct bolt_options *options = bolt->options;
	struct slice payload = bolt_payload_of(bytes, frame);
	struct rpc_kept *head = NULL;
	struct bolt_names names;

	if (UNLIKELY(!count_request(bolt, frame->id)))
		note_id(bolt, frame->id, wire_id(frame));
	if (LIKELY(options->heads != NULL))
		head = bolt_heads_find(options->heads, payload.data, frame->class_len,
				       frame->headers_len, &bolt->latest_head);
	if (UNLIKELY(!head) && !look_up(bolt, frame, payload, &names, &head))
		return;
	if (!head || !pass(bolt, frame, head, bytes))
		serve(bolt, frame, payload, head, &names);
}

size_t bolt_server_pass(struct bolt *bolt, struct slice bytes)
{
	const struct bolt_options *options = bolt->options;
	struct slice whole =
		bolt_frame_usual(bytes, BOLT_REQUEST, BOLT_RPC_REQUEST, options->payload_limit);
	const char *p = whole.data;
	struct bolt_frame frame;
	size_t needs;

	if (UNLIKELY(!whole.len || !options->heads))
		return 0;
	struct rpc_kept *head =
		bolt_heads_find(options->heads, p + USUAL_HEADER, bolt_get_u16(p + 14),
				bolt_get_u16(p + 16), &bolt->latest_head);
	if (UNLIKELY(!head))
		return 0;
	if (UNLIKELY(!count_request(bolt, bolt_get_u32(p + 5))))
		note_id(bolt, bolt_get_u32(p + 5), usual_wire_id(p));
	if (LIKELY(options->pass && (uint8_t)p[9] < CODEC_LIMIT) &&
	    options->pass(&bolt->codec, head, usual_wire_id(p), whole))
		return whole.len;
	invariant(!bolt_frame_read(whole, UINT32_MAX, &frame, &needs));
	serve(bolt, &frame, bolt_payload_of(whole, &frame), head, NULL);
	return whole.len;
}

/* Reads the header off the front of a frame that came back, and its checksum off the end. */
static bool strip(struct buf *bytes, struct bolt_frame *frame)
{
	char header[BOLT_HEADER_MAX];
	struct buf payload;
	size_t needs;
	size_t len = buf_peek(bytes, header, sizeof header);
	enum status status = bolt_frame_read(slice_make(header, len), UINT32_MAX, frame, &needs);

	if ((status && status != STATUS_AGAIN) || needs != bytes->len)
		return false;
	buf_drain(bytes, bolt_frame_header_size(frame));
	buf_init(&payload, bytes->pool);
	buf_move(&payload, bytes, (size_t)bolt_frame_payload_size(frame));
	buf_clear(bytes);
	*bytes = payload;
	return true;
}

void bolt_take_back(struct bolt *bolt, struct rpc_kept *head, uint64_t id, struct buf *bytes)
{
	struct exchange *outer = bolt->current;
	struct bolt_frame frame = of_wire_id(id), whole;

	if (bytes->len && strip(bytes, &whole)) {
		whole.id = frame.id;
		frame = whole;
	}
	struct exchange *exchange = begin_known(bolt, head, &frame);
	if (exchange)
		deliver(bolt, exchange,
			bytes->len && bytes->len <= BUF_TURN_BLOCK_SIZE ? buf_flat(bytes)
									: (struct slice){0},
			bytes);
	buf_clear(bytes);
	/* Whose events were being delivered when this one came back. */
	bolt->current = outer && outer->codec ? outer : NULL;
}

/* Whether a whole answer has the form that the answer to this request would have. */
static inline bool is_alike(struct slice bytes, uint64_t wire_id)
{
	const uint8_t *p = (const uint8_t *)bytes.data;

	return p[0] == wire_id >> 62 && (p[0] == 1 || (p[1] == (uint8_t)(wire_id >> 48) &&
						       p[11] == (uint8_t)(wire_id >> 32)));
}

/* The answer in another form than it came in: the request's. */
static COLD void pass_reformed(struct bolt *bolt, uint64_t id, struct slice bytes)
{
	struct bolt_frame request = of_wire_id(id), frame, answer;
	struct buf data;
	size_t needs;

	invariant(!bolt_frame_read(bytes, UINT32_MAX, &frame, &needs));
	answer = bolt_answer_to(&request, frame.status);
	answer.serialization = frame.serialization;
	answer.class_len = frame.class_len;
	answer.headers_len = frame.headers_len;
	buf_init(&data, bolt->codec.out->pool);
	buf_append_turn(&data, bolt_payload_of(bytes, &frame));
	bolt_put_frame(bolt, &answer, &data);
}

void bolt_pass_answer(struct bolt *bolt, uint64_t id, struct slice bytes)
{
	if (UNLIKELY(!is_alike(bytes, id))) {
		pass_reformed(bolt, id, bytes);
		return;
	}
	bolt_frame_readdress(bytes, (uint32_t)id);
	buf_append_turn(bolt->codec.out, bytes);
}

uint64_t bolt_exchange_id(const struct exchange *exchange)
{
	return wire_id(&request_of(exchange)->frame);
}

void bolt_answer_lost(struct bolt *bolt, uint64_t id, enum reply_reason reason)
{
	struct bolt_frame request = of_wire_id(id);

	bolt_refuse(bolt, &request, reply_reasons[reason].bolt);
}

/* --- the end of an exchange */

static void detach(struct bolt *bolt, struct exchange *exchange)
{
	struct bolt_request *request = request_of(exchange);

	if (request && request->gathered.pool)
		buf_clear(&request->gathered);
	list_remove(&exchange->link);
	exchange->codec = NULL;
	exchange->state = NULL;
	if (bolt->current == exchange)
		bolt->current = NULL;
}

void bolt_server_end_all(struct bolt *bolt, enum reply_reason reason)
{
	while (!list_is_empty(&bolt->open)) {
		struct exchange *exchange = container_of(bolt->open.next, struct exchange, link);
		detach(bolt, exchange);
		if (reason != REPLY_NONE)
			bolt->codec.events->reset(exchange, reason);
	}
}

void bolt_server_abandon(struct exchange *exchange)
{
	if (exchange->codec)
		detach(bolt_of(exchange->codec), exchange);
}

/* --- answers */

/* The whole answer is here: writes it, and the exchange is over. An answer that no Bolt codec made,
 * or that a filter has cut, has nothing that a consumer could read: its status speaks. */
static void finish(struct exchange *exchange, struct buf *payload)
{
	struct bolt *bolt = bolt_of(exchange->codec);
	struct bolt_request *request = request_of(exchange);
	struct bolt_frame *answer = &request->answer;
	size_t len = payload ? payload->len : 0;

	if (UNLIKELY(exchange->is_oneway)) {
		bolt->options->counts->oneway_answers_dropped++;
		if (payload)
			buf_clear(payload);
	} else if (UNLIKELY(exchange->slot == NO_RPC_ANSWER ||
			    len < (size_t)answer->class_len + answer->headers_len)) {
		if (payload)
			buf_clear(payload);
		bolt_refuse(bolt, &request->frame, BOLT_SERVER_EXCEPTION);
	} else if (UNLIKELY(request->edited && payload) &&
		   bolt_edit(bolt, payload, answer, request->edited, exchange->arena)) {
		buf_clear(payload);
		bolt_refuse(bolt, &request->frame, BOLT_SERVER_EXCEPTION);
	} else {
		bolt_put_frame(bolt, answer, payload);
	}
	exchange->is_sent = true;
	detach(bolt, exchange);
	bolt->codec.events->closed(exchange);
}

void bolt_server_send_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	const struct rpc_head *rpc = headers->rpc;
	struct bolt_request *request = request_of(exchange);

	if (LIKELY(rpc && rpc->protocol == RPC_BOLT)) {
		request->answer = bolt_answer_to(&request->frame, rpc->status);
		request->answer.serialization = rpc->serialization;
		request->answer.class_len = rpc->bolt->class_len;
		request->answer.headers_len = rpc->bolt->headers_len;
		request->edited = !rpc->is_local && bolt_may_be_edited(headers) ? headers : NULL;
	} else {
		exchange->slot = NO_RPC_ANSWER;
		request->edited = NULL;
	}
	if (end)
		finish(exchange, NULL);
}

void bolt_server_send_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct buf *gathered = &request_of(exchange)->gathered;

	if (LIKELY(end && !gathered->pool)) {
		finish(exchange, data);
		return;
	}
	codec_gather(gathered, data, end);
	if (end)
		finish(exchange, gathered);
}

void bolt_server_render(struct exchange *exchange, const struct local_reply *local,
			struct headers *headers, struct buf *body)
{
	const struct bolt_request *request = request_of(exchange);
	const struct reply_reason_row *row = &reply_reasons[local->reason];
	struct bolt_answer *answer = arena_alloc(exchange->arena, sizeof *answer);
	uint16_t http = local->http_status ? local->http_status : row->http;
	struct bolt_reply reply;

	bolt_reply_make(&reply, row->bolt, request->frame.serialization,
			request->head.method.len > 0, local->text.len ? local->text : row->text,
			exchange->arena);
	answer->frame = bolt_answer_to(&request->frame, reply.status);
	answer->frame.class_len = reply.class_len;
	answer->frame.headers_len = reply.headers_len;
	answer->head = (struct rpc_head){
		.protocol = RPC_BOLT,
		.serialization = request->frame.serialization,
		.status = reply.status,
		.result = (int8_t)(reply.status ? RPC_RESULT_UNKNOWN : RPC_RESULT_EXCEPTION),
		.is_local = true,
		.bolt = &answer->frame,
	};
	headers->rpc = &answer->head;
	headers_set_id(headers, HEADER_STATUS,
		       slice_of(arena_printf(exchange->arena, "%u", http ? http : 500u)));
	buf_append_copy(body, reply.payload);
}
