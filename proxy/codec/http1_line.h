/* One line of an HTTP/1 head after the other, in one pass over its bytes: the line's end, the
 * field's name with its id, what may not stand there.
 *
 *   name: value CR LF CR LF body …        blocks of 32 bytes from each line's start; the last ones
 *   ^at                          ^end     are read in a padded copy, so that nothing is read
 *                                         beyond `end`
 *
 * Inline and without a type of its own for blocks: http1_fields.c makes a variant for SSE2 and one
 * for AVX2 of it. Whatever isn't a plain line goes byte by byte, which is all there is elsewhere
 * than on x86-64, and the oracle of the tests. */
#ifndef CODEC_HTTP1_LINE_H
#define CODEC_HTTP1_LINE_H

#include "codec/http1_names.h"
#include "codec/http1_scan.h"

enum { HTTP1_BLOCK = 32 };

/* Where a head is read. */
struct http1_cursor {
	const char *at, *end;   /* end: of the bytes; of their copy once `at` is in it */
	const char *last_block; /* behind it less than a block and a byte can be read */
	uintptr_t shift;        /* from where it is read to where it stands */
	char *tail;             /* HTTP1_TAIL_SIZE bytes for the copy */
	bool notes_others;
#if defined(__x86_64__)
	__m128i colons; /* 16 of them */
#endif
};

enum { HTTP1_TAIL_SIZE = 3 * HTTP1_BLOCK };

static inline struct http1_cursor http1_cursor_of(struct slice bytes, char *tail, bool notes_others)
{
	const char *end = bytes.data + bytes.len;
	return (struct http1_cursor){.at = bytes.data,
				     .end = end,
				     .last_block = end - HTTP1_BLOCK - 1,
				     .notes_others = notes_others,
				     .tail = tail};
}

struct http1_line {
	const char *name, *value; /* read at; value: behind the colon, not trimmed */
	const char *end;          /* the CR */
	size_t name_len;
	enum header_id id;
	bool is_noted; /* http1_is_noted(id), or of HEADER_OTHER when the cursor says so */
};

enum http1_line_kind {
	HTTP1_LINE_FIELD,
	HTTP1_LINE_EMPTY, /* the head's last */
	HTTP1_LINE_BAD,   /* incomplete, or a fault: http1_scan_lines tells which */
};

/* A run of HTTP1_BLOCK readable bytes. Bit i: byte i is a control character. */
typedef uint32_t http1_block_mask(const char *p);

static inline bool http1_is_line_end(const char *p)
{
	uint16_t two;

	memcpy(&two, p, sizeof two);
	return two == ('\r' | '\n' << 8);
}

/* The end of the line at `p`: a CR LF before `end` with no control character but TAB before it, or
 * NULL. */
const char *http1_line_end_bytewise(const char *p, const char *end);

/* Takes the next line: advances cursor->at. */
enum http1_line_kind http1_line_next_bytewise(struct http1_cursor *cursor, struct http1_line *line);

/* The same when its end may be known already (else NULL). */
enum http1_line_kind http1_line_next_odd(struct http1_cursor *cursor, struct http1_line *line,
					 const char *end);

#if defined(__x86_64__)

/* From `p` on, where the bytes before `end` are at least a block. */
static inline __attribute__((always_inline)) const char *
http1_line_end(const char *p, const char *end, http1_block_mask *mask)
{
	for (; end - p >= 2; p += HTTP1_BLOCK) {
		ptrdiff_t left = end - p;
		uint32_t found = LIKELY(left >= HTTP1_BLOCK)
					 ? mask(p)
					 : mask(end - HTTP1_BLOCK) >> (HTTP1_BLOCK - left);
		if (!found)
			continue;
		p += __builtin_ctz(found);
		return LIKELY(end - p >= 2 && http1_is_line_end(p))
			       ? p
			       : http1_line_end_bytewise(p, end);
	}
	return NULL;
}

/* Goes on in a padded copy of what is left: at most a block. The bytes behind it end no line. */
static inline void http1_cursor_enter_tail(struct http1_cursor *cursor)
{
	size_t left = (size_t)(cursor->end - cursor->at);
	char *end = cursor->tail + HTTP1_BLOCK;

	memcpy(cursor->tail, cursor->end - HTTP1_BLOCK, HTTP1_BLOCK);
	memset(end, 0, HTTP1_TAIL_SIZE - HTTP1_BLOCK);
	cursor->shift = (uintptr_t)cursor->end - (uintptr_t)end;
	cursor->at = end - left;
	cursor->end = end;
	cursor->last_block = end;
}

/* The name stands in x, before a colon. False: not a usual one. */
static inline __attribute__((always_inline)) bool
http1_line_find_name(struct http1_line *line, __m128i x, unsigned colon, bool notes_others)
{
	const struct http1_name_slot *slot;

	line->name_len = (unsigned)__builtin_ctz(colon);
	slot = http1_name_slot_of(x, colon, line->name_len);
	if (LIKELY(slot)) {
		line->id = (enum header_id)slot->id;
		line->is_noted = slot->is_noted;
		return true;
	}
	line->id = HEADER_OTHER;
	line->is_noted = notes_others;
	return LIKELY(line->name_len && !(http1_unusual(x) & (colon ^ (colon - 1)) >> 1));
}

static inline __attribute__((always_inline)) enum http1_line_kind
http1_line_next(struct http1_cursor *cursor, struct http1_line *line, http1_block_mask *mask)
{
	const char *at = cursor->at, *end;

	if (UNLIKELY(at > cursor->last_block)) {
		http1_cursor_enter_tail(cursor);
		at = cursor->at;
	}
	uint32_t control = mask(at);
	end = LIKELY(control) ? at + (unsigned)__builtin_ctz(control)
			      : http1_line_end(at + HTTP1_BLOCK, cursor->end, mask);
	if (UNLIKELY(!end || !http1_is_line_end(end)))
		goto odd;
	__m128i x = _mm_loadu_si128((const __m128i *)(const void *)at);
	unsigned colon = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, cursor->colons));
	colon &= control ^ (control - 1); /* before the line's end */
	if (UNLIKELY(!colon)) {
		if (LIKELY(end == at)) {
			cursor->at = end + 2;
			return HTTP1_LINE_EMPTY;
		}
		goto odd;
	}
	if (UNLIKELY(!http1_line_find_name(line, x, colon, cursor->notes_others)))
		goto odd;
	line->name = at;
	line->value = at + line->name_len + 1;
	line->end = end;
	cursor->at = end + 2;
	return HTTP1_LINE_FIELD;
odd:;
	struct http1_cursor c = *cursor; /* copies, so that all else may be registers */
	struct http1_line l;
	enum http1_line_kind kind = http1_line_next_odd(&c, &l, end);
	*cursor = c;
	*line = l;
	return kind;
}

#endif

#endif
