/* Reads Hessian2 without making objects of it: what a Dubbo body holds, value by value. The same
 * for the older grammar of SOFA (codec/sofa_hessian.h): a reader follows the grammar it began with.
 *
 *   data: [value][value][value] …      pos -> the next value's tag; a class definition belongs to
 *                                      the value behind it
 *
 * Borrows the bytes; strings are slices of them unless they came in chunks or hold surrogate pairs
 * (then a UTF-8 copy in the arena). A string's length counts UTF-16 units and each unit is 1 to 3
 * bytes; what Java would decode by accident (overlong forms, wild continuation bytes) is refused
 * where a value is read and stepped over as Java does where it is skipped.
 * Limits: HESSIAN2_DEPTH open containers that end with a mark, HESSIAN2_ITEMS values a reader,
 * HESSIAN2_CLASSES class definitions, HESSIAN2_FIELDS of one; work is linear in the bytes. After
 * any failure pos means nothing. Thread: any, one at a time. */
#ifndef CODEC_HESSIAN2_H
#define CODEC_HESSIAN2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "codec/hessian2_grammar.h"

enum {
	HESSIAN2_DEPTH = 1024,
	HESSIAN2_ITEMS = 1 << 22,
	HESSIAN2_CLASSES = 4096,
	HESSIAN2_FIELDS = UINT16_MAX,
	HESSIAN2_RESCAN = 4 << 20,
};

struct hessian2_known;
struct hessian2_shape;

struct hessian2_class {
	const uint8_t *name;   /* as written, the number of fields behind it */
	const uint8_t *fields; /* their names as written */
	uint32_t field_count;
	bool may_be_shaped;           /* (hessian2_shape.h) */
	struct hessian2_shape *shape; /* of its objects; NULL: none yet */
};

struct hessian2_reader {
	const uint8_t *data;
	size_t len, pos;
	struct arena *arena;
	const struct hessian2_grammar *grammar;
	struct hessian2_known *known; /* classes that were met before; NULL: none */
	uint32_t items_left;
	uint32_t class_count, class_capacity;
	struct hessian2_class *classes;  /* by definition */
	uint32_t type_count;             /* names of list and map types met */
	uint32_t ref_count;              /* lists, maps and objects begun: what a ref counts in */
	uint32_t ref_wanted;             /* note where this one begins */
	uint32_t ref_classes, ref_types; /* what class_count and type_count were there */
	size_t ref_at;                   /* its position, SIZE_MAX until met */
	size_t rescan_left;              /* bytes that may be read again to follow refs */
};

/* A list, map or object whose values are being read. */
struct hessian2_container {
	enum hessian2_kind kind;
	bool is_marked;     /* ends with a mark, else after `left` more values */
	bool is_value_next; /* of a marked map: a key has been read */
	uint32_t left;
	uint32_t class_index; /* of an object, into reader->classes */
	uint32_t type_index;  /* of a list or map, counted from 0 in the order of type names;
				 UINT32_MAX: no type */
	struct slice type;    /* its name as written, when it is a new one; else .data NULL */
};

/* Borrows bytes and arena as long as the reader is used. Without an arena (NULL) only
 * hessian2_read_string and hessian2_read_int may be used. */
void hessian2_init(struct hessian2_reader *reader, struct slice bytes, struct arena *arena);

/* The entry of the tag at pos; one of kind HESSIAN2_INVALID when no byte is left. */
const struct hessian2_tag *hessian2_tag(const struct hessian2_reader *reader);

/* What stands at pos. */
static inline enum hessian2_kind hessian2_kind(const struct hessian2_reader *reader)
{
	return (enum hessian2_kind)hessian2_tag(reader)->kind;
}

/* Steps over one value with all it holds. STATUS_MALFORMED: not Hessian2, or cut short;
 * STATUS_TOO_LARGE: over a limit. */
MUST_CHECK enum status hessian2_skip(struct hessian2_reader *reader);
/* The same with so many. */
MUST_CHECK enum status hessian2_skip_values(struct hessian2_reader *reader, uint32_t count);
/* The same with so many values of the list that has been entered, or all if it has fewer. */
MUST_CHECK enum status hessian2_skip_elements(struct hessian2_reader *reader,
					      struct hessian2_container *list, uint32_t count);

/* The value at pos when it is of fixed size (null, bool, int, long, double, date, and a ref of
 * SOFA's), which is stepped over; NULL when it isn't, or is cut short. */
const uint8_t *hessian2_take_fixed(struct hessian2_reader *reader);

/* One string, as UTF-8; null gives .data NULL. STATUS_MALFORMED: anything else; STATUS_UNSUPPORTED:
 * it needs a copy, and there is no arena. */
MUST_CHECK enum status hessian2_read_string(struct hessian2_reader *reader, struct slice *out);

/* One int. STATUS_MALFORMED: anything else. */
MUST_CHECK enum status hessian2_read_int(struct hessian2_reader *reader, int32_t *out);

/* Any one value, as the text of Java's String.valueOf: strings, ints, longs, booleans, doubles;
 * .data NULL for everything else, which is stepped over. Fails as hessian2_skip. */
MUST_CHECK enum status hessian2_read_text(struct hessian2_reader *reader, struct slice *out);

/* Steps over the class definitions at pos, and remembers them. */
MUST_CHECK enum status hessian2_read_classes(struct hessian2_reader *reader);

/* Steps over the head of the list, map or object at pos. Then its values (of a map: key, value,
 * key, value …) are read as long as hessian2_next says so. STATUS_MALFORMED: something else, or its
 * class or type is unknown. */
MUST_CHECK enum status hessian2_enter(struct hessian2_reader *reader,
				      struct hessian2_container *container);

/* Whether a value of the container follows; else steps over the end mark, if it has one. To be
 * asked before each value. */
bool hessian2_next(struct hessian2_reader *reader, struct hessian2_container *container);

/* Enters a map, typed or not: then key, value, key, value … until hessian2_at_end.
 * STATUS_MALFORMED: no map. */
MUST_CHECK enum status hessian2_enter_map(struct hessian2_reader *reader);

/* True, and steps over it, when the end mark of a map stands at pos. */
bool hessian2_at_end(struct hessian2_reader *reader);

/* The index that a ref at pos names, which is stepped over. STATUS_MALFORMED: no ref. */
MUST_CHECK enum status hessian2_read_ref(struct hessian2_reader *reader, uint32_t *index);

/* The name of a class. Takes as long as the name is long. */
MUST_CHECK enum status hessian2_read_class_name(const struct hessian2_reader *reader,
						uint32_t class_index, struct slice *out);

/* A reader at the first field's name of a class: field_count times hessian2_read_string. Nothing of
 * it can be cut short. */
struct hessian2_reader hessian2_fields_reader(const struct hessian2_reader *reader,
					      uint32_t class_index);

#endif
