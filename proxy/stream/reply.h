/* Answers that the proxy makes itself: one reason, rendered as the caller's protocol wants it,
 * shown to the response filters.
 *
 * Thread: the stream's worker. */
#ifndef STREAM_REPLY_H
#define STREAM_REPLY_H

#include "codec/codec.h"

struct stream;

/* Ends the request direction, cancels the upstream, and sends the reply; if a part of an answer has
 * gone out already, resets the stream instead. The slices of `reply` must live as long as the
 * stream. http_status 0: the reason's. */
void reply_send(struct stream *s, const struct local_reply *reply);

/* The same with details for %RESPONSE_CODE_DETAILS%. */
void reply_send_details(struct stream *s, const struct local_reply *reply, struct slice details);

/* The answer that the reason's row describes. details: "" for the row's. */
void reply_send_reason(struct stream *s, enum reply_reason reason, struct slice details);

#endif
