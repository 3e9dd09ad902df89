#include "codec/http1_names.h"

#include "base/attributes.h"
#include "codec/http1_scan.h"

enum { BLOCK = 16, LONGEST_KNOWN = 3 * BLOCK };

enum header_id http1_name_find_bytewise(const char *name, size_t *len)
{
	char low[LONGEST_KNOWN];
	size_t n = 0;

	for (; n < *len && name[n] != ':'; n++) {
		if (!(http1_class[(uint8_t)name[n]] & HTTP1_TOKEN))
			return HEADER_REMOVED;
		if (n < sizeof low)
			low[n] = slice_lower_char(name[n]);
	}
	if (!n || n == *len)
		return HEADER_REMOVED;
	*len = n;
	return n <= sizeof low ? known_name_find(slice_make(low, n)) : HEADER_OTHER;
}

void http1_name_lower_bytewise(char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		name[i] = slice_lower_char(name[i]);
}

#if defined(__x86_64__)

static inline __m128i load(const char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Bit i: byte i isn't a letter, a digit or '-'. */
static inline unsigned unusual(__m128i x)
{
	__m128i letter = _mm_sub_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8('a'));
	__m128i digit = _mm_sub_epi8(x, _mm_set1_epi8('0'));
	__m128i is_letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(25)), letter);
	__m128i is_digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
	__m128i is_dash = _mm_cmpeq_epi8(x, _mm_set1_epi8('-'));
	return 0xffffu ^ (unsigned)_mm_movemask_epi8(
				 _mm_or_si128(_mm_or_si128(is_letter, is_digit), is_dash));
}

bool http1_name_is_token(const char *name, size_t len)
{
	/* Sixteen bytes are readable: http1_name_find has read them. */
	if (LIKELY(len && len <= BLOCK && !(unusual(load(name)) & ((1u << len) - 1))))
		return true;
	return len && http1_is_all(slice_make(name, len), HTTP1_TOKEN);
}

/* Three blocks in a row hold any well-known name. */
enum header_id http1_name_find_long(const char *name, const char *end, size_t *len)
{
	char low[LONGEST_KNOWN];
	unsigned odd = 0;
	size_t at = 0;

	for (;; at += BLOCK) {
		if (UNLIKELY(at == sizeof low || end - name < (ptrdiff_t)(at + BLOCK)))
			return http1_name_find_bytewise(name, len);
		__m128i x = load(name + at);
		unsigned colon = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8(':')));
		_mm_storeu_si128((__m128i *)(void *)(low + at),
				 _mm_or_si128(x, _mm_set1_epi8(0x20)));
		if (LIKELY(colon)) {
			unsigned n = (unsigned)__builtin_ctz(colon);
			odd |= unusual(x) & ((1u << n) - 1);
			at += n;
			break;
		}
		odd |= unusual(x);
	}
	if (UNLIKELY(!at || at >= *len ||
		     (odd && !http1_is_all(slice_make(name, at), HTTP1_TOKEN))))
		return HEADER_REMOVED;
	*len = at;
	return known_name_find(slice_make(low, at));
}

void http1_name_lower(char *name, size_t len)
{
	static const uint8_t ones_then_zeros[2 * BLOCK] = {
		0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
		0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20,
	};
	for (;; name += BLOCK, len -= BLOCK) {
		size_t n = len < BLOCK ? len : BLOCK;
		__m128i x = load(name);
		__m128i in_name = load((const char *)ones_then_zeros + BLOCK - n);
		__m128i is_upper = _mm_cmpgt_epi8(_mm_add_epi8(x, _mm_set1_epi8(127 - 'Z')),
						  _mm_set1_epi8(127 - 26));
		_mm_storeu_si128((__m128i *)(void *)name,
				 _mm_or_si128(x, _mm_and_si128(is_upper, in_name)));
		if (len <= BLOCK)
			return;
	}
}

bool http1_is_target(struct slice s, const char *end)
{
	for (; s.len; s = slice_sub(s, BLOCK, s.len)) {
		if (UNLIKELY(end - s.data < BLOCK))
			return http1_is_all(s, HTTP1_TARGET);
		unsigned good = (unsigned)_mm_movemask_epi8(
			_mm_cmpgt_epi8(load(s.data), _mm_set1_epi8(' ')));
		if (s.len < BLOCK)
			return !(~good & ((1u << s.len) - 1));
		if (good != 0xffff)
			return false;
	}
	return true;
}

bool http1_is_host(struct slice s, const char *end)
{
	for (struct slice left = s; left.len; left = slice_sub(left, BLOCK, left.len)) {
		if (UNLIKELY(end - left.data < BLOCK))
			return http1_is_all(left, HTTP1_AUTHORITY);
		__m128i x = load(left.data);
		__m128i dot = _mm_cmpeq_epi8(x, _mm_set1_epi8('.'));
		__m128i colon = _mm_cmpeq_epi8(x, _mm_set1_epi8(':'));
		unsigned odd = unusual(x) & ~(unsigned)_mm_movemask_epi8(_mm_or_si128(dot, colon));
		if (left.len < BLOCK)
			odd &= (1u << left.len) - 1;
		if (odd)
			return http1_is_all(s, HTTP1_AUTHORITY);
		if (left.len < BLOCK)
			break;
	}
	return true;
}

#else

enum header_id http1_name_find_long(const char *name, const char *end, size_t *len)
{
	(void)end;
	return http1_name_find_bytewise(name, len);
}

bool http1_name_is_token(const char *name, size_t len)
{
	return len && http1_is_all(slice_make(name, len), HTTP1_TOKEN);
}

void http1_name_lower(char *name, size_t len)
{
	http1_name_lower_bytewise(name, len);
}

bool http1_is_target(struct slice s, const char *end)
{
	(void)end;
	return http1_is_all(s, HTTP1_TARGET);
}

bool http1_is_host(struct slice s, const char *end)
{
	(void)end;
	return http1_is_all(s, HTTP1_AUTHORITY);
}

#endif
