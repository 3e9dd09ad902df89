/* Reading, and the life of the exchange. */
#include "codec/http1.h"

#include "codec/http1_encode.h"
#include "codec/http1_internal.h"

_Static_assert(sizeof(struct http1) <= 88, "an idle connection has one");

void http1_open(struct http1 *h, enum codec_side side, const struct http1_options *options,
		const struct codec_events *events, void *owner, struct buf *out)
{
	*h = (struct http1){
		.codec = {.type = &http1_codec,
			  .events = events,
			  .owner = owner,
			  .out = out,
			  .side = (uint8_t)side},
		.options = options,
	};
}

/* --- the exchange */

static bool is_server(const struct http1 *h)
{
	return h->codec.side == CODEC_SERVER;
}

void http1_notice(struct http1 *h, enum http1_notice what, unsigned n)
{
	if (h->codec.events->noticed)
		h->codec.events->noticed(&h->codec, what, n);
}

struct exchange *http1_detach(struct http1 *h)
{
	struct exchange *exchange = h->exchange;

	h->exchange = NULL;
	if (exchange)
		exchange->codec = NULL;
	return exchange;
}

void http1_stop(struct http1 *h)
{
	h->codec.must_close = true;
	h->read_state = HTTP1_READ_SKIP;
}

void http1_fail(struct http1 *h, enum http1_error error)
{
	enum reply_reason reason =
		is_server(h) ? http1_error_reason(error) : REPLY_UPSTREAM_PROTOCOL_ERROR;
	struct exchange *exchange;

	if (error == HTTP1_ERROR_UNDERSCORE)
		http1_notice(h, HTTP1_NOTICE_REJECTED_UNDERSCORES, 1);
	h->codec.is_failed = true;
	http1_stop(h);
	exchange = http1_detach(h);
	if (exchange)
		h->codec.events->reset(exchange, reason);
	h->codec.events->failed(&h->codec, reason, http1_error_details(error));
}

static void close_if_complete(struct http1 *h)
{
	if (!h->exchange || !h->exchange->is_received || !h->exchange->is_sent)
		return;
	struct exchange *exchange = http1_detach(h);
	h->send_state = HTTP1_SEND_HEAD;
	h->read_state = h->codec.must_close ? HTTP1_READ_SKIP : HTTP1_READ_HEAD;
	h->informational_count = 0;
	h->codec.events->closed(exchange);
}

void http1_settle(struct http1 *h)
{
	if (!h->is_reading)
		close_if_complete(h);
}

void http1_received(struct http1 *h)
{
	h->read_state = HTTP1_READ_HOLD;
	h->exchange->is_received = true;
	if (!is_server(h) && !h->exchange->is_sent &&
	    !(h->send_state == HTTP1_SEND_LENGTH && !h->send_left))
		h->codec.must_close = true; /* answered before it was asked in full */
}

void http1_sent(struct http1 *h)
{
	h->send_state = HTTP1_SEND_DONE;
	h->exchange->is_sent = true;
	if (is_server(h) && !h->exchange->is_received)
		h->codec.must_close = true;
	http1_settle(h);
}

/* --- bodies */

/* No more of the framed body. False: that isn't the message's end, but where a tunnel may begin. */
static bool end_body(struct http1 *h)
{
	if (h->is_upgrade || h->is_connect) {
		h->read_state = h->exchange->is_tunnel ? HTTP1_READ_TO_END : HTTP1_READ_HOLD;
		return false;
	}
	http1_received(h);
	return true;
}

static void deliver(struct http1 *h, struct buf *data, bool end)
{
	if (data->len || end)
		h->codec.events->data(h->exchange, data, end);
	buf_clear(data);
}

static void deliver_bytes(struct http1 *h, struct slice bytes, bool end)
{
	struct buf data;

	buf_init(&data, h->codec.out->pool);
	buf_append_turn(&data, bytes);
	deliver(h, &data, end);
}

