/* HTTP/1.1 and HTTP/1.0 on one connection, either side: a codec (codec.h) with one exchange at a
 * time.
 *
 *   read:  HEAD ─> LENGTH | CHUNKED -> TRAILERS | TO_END ─> HOLD ─ exchange closed ─> HEAD
 *            └── an upgrade or CONNECT ──> HOLD ─ accepted ─> TO_END (tunnel)
 *          any ── error, or the connection can't be used again ──> SKIP (what comes is dropped)
 *
 * Pipelining: a further request stays unconsumed until the exchange before it is closed, and while
 * more than HTTP1_OUT_LIMIT bytes of answers wait to be sent (the owner reads again when they have
 * gone). codec_read is not called from within an event, and `closed` does not come within one.
 *
 * What the owner must know:
 * - A bad head is `failed` without `begin`; a fault in a body is `reset`, then `failed`.
 * - Headers come without hop-by-hop fields (connection, keep-alive, proxy-connection,
 *   transfer-encoding, te but `trailers`, and what Connection names), Host as :authority. An
 *   upgrade request keeps its connection and upgrade fields. No :authority: there was no Host,
 *   which HTTP/1.1 demands; :path may be "*", hold a '#', or not start with '/'. These the manager
 *   answers.
 * - `expect` is passed on: the manager answers 100 (send_informational) or lets the upstream do it.
 * - `connection: close` in a response's headers is obeyed.
 * - A client's send_headers may end in `reset`: the connection has ended since it was picked.
 * - A response that ends before its request: abandon the exchange, or wait for the rest.
 * - EOF while an answer is due is no event: the owner sees it itself.
 *
 * Owner: session or pooled connection embeds it. Thread: its worker. No timers; no heap but for
 * heads larger than a turn block and for errors without an exchange. Limits: struct http1_options,
 * http1_connection.h, HTTP1_CHUNK_LINE_LIMIT, HTTP1_INFORMATIONAL_LIMIT, HTTP1_OUT_LIMIT. */
#ifndef CODEC_HTTP1_H
#define CODEC_HTTP1_H

#include "codec/codec.h"
#include "codec/http1_chunked.h"
#include "codec/http1_options.h"
#include "codec/http1_parser.h"

enum {
	HTTP1_OUT_LIMIT = 1 << 20,
	HTTP1_INFORMATIONAL_LIMIT = 32, /* 1xx answers of one response */
	HTTP1_SPARE_FIELDS = 12,        /* room in a head for what the proxy adds */
};

enum http1_read_state {
	HTTP1_READ_HEAD,
	HTTP1_READ_LENGTH,
	HTTP1_READ_CHUNKED,
	HTTP1_READ_TRAILERS,
	HTTP1_READ_TO_END,
	HTTP1_READ_HOLD,
	HTTP1_READ_SKIP,
};

enum http1_send_state {
	HTTP1_SEND_HEAD,
	HTTP1_SEND_LENGTH,
	HTTP1_SEND_CHUNKED,
	HTTP1_SEND_TO_END,  /* bytes as they are: a tunnel, or a body that ends with the connection
			     */
	HTTP1_SEND_NOTHING, /* the message has no body: data is dropped */
	HTTP1_SEND_DONE,
};

/* What it has codec_events->noticed told. */
enum http1_notice {
	HTTP1_NOTICE_DROPPED_UNDERSCORES,  /* fields of a request */
	HTTP1_NOTICE_REJECTED_UNDERSCORES, /* a request */
	HTTP1_NOTICE_RESPONSE_FLOOD,       /* reading has stopped at HTTP1_OUT_LIMIT */
};

struct http1 {
	struct codec codec;
	const struct http1_options *options;
	struct exchange *exchange; /* NULL: none open */
	union { /* a head begins when the body before it has ended, which leaves all of it zero */
		struct http1_progress progress; /* READ_HEAD, READ_TRAILERS */
		struct http1_chunked body;      /* READ_LENGTH (.left alone), READ_CHUNKED */
	};
	uint64_t send_left;             /* of the content-length that was announced */
	uint8_t read_state, send_state; /* enums above */
	uint8_t informational_count;
	bool is_reading : 1; /* in codec_read: `closed` waits */
	bool is_upgrade : 1; /* the request asks for one */
	bool is_connect : 1; /* its method is CONNECT */
	bool is_http10 : 1;  /* the client speaks 1.0 */
	bool is_grpc : 1;    /* its content-type says so */
};

extern const struct codec_type http1_codec;

/* Takes nothing from the heap. Borrows all. out: the connection's output, with its pool. */
void http1_open(struct http1 *h, enum codec_side side, const struct http1_options *options,
		const struct codec_events *events, void *owner, struct buf *out);

/* Body bytes of the message being received that are still to come, if their number is known and
 * nothing else stands between (else 0): so many may be moved past the codec … */
static inline uint64_t http1_body_left(const struct http1 *h)
{
	return h->read_state == HTTP1_READ_LENGTH ? h->body.left : 0;
}

/* … and then accounted for: n <= http1_body_left. The last ones end the message (`data` of no
 * bytes, `closed` if the other way has ended). */
void http1_skip_body(struct http1 *h, uint64_t n);

/* The same of the message being sent: bytes of its content-length not yet sent. */
static inline uint64_t http1_send_left(const struct http1 *h)
{
	return h->send_state == HTTP1_SEND_LENGTH ? h->send_left : 0;
}

/* n <= http1_send_left bytes were written past the codec, behind all of codec->out. The message
 * ends as ever, by send_data. */
void http1_skip_send(struct http1 *h, uint64_t n);

/* Server, after `failed` or within it: what send_error writes, with more fields (date, server …).
 * The first of the two wins. more may be NULL. */
void http1_send_error_with(struct http1 *h, enum reply_reason reason, struct slice text,
			   const struct headers *more);

#endif
