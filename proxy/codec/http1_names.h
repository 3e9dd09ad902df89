/* Field names of HTTP/1 in any case: finds the colon, checks, interns, lowers, 16 bytes at a time.
 *
 * A name that equals a well-known one once 0x20 is or-ed to each of its bytes is that name: what
 * else 0x20 would make equal are control characters, which the scan has refused before.
 *
 * Inline, because a head has ten of them. Without SSE2 all go byte by byte; the tests compare. */
#ifndef CODEC_HTTP1_NAMES_H
#define CODEC_HTTP1_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "message/known_names.h"

enum {
	HTTP1_NAME_SLACK = 16
}; /* bytes that http1_name_lower may touch (not change) behind a name */

/* The id of the name at `name`, whose line has *len bytes; *len becomes the name's length.
 * HEADER_REMOVED: no colon, or not a token before it. Bytes may be read up to `end`. */
enum header_id http1_name_find(const char *name, const char *end, size_t *len);

/* Lowers in place. */
void http1_name_lower(char *name, size_t len);

/* Whether the bytes may stand in a request target; the scan has refused control characters before.
 * Reads up to `end`. */
bool http1_is_target(struct slice s, const char *end);

/* The plain forms: oracles of the tests, and all there is elsewhere than on x86-64. */
enum header_id http1_name_find_bytewise(const char *name, size_t *len);
void http1_name_lower_bytewise(char *name, size_t len);

#endif
