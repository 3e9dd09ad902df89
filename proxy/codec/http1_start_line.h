/* The first line of an HTTP/1 head: method, target and version of a request, status of a response.
 *
 * Pure. Strict: one space between the parts, registered methods unless configured otherwise, no
 * other version than 1.1 (1.0 by option). */
#ifndef CODEC_HTTP1_START_LINE_H
#define CODEC_HTTP1_START_LINE_H

#include "codec/http1_parser.h"

/* Both fill what the line says of the head. `line`: without its CR LF, in bytes that are readable
 * up to `end` and hold no control character but TAB. */
enum http1_error http1_parse_request_line(struct http1_head *head, struct slice line,
					  const char *end, const struct http1_options *options);
enum http1_error http1_parse_status_line(struct http1_head *head, struct slice line);

static inline enum http1_error http1_parse_start(struct http1_head *head, struct slice line,
						 const char *end, enum http1_kind kind,
						 const struct http1_options *options)
{
	return kind == HTTP1_REQUEST ? http1_parse_request_line(head, line, end, options)
				     : http1_parse_status_line(head, line);
}

#endif