static bool read_counted(struct http1 *h, struct slice *bytes)
{
	size_t n = bytes->len < h->body.left ? bytes->len : (size_t)h->body.left;
	struct slice data = slice_sub(*bytes, 0, n);

	if (!n)
		return false;
	h->body.left -= n;
	*bytes = slice_sub(*bytes, n, bytes->len);
	deliver_bytes(h, data, !h->body.left && end_body(h));
	return true;
}

void http1_skip_body(struct http1 *h, uint64_t n)
{
	invariant(n <= http1_body_left(h));
	h->body.left -= n;
	if (h->body.left || !n)
		return;
	deliver_bytes(h, (struct slice){0}, end_body(h));
	http1_settle(h);
}

static bool read_to_end(struct http1 *h, struct slice *bytes, bool eof)
{
	struct slice data = *bytes;

	if (!data.len && !eof)
		return false;
	*bytes = slice_sub(data, data.len, data.len);
	if (eof)
		http1_received(h);
	deliver_bytes(h, data, eof);
	return true;
}

/* Takes all chunks that are there: they are one event. */
static enum http1_chunk_result gather_chunks(struct http1 *h, struct slice *bytes, struct buf *data)
{
	enum http1_chunk_result result;

	while ((result = http1_chunk_next(&h->body, bytes)) == HTTP1_CHUNK_HAS_DATA) {
		size_t n = bytes->len < h->body.left ? bytes->len : (size_t)h->body.left;
		buf_append_turn(data, slice_sub(*bytes, 0, n));
		*bytes = slice_sub(*bytes, n, bytes->len);
		http1_chunk_take(&h->body, n);
	}
	return result;
}

static bool read_chunked(struct http1 *h, struct slice *bytes)
{
	bool end = false;
	struct buf data;

	if (!bytes->len)
		return false;
	buf_init(&data, h->codec.out->pool);
	enum http1_chunk_result result = gather_chunks(h, bytes, &data);
	if (result == HTTP1_CHUNK_END) {
		h->read_state = HTTP1_READ_TRAILERS;
		h->progress = (struct http1_progress){0};
		if (slice_starts_with(*bytes, SLICE("\r\n"))) {
			*bytes = slice_sub(*bytes, 2, bytes->len);
			end = end_body(h);
		}
	}
	deliver(h, &data, end);
	if (result == HTTP1_CHUNK_BAD && h->exchange && h->read_state == HTTP1_READ_CHUNKED)
		http1_fail(h, HTTP1_ERROR_SYNTAX);
	return result == HTTP1_CHUNK_END || result == HTTP1_CHUNK_BAD;
}

/* --- heads and trailers */

/* Fields are parsed to the stack: as many as by default. Room for more is in turn memory, of which
 * no more is kept than the head has used: many small ones come in one read. */
static bool has_large_heads(const struct http1 *h)
{
	return h->options->max_headers > HTTP1_DEFAULT_HEADERS;
}

static COLD struct header *reserve_fields(struct http1 *h)
{
	char *room = buf_turn_reserve(h->codec.out->pool, http1_scratch_size(h->options) + 8);

	return (struct header *)(void *)(room + (-(uintptr_t)room & 7));
}

static COLD void keep_fields(struct http1 *h, const struct http1_head *head)
{
	struct buf_pool *pool = h->codec.out->pool;
	const char *end = (const char *)(head->fields + head->field_count);

	buf_turn_commit(pool, (size_t)(end - pool->turn_next));
}

static void tell_trailers(struct http1 *h, const struct http1_head *head)
{
	struct exchange *exchange = h->exchange;
	struct headers *trailers = http1_head_copy(head, HTTP1_TRAILERS, exchange->arena, 0);
	if (headers_next(trailers, NULL))
		h->codec.events->trailers(exchange, trailers);
	else
		deliver_bytes(h, (struct slice){0}, true);
}

