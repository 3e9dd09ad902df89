/* Field names of HTTP/1 in any case: checks, interns, lowers, 16 bytes at a time.
 *
 * A name that equals a well-known one once 0x20 is or-ed to each of its bytes is that name: what
 * else 0x20 would make equal are control characters, which no line holds that gets here.
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
	HTTP1_NAME_SLACK = 16, /* bytes that http1_name_lower may touch (not change) behind a name
				*/
	HTTP1_NAME_SLOTS = 64,
};

/* Fields that say something about the message or the connection itself, as bits of their ids. */
#define HTTP1_NOTED_BIT(id) (UINT64_C(1) << HEADER_##id)
#define HTTP1_NOTED                                                                                \
	(HTTP1_NOTED_BIT(CONTENT_LENGTH) | HTTP1_NOTED_BIT(TRANSFER_ENCODING) |                    \
	 HTTP1_NOTED_BIT(HOST) | HTTP1_NOTED_BIT(CONNECTION) | HTTP1_NOTED_BIT(UPGRADE) |          \
	 HTTP1_NOTED_BIT(TE) | HTTP1_NOTED_BIT(KEEP_ALIVE) | HTTP1_NOTED_BIT(PROXY_CONNECTION) |   \
	 HTTP1_NOTED_BIT(HTTP2_SETTINGS) | HTTP1_NOTED_BIT(EXPECT) |                               \
	 HTTP1_NOTED_BIT(CONTENT_TYPE))
_Static_assert(HEADER_UPGRADE < 64, "noted ids must be below 64");

static inline bool http1_is_noted(enum header_id id)
{
	return id < 64 && HTTP1_NOTED >> id & 1;
}

/* The well-known names of up to 15 bytes, each with its colon at its hash. */
struct http1_name_slot {
	_Alignas(32) char text[16]; /* "accept:" */
	uint8_t id;                 /* enum header_id */
	bool is_noted;
};
extern const struct http1_name_slot http1_name_slots[HTTP1_NAME_SLOTS];

/* Of a lower-case name of `len` bytes whose first 8 (0 where it is shorter) are `word`. No two of
 * the table share one; the unit test looks for another factor when a new name does. */
static inline size_t http1_name_hash(uint64_t word, size_t len)
{
	return (word + len) * UINT64_C(0x1f59c25adec80f7) >> 58;
}

/* The id of the name at `name`, whose line has *len bytes; *len becomes the name's length.
 * HEADER_REMOVED: no colon, not a token before it, or longer than UINT16_MAX. Bytes may be read up
 * to `end`. */
enum header_id http1_name_find(const char *name, const char *end, size_t *len);

/* The plain forms: oracles of the tests, and all there is elsewhere than on x86-64. */
enum header_id http1_name_find_bytewise(const char *name, size_t *len);
void http1_name_lower_bytewise(char *name, size_t len);

#if defined(__x86_64__)

/* The slot of a name that is in the table, or NULL. x: the name, the colon, whatever follows;
 * colon: the bits of colons in it, the first one at n. */
static inline __attribute__((always_inline)) const struct http1_name_slot *
http1_name_slot_of(__m128i x, unsigned colon, size_t n)
{
	static const uint64_t first_bytes[16] = {
		0,
		0xff,
		0xffff,
		0xffffff,
		0xffffffff,
		0xffffffffff,
		(UINT64_C(1) << 48) - 1,
		(UINT64_C(1) << 56) - 1,
		UINT64_MAX,
		UINT64_MAX,
		UINT64_MAX,
		UINT64_MAX,
		UINT64_MAX,
		UINT64_MAX,
		UINT64_MAX,
		UINT64_MAX,
	};
	__m128i low = _mm_or_si128(x, _mm_set1_epi8(0x20));
	uint64_t word = (uint64_t)_mm_cvtsi128_si64(low) & first_bytes[n];
	const struct http1_name_slot *slot = &http1_name_slots[http1_name_hash(word, n)];
	__m128i text = _mm_load_si128((const __m128i *)(const void *)slot->text);
	unsigned same = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(low, text));

	return LIKELY(!((colon ^ (colon - 1)) & ~same)) ? slot : NULL; /* as far as the colon */
}

/* Bit i: byte i isn't a letter, a digit or '-'. */
static inline __attribute__((always_inline)) unsigned http1_unusual(__m128i x)
{
	__m128i letter = _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
	__m128i digit = _mm_sub_epi8(x, _mm_set1_epi8('0'));
	__m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
	__m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
	__m128i is_dash = _mm_cmpeq_epi8(x, _mm_set1_epi8('-'));
	return 0xffffu ^ (unsigned)_mm_movemask_epi8(
				 _mm_or_si128(_mm_or_si128(is_letter, is_digit), is_dash));
}

#endif

/* Lowers in place. */
void http1_name_lower(char *name, size_t len);

/* Whether the bytes may stand in a request target, or a host; the scan has refused control
 * characters before. Read up to `end`. */
bool http1_is_target(struct slice s, const char *end);
bool http1_is_host(struct slice s, const char *end);

#endif
