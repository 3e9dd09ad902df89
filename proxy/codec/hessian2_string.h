/* Text as Hessian2 has it: UTF-16 units, each written like UTF-8, so that a character beyond U+FFFF
 * is two surrogates of three bytes each (CESU-8).
 *
 * Pure functions. Thread: any. */
#ifndef CODEC_HESSIAN2_STRING_H
#define CODEC_HESSIAN2_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Not 0 when a byte of the word isn't ASCII. */
static inline uint64_t hessian2_high_bytes(uint64_t word)
{
	return word & EACH_BYTE(0x80);
}

/* Not 0 when a byte of the word is a control character or not ASCII. */
static inline uint64_t hessian2_odd_bytes(uint64_t word)
{
	return (word | (word - EACH_BYTE(0x20)) | ((word ^ EACH_BYTE(0x7f)) - EACH_BYTE(1))) &
	       EACH_BYTE(0x80);
}

/* ORs what `odd` says of each eight bytes. Loads overlap at the end, so nothing beyond is read. */
static inline uint64_t hessian2_scan(const uint8_t *p, size_t len, uint64_t (*odd)(uint64_t word))
{
	uint64_t word = EACH_BYTE(0x20), seen = 0;
	uint32_t halves[2];

	if (len >= 8) {
		for (size_t i = 0; i + 8 < len; i += 8) {
			memcpy(&word, p + i, sizeof word);
			seen |= odd(word);
		}
		memcpy(&word, p + len - 8, sizeof word);
	} else if (len >= 4) {
		memcpy(&halves[0], p, sizeof halves[0]);
		memcpy(&halves[1], p + len - 4, sizeof halves[1]);
		word = (uint64_t)halves[1] << 32 | halves[0];
	} else {
		for (size_t i = 0; i < len; i++)
			word = word << 8 | p[i];
	}
	return seen | odd(word);
}

static inline bool hessian2_is_ascii(const uint8_t *p, size_t len)
{
	return !hessian2_scan(p, len, hessian2_high_bytes);
}

enum { HESSIAN2_WIDE = 32 };

/* Bits 0 to i. */
extern const uint32_t hessian2_first_bits[HESSIAN2_WIDE];

/* Whether the bytes up to p[last] are ASCII, last < HESSIAN2_WIDE. HESSIAN2_WIDE bytes can be read.
 */
static inline bool hessian2_is_ascii_within(const uint8_t *p, unsigned last)
{
#if defined(__x86_64__)
	uint32_t low = (uint32_t)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)p));
	uint32_t high = (uint32_t)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(p + 16)));

	return !((high << 16 | low) & hessian2_first_bits[last]);
#else
	return hessian2_is_ascii(p, last + 1);
#endif
}

/* The same for any len. HESSIAN2_WIDE bytes behind them can be read. */
static inline bool hessian2_is_ascii_wide(const uint8_t *p, size_t len)
{
#if defined(__x86_64__)
	__m128i seen = _mm_setzero_si128();

	for (; len >= HESSIAN2_WIDE; p += HESSIAN2_WIDE, len -= HESSIAN2_WIDE)
		seen = _mm_or_si128(seen, _mm_or_si128(_mm_loadu_si128((const __m128i *)p),
						       _mm_loadu_si128((const __m128i *)(p + 16))));
	return !_mm_movemask_epi8(seen) && (!len || hessian2_is_ascii_within(p, (unsigned)len - 1));
#else
	return hessian2_is_ascii(p, len);
#endif
}

static inline bool hessian2_is_printable_ascii(const uint8_t *p, size_t len)
{
	return !hessian2_scan(p, len, hessian2_odd_bytes);
}

/* How many bytes the first `units` units of `bytes` take, or SIZE_MAX when they are cut short or a
 * byte can't begin a unit. Continuation bytes aren't looked at (Java doesn't either). ORs the bytes
 * looked at into *seen: below 0x80 when all is ASCII. */
size_t hessian2_units_size(struct slice bytes, size_t units, unsigned *seen);

/* Checks each unit, and turns surrogate pairs into UTF-8 (a copy in the arena if there are any;
 * else *out is `bytes`). A lone surrogate stays as it is. STATUS_MALFORMED: overlong or broken
 * units; STATUS_UNSUPPORTED: a copy is needed and arena is NULL. */
MUST_CHECK enum status hessian2_to_utf8(struct slice bytes, struct slice *out, struct arena *arena);

/* The units of a UTF-8 text and their number; a copy in the arena unless it is ASCII. Bytes that
 * are no UTF-8 become '?'. */
struct slice hessian2_from_utf8(struct slice text, size_t *units, struct arena *arena);

/* True when the last unit's pair is still to come. */
bool hessian2_ends_with_high_surrogate(struct slice bytes);

#endif
