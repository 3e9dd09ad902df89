/* local_reply_config: what local replies look like when they aren't left as they are.
 *
 *   reply ─> first mapper whose filter matches: headers, status, body ─> body format ─> rendered
 *
 * Owner: the listener's arena; immutable. Thread: any for the configuration, the stream's worker
 * for apply. */
#ifndef MANAGER_LOCAL_REPLIES_H
#define MANAGER_LOCAL_REPLIES_H

#include "base/diag.h"
#include "codec/codec.h"
#include "routing/header_mutation.h"
#include "stream/config_context.h"

struct access_log_filter;
struct format;
struct stream;
struct Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__LocalReplyConfig;

struct body_format {
	const struct format *format; /* NULL: as it is */
	struct slice content_type;
};

struct reply_mapper {
	const struct access_log_filter *filter;
	struct header_mutations headers;
	uint16_t status; /* 0: stays */
	bool has_body;
	struct slice body;
	struct body_format format; /* instead of that of all */
};

struct local_replies {
	const struct reply_mapper *mappers;
	unsigned mapper_count;
	struct body_format format;
};

/* message may be NULL: *replies is NULL then. local_replies_config.c */
enum status MUST_CHECK local_replies_load(
	const struct local_replies **replies,
	const struct
	Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__LocalReplyConfig *message,
	const struct config_context *context, struct diag *diag);

/* Changes status, headers and body of a rendered reply by the first mapper that matches, and by the
 * body format. replies may be NULL. */
void local_replies_apply(const struct local_replies *replies, struct stream *s,
			 const struct local_reply *reply, struct headers *headers,
			 struct buf *body);

#endif
