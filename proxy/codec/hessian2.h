/* Reads Hessian2 without making objects of it: what a Dubbo body holds, value by value.
 *
 *   data: [value][value][value] …      pos -> the next value's tag; a class definition ('C')
 *                                      belongs to the value behind it
 *
 * Borrows the bytes; strings are slices of them unless they came in chunks or hold surrogate pairs
 * (then a UTF-8 copy in the arena). A string's length counts UTF-16 units and each unit is 1 to 3
 * bytes; what Java would decode by accident (overlong forms, wild continuation bytes) is refused
 * where a value is read and stepped over as Java does where it is skipped.
 * Limits: HESSIAN2_DEPTH open containers, HESSIAN2_ITEMS values a reader, HESSIAN2_CLASSES class
 * definitions; work is linear in the bytes. After any failure pos means nothing. Thread: any, one
 * at a time. */
#ifndef CODEC_HESSIAN2_H
#define CODEC_HESSIAN2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

enum {
	HESSIAN2_DEPTH = 64,
	HESSIAN2_ITEMS = 1 << 20,
	HESSIAN2_CLASSES = 4096,
};

enum hessian2_kind {
	HESSIAN2_INVALID, /* no value starts with this byte, or no byte is left */
	HESSIAN2_NULL,
	HESSIAN2_BOOL,
	HESSIAN2_INT,
	HESSIAN2_LONG,
	HESSIAN2_DOUBLE,
	HESSIAN2_DATE,
	HESSIAN2_STRING,
	HESSIAN2_BINARY,
	HESSIAN2_LIST,
	HESSIAN2_MAP,
	HESSIAN2_OBJECT,
	HESSIAN2_CLASS, /* a definition; a value follows */
	HESSIAN2_REF,
};

struct hessian2_reader {
	const uint8_t *data;
	size_t len, pos;
	struct arena *arena;
	uint32_t items_left;
	uint32_t class_count, class_capacity;
	uint16_t *class_fields; /* number of fields, by definition */
	uint32_t type_count;    /* names of list and map types met */
	uint32_t ref_count;     /* lists, maps and objects begun: what a ref counts in */
	uint32_t ref_wanted;    /* note where this one begins */
	size_t ref_at;          /* its position, SIZE_MAX until met */
};

/* Borrows bytes and arena as long as the reader is used. Without an arena (NULL) only
 * hessian2_read_string and hessian2_read_int may be used. */
void hessian2_init(struct hessian2_reader *reader, struct slice bytes, struct arena *arena);

/* What stands at pos. */
enum hessian2_kind hessian2_kind(const struct hessian2_reader *reader);

/* Steps over one value with all it holds. STATUS_MALFORMED: not Hessian2, or cut short;
 * STATUS_TOO_LARGE: over a limit. */
MUST_CHECK enum status hessian2_skip(struct hessian2_reader *reader);

/* One string, as UTF-8; null gives .data NULL. STATUS_MALFORMED: anything else; STATUS_UNSUPPORTED:
 * it needs a copy, and there is no arena. */
MUST_CHECK enum status hessian2_read_string(struct hessian2_reader *reader, struct slice *out);

/* One int. STATUS_MALFORMED: anything else. */
MUST_CHECK enum status hessian2_read_int(struct hessian2_reader *reader, int32_t *out);

/* Any one value, as the text of Java's String.valueOf: strings, ints, longs, booleans, doubles;
 * .data NULL for everything else, which is stepped over. Fails as hessian2_skip. */
MUST_CHECK enum status hessian2_read_text(struct hessian2_reader *reader, struct slice *out);

/* Enters a map, typed or not: then key, value, key, value … until hessian2_at_end.
 * STATUS_MALFORMED: no map. */
MUST_CHECK enum status hessian2_enter_map(struct hessian2_reader *reader);

/* True, and steps over it, when the end mark of a map stands at pos. */
bool hessian2_at_end(struct hessian2_reader *reader);

/* The index that a ref at pos names, which is stepped over. STATUS_MALFORMED: no ref. */
MUST_CHECK enum status hessian2_read_ref(struct hessian2_reader *reader, uint32_t *index);

#endif
