/* Answers that the proxy makes itself, in HTTP's form and, to gRPC callers, in gRPC's. */
#include "codec/http1_encode.h"
#include "codec/http1_internal.h"
#include "message/grammar.h"
#include "message/grpc.h"
#include "message/percent.h"

static unsigned grpc_status_of(const struct local_reply *reply)
{
	const struct reply_reason_row *row = &reply_reasons[reply->reason];

	if (reply->grpc_status >= 0)
		return (unsigned)reply->grpc_status;
	return reply->http_status == row->http ? row->grpc
					       : grpc_status_of_http(reply->http_status);
}

static void render_grpc(struct arena *arena, const struct local_reply *reply,
			struct headers *headers)
{
	headers_add_id(headers, HEADER_STATUS, SLICE("200"));
	headers_add_id(headers, HEADER_CONTENT_TYPE, SLICE("application/grpc"));
	headers_add_id(headers, HEADER_GRPC_STATUS, arena_number(arena, grpc_status_of(reply)));
	if (reply->text.len)
		headers_add_id(headers, HEADER_GRPC_MESSAGE,
			       percent_encode(reply->text, GRAMMAR_MESSAGE, arena));
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
	headers_add_id(headers, HEADER_STATUS, arena_number(arena, reply->http_status));
	if (!reply->text.len)
		return;
	headers_add_id(headers, HEADER_CONTENT_LENGTH, arena_number(arena, reply->text.len));
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
		headers_add_id(&headers, HEADER_CONTENT_LENGTH, arena_number(&arena, text.len));
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