static bool read_trailers(struct http1 *h, struct slice *bytes)
{
	struct header few[HTTP1_DEFAULT_HEADERS];
	struct http1_head head;
	struct http1_reading reading = {&head, *bytes, h->options, HTTP1_TRAILERS, 0, false};
	bool is_large = has_large_heads(h);
	enum http1_error error;

	if (!bytes->len)
		return false;
	head.fields = is_large ? reserve_fields(h) : few;
	if (http1_head_read(&reading, &h->progress, &error) == HTTP1_FOUND_MORE)
		return false;
	if (error) {
		http1_fail(h, error);
		return true;
	}
	*bytes = slice_sub(*bytes, head.bytes.len, bytes->len);
	if (is_large)
		keep_fields(h, &head);
	http1_received(h);
	if (!h->options->enable_trailers)
		head.field_count = 0;
	tell_trailers(h, &head);
	return true;
}

/* Before a request empty lines are skipped (RFC 9112 2.2). False: nothing to parse (yet). */
static bool may_read_request(struct http1 *h, struct slice *bytes)
{
	while (!h->progress.scanned && slice_starts_with(*bytes, SLICE("\r\n")))
		*bytes = slice_sub(*bytes, 2, bytes->len);
	if (!bytes->len)
		return false;
	if (UNLIKELY(h->codec.out->len > HTTP1_OUT_LIMIT)) {
		http1_notice(h, HTTP1_NOTICE_RESPONSE_FLOOD, 1);
		return false;
	}
	return true;
}

/* False: nobody asked, which is the end of this connection. */
static bool may_read_response(struct http1 *h, const struct slice *bytes)
{
	if (!bytes->len)
		return false;
	if (h->exchange)
		return true;
	http1_stop(h);
	h->codec.events->draining(&h->codec);
	return false;
}

/* fields: NULL: to be reserved. */
static inline __attribute__((always_inline)) bool read_head_to(struct http1 *h, struct slice *bytes,
							       struct header *fields)
{
	enum http1_kind kind = is_server(h) ? HTTP1_REQUEST : HTTP1_RESPONSE;
	struct http1_head head;
	enum http1_error error;

	if (!(is_server(h) ? may_read_request(h, bytes) : may_read_response(h, bytes)))
		return h->read_state == HTTP1_READ_SKIP;
	struct http1_reading reading = {&head, *bytes, h->options, kind, 0, false};
	head.fields = fields ? fields : reserve_fields(h);
	if (http1_head_read(&reading, &h->progress, &error) == HTTP1_FOUND_MORE)
		return false;
	if (!error) {
		if (!fields)
			keep_fields(h, &head);
		*bytes = slice_sub(*bytes, head.bytes.len, bytes->len);
		error = is_server(h) ? http1_server_head(h, &head) : http1_client_head(h, &head);
	}
	if (error)
		http1_fail(h, error);
	return true;
}

static COLD bool read_large_head(struct http1 *h, struct slice *bytes)
{
	return read_head_to(h, bytes, NULL);
}

static bool read_head(struct http1 *h, struct slice *bytes)
{
	struct header few[HTTP1_DEFAULT_HEADERS];

	return LIKELY(!has_large_heads(h)) ? read_head_to(h, bytes, few)
					   : read_large_head(h, bytes);
}

/* --- reading */

/* The peer ended in the middle of something. */
static void end_early(struct http1 *h)
{
	struct exchange *exchange = http1_detach(h);

	http1_stop(h);
	if (exchange)
		h->codec.events->reset(exchange, is_server(h) ? REPLY_DOWNSTREAM_DISCONNECT
							      : REPLY_CONNECTION_LOST);
}

/* All that can be used was used, and no more will come. */
static void read_eof(struct http1 *h)
{
	switch ((enum http1_read_state)h->read_state) {
	case HTTP1_READ_HEAD:
	case HTTP1_READ_LENGTH:
	case HTTP1_READ_CHUNKED:
	case HTTP1_READ_TRAILERS:
		end_early(h);
		break;
	case HTTP1_READ_HOLD:
	case HTTP1_READ_TO_END:
	case HTTP1_READ_SKIP:
		h->codec.must_close = true;
		break;
	}
}

