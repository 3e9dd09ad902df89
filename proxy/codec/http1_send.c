#include "codec/http1_encode.h"
#include "codec/http1_internal.h"

/* The framing around data is constant bytes and small turn segments; data itself is passed on as
 * it stands. */

void http1_send_end(struct http1 *h)
{
	if (h->send_state == HTTP1_SEND_CHUNKED)
		buf_append_turn(h->codec.out, SLICE("0\r\n\r\n"));
	if (h->send_state == HTTP1_SEND_LENGTH && h->send_left)
		h->codec.must_close = true; /* shorter than announced: only its end can tell */
	http1_sent(h);
}

static void send_chunk(struct buf *out, struct buf *data, bool end)
{
	char *size = buf_turn_reserve(out->pool, 24);
	size_t len = (size_t)(http1_chunk_put_size(size, data->len) - size);

	buf_turn_commit(out->pool, len);
	buf_append_turn(out, slice_make(size, len));
	buf_move_all(out, data);
	buf_append_turn(out, end ? SLICE("\r\n0\r\n\r\n") : SLICE("\r\n"));
}

/* What is beyond the announced length never leaves: it would be read as the next message. */
static void send_counted(struct http1 *h, struct buf *data)
{
	if (LIKELY(data->len <= h->send_left)) {
		h->send_left -= data->len;
		buf_move_all(h->codec.out, data);
		return;
	}
	buf_move(h->codec.out, data, (size_t)h->send_left);
	buf_clear(data);
	h->send_left = 0;
	h->codec.must_close = true;
}

void http1_send_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct http1 *h = http1_of(exchange->codec);

	switch ((enum http1_send_state)h->send_state) {
	case HTTP1_SEND_LENGTH:
		send_counted(h, data);
		break;
	case HTTP1_SEND_CHUNKED:
		if (!data->len)
			break;
		send_chunk(h->codec.out, data, end);
		if (end) {
			http1_sent(h);
			return;
		}
		break;
	case HTTP1_SEND_TO_END:
		buf_move_all(h->codec.out, data);
		break;
	case HTTP1_SEND_HEAD:
	case HTTP1_SEND_NOTHING:
	case HTTP1_SEND_DONE:
		buf_clear(data);
		break;
	}
	if (end)
		http1_send_end(h);
}

void http1_send_trailers(struct exchange *exchange, struct headers *trailers)
{
	struct http1 *h = http1_of(exchange->codec);

	if (h->send_state == HTTP1_SEND_CHUNKED && h->options->enable_trailers) {
		http1_encode_trailers(h->codec.out, trailers,
				      (enum http1_case)h->options->header_case);
		http1_sent(h);
		return;
	}
	http1_send_end(h);
}

void http1_skip_send(struct http1 *h, uint64_t n)
{
	invariant(h->send_state == HTTP1_SEND_LENGTH && n <= h->send_left);
	h->send_left -= n;
}
