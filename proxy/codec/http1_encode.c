#include "codec/http1_encode.h"

#include "base/attributes.h"
#include "codec/http1_scan.h"

#include <assert.h>
#include <stdlib.h>

enum {
	LINE_ROOM = 64,     /* a well-known name, padded; colon, space and the line's end */
	FRAMING_ROOM = 128, /* all lines that can be added, with the empty one */
	START_ROOM = 96,    /* version, status, reason, "host: " */
	COMMON_FIELDS = 4096,
	TRAILERS = 1, /* in place of a status */
};

/* Pseudo headers and removed items. */
#define SKIP_ALWAYS                                                                                \
	(HTTP1_SKIP(REMOVED) | HTTP1_SKIP(METHOD) | HTTP1_SKIP(SCHEME) | HTTP1_SKIP(AUTHORITY) |   \
	 HTTP1_SKIP(PATH) | HTTP1_SKIP(PROTOCOL) | HTTP1_SKIP(STATUS))

/* Copies without a call or a loop when short: the pieces overlap. */
static inline __attribute__((always_inline)) char *put(char *p, const char *s, size_t n)
{
	if (n < 8) {
		if (n >= 4) {
			memcpy(p, s, 4);
			memcpy(p + n - 4, s + n - 4, 4);
		} else if (n) {
			p[0] = s[0];
			p[n / 2] = s[n / 2];
			p[n - 1] = s[n - 1];
		}
	} else if (n <= 16) {
		memcpy(p, s, 8);
		memcpy(p + n - 8, s + n - 8, 8);
	} else if (n <= 64) {
		memcpy(p, s, 16);
		if (n > 32) {
			memcpy(p + 16, s + 16, 16);
			memcpy(p + n - 32, s + n - 32, 16);
		}
		memcpy(p + n - 16, s + n - 16, 16);
	} else {
		memcpy(p, s, n);
	}
	return p + n;
}

#define PUT_LITERAL(p, text) ((char *)memcpy((p), (text), sizeof(text) - 1) + sizeof(text) - 1)

/* The first letter, and each behind something that is neither letter nor digit. */
static COLD char *put_proper_case(char *p, const char *name, size_t n)
{
	bool is_start = true;

	for (size_t i = 0; i < n; i++) {
		char c = name[i];
		bool is_letter = c >= 'a' && c <= 'z';
		*p++ = is_start && is_letter ? (char)(c & ~0x20) : c;
		is_start = !is_letter && !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z');
	}
	return p;
}

static COLD char *put_name_in_case(char *p, const struct header *h, enum http1_case header_case)
{
	if (header_case == HTTP1_CASE_PROPER_WORDS)
		return put_proper_case(p, h->name, h->name_len);
	return put(p, h->flags & HEADER_HAS_ORIGINAL ? h->name + h->name_len : h->name,
		   h->name_len);
}

enum { NAME_ROOM = LINE_ROOM }; /* more than the longest well-known name: a power of 2 */

static const char padded_names[HEADER_ID_COUNT][NAME_ROOM] = {
#define PADDED_NAME(id, text) [HEADER_##id] = text ": ",
	KNOWN_NAMES(PADDED_NAME)
#undef PADDED_NAME
};

/* Whether "name: value" stands so in memory, as where it was received. */
static inline bool is_in_one_piece(const struct header *h)
{
	const char *name_end = h->name + h->name_len;
	return h->value == name_end + 2 && name_end[0] == ':' && name_end[1] == ' ';
}

#define PUT_END_OF_LINE(p) PUT_LITERAL(p, "\r\n")

/* "name: value" and the line's end. NULL: there isn't room up to `limit`, behind which there are
 * LINE_ROOM bytes. */
static inline __attribute__((always_inline)) char *put_line(char *p, const char *limit,
							    const struct header *h)
{
	ptrdiff_t room = limit - p; /* may be negative */

	if (LIKELY(h->id != HEADER_OTHER)) {
		const char *name = padded_names[h->id];
		if (UNLIKELY((ptrdiff_t)h->value_len > room))
			return NULL;
		memcpy(p, name, 16);
		if (UNLIKELY(h->name_len > 14))
			memcpy(p + 16, name + 16, 32);
		p += h->name_len + 2;
	} else if (UNLIKELY((ptrdiff_t)h->name_len + h->value_len > room)) {
		return NULL;
	} else if (LIKELY(is_in_one_piece(h))) {
		p = put(p, h->name, (size_t)h->name_len + 2 + h->value_len);
		return PUT_END_OF_LINE(p);
	} else {
		p = put(p, h->name, h->name_len);
		p = PUT_LITERAL(p, ": ");
	}
	p = put(p, h->value, h->value_len);
	return PUT_END_OF_LINE(p);
}

