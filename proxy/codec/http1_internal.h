/* What the parts of the HTTP/1 codec share: http1.c (reading), http1_server.c and http1_client.c
 * (heads of either side), http1_send.c (bodies), http1_reply.c. For them alone. */
#ifndef CODEC_HTTP1_INTERNAL_H
#define CODEC_HTTP1_INTERNAL_H

#include "base/attributes.h"
#include "codec/http1.h"

static inline struct http1 *http1_of(struct codec *codec)
{
	return container_of(codec, struct http1, codec);
}

/* A head was parsed: begins the exchange (server), chooses the read state, tells the events. Each
 * returns the error that it finds. */
enum http1_error http1_server_head(struct http1 *h, const struct http1_head *head);
enum http1_error http1_client_head(struct http1 *h, struct http1_head *head);

void http1_server_send_headers(struct http1 *h, struct headers *headers, bool end);
void http1_client_send_headers(struct http1 *h, struct headers *headers, bool end);

/* The peer's message is complete; after `end` was told. */
void http1_received(struct http1 *h);

/* Ours is. */
void http1_sent(struct http1 *h);

/* Closes the exchange if both are, outside of codec_read. */
void http1_settle(struct http1 *h);

/* Takes the exchange off the codec, and returns it. */
struct exchange *http1_detach(struct http1 *h);

/* Nothing more is read. */
void http1_stop(struct http1 *h);

/* The exchange is reset, the connection has failed. */
void http1_fail(struct http1 *h, enum http1_error error);

/* Tells codec_events->noticed. */
void http1_notice(struct http1 *h, enum http1_notice what, unsigned n);

/* --- http1_send.c */

/* Our message ends here: closes its framing. */
void http1_send_end(struct http1 *h);

void http1_send_data(struct exchange *exchange, struct buf *data, bool end);
void http1_send_trailers(struct exchange *exchange, struct headers *trailers);

/* --- http1_reply.c */

void http1_render_reply(struct exchange *exchange, const struct local_reply *reply,
			struct headers *headers, struct buf *body);
void http1_send_error(struct codec *codec, enum reply_reason reason, struct slice text);

#endif
