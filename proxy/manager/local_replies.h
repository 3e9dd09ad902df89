/* local_reply_config: what local replies look like when they aren't left as they are.
 *
 * Owner: the listener's arena; immutable. Thread: any. */
#ifndef MANAGER_LOCAL_REPLIES_H
#define MANAGER_LOCAL_REPLIES_H

#include "base/diag.h"
#include "codec/codec.h"
#include "stream/config_context.h"

struct local_replies;
struct stream;
struct Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__LocalReplyConfig;

/* message may be NULL: *replies is NULL then. */
enum status MUST_CHECK local_replies_load(
	const struct local_replies **replies,
	const struct
	Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__LocalReplyConfig *message,
	const struct config_context *context, struct diag *diag);

/* Changes status, headers and body of a rendered reply by the first mapper that matches, and by the
 * body format. */
void local_replies_apply(const struct local_replies *replies, struct stream *s,
			 struct headers *headers, struct buf *body);

#endif