static char *put_line_in_case(char *p, const char *limit, const struct header *h,
			      enum http1_case header_case)
{
	if ((ptrdiff_t)h->name_len + h->value_len > limit - p)
		return NULL;
	p = put_name_in_case(p, h, header_case);
	p = PUT_LITERAL(p, ": ");
	p = put(p, h->value, h->value_len);
	return PUT_END_OF_LINE(p);
}

static inline bool is_skipped(const struct header *h, uint64_t skip)
{
	return h->id < 64 && skip >> h->id & 1;
}

static size_t fields_size(const struct headers *headers)
{
	size_t size = 0;

	for (uint32_t i = 0; i < headers->count; i++)
		size += (size_t)headers->items[i].name_len + headers->items[i].value_len + 4;
	return size;
}

static inline void check_field(const struct header *h)
{
	assert(http1_is_all(header_name(h), HTTP1_TOKEN));
	assert(http1_is_all(header_value(h), HTTP1_FIELD));
	assert(h->id == known_name_find(header_name(h)));
	(void)h;
}

static COLD char *put_fields_in_case(char *p, const char *limit, const struct headers *headers,
				     uint64_t skip, enum http1_case header_case)
{
	const struct header *end = headers->items + headers->count;

	for (const struct header *h = headers->items; h < end && p; h++) {
		if (is_skipped(h, skip))
			continue;
		check_field(h);
		p = put_line_in_case(p, limit, h, header_case);
	}
	return p;
}

/* NULL: there isn't room up to `limit`. */
static char *put_fields(char *p, const char *limit, const struct headers *headers, uint64_t skip,
			enum http1_case header_case)
{
	const struct header *end = headers->items + headers->count;

	skip |= SKIP_ALWAYS;
	if (UNLIKELY(header_case != HTTP1_CASE_LOWER))
		return put_fields_in_case(p, limit, headers, skip, header_case);
	for (const struct header *h = headers->items; h < end; h++) {
		if (is_skipped(h, skip))
			continue;
		check_field(h);
		p = put_line(p, limit, h);
		if (UNLIKELY(!p))
			return NULL;
	}
	return p;
}

static COLD char *put_added_proper(char *p, unsigned add)
{
	if (add & HTTP1_ADD_LENGTH_0)
		p = PUT_LITERAL(p, "Content-Length: 0\r\n");
	if (add & HTTP1_ADD_CLOSE)
		p = PUT_LITERAL(p, "Connection: close\r\n");
	if (add & HTTP1_ADD_KEEP_ALIVE)
		p = PUT_LITERAL(p, "Connection: keep-alive\r\n");
	if (add & HTTP1_ADD_CHUNKED)
		p = PUT_LITERAL(p, "Transfer-Encoding: chunked\r\n");
	return p;
}

/* The last lines of a head. */
static char *put_end(char *p, unsigned add, enum http1_case header_case)
{
	if (UNLIKELY(header_case == HTTP1_CASE_PROPER_WORDS)) {
		p = put_added_proper(p, add);
	} else if (add) {
		if (add & HTTP1_ADD_LENGTH_0)
			p = PUT_LITERAL(p, "content-length: 0\r\n");
		if (add & HTTP1_ADD_CLOSE)
			p = PUT_LITERAL(p, "connection: close\r\n");
		if (add & HTTP1_ADD_KEEP_ALIVE)
			p = PUT_LITERAL(p, "connection: keep-alive\r\n");
		if (add & HTTP1_ADD_CHUNKED)
			p = PUT_LITERAL(p, "transfer-encoding: chunked\r\n");
	}
	return PUT_LITERAL(p, "\r\n");
}

/* Turn memory, or, for a head beyond its size (limits may be configured so), the heap. */
static char *reserve(struct buf *out, size_t size)
{
	if (LIKELY(size <= BUF_TURN_BLOCK_SIZE))
		return buf_turn_reserve(out->pool, size);
	char *start = malloc(size);
	invariant(start);
	return start;
}

static void give_back(struct buf *out, char *start)
{
	if (start != out->pool->turn_next)
		free(start);
}

