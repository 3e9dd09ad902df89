/* Answers that the proxy makes itself, in HTTP's form and, to gRPC callers, in gRPC's. */
#include "codec/http1_encode.h"
#include "codec/http1_internal.h"

/* Decimal digits in the arena. */
static struct slice number(struct arena *arena, uint64_t value)
{
	char *end = (char *)arena_alloc(arena, 24) + 24, *p = end;

	do
		*--p = (char)('0' + value % 10);
	while (value /= 10);
	return slice_make(p, (size_t)(end - p));
}

/* The gRPC protocol's own table for answers of HTTP intermediaries. */
static unsigned grpc_of_http(unsigned status)
{
	switch (status) {
	case 400:
		return 13;
	case 401:
		return 16;
	case 403:
		return 7;
	case 404:
		return 12;
	case 429:
	case 502:
	case 503:
	case 504:
		return 14;
	default:
		return 2;
	}
}

static unsigned grpc_status_of(const struct local_reply *reply)
{
	const struct reply_reason_row *row = &reply_reasons[reply->reason];

	if (reply->grpc_status >= 0)
		return (unsigned)reply->grpc_status;
	return reply->http_status == row->http ? row->grpc : grpc_of_http(reply->http_status);
}

/* What isn't printable ASCII, and '%', as %XX (gRPC over HTTP2, "Status-Message"). */
static struct slice percent_encode(struct arena *arena, struct slice text)
{
	char *start = arena_alloc(arena, text.len * 3 + 1), *p = start;

	for (size_t i = 0; i < text.len; i++) {
		unsigned c = (uint8_t)text.data[i];
		if (c >= 0x20 && c < 0x7f && c != '%') {
			*p++ = (char)c;
			continue;
		}
		*p++ = '%';
		*p++ = "0123456789ABCDEF"[c >> 4];
		*p++ = "0123456789ABCDEF"[c & 15];
	}
	return slice_make(start, (size_t)(p - start));
}

static void render_grpc(struct arena *arena, const struct local_reply *reply,
			struct headers *headers)
{
	headers_add_id(headers, HEADER_STATUS, SLICE("200"));
	headers_add_id(headers, HEADER_CONTENT_TYPE, SLICE("application/grpc"));
	headers_add_id(headers, HEADER_GRPC_STATUS, number(arena, grpc_status_of(reply)));
	if (reply->text.len)
		headers_add_id(headers, HEADER_GRPC_MESSAGE, percent_encode(arena, reply->text));
}

void http1_render_reply(struct exchange *exchange, const struct local_reply *reply,
			struct headers *headers, struct buf *body)
{
	struct http1 *h = http1_of(exchange->codec);
	struct arena *arena = exchange->arena;

	if (h->is_grpc) {
		render_grpc(arena, reply, headers);
		return;
	}
	headers_add_id(headers, HEADER_STATUS, number(arena, reply->http_status));
	if (!reply->text.len)
		return;
	headers_add_id(headers, HEADER_CONTENT_LENGTH, number(arena, reply->text.len));
	headers_add_id(headers, HEADER_CONTENT_TYPE,
		       reply->content_type.len ? reply->content_type : SLICE("text/plain"));
	buf_append_turn(body, reply->text);
}

/* An answer has begun already: a second one would be taken for a part of it. */
static bool may_send_error(const struct http1 *h)
{
	return h->codec.side == CODEC_SERVER && h->send_state == HTTP1_SEND_HEAD;
}

void http1_send_error_with(struct http1 *h, enum reply_reason reason, struct slice text,
			   const struct headers *more)
{
	unsigned status = reply_reasons[reason].http;
	struct arena arena;
	struct headers headers;

	if (!may_send_error(h) || !status)
		return;
	arena_init(&arena, 1024);
	headers_init(&headers, &arena, 2 + (more ? more->count : 0));
	if (text.len) {
		headers_add_id(&headers, HEADER_CONTENT_LENGTH, number(&arena, text.len));
		headers_add_id(&headers, HEADER_CONTENT_TYPE, SLICE("text/plain"));
	}
	for (struct header *item = NULL; more && (item = headers_next(more, item));)
		headers_add(&headers, header_name(item), header_value(item));
	h->send_state = HTTP1_SEND_DONE;
	h->codec.must_close = true;
	http1_encode_response(h->codec.out, &headers, status, false, HTTP1_SKIP_HOP_BY_HOP,
			      HTTP1_ADD_CLOSE | (text.len ? 0 : HTTP1_ADD_LENGTH_0),
			      (enum http1_case)h->options->header_case);
	buf_append_copy(h->codec.out, text);
	arena_free(&arena);
}

void http1_send_error(struct codec *codec, enum reply_reason reason, struct slice text)
{
	http1_send_error_with(http1_of(codec), reason, text, NULL);
}
