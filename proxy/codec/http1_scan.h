/* Goes over the lines of an HTTP/1 head that hasn't come in full, or has a fault.
 *
 *   GET / HTTP/1.1 CR LF name: value CR LF CR LF
 *                                         empty line: HTTP1_SCAN_END
 *
 * A line ends with CR LF (RFC 9112 2.2: a bare CR or LF is refused) and holds no control character
 * but TAB. Bytes behind the empty line are not looked at.
 *
 * Owner: the caller keeps `struct http1_progress`, which holds offsets, never pointers into the
 * bytes: when more bytes have come it goes on where it stopped, so that total work is linear. */
#ifndef CODEC_HTTP1_SCAN_H
#define CODEC_HTTP1_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum http1_scan_result {
	HTTP1_SCAN_MORE,    /* the head hasn't ended yet; go on with more bytes */
	HTTP1_SCAN_END,     /* line_start is the offset of the empty line */
	HTTP1_SCAN_FULL,    /* a line beyond max_lines */
	HTTP1_SCAN_CONTROL, /* a control character at `scanned` */
	HTTP1_SCAN_ENDING,  /* a bare CR or LF at `scanned` */
};

/* How far an incomplete head (or trailer section) was looked at. Zero: not at all. */
struct http1_progress {
	uint32_t scanned;    /* what is before it was looked at */
	uint32_t line_start; /* of the line that hasn't ended */
	uint16_t lines;      /* whole ones */
};

/* Goes on from progress->scanned with all bytes of the head so far (less than 2^31). */
enum http1_scan_result http1_scan_lines(struct http1_progress *progress, struct slice bytes,
					uint32_t max_lines);

/* The same without a look at many bytes at a time: the oracle of the tests. */
enum http1_scan_result http1_scan_lines_bytewise(struct http1_progress *progress,
						 struct slice bytes, uint32_t max_lines);

/* Classes of bytes. */
enum {
	HTTP1_TOKEN = 1,     /* tchar of RFC 9110 5.6.2: methods, field names */
	HTTP1_TARGET = 2,    /* may stand in a request target */
	HTTP1_AUTHORITY = 4, /* may stand in a host with its port */
	HTTP1_FIELD = 8,     /* may stand in a field value or reason phrase */
};
extern const uint8_t http1_class[256];

/* Whether all bytes are of the class. */
bool http1_is_all(struct slice s, unsigned class_bit);

#endif
