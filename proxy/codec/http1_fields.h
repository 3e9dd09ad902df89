/* The lines of an HTTP/1 head, in one pass: start line, fields with their ids, and what those say
 * that concern the message or the connection.
 *
 * Pure. The variants differ in speed only. */
#ifndef CODEC_HTTP1_FIELDS_H
#define CODEC_HTTP1_FIELDS_H

#include "codec/http1_parser.h"

/* Fills head (zeroed but for .fields) and head->bytes, which end behind the empty line. An error
 * may mean no more than that the head isn't complete: only the one of a whole start line stands; of
 * the others http1_scan_lines says whether they do. */
enum http1_error http1_parse_lines(const struct http1_reading *r);

/* What it chooses from: by byte, the oracle of the tests; 32 bytes at a time. */
enum http1_variant {
	HTTP1_BYTEWISE,
	HTTP1_SSE2,
	HTTP1_AVX2,
};
bool http1_has_variant(enum http1_variant variant); /* on this machine */
enum http1_error http1_parse_lines_by(enum http1_variant variant, const struct http1_reading *r);

#endif
