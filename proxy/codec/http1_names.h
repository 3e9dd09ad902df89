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

#include "base/attributes.h"
#include "base/slice.h"
#include "message/known_names.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

enum {
	HTTP1_NAME_SLACK = 16
}; /* bytes that http1_name_lower may touch (not change) behind a name */

/* The plain forms: oracles of the tests, and all there is elsewhere than on x86-64. */
enum header_id http1_name_find_bytewise(const char *name, size_t *len);
void http1_name_lower_bytewise(char *name, size_t len);

enum header_id http1_name_find_long(const char *name, const char *end, size_t *len);
bool http1_name_is_token(const char *name, size_t len);

/* The id of the name at `name`, whose line has *len bytes; *len becomes the name's length.
 * HEADER_REMOVED: no colon, or not a token before it. Bytes may be read up to `end`. */
static inline enum header_id http1_name_find(const char *name, const char *end, size_t *len)
{
#if defined(__x86_64__)
	if (LIKELY(end - name >= 16)) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)name);
		unsigned colon = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(':')));
		if (LIKELY(colon)) {
			size_t n = (size_t)__builtin_ctz(colon);
			char low[16];
			if (UNLIKELY(n >= *len))
				return HEADER_REMOVED;
			_mm_storeu_si128((__m128i *)(void *)low,
					 _mm_or_si128(x, _mm_set1_epi8(0x20)));
			*len = n;
			enum header_id id = known_name_find(slice_make(low, n));
			if (id == HEADER_OTHER && UNLIKELY(!http1_name_is_token(name, n)))
				return HEADER_REMOVED;
			return id;
		}
	}
#endif
	return http1_name_find_long(name, end, len);
}

/* Lowers in place. */
void http1_name_lower(char *name, size_t len);

/* Whether the bytes may stand in a request target, or a host; the scan has refused control
 * characters before. Read up to `end`. */
bool http1_is_target(struct slice s, const char *end);
bool http1_is_host(struct slice s, const char *end);

#endif
