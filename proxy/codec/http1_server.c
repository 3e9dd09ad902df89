/* The server's side: request heads in, response heads out. */
#include "codec/http1_connection.h"
#include "codec/http1_encode.h"
#include "codec/http1_internal.h"
#include "message/stream_info.h"

static void begin_exchange(struct http1 *h, struct exchange *exchange,
			   const struct http1_head *head)
{
	h->exchange = exchange;
	exchange->codec = &h->codec;
	exchange->is_received = exchange->is_sent = exchange->is_tunnel = false;
	exchange->is_head = head->is_head;
	exchange->protocol = head->protocol;
	h->send_state = HTTP1_SEND_HEAD;
	h->is_upgrade = head->is_upgrade;
	h->is_connect = head->is_connect;
	h->is_http10 = head->protocol == STREAM_PROTOCOL_HTTP10;
	h->is_grpc = head->is_grpc;
	/* RFC 9112 9.3 */
	if (head->connection & HTTP1_CLOSE ||
	    (h->is_http10 && !(head->connection & HTTP1_KEEP_ALIVE)))
		h->codec.must_close = true;
}

enum http1_error http1_server_head(struct http1 *h, const struct http1_head *head)
{
	struct exchange *exchange = h->codec.events->begin(&h->codec);

	if (UNLIKELY(head->dropped_underscores))
		http1_notice(h, HTTP1_NOTICE_DROPPED_UNDERSCORES, head->dropped_underscores);
	if (!exchange) {
		http1_stop(h);
		return HTTP1_ERROR_NONE;
	}
	begin_exchange(h, exchange, head);
	if (head->is_chunked) {
		h->read_state = HTTP1_READ_CHUNKED;
		h->body = (struct http1_chunked){0};
	} else if (head->has_length && head->length) {
		h->read_state = HTTP1_READ_LENGTH;
		h->body.left = head->length;
	} else {
		h->read_state = HTTP1_READ_HOLD;
	}
	bool end = h->read_state == HTTP1_READ_HOLD && !head->is_upgrade && !head->is_connect;
	exchange->is_received = end;

	struct headers *headers =
		http1_head_copy(head, HTTP1_REQUEST, exchange->arena, HTTP1_SPARE_FIELDS);
	if (UNLIKELY(h->options->header_case == HTTP1_CASE_PRESERVE))
		http1_head_keep_case(head, headers);
	if (h->is_http10 && !headers_has(headers, HEADER_AUTHORITY) && h->options->default_host.len)
		headers_add_id(headers, HEADER_AUTHORITY, h->options->default_host);
	h->codec.events->headers(exchange, headers, end);
	return HTTP1_ERROR_NONE;
}

static unsigned status_of(const struct headers *headers)
{
	unsigned status = headers_status(headers);
	return LIKELY(status >= 100) ? status : 500;
}

/* After 101 to an upgrade, or 2xx to CONNECT: both ways are bytes until they end. */
static void open_tunnel(struct http1 *h)
{
	h->exchange->is_tunnel = true;
	h->codec.must_close = true;
	if (h->read_state == HTTP1_READ_HOLD)
		h->read_state = HTTP1_READ_TO_END;
	h->send_state = HTTP1_SEND_TO_END;
}

/* The upgrade or CONNECT wasn't accepted: what the client sent on the chance can't be told from a
 * next request, so that there is none. */
static void refuse_tunnel(struct http1 *h)
{
	h->codec.must_close = true;
	h->is_upgrade = h->is_connect = false;
	if (h->read_state == HTTP1_READ_HOLD)
		h->exchange->is_received = true;
}

struct response_form {
	uint64_t skip;
	unsigned add;
};

/* How the body will be framed (RFC 9112 6.3), and what the head says of it. */
static void choose_framing(struct http1 *h, const struct headers *headers, unsigned status,
			   bool end, struct response_form *form)
{
	bool is_bodyless = status < 200 || status == 204 || status == 304;
	struct slice length = headers_get(headers, HEADER_CONTENT_LENGTH);

	h->send_state = HTTP1_SEND_NOTHING;
	if (status < 200 || status == 204) {
		form->skip |= HTTP1_SKIP(CONTENT_LENGTH);
	} else if (length.data && !slice_to_uint64(length, &h->send_left)) {
		form->skip |= HTTP1_SKIP(CONTENT_LENGTH); /* a filter's: not a length */
		length.data = NULL;
	}
	if (is_bodyless)
		return;
	if (h->exchange->is_head) {
		if (!length.data && !h->is_http10)
			form->add |= HTTP1_ADD_CHUNKED;
	} else if (length.data) {
		h->send_state = HTTP1_SEND_LENGTH;
	} else if (end) {
		form->add |= HTTP1_ADD_LENGTH_0;
	} else if (h->is_http10) {
		h->send_state = HTTP1_SEND_TO_END;
		h->codec.must_close = true;
	} else {
		h->send_state = HTTP1_SEND_CHUNKED;
		form->add |= HTTP1_ADD_CHUNKED;
	}
}

static bool has_option(const struct headers *headers, struct slice option)
{
	for (const struct header *f = headers_find_id(headers, HEADER_CONNECTION); f;
	     f = headers_find_next(headers, f))
		if (http1_has_option(header_value(f), option))
			return true;
	return false;
}

void http1_server_send_headers(struct http1 *h, struct headers *headers, bool end)
{
	unsigned status = status_of(headers);
	struct response_form form = {.skip = HTTP1_SKIP_HOP_BY_HOP};
	bool is_tunnel = (h->is_upgrade && status == 101) || (h->is_connect && status / 100 == 2);

	if (is_tunnel) {
		open_tunnel(h);
		form.skip |= HTTP1_SKIP(CONTENT_LENGTH);
		if (h->is_upgrade)
			form.skip &= ~(HTTP1_SKIP(CONNECTION) | HTTP1_SKIP(UPGRADE));
	} else {
		choose_framing(h, headers, status, end, &form);
		if (h->is_upgrade || h->is_connect)
			refuse_tunnel(h);
		if (headers_has(headers, HEADER_CONNECTION) && has_option(headers, SLICE("close")))
			h->codec.must_close = true;
		if (h->codec.is_draining || status < 200 || (end && !h->exchange->is_received))
			h->codec.must_close = true;
		if (h->codec.must_close)
			form.add |= HTTP1_ADD_CLOSE;
		else if (h->is_http10)
			form.add |= HTTP1_ADD_KEEP_ALIVE;
	}
	http1_encode_response(h->codec.out, headers, status, h->is_http10, form.skip, form.add,
			      (enum http1_case)h->options->header_case);
}
