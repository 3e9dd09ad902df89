#include "codec/http1_names.h"

#include "base/attributes.h"
#include "codec/http1_scan.h"

enum { BLOCK = 16, LONGEST_KNOWN = 3 * BLOCK };

#define SLOT(at, id, text)                                                                         \
	[at] = {text, HEADER_##id, HEADER_##id < 64 && HTTP1_NOTED >> (HEADER_##id & 63) & 1},
/* clang-format off */
const struct http1_name_slot http1_name_slots[HTTP1_NAME_SLOTS] = {
	SLOT(0, X_FORWARDED_FOR, "x-forwarded-for:") SLOT(1, TRACEPARENT, "traceparent:")
	SLOT(2, TRAILER, "trailer:") SLOT(5, X_ENVOY_IP_TAGS, "x-envoy-ip-tags:")
	SLOT(6, REFERER, "referer:") SLOT(11, UPGRADE, "upgrade:")
	SLOT(12, SET_COOKIE, "set-cookie:") SLOT(13, USER_AGENT, "user-agent:")
	SLOT(14, ACCEPT_LANGUAGE, "accept-language:") SLOT(15, GRPC_MESSAGE, "grpc-message:")
	SLOT(17, ACCEPT, "accept:") SLOT(18, X_REQUEST_ID, "x-request-id:")
	SLOT(21, VARY, "vary:") SLOT(22, HTTP2_SETTINGS, "http2-settings:")
	SLOT(25, COOKIE, "cookie:") SLOT(26, ETAG, "etag:") SLOT(27, ORIGIN, "origin:")
	SLOT(28, CONNECTION, "connection:") SLOT(29, ACCEPT_ENCODING, "accept-encoding:")
	SLOT(30, DATE, "date:") SLOT(31, AUTHORIZATION, "authorization:")
	SLOT(34, HOST, "host:") SLOT(35, EXPECT, "expect:")
	SLOT(38, CONTENT_TYPE, "content-type:") SLOT(39, CONTENT_LENGTH, "content-length:")
	SLOT(42, SERVER, "server:") SLOT(47, IF_NONE_MATCH, "if-none-match:")
	SLOT(49, CACHE_CONTROL, "cache-control:") SLOT(50, KEEP_ALIVE, "keep-alive:")
	SLOT(51, TE, "te:") SLOT(53, VIA, "via:") SLOT(56, LAST_MODIFIED, "last-modified:")
	SLOT(58, LOCATION, "location:") SLOT(60, GRPC_TIMEOUT, "grpc-timeout:")
	SLOT(62, GRPC_STATUS, "grpc-status:")
};
/* clang-format on */
#undef SLOT

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
	if (!n || n == *len || n > UINT16_MAX)
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

/* Three blocks in a row hold any well-known name. */
enum header_id http1_name_find(const char *name, const char *end, size_t *len)
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
			odd |= http1_unusual(x) & ((1u << n) - 1);
			at += n;
			break;
		}
		odd |= http1_unusual(x);
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
		unsigned odd =
			http1_unusual(x) & ~(unsigned)_mm_movemask_epi8(_mm_or_si128(dot, colon));
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

enum header_id http1_name_find(const char *name, const char *end, size_t *len)
{
	(void)end;
	return http1_name_find_bytewise(name, len);
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
