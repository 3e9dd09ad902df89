/* Looks at short texts of calls, many bytes at a time: whether they are what nearly all are.
 *
 * RPC_TEXT_WIDE bytes behind a text can be read, whatever they are. Pure functions. Thread: any. */
#ifndef CODEC_RPC_TEXT_H
#define CODEC_RPC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <emmintrin.h>
#endif

enum { RPC_TEXT_WIDE = 32 };

#if defined(__x86_64__)
/* All bits of each byte that isn't printable ASCII. */
static inline __m128i rpc_text_unprintable(__m128i v)
{
	/* Bytes from 0x80 on are less than any other, as they are compared with a sign. */
	return _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
			    _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
}

/* All bits of each byte from `first` to `last`. */
static inline __m128i rpc_text_between(__m128i v, char first, char last)
{
	__m128i from = _mm_sub_epi8(v, _mm_set1_epi8(first));

	return _mm_cmpeq_epi8(_mm_min_epu8(from, _mm_set1_epi8((char)(last - first))), from);
}

/* All bits of each byte that no usual name has, its letters given as such. */
static inline __m128i rpc_text_not_of(__m128i v, __m128i is_letter)
{
	__m128i is_digit = rpc_text_between(v, '-', '9'); /* and - . / */
	__m128i is_line = _mm_cmpeq_epi8(v, _mm_set1_epi8('_'));
	__m128i is_slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('/'));
	__m128i is_usual = _mm_or_si128(_mm_or_si128(is_letter, is_digit), is_line);

	return _mm_or_si128(is_slash, _mm_cmpeq_epi8(is_usual, _mm_setzero_si128()));
}

static inline __m128i rpc_text_unnamely(__m128i v)
{
	return rpc_text_not_of(v, rpc_text_between(_mm_or_si128(v, _mm_set1_epi8(0x20)), 'a', 'z'));
}

static inline __m128i rpc_text_unnamely_in_lower(__m128i v)
{
	return rpc_text_not_of(v, rpc_text_between(v, 'a', 'z'));
}

static inline bool rpc_text_has_none(const char *text, size_t len, __m128i (*odd)(__m128i v))
{
	const __m128i *p = (const __m128i *)(const void *)text;
	__m128i seen = _mm_setzero_si128();

	for (; len > sizeof *p; p++, len -= sizeof *p)
		seen = _mm_or_si128(seen, odd(_mm_loadu_si128(p)));
	unsigned last = (unsigned)_mm_movemask_epi8(odd(_mm_loadu_si128(p)));
	return !(last & ((1u << len) - 1)) && !_mm_movemask_epi8(seen);
}
#else
static inline bool rpc_text_unprintable(uint8_t c)
{
	return c < 0x20 || c >= 0x7f;
}

static inline bool rpc_text_unnamely_in_lower(uint8_t c)
{
	return !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '.' &&
	       c != '_';
}

static inline bool rpc_text_unnamely(uint8_t c)
{
	return !(c >= 'A' && c <= 'Z') && rpc_text_unnamely_in_lower(c);
}

static inline bool rpc_text_has_none(const char *text, size_t len, bool (*odd)(uint8_t c))
{
	for (size_t i = 0; i < len; i++)
		if (odd((uint8_t)text[i]))
			return false;
	return true;
}
#endif

/* Whether all of it is printable ASCII. */
static inline bool rpc_text_is_printable(const char *text, size_t len)
{
	return rpc_text_has_none(text, len, rpc_text_unprintable);
}

/* Whether all of it are letters, digits, '-', '.' and '_'. */
static inline bool rpc_text_is_name(const char *text, size_t len)
{
	return rpc_text_has_none(text, len, rpc_text_unnamely);
}

/* The same, and the letters in lower case. */
static inline bool rpc_text_is_lower_name(const char *text, size_t len)
{
	return rpc_text_has_none(text, len, rpc_text_unnamely_in_lower);
}

#endif
