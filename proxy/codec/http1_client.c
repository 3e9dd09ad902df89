/* The client's side: request heads out, response heads in. */
#include "codec/http1_connection.h"
#include "codec/http1_encode.h"
#include "codec/http1_internal.h"
#include "message/stream_info.h"

/* Methods whose request without a body says nothing of its length. */
static bool is_bodyless_method(struct slice method)
{
	return slice_equal(method, SLICE("GET")) || slice_equal(method, SLICE("HEAD")) ||
	       slice_equal(method, SLICE("DELETE")) || slice_equal(method, SLICE("TRACE")) ||
	       slice_equal(method, SLICE("CONNECT"));
}

static bool is_upgrade(const struct headers *headers)
{
	if (!headers_has(headers, HEADER_UPGRADE))
		return false;
	for (const struct header *f = headers_find_id(headers, HEADER_CONNECTION); f;
	     f = headers_find_next(headers, f))
		if (http1_has_option(header_value(f), SLICE("upgrade")))
			return true;
	return false;
}

void http1_client_send_headers(struct http1 *h, struct headers *headers, bool end)
{
	struct slice method = headers_get(headers, HEADER_METHOD);
	struct slice length = headers_get(headers, HEADER_CONTENT_LENGTH);
	uint64_t skip = HTTP1_SKIP_HOP_BY_HOP;
	unsigned add = 0;

	h->exchange->is_head = slice_equal(method, SLICE("HEAD"));
	h->is_connect = slice_equal(method, SLICE("CONNECT"));
	h->is_upgrade = is_upgrade(headers);
	if (h->is_upgrade)
		skip &= ~(HTTP1_SKIP(CONNECTION) | HTTP1_SKIP(UPGRADE));
	if (length.data && !slice_to_uint64(length, &h->send_left)) {
		skip |= HTTP1_SKIP(CONTENT_LENGTH); /* a filter's: not a length */
		length.data = NULL;
	}
	if (h->is_connect) {
		skip |= HTTP1_SKIP(CONTENT_LENGTH);
		h->send_state = HTTP1_SEND_TO_END;
	} else if (h->is_upgrade && !(length.data && h->send_left)) {
		h->send_state = HTTP1_SEND_TO_END;
	} else if (length.data) {
		h->send_state = HTTP1_SEND_LENGTH;
	} else if (end) {
		h->send_state = HTTP1_SEND_NOTHING;
		if (!is_bodyless_method(method))
			add |= HTTP1_ADD_LENGTH_0;
	} else {
		h->send_state = HTTP1_SEND_CHUNKED;
		add |= HTTP1_ADD_CHUNKED;
	}
	if (h->codec.is_draining) {
		h->codec.must_close = true;
		if (!h->is_upgrade && !h->is_connect)
			add |= HTTP1_ADD_CLOSE;
	}
	http1_encode_request(h->codec.out, headers, h->is_connect, skip, add,
			     (enum http1_case)h->options->header_case);
}

/* Fields that RFC 9110 8.6 and 9112 6.1 forbid in such answers: a length of 0 is let pass. */
static enum http1_error check_bodyless(struct http1_head *head)
{
	if (head->has_coding)
		return HTTP1_ERROR_CODING_REFUSED;
	if (head->has_length && head->length)
		return HTTP1_ERROR_LENGTH_REFUSED;
	http1_remove_fields(head, HEADER_CONTENT_LENGTH);
	return HTTP1_ERROR_NONE;
}

static enum http1_error take_informational(struct http1 *h, struct http1_head *head)
{
	struct exchange *exchange = h->exchange;
	enum http1_error error = check_bodyless(head);

	if (error)
		return error;
	if (++h->informational_count > HTTP1_INFORMATIONAL_LIMIT)
		return HTTP1_ERROR_TOO_MANY_HEADERS;
	struct headers *headers = http1_head_copy(head, HTTP1_RESPONSE, exchange->arena, 0);
	h->codec.events->informational(exchange, headers);
	return HTTP1_ERROR_NONE;
}

/* The body's framing: RFC 9112 6.3. Sets the read state; HOLD: there is none. */
static enum http1_error choose_framing(struct http1 *h, struct http1_head *head)
{
	unsigned status = head->status;

	h->read_state = HTTP1_READ_HOLD;
	if (h->exchange->is_tunnel) {
		if (head->has_coding)
			return HTTP1_ERROR_CODING;
		http1_remove_fields(head, HEADER_CONTENT_LENGTH);
		h->read_state = HTTP1_READ_TO_END;
	} else if (status == 204) {
		return check_bodyless(head);
	} else if (h->exchange->is_head || status == 304) {
		return HTTP1_ERROR_NONE;
	} else if (head->is_chunked) {
		h->read_state = HTTP1_READ_CHUNKED;
		h->body = (struct http1_chunked){0};
	} else if (head->has_length) {
		h->body.left = head->length;
		if (head->length)
			h->read_state = HTTP1_READ_LENGTH;
	} else {
		h->read_state = HTTP1_READ_TO_END;
		h->codec.must_close = true;
	}
	return HTTP1_ERROR_NONE;
}

/* A tunnel was asked for and not given: the connection has no further use. */
static void note_refusal(struct http1 *h)
{
	h->codec.must_close = true;
	h->is_upgrade = h->is_connect = false;
	if (h->send_state == HTTP1_SEND_TO_END) {
		h->send_state = HTTP1_SEND_NOTHING;
		h->exchange->is_sent = true;
	}
}

enum http1_error http1_client_head(struct http1 *h, struct http1_head *head)
{
	struct exchange *exchange = h->exchange;
	unsigned status = head->status;

	if (status == 101 && !(h->is_upgrade && head->is_upgrade))
		return HTTP1_ERROR_SYNTAX;
	if (status < 200 && status != 101)
		return take_informational(h, head);

	exchange->protocol = head->protocol;
	exchange->is_tunnel = status == 101 || (h->is_connect && status / 100 == 2);
	enum http1_error error = status == 101 ? check_bodyless(head) : HTTP1_ERROR_NONE;
	if (!error)
		error = choose_framing(h, head);
	if (error)
		return error;
	if (exchange->is_tunnel)
		h->codec.must_close = true;
	else if (h->is_upgrade || h->is_connect)
		note_refusal(h);
	if (head->connection & HTTP1_CLOSE ||
	    (head->protocol == STREAM_PROTOCOL_HTTP10 && !(head->connection & HTTP1_KEEP_ALIVE)))
		h->codec.must_close = true;

	bool end = h->read_state == HTTP1_READ_HOLD;
	if (end)
		http1_received(h);
	struct headers *headers =
		http1_head_copy(head, HTTP1_RESPONSE, exchange->arena, HTTP1_SPARE_FIELDS);
	if (UNLIKELY(h->options->header_case == HTTP1_CASE_PRESERVE))
		http1_head_keep_case(head, headers);
	if (h->codec.must_close && !exchange->is_tunnel)
		h->codec.events->draining(&h->codec);
	if (h->exchange)
		h->codec.events->headers(h->exchange, headers, end);
	return HTTP1_ERROR_NONE;
}