static bool read_step(struct http1 *h, struct slice *bytes, bool eof)
{
	if (LIKELY(h->read_state == HTTP1_READ_HEAD)) /* before a jump through a table */
		return read_head(h, bytes);
	switch ((enum http1_read_state)h->read_state) {
	case HTTP1_READ_HEAD:
		break;
	case HTTP1_READ_LENGTH:
		return read_counted(h, bytes);
	case HTTP1_READ_CHUNKED:
		return read_chunked(h, bytes);
	case HTTP1_READ_TRAILERS:
		return read_trailers(h, bytes);
	case HTTP1_READ_TO_END:
		return read_to_end(h, bytes, eof);
	case HTTP1_READ_HOLD:
		return false;
	case HTTP1_READ_SKIP:
		*bytes = slice_sub(*bytes, bytes->len, bytes->len);
		return false;
	}
	return false;
}

static bool is_paused(const struct http1 *h)
{
	return h->exchange && h->exchange->read_pauses;
}

static size_t http1_read(struct codec *codec, struct slice bytes, bool eof)
{
	struct http1 *h = http1_of(codec);
	struct slice left = bytes;

	invariant(!h->is_reading);
	h->is_reading = true;
	while ((left.len || UNLIKELY(eof)) && !is_paused(h) && read_step(h, &left, eof))
		close_if_complete(h);
	if (UNLIKELY(eof) && !is_paused(h) && !(left.len && h->read_state == HTTP1_READ_HOLD)) {
		read_eof(h);
		if (h->read_state == HTTP1_READ_SKIP)
			left.len = 0;
	}
	h->is_reading = false;
	return bytes.len - left.len;
}

/* --- sending */

/* False: the connection has ended since it was picked, and the exchange with it. */
static bool attach(struct http1 *h, struct exchange *exchange)
{
	invariant(!h->exchange);
	if (UNLIKELY(h->read_state != HTTP1_READ_HEAD)) {
		exchange->codec = NULL;
		h->codec.events->reset(exchange, REPLY_CONNECTION_LOST);
		return false;
	}
	h->exchange = exchange;
	exchange->is_received = exchange->is_sent = exchange->is_tunnel = false;
	return true;
}

static void send_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct http1 *h = http1_of(exchange->codec);

	if (is_server(h)) {
		invariant(h->exchange == exchange && h->send_state == HTTP1_SEND_HEAD);
		http1_server_send_headers(h, headers, end);
	} else {
		if (!attach(h, exchange))
			return;
		http1_client_send_headers(h, headers, end);
	}
	if (end)
		http1_send_end(h);
}

static void send_informational(struct exchange *exchange, struct headers *headers)
{
	struct http1 *h = http1_of(exchange->codec);
	struct slice status = headers_get(headers, HEADER_STATUS);
	uint64_t number;

	if (h->send_state != HTTP1_SEND_HEAD || h->is_http10 || !slice_to_uint64(status, &number) ||
	    number < 100 || number > 199 || number == 101)
		return;
	http1_encode_response(h->codec.out, headers, (unsigned)number, false,
			      HTTP1_SKIP_HOP_BY_HOP | HTTP1_SKIP(CONTENT_LENGTH), 0,
			      (enum http1_case)h->options->header_case);
}

static void http1_abandon(struct exchange *exchange)
{
	struct http1 *h = http1_of(exchange->codec);

	http1_detach(h);
	http1_stop(h);
}

static void http1_drain(struct codec *codec)
{
	codec->is_draining = true;
}

static unsigned http1_room(const struct codec *codec)
{
	const struct http1 *h = container_of(codec, const struct http1, codec);

	return !h->exchange && !codec->must_close && !codec->is_draining && !codec->is_failed;
}

static void http1_close(struct codec *codec)
{
	struct http1 *h = http1_of(codec);

	http1_detach(h);
	http1_stop(h);
}

const struct codec_type http1_codec = {
	.name = "http1",
	.read = http1_read,
	.send_headers = send_headers,
	.send_informational = send_informational,
	.send_data = http1_send_data,
	.send_trailers = http1_send_trailers,
	.render_reply = http1_render_reply,
	.send_error = http1_send_error,
	.abandon = http1_abandon,
	.drain = http1_drain,
	.room = http1_room,
	.close = http1_close,
};
