#include "codec/http1_scan.h"

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

enum { BLOCK = 16 };

/* clang-format off */
#define T HTTP1_TOKEN
#define P HTTP1_TARGET
#define A HTTP1_AUTHORITY
#define F HTTP1_FIELD
const uint8_t http1_class[256] = {
	['\t'] = F, [' '] = F,
	['!'] = T | P | A | F, ['"'] = P | F, ['#'] = T | P | F, ['$'] = T | P | A | F,
	['%'] = T | P | A | F, ['&'] = T | P | A | F, ['\''] = T | P | A | F, ['('] = P | A | F,
	[')'] = P | A | F, ['*'] = T | P | A | F, ['+'] = T | P | A | F, [','] = P | A | F,
	['-'] = T | P | A | F, ['.'] = T | P | A | F, ['/'] = P | F,
	['0' ... '9'] = T | P | A | F,
	[':'] = P | A | F, [';'] = P | A | F, ['<'] = P | F, ['='] = P | A | F, ['>'] = P | F,
	['?'] = P | F, ['@'] = P | F,
	['A' ... 'Z'] = T | P | A | F,
	['['] = P | A | F, ['\\'] = P | F, [']'] = P | A | F, ['^'] = T | P | F,
	['_'] = T | P | A | F, ['`'] = T | P | F,
	['a' ... 'z'] = T | P | A | F,
	['{'] = P | F, ['|'] = T | P | F, ['}'] = P | F, ['~'] = T | P | A | F,
	[0x80 ... 0xff] = F,
};
#undef T
#undef P
#undef A
#undef F
/* clang-format on */

bool http1_is_all(struct slice s, unsigned class_bit)
{
	for (size_t i = 0; i < s.len; i++)
		if (!(http1_class[(uint8_t)s.data[i]] & class_bit))
			return false;
	return true;
}

/* The first byte from `at` on that may not stand in a field, or bytes.len. */
typedef size_t find_odd(struct slice bytes, size_t at);

static inline __attribute__((always_inline)) enum http1_scan_result
scan(struct http1_progress *progress, struct slice bytes, uint32_t max_lines, find_odd *find)
{
	size_t at = progress->scanned;

	for (; (at = find(bytes, at)) < bytes.len; at += 2) {
		progress->scanned = (uint32_t)at;
		if (bytes.data[at] == '\n')
			return HTTP1_SCAN_ENDING;
		if (bytes.data[at] != '\r')
			return HTTP1_SCAN_CONTROL;
		if (at + 1 == bytes.len)
			return HTTP1_SCAN_MORE;
		if (bytes.data[at + 1] != '\n')
			return HTTP1_SCAN_ENDING;
		if (at == progress->line_start)
			return HTTP1_SCAN_END;
		if (progress->lines == max_lines)
			return HTTP1_SCAN_FULL;
		progress->lines++;
		progress->line_start = (uint32_t)at + 2;
	}
	progress->scanned = (uint32_t)bytes.len;
	return HTTP1_SCAN_MORE;
}

static size_t find_odd_bytewise(struct slice bytes, size_t at)
{
	while (at < bytes.len && http1_class[(uint8_t)bytes.data[at]] & HTTP1_FIELD)
		at++;
	return at;
}

enum http1_scan_result http1_scan_lines_bytewise(struct http1_progress *progress,
						 struct slice bytes, uint32_t max_lines)
{
	return scan(progress, bytes, max_lines, find_odd_bytewise);
}

#if defined(__x86_64__)

static inline size_t find_odd_in_blocks(struct slice bytes, size_t at)
{
	for (; bytes.len - at >= BLOCK; at += BLOCK) {
		__m128i x = _mm_loadu_si128((const __m128i *)(const void *)(bytes.data + at));
		__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
		__m128i del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));
		__m128i tab = _mm_cmpeq_epi8(x, _mm_set1_epi8('\t'));
		__m128i odd = _mm_andnot_si128(tab, _mm_or_si128(control, del));
		unsigned found = (unsigned)_mm_movemask_epi8(odd);
		if (found)
			return at + (size_t)__builtin_ctz(found);
	}
	return find_odd_bytewise(bytes, at);
}

enum http1_scan_result http1_scan_lines(struct http1_progress *progress, struct slice bytes,
					uint32_t max_lines)
{
	return scan(progress, bytes, max_lines, find_odd_in_blocks);
}

#else

enum http1_scan_result http1_scan_lines(struct http1_progress *progress, struct slice bytes,
					uint32_t max_lines)
{
	return http1_scan_lines_bytewise(progress, bytes, max_lines);
}

#endif
