#include "codec/hessian2_string.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

const uint32_t hessian2_first_bits[HESSIAN2_WIDE] = {
	0x1,       0x3,       0x7,       0xf,       0x1f,       0x3f,       0x7f,       0xff,
	0x1ff,     0x3ff,     0x7ff,     0xfff,     0x1fff,     0x3fff,     0x7fff,     0xffff,
	0x1ffff,   0x3ffff,   0x7ffff,   0xfffff,   0x1fffff,   0x3fffff,   0x7fffff,   0xffffff,
	0x1ffffff, 0x3ffffff, 0x7ffffff, 0xfffffff, 0x1fffffff, 0x3fffffff, 0x7fffffff, 0xffffffff,
};

/* Bytes of the unit that begins with c, 0 if none does. */
static size_t unit_size(uint8_t c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc0)
		return 0;
	return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 0;
}

/* A run of whole units at the beginning of 64 bytes. */
struct run {
	size_t size, units; /* size 0: it must be looked at byte by byte */
	bool is_ascii;
};

#if defined(__x86_64__)
/* Bit i: byte i, masked, is `value`. */
static uint64_t where(const __m128i *bytes, int mask, int value)
{
	uint64_t found = 0;

	for (unsigned i = 0; i < 4; i++) {
		__m128i masked = _mm_and_si128(bytes[i], _mm_set1_epi8((char)mask));
		__m128i equal = _mm_cmpeq_epi8(masked, _mm_set1_epi8((char)value));
		found |= (uint64_t)(uint32_t)_mm_movemask_epi8(equal) << (16 * i);
	}
	return found;
}

/* A unit that goes beyond the 64 bytes is left out. When each first byte has as many continuation
 * bytes behind it as it says, and no others stand there, counting first bytes gives what stepping
 * from unit to unit does; else that has to be done. */
static struct run run_of(const __m128i *bytes)
{
	uint64_t two = where(bytes, 0xe0, 0xc0), three = where(bytes, 0xf0, 0xe0);
	uint64_t next = where(bytes, 0xc0, 0x80), four = where(bytes, 0xf0, 0xf0);
	uint64_t wrong = next ^ (two << 1 | three << 1 | three << 2);
	unsigned size = three >> 62 & 1 ? 62 : (two | three) >> 63 ? 63 : 64;
	uint64_t within = UINT64_MAX >> (64 - size);

	/* what was left out must begin a unit, too */
	if (four || wrong & (within << 1 | 1))
		return (struct run){0, 0, false};
	return (struct run){size, (size_t)__builtin_popcountll(~next & within), false};
}

static struct run next_run(const char *p)
{
	__m128i bytes[4];

	for (unsigned i = 0; i < 4; i++)
		bytes[i] = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
	__m128i all =
		_mm_or_si128(_mm_or_si128(bytes[0], bytes[1]), _mm_or_si128(bytes[2], bytes[3]));
	if (LIKELY(!_mm_movemask_epi8(all)))
		return (struct run){64, 64, true};
	return run_of(bytes);
}
#else
static struct run next_run(const char *p)
{
	bool is_ascii = hessian2_is_ascii((const uint8_t *)p, 64);

	return (struct run){is_ascii ? 64 : 0, 64, is_ascii};
}
#endif

/* Steps from unit to unit, until none is left or `stop` reached. NULL when a unit is broken. */
static const char *step_units(const char *p, const char *stop, const char *end, size_t *units,
			      unsigned *seen)
{
	while (*units && p < stop) {
		uint8_t c = (uint8_t)*p;
		size_t size = unit_size(c);
		if (!size || (size_t)(end - p) < size)
			return NULL;
		*seen |= c;
		p += size;
		--*units;
	}
	return p;
}

size_t hessian2_units_size(struct slice bytes, size_t units, unsigned *seen)
{
	const char *p = bytes.data, *end = p + bytes.len;

	while (units >= 64 && end - p >= 64) {
		struct run run = next_run(p);
		if (UNLIKELY(!run.size)) {
			if (!(p = step_units(p, p + 64, end, &units, seen)))
				return SIZE_MAX;
			continue;
		}
		*seen |= run.is_ascii ? 0 : 0x80;
		p += run.size;
		units -= run.units;
	}
	while (units >= 8 && end - p >= 8) {
		uint64_t word;
		memcpy(&word, p, 8);
		if (word & HIGH_BITS)
			break;
		p += 8;
		units -= 8;
	}
	p = step_units(p, end, end, &units, seen);
	return p && !units ? (size_t)(p - bytes.data) : SIZE_MAX;
}

