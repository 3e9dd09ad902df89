/* Header names that mean something to a proxy: what a message's own annotations (the attachments of
 * a call) never become, whatever they are called.
 *
 *   ":…"  "tri-…"  "grpc-…"  "x-envoy-…"  "x-forwarded-…"  and those of RESERVED_NAMES
 *
 * Thread: constant data. */
#ifndef MESSAGE_RESERVED_NAMES_H
#define MESSAGE_RESERVED_NAMES_H

#include <stdbool.h>

#include "message/known_names.h"

#define RESERVED_NAMES(X)                                                                          \
	X(CONNECTION)                                                                              \
	X(CONTENT_LENGTH)                                                                          \
	X(EXPECT)                                                                                  \
	X(HOST)                                                                                    \
	X(HTTP2_SETTINGS)                                                                          \
	X(KEEP_ALIVE)                                                                              \
	X(TE)                                                                                      \
	X(TRAILER)                                                                                 \
	X(UPGRADE)                                                                                 \
	X(X_REQUEST_ID)                                                                            \
	X(TRANSFER_ENCODING)                                                                       \
	X(PROXY_CONNECTION)                                                                        \
	X(X_CLIENT_TRACE_ID)

/* Of a name in the table. Known names that begin alike stand together there. In line: nearly all
 * who ask know the id when they are compiled. */
static inline __attribute__((always_inline)) bool reserved_name_has_id(enum header_id id)
{
	switch ((int)id) {
#define RESERVED_CASE(name) case HEADER_##name:
		RESERVED_NAMES(RESERVED_CASE)
#undef RESERVED_CASE
		return true;
	default:
		return (id > HEADER_OTHER && id < HEADER_PSEUDO_END) ||
		       (id >= HEADER_GRPC_MESSAGE && id <= HEADER_GRPC_TIMEOUT) ||
		       (id >= HEADER_TRI_CONSUMER_APPNAME && id <= HEADER_TRI_SERVICE_VERSION) ||
		       (id >= HEADER_X_ENVOY_ATTEMPT_COUNT && id <= HEADER_X_FORWARDED_PROTO);
	}
}

/* Of any name in lower case, whose id is what known_name_find says. */
bool reserved_name_is(struct slice name, enum header_id id);

#endif
