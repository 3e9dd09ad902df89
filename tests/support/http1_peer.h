/* One end of an HTTP/1 connection without a socket: feeds bytes to the codec as a connection would
 * (what is left comes again with more behind it) and writes down the events as text.
 *
 *   H(:method: GET|:path: /|a: b)$      headers; $: the message ends here       I(…)  informational
 *   D(bytes)$   data, runs of it joined      T(a: b)  trailers      C  closed     G  draining
 *   R(BAD_REQUEST)  reset                    F(BAD_REQUEST http1.codec_error)  failed
 *
 * Owner: the test. It aborts on what no input may cause: two open exchanges, events after the
 * exchange is gone, consumed bytes beyond those given. */
#ifndef SUPPORT_HTTP1_PEER_H
#define SUPPORT_HTTP1_PEER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "codec/http1.h"

enum http1_peer_answer {
	HTTP1_PEER_SILENT,     /* the test sends */
	HTTP1_PEER_AT_END,     /* 200 without a body once the request is complete */
	HTTP1_PEER_AT_HEADERS, /* … as soon as its head is there */
	HTTP1_PEER_ECHO,       /* 200, and the body's bytes as they come */
};

struct http1_peer {
	struct http1 http1;
	struct buf_pool pool;
	struct buf out;
	struct arena arena;
	struct exchange exchange;
	struct headers *headers; /* the last received */
	enum http1_peer_answer answer;
	bool refuses_exchanges;
	bool pauses_at_headers;
	char *left; /* unconsumed bytes, in an allocation of their size */
	size_t left_len;
	struct slice trace; /* in the heap; terminated */
	bool is_in_data;
	unsigned begun, closed;
	unsigned noticed[3]; /* by enum http1_notice */
};

void http1_peer_open(struct http1_peer *peer, enum codec_side side,
		     const struct http1_options *options);
void http1_peer_close(struct http1_peer *peer);

/* Reads until nothing more is consumed. */
void http1_peer_feed(struct http1_peer *peer, struct slice bytes, bool eof);

/* Client: sends a head given as "name: value" lines ("\n"), as a new exchange. */
void http1_peer_send(struct http1_peer *peer, const char *lines, bool end);
/* Server: answers the open exchange so. */
void http1_peer_reply(struct http1_peer *peer, const char *lines, bool end);
void http1_peer_send_data(struct http1_peer *peer, struct slice data, bool end);
void http1_peer_send_trailers(struct http1_peer *peer, const char *lines);

/* All that was sent, in the peer's arena of the moment; clears it. */
struct slice http1_peer_take_out(struct http1_peer *peer);

/* The trace so far, terminated. */
const char *http1_peer_trace(struct http1_peer *peer);
void http1_peer_forget(struct http1_peer *peer);

#endif