/* The unit at p, or -1 when it is broken or longer than it need be. */
static int unit_at(const uint8_t *p, const uint8_t *end)
{
	size_t size = unit_size(*p);

	if (size == 1)
		return *p;
	if (!size || (size_t)(end - p) < size || (p[1] & 0xc0) != 0x80)
		return -1;
	if (size == 2)
		return *p < 0xc2 ? -1 : (*p & 0x1f) << 6 | (p[1] & 0x3f);
	int unit = (*p & 0x0f) << 12 | (p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	return (p[2] & 0xc0) != 0x80 || unit < 0x800 ? -1 : unit;
}

static bool is_high_surrogate(int unit)
{
	return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low_surrogate(int unit)
{
	return unit >= 0xdc00 && unit < 0xe000;
}

/* The number of surrogate pairs, or -1 when a unit is broken. */
static long count_pairs(struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.data, *end = p + bytes.len;
	long pairs = 0;

	for (int last = 0; p < end; p += unit_size(*p)) {
		int unit = unit_at(p, end);
		if (unit < 0)
			return -1;
		bool is_pair = is_low_surrogate(unit) && is_high_surrogate(last);
		pairs += is_pair;
		last = unit;
	}
	return pairs;
}

enum status hessian2_to_utf8(struct slice bytes, struct slice *out, struct arena *arena)
{
	long pairs = count_pairs(bytes);

	*out = bytes;
	if (pairs < 0)
		return STATUS_MALFORMED;
	if (!pairs)
		return STATUS_OK;
	if (!arena)
		return STATUS_UNSUPPORTED;

	const uint8_t *p = (const uint8_t *)bytes.data, *end = p + bytes.len;
	size_t len = bytes.len - 2 * (size_t)pairs; /* six bytes become four */
	uint8_t *text = arena_alloc(arena, len), *to = text;
	while (p < end) {
		int unit = unit_at(p, end);
		size_t size = unit_size(*p);
		int next = is_high_surrogate(unit) && p + size < end ? unit_at(p + size, end) : 0;
		if (is_low_surrogate(next)) {
			int code = 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00);
			*to++ = (uint8_t)(0xf0 | code >> 18);
			*to++ = (uint8_t)(0x80 | (code >> 12 & 0x3f));
			*to++ = (uint8_t)(0x80 | (code >> 6 & 0x3f));
			*to++ = (uint8_t)(0x80 | (code & 0x3f));
			p += 6;
		} else {
			memcpy(to, p, size);
			to += size;
			p += size;
		}
	}
	*out = slice_make(text, len);
	return STATUS_OK;
}

bool hessian2_ends_with_high_surrogate(struct slice bytes)
{
	const uint8_t *end = (const uint8_t *)bytes.data + bytes.len;

	return bytes.len >= 3 && is_high_surrogate(unit_at(end - 3, end));
}

/* The code point of UTF-8 at p and its size; -1 and 1 when there is none. */
static int code_at(const uint8_t *p, const uint8_t *end, size_t *size)
{
	*size = unit_size(*p);
	int code = *size ? unit_at(p, end) : -1;

	if (*p >= 0xf0 && *p <= 0xf4 && end - p >= 4 && (p[1] & 0xc0) == 0x80 &&
	    (p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80) {
		*size = 4;
		code = (*p & 0x07) << 18 | (p[1] & 0x3f) << 12 | (p[2] & 0x3f) << 6 | (p[3] & 0x3f);
		if (code < 0x10000 || code > 0x10ffff)
			code = -1;
	}
	if (code < 0 || is_high_surrogate(code) || is_low_surrogate(code)) {
		*size = 1;
		return -1;
	}
	return code;
}

static uint8_t *put_surrogate(uint8_t *to, int unit)
{
	to[0] = (uint8_t)(0xe0 | unit >> 12);
	to[1] = (uint8_t)(0x80 | (unit >> 6 & 0x3f));
	to[2] = (uint8_t)(0x80 | (unit & 0x3f));
	return to + 3;
}

struct slice hessian2_from_utf8(struct slice text, size_t *units, struct arena *arena)
{
	unsigned seen = 0;

	*units = text.len;
	if (!text.len || (hessian2_units_size(text, text.len, &seen) == text.len && seen < 0x80))
		return text;

	const uint8_t *p = (const uint8_t *)text.data, *end = p + text.len;
	uint8_t *copy = arena_alloc(arena, text.len + text.len / 2), *to = copy;
	for (*units = 0; p < end; ++*units) {
		size_t size;
		int code = code_at(p, end, &size);
		if (code >= 0x10000) {
			to = put_surrogate(to, 0xd800 + ((code - 0x10000) >> 10));
			to = put_surrogate(to, 0xdc00 + (code & 0x3ff));
			++*units;
		} else if (code < 0) {
			*to++ = '?';
		} else {
			memcpy(to, p, size);
			to += size;
		}
		p += size;
	}
	return slice_make(copy, (size_t)(to - copy));
}