static void append(struct buf *out, char *start, const char *end)
{
	struct slice bytes = {start, (size_t)(end - start)};

	if (LIKELY(start == out->pool->turn_next)) {
		buf_turn_commit(out->pool, bytes.len);
		buf_append_turn(out, bytes);
	} else {
		buf_append_owned(out, bytes);
		give_back(out, start);
	}
}

/* What stands before the fields. */
struct start_line {
	struct slice method, target, authority; /* request */
	unsigned status;                        /* response; 0: a request; 1: trailers */
	bool is_http10, is_host_capital;
};

static char *put_request_line(char *p, const struct start_line *line)
{
	p = put(p, line->method.data, line->method.len);
	*p++ = ' ';
	p = put(p, line->target.data, line->target.len);
	if (UNLIKELY(line->is_host_capital))
		p = PUT_LITERAL(p, " HTTP/1.1\r\nHost: ");
	else
		p = PUT_LITERAL(p, " HTTP/1.1\r\nhost: ");
	p = put(p, line->authority.data, line->authority.len);
	return PUT_LITERAL(p, "\r\n");
}

static char *put_status_line(char *p, const struct start_line *line)
{
	if (LIKELY(line->status == 200 && !line->is_http10))
		return PUT_LITERAL(p, "HTTP/1.1 200 OK\r\n");

	struct slice reason = http1_reason(line->status);

	p = PUT_LITERAL(p, "HTTP/1.1 ");
	if (UNLIKELY(line->is_http10))
		p[-2] = '0';
	p[0] = (char)('0' + line->status / 100);
	p[1] = (char)('0' + line->status / 10 % 10);
	p[2] = (char)('0' + line->status % 10);
	p[3] = ' ';
	p = put(p + 4, reason.data, reason.len);
	return PUT_LITERAL(p, "\r\n");
}

/* Tries with room for common heads; the exact size is summed up only for larger ones. */
static void encode(struct buf *out, const struct headers *headers, const struct start_line *line,
		   uint64_t skip, unsigned add, enum http1_case header_case)
{
	size_t fixed = line->method.len + line->target.len + line->authority.len + START_ROOM +
		       LINE_ROOM + FRAMING_ROOM;
	size_t size = fixed + COMMON_FIELDS;

	for (;;) {
		char *start = reserve(out, size), *p = start;
		if (!line->status)
			p = put_request_line(p, line);
		else if (line->status == TRAILERS)
			p = PUT_LITERAL(p, "0\r\n");
		else
			p = put_status_line(p, line);
		p = put_fields(p, start + size - LINE_ROOM - FRAMING_ROOM, headers, skip,
			       header_case);
		if (LIKELY(p)) {
			append(out, start, put_end(p, add, header_case));
			return;
		}
		give_back(out, start);
		size = fixed + fields_size(headers);
	}
}

void http1_encode_request(struct buf *out, const struct headers *headers, bool is_connect,
			  uint64_t skip, unsigned add, enum http1_case header_case)
{
	struct start_line line = {
		.method = headers_get(headers, HEADER_METHOD),
		.target = headers_get(headers, is_connect ? HEADER_AUTHORITY : HEADER_PATH),
		.authority = headers_get(headers, HEADER_AUTHORITY),
	};

	if (UNLIKELY(header_case != HTTP1_CASE_LOWER)) {
		const struct header *authority = headers_find_id(headers, HEADER_AUTHORITY);
		line.is_host_capital = header_case == HTTP1_CASE_PROPER_WORDS ||
				       (authority && authority->flags & HEADER_WAS_HOST);
	}
	if (!line.authority.data)
		line.authority = headers_get(headers, HEADER_HOST);
	if (!line.target.len)
		line.target = SLICE("/");
	encode(out, headers, &line, skip | HTTP1_SKIP(HOST), add, header_case);
}

void http1_encode_response(struct buf *out, const struct headers *headers, unsigned status,
			   bool is_http10, uint64_t skip, unsigned add, enum http1_case header_case)
{
	struct start_line line = {.status = status, .is_http10 = is_http10};

	encode(out, headers, &line, skip, add, header_case);
}

void http1_encode_trailers(struct buf *out, const struct headers *trailers,
			   enum http1_case header_case)
{
	struct start_line line = {.status = TRAILERS};

	encode(out, trailers, &line,
	       HTTP1_SKIP_HOP_BY_HOP | HTTP1_SKIP(CONTENT_LENGTH) | HTTP1_SKIP(HOST), 0,
	       header_case);
}
