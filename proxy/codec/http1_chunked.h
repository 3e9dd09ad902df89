/* Takes chunked framing (RFC 9112 7.1) off a body, in whatever pieces it comes.
 *
 *   SIZE ─ hex digits, blanks ─> EXTENSION ─ CR LF ─> DATA ─ all taken ─> DATA_CR ─ CR LF ─> SIZE
 *                                 size 0 ─> LAST: trailers and the empty line follow
 *
 * Strict: no sign, no 0x, nothing but CR LF ends a line, nothing but ';' follows blanks behind the
 * size, no control character in an extension; sizes below 2^63. Extensions are dropped. Limit:
 * HTTP1_CHUNK_LINE_LIMIT bytes of a size line.
 *
 * Owner: the codec embeds the state. Pure. */
#ifndef CODEC_HTTP1_CHUNKED_H
#define CODEC_HTTP1_CHUNKED_H

#include <stdint.h>

#include "base/slice.h"

enum { HTTP1_CHUNK_LINE_LIMIT = 4096 };

enum http1_chunk_state {
	HTTP1_CHUNK_SIZE,       /* zero: where a body starts */
	HTTP1_CHUNK_SIZE_BLANK, /* behind the digits */
	HTTP1_CHUNK_EXTENSION,
	HTTP1_CHUNK_SIZE_LF,
	HTTP1_CHUNK_DATA,
	HTTP1_CHUNK_DATA_CR,
	HTTP1_CHUNK_DATA_LF,
	HTTP1_CHUNK_LAST,
};

struct http1_chunked {
	uint64_t left;     /* bytes of the chunk's data still to come */
	uint16_t line_len; /* of the size line so far */
	uint8_t state;     /* enum http1_chunk_state */
};

enum http1_chunk_result {
	HTTP1_CHUNK_MORE,     /* all bytes are used up */
	HTTP1_CHUNK_HAS_DATA, /* chunked->left > 0 bytes of data come next: http1_chunk_take */
	HTTP1_CHUNK_END,      /* the last chunk's line has passed */
	HTTP1_CHUNK_BAD,
};

/* Goes over framing; *bytes is advanced behind it. */
enum http1_chunk_result http1_chunk_next(struct http1_chunked *chunked, struct slice *bytes);

/* n <= chunked->left bytes of data were taken. */
void http1_chunk_take(struct http1_chunked *chunked, uint64_t n);

/* Writes "1f4\r\n" at p (at most 18 bytes) and returns the end. */
char *http1_chunk_put_size(char *p, uint64_t size);

#endif
