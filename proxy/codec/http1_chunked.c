#include "codec/http1_chunked.h"

#include <stdbool.h>

#include "codec/http1_scan.h"

/* 16: not a hex digit. */
static unsigned hex_value(char c)
{
	if ((unsigned)(c - '0') < 10)
		return (unsigned)(c - '0');
	unsigned letter = (unsigned)((c | 0x20) - 'a');
	return letter < 6 ? letter + 10 : 16;
}

static bool take_behind_size(struct http1_chunked *chunked, char c)
{
	switch (c) {
	case '\r':
		chunked->state = HTTP1_CHUNK_SIZE_LF;
		return true;
	case ' ':
	case '\t':
		chunked->state = HTTP1_CHUNK_SIZE_BLANK;
		return true;
	case ';':
		chunked->state = HTTP1_CHUNK_EXTENSION;
		return true;
	default:
		return false;
	}
}

static bool take_size_char(struct http1_chunked *chunked, char c)
{
	unsigned digit = hex_value(c);

	if (digit < 16) {
		if (chunked->left > INT64_MAX >> 4)
			return false;
		chunked->left = chunked->left << 4 | digit;
		return true;
	}
	return chunked->line_len > 1 && take_behind_size(chunked, c);
}

static bool take_char(struct http1_chunked *chunked, char c)
{
	switch ((enum http1_chunk_state)chunked->state) {
	case HTTP1_CHUNK_SIZE:
		return ++chunked->line_len <= HTTP1_CHUNK_LINE_LIMIT && take_size_char(chunked, c);
	case HTTP1_CHUNK_SIZE_BLANK:
		return ++chunked->line_len <= HTTP1_CHUNK_LINE_LIMIT &&
		       take_behind_size(chunked, c);
	case HTTP1_CHUNK_EXTENSION:
		if (c == '\r')
			chunked->state = HTTP1_CHUNK_SIZE_LF;
		else if (!(http1_class[(uint8_t)c] & HTTP1_FIELD))
			return false;
		return ++chunked->line_len <= HTTP1_CHUNK_LINE_LIMIT;
	case HTTP1_CHUNK_SIZE_LF:
		chunked->state = chunked->left ? HTTP1_CHUNK_DATA : HTTP1_CHUNK_LAST;
		chunked->line_len = 0;
		return c == '\n';
	case HTTP1_CHUNK_DATA_CR:
		chunked->state = HTTP1_CHUNK_DATA_LF;
		return c == '\r';
	case HTTP1_CHUNK_DATA_LF:
		chunked->state = HTTP1_CHUNK_SIZE;
		return c == '\n';
	case HTTP1_CHUNK_DATA:
	case HTTP1_CHUNK_LAST:
		break;
	}
	return false;
}

enum http1_chunk_result http1_chunk_next(struct http1_chunked *chunked, struct slice *bytes)
{
	for (;;) {
		if (chunked->state == HTTP1_CHUNK_LAST)
			return HTTP1_CHUNK_END;
		if (!bytes->len)
			return HTTP1_CHUNK_MORE;
		if (chunked->state == HTTP1_CHUNK_DATA)
			return HTTP1_CHUNK_HAS_DATA;
		if (!take_char(chunked, bytes->data[0]))
			return HTTP1_CHUNK_BAD;
		*bytes = slice_sub(*bytes, 1, bytes->len);
	}
}

void http1_chunk_take(struct http1_chunked *chunked, uint64_t n)
{
	chunked->left -= n;
	if (!chunked->left)
		chunked->state = HTTP1_CHUNK_DATA_CR;
}

char *http1_chunk_put_size(char *p, uint64_t size)
{
	unsigned digits = size ? (67u - (unsigned)__builtin_clzll(size)) / 4 : 1;

	for (unsigned i = digits; i; i--, size >>= 4)
		p[i - 1] = "0123456789abcdef"[size & 15];
	p[digits] = '\r';
	p[digits + 1] = '\n';
	return p + digits + 2;
}
