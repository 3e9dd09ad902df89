/* Writes the head of an HTTP/1 message: one reservation of turn memory (a second one beyond the
 * usual size), one append.
 *
 *   start line, `host` (requests), fields in order, lines of framing, empty line
 *
 * Pure but for the buf. Names leave as header_case says (http1_options.h). A head larger than a
 * turn block is made on the heap. */
#ifndef CODEC_HTTP1_ENCODE_H
#define CODEC_HTTP1_ENCODE_H

#include <stdbool.h>

#include "base/buf.h"
#include "codec/http1_options.h"
#include "message/headers.h"

/* Lines that the codec adds. */
enum {
	HTTP1_ADD_CHUNKED = 1,
	HTTP1_ADD_LENGTH_0 = 2,
	HTTP1_ADD_CLOSE = 4,
	HTTP1_ADD_KEEP_ALIVE = 8,
};

/* Fields that are not written, as bits of ids below 64, beside pseudo headers and removed ones. */
#define HTTP1_SKIP(id) (UINT64_C(1) << HEADER_##id)
#define HTTP1_SKIP_HOP_BY_HOP                                                                      \
	(HTTP1_SKIP(CONNECTION) | HTTP1_SKIP(KEEP_ALIVE) | HTTP1_SKIP(PROXY_CONNECTION) |          \
	 HTTP1_SKIP(TRANSFER_ENCODING) | HTTP1_SKIP(UPGRADE))
_Static_assert(HEADER_UPGRADE < 64, "skipped ids must be below 64");

/* A request's (response's) head behind all that is in out. skip, add: bits above. is_connect: the
 * target is the authority. Never fails. */
void http1_encode_request(struct buf *out, const struct headers *headers, bool is_connect,
			  uint64_t skip, unsigned add, enum http1_case header_case);
void http1_encode_response(struct buf *out, const struct headers *headers, unsigned status,
			   bool is_http10, uint64_t skip, unsigned add,
			   enum http1_case header_case);
/* The last chunk, the trailers, the empty line. */
void http1_encode_trailers(struct buf *out, const struct headers *trailers,
			   enum http1_case header_case);

/* "Not Found"; "Unknown" for a status without a name. */
struct slice http1_reason(unsigned status);

#endif
