/* What codecs, routes and logs know of gRPC over HTTP.
 *
 * Pure. Sources: "gRPC over HTTP2" (content types), "HTTP to gRPC Status Code Mapping". */
#ifndef MESSAGE_GRPC_H
#define MESSAGE_GRPC_H

#include <stdbool.h>

#include "base/slice.h"

/* "application/grpc", alone or with a subtype ("application/grpc+proto"); grpc-web is none. */
static inline bool grpc_is_content_type(struct slice type)
{
	const struct slice grpc = SLICE("application/grpc");

	return slice_starts_with(type, grpc) &&
	       (type.len == grpc.len || type.data[grpc.len] == '+');
}

/* The status that an answer of this HTTP code means when it has no grpc-status. */
unsigned grpc_status_of_http(unsigned code);

#endif
