/* A borrowed run of bytes: pointer and length, by value. Not terminated; owns nothing. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *data; /* may be NULL when len is 0 */
	size_t len;
};

#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
/* For printf's "%.*s". */
#define SLICE_FMT(s) (int)(s).len, (s).data

static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

static inline struct slice slice_make(const void *data, size_t len)
{
	return (struct slice){data, len};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (!a.len || !memcmp(a.data, b.data, a.len));
}

static inline char slice_lower_char(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* ASCII letters compare without case. */
static inline bool slice_equal_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (slice_lower_char(a.data[i]) != slice_lower_char(b.data[i]))
			return false;
	return true;
}

static inline bool slice_starts_with(struct slice s, struct slice prefix)
{
	return s.len >= prefix.len && (!prefix.len || !memcmp(s.data, prefix.data, prefix.len));
}

static inline bool slice_ends_with(struct slice s, struct slice suffix)
{
	return s.len >= suffix.len &&
	       (!suffix.len || !memcmp(s.data + s.len - suffix.len, suffix.data, suffix.len));
}

/* The bytes [from, to) of s. from <= to <= s.len. */
static inline struct slice slice_sub(struct slice s, size_t from, size_t to)
{
	return (struct slice){s.data + from, to - from};
}

/* Index of the first c at or after `from`, or s.len. */
static inline size_t slice_find_char(struct slice s, char c, size_t from)
{
	const char *hit = from < s.len ? memchr(s.data + from, c, s.len - from) : NULL;
	return hit ? (size_t)(hit - s.data) : s.len;
}

/* <0, 0, >0 by bytes, the shorter first when one is a prefix of the other. */
static inline int slice_compare(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n ? memcmp(a.data, b.data, n) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Without spaces and tabs at both ends. */
static inline struct slice slice_trim(struct slice s)
{
	while (s.len && (s.data[0] == ' ' || s.data[0] == '\t'))
		s.data++, s.len--;
	while (s.len && (s.data[s.len - 1] == ' ' || s.data[s.len - 1] == '\t'))
		s.len--;
	return s;
}

/* A decimal number of digits only. False when empty, over 64 bits, or anything else. */
static inline bool slice_to_uint64(struct slice s, uint64_t *value)
{
	uint64_t sum = 0;
	if (!s.len)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(s.data[i] - '0');
		if (digit > 9 || (i >= 19 && sum > (UINT64_MAX - digit) / 10))
			return false;
		sum = sum * 10 + digit;
	}
	*value = sum;
	return true;
}

#endif
