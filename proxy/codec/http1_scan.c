#include "codec/http1_scan.h"

#include "base/attributes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { BLOCK = 64 };

/* clang-format off */
#define T HTTP1_TOKEN
#define P HTTP1_TARGET
#define A HTTP1_AUTHORITY
#define F HTTP1_FIELD
#define U HTTP1_UPPER
const uint8_t http1_class[256] = {
	['\t'] = F, [' '] = F,
	['!'] = T | P | A | F, ['"'] = P | F, ['#'] = T | P | F, ['$'] = T | P | A | F,
	['%'] = T | P | A | F, ['&'] = T | P | A | F, ['\''] = T | P | A | F, ['('] = P | A | F,
	[')'] = P | A | F, ['*'] = T | P | A | F, ['+'] = T | P | A | F, [','] = P | A | F,
	['-'] = T | P | A | F, ['.'] = T | P | A | F, ['/'] = P | F,
	['0' ... '9'] = T | P | A | F,
	[':'] = P | A | F, [';'] = P | A | F, ['<'] = P | F, ['='] = P | A | F, ['>'] = P | F,
	['?'] = P | F, ['@'] = P | F,
	['A' ... 'Z'] = T | P | A | F | U,
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
#undef U
/* clang-format on */

bool http1_is_all(struct slice s, unsigned class_bit)
{
	for (size_t i = 0; i < s.len; i++)
		if (!(http1_class[(uint8_t)s.data[i]] & class_bit))
			return false;
	return true;
}

enum http1_scan_result http1_scan_lines_bytewise(struct http1_lines *lines, struct slice bytes)
{
	uint32_t at = lines->scanned;

	for (; at < bytes.len; at++) {
		lines->scanned = at;
		if (http1_class[(uint8_t)bytes.data[at]] & HTTP1_FIELD)
			continue;
		if (bytes.data[at] == '\n')
			return HTTP1_SCAN_ENDING;
		if (bytes.data[at] != '\r')
			return HTTP1_SCAN_CONTROL;
		if (at + 1 == bytes.len)
			return HTTP1_SCAN_MORE;
		if (bytes.data[at + 1] != '\n')
			return HTTP1_SCAN_ENDING;
		if (at == lines->line_start)
			return HTTP1_SCAN_END;
		if (lines->count == lines->max)
			return HTTP1_SCAN_FULL;
		lines->ends[lines->count++] = at++;
		lines->line_start = at + 1;
	}
	lines->scanned = at;
	return HTTP1_SCAN_MORE;
}

#if defined(__x86_64__)

/* Bit i: byte i of the block is a control character. */
typedef uint64_t block_mask(const char *p);

static inline __attribute__((always_inline)) uint64_t mask16(const char *p)
{
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(0x1f)), x);
	__m128i del = _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7f));
	return (uint32_t)_mm_movemask_epi8(_mm_or_si128(control, del));
}

static inline __attribute__((always_inline)) uint64_t mask_sse2(const char *p)
{
	return mask16(p) | mask16(p + 16) << 16 | mask16(p + 32) << 32 | mask16(p + 48) << 48;
}

__attribute__((target("avx2"))) static inline uint64_t mask32(const char *p)
{
	__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
	__m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8(0x1f)), x);
	__m256i del = _mm256_cmpeq_epi8(x, _mm256_set1_epi8(0x7f));
	return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(control, del));
}

__attribute__((target("avx2"))) static inline uint64_t mask_avx2(const char *p)
{
	return mask32(p) | mask32(p + 32) << 32;
}

/* The bytes left at the end, fewer than a block: never reads beyond them. */
static inline __attribute__((always_inline)) uint64_t mask_tail(struct slice bytes, size_t at,
								block_mask *mask)
{
	size_t left = bytes.len - at;

	if (bytes.len >= BLOCK)
		return mask(bytes.data + bytes.len - BLOCK) >> (BLOCK - left);
	char block[BLOCK];
	memset(block, ' ', sizeof block);
	memcpy(block, bytes.data + at, left);
	return mask(block);
}

static inline __attribute__((always_inline)) bool is_line_end(const char *p)
{
	uint16_t two;

	memcpy(&two, p, sizeof two);
	return two == ('\r' | '\n' << 8);
}

/* Goes over whole lines and leaves to the byte-wise scan whatever isn't one: the last bytes, a
 * fault, the last few line ends that there is room for. `mask` is a constant after inlining. */
static inline __attribute__((always_inline)) enum http1_scan_result
scan_blocks(struct http1_lines *lines, struct slice bytes, block_mask *mask)
{
	const char *data = bytes.data;
	size_t at = lines->scanned, line_start = lines->line_start;
	uint32_t *end = lines->ends + lines->count;
	const uint32_t *last = lines->ends + lines->max;

	for (; at + 1 < bytes.len && last - end >= BLOCK / 2; at += BLOCK) {
		uint64_t found = LIKELY(bytes.len - at >= BLOCK) ? mask(data + at)
								 : mask_tail(bytes, at, mask);
		if (UNLIKELY(line_start == at + 1)) /* the last block ended between CR and LF */
			found &= found - 1;
		while (found) {
			size_t i = at + (size_t)__builtin_ctzll(found);
			found &= found - 1;
			if (UNLIKELY(i + 1 >= bytes.len || !is_line_end(data + i))) {
				if (data[i] == '\t')
					continue;
				at = i;
				goto out;
			}
			if (UNLIKELY(i == line_start)) {
				at = i;
				goto out;
			}
			found &= found - 1; /* the LF */
			*end++ = (uint32_t)i;
			line_start = i + 2;
		}
	}
	if (at > bytes.len)
		at = bytes.len;
	if (at < line_start)
		at = line_start;
out:
	lines->scanned = (uint32_t)at;
	lines->line_start = (uint32_t)line_start;
	lines->count = (uint32_t)(end - lines->ends);
	return http1_scan_lines_bytewise(lines, bytes);
}

enum http1_scan_result http1_scan_lines_sse2(struct http1_lines *lines, struct slice bytes)
{
	return scan_blocks(lines, bytes, mask_sse2);
}

__attribute__((target("avx2,bmi"))) enum http1_scan_result
http1_scan_lines_avx2(struct http1_lines *lines, struct slice bytes)
{
	return scan_blocks(lines, bytes, mask_avx2);
}

bool http1_scan_has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
}

enum http1_scan_result http1_scan_lines(struct http1_lines *lines, struct slice bytes)
{
	return http1_scan_has_avx2() ? http1_scan_lines_avx2(lines, bytes)
				     : http1_scan_lines_sse2(lines, bytes);
}

#else

enum http1_scan_result http1_scan_lines_sse2(struct http1_lines *lines, struct slice bytes)
{
	return http1_scan_lines_bytewise(lines, bytes);
}

enum http1_scan_result http1_scan_lines_avx2(struct http1_lines *lines, struct slice bytes)
{
	return http1_scan_lines_bytewise(lines, bytes);
}

bool http1_scan_has_avx2(void)
{
	return true;
}

enum http1_scan_result http1_scan_lines(struct http1_lines *lines, struct slice bytes)
{
	return http1_scan_lines_bytewise(lines, bytes);
}

#endif
