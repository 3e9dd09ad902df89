#include "codec/hessian2.h"

#include <string.h>

#include "codec/hessian2_number.h"
#include "codec/hessian2_string.h"
#include "message/argument_value.h"

enum { SPECIAL = 0xff };

/* What a tag begins, and how many bytes belong to it when that is fixed. */
struct tag {
	uint8_t kind;
	uint8_t extra;
};

static const struct tag tags[256] = {
	[0x00 ... 0x1f] = {HESSIAN2_STRING, SPECIAL},
	[0x20 ... 0x2f] = {HESSIAN2_BINARY, SPECIAL},
	[0x30 ... 0x33] = {HESSIAN2_STRING, SPECIAL},
	[0x34 ... 0x37] = {HESSIAN2_BINARY, SPECIAL},
	[0x38 ... 0x3f] = {HESSIAN2_LONG, 2},
	['A'] = {HESSIAN2_BINARY, SPECIAL},
	['B'] = {HESSIAN2_BINARY, SPECIAL},
	['C'] = {HESSIAN2_CLASS, SPECIAL},
	['D'] = {HESSIAN2_DOUBLE, 8},
	['F'] = {HESSIAN2_BOOL, 0},
	['H'] = {HESSIAN2_MAP, SPECIAL},
	['I'] = {HESSIAN2_INT, 4},
	[0x4a] = {HESSIAN2_DATE, 8},
	[0x4b] = {HESSIAN2_DATE, 4},
	['L'] = {HESSIAN2_LONG, 8},
	['M'] = {HESSIAN2_MAP, SPECIAL},
	['N'] = {HESSIAN2_NULL, 0},
	['O'] = {HESSIAN2_OBJECT, SPECIAL},
	['Q'] = {HESSIAN2_REF, SPECIAL},
	['R'] = {HESSIAN2_STRING, SPECIAL},
	['S'] = {HESSIAN2_STRING, SPECIAL},
	['T'] = {HESSIAN2_BOOL, 0},
	[0x55 ... 0x58] = {HESSIAN2_LIST, SPECIAL},
	[0x59] = {HESSIAN2_LONG, 4},
	[0x5b ... 0x5c] = {HESSIAN2_DOUBLE, 0},
	[0x5d] = {HESSIAN2_DOUBLE, 1},
	[0x5e] = {HESSIAN2_DOUBLE, 2},
	[0x5f] = {HESSIAN2_DOUBLE, 4},
	[0x60 ... 0x6f] = {HESSIAN2_OBJECT, SPECIAL},
	[0x70 ... 0x7f] = {HESSIAN2_LIST, SPECIAL},
	[0x80 ... 0xbf] = {HESSIAN2_INT, 0},
	[0xc0 ... 0xcf] = {HESSIAN2_INT, 1},
	[0xd0 ... 0xd7] = {HESSIAN2_INT, 2},
	[0xd8 ... 0xef] = {HESSIAN2_LONG, 0},
	[0xf0 ... 0xff] = {HESSIAN2_LONG, 1},
};

/* An open container while skipping. */
struct level {
	uint32_t left;      /* values to come; unused when the end is marked */
	bool is_marked;     /* ends with 'Z' */
	bool is_map;        /* 'Z' may stand in a key's place only */
	bool is_value_next; /* of a map: a key was just stepped over */
};

struct levels {
	struct level open[HESSIAN2_DEPTH];
	unsigned depth;
};

void hessian2_init(struct hessian2_reader *reader, struct slice bytes, struct arena *arena)
{
	*reader = (struct hessian2_reader){
		.data = (const uint8_t *)bytes.data,
		.len = bytes.len,
		.arena = arena,
		.items_left = HESSIAN2_ITEMS,
		.ref_wanted = UINT32_MAX,
		.ref_at = SIZE_MAX,
	};
}

enum hessian2_kind hessian2_kind(const struct hessian2_reader *reader)
{
	return reader->pos < reader->len ? (enum hessian2_kind)tags[reader->data[reader->pos]].kind
					 : HESSIAN2_INVALID;
}

static size_t bytes_left(const struct hessian2_reader *reader)
{
	return reader->len - reader->pos;
}

/* Steps over a tag of fixed size; its bytes, or NULL when they are cut short. */
static const uint8_t *take_fixed(struct hessian2_reader *reader)
{
	const uint8_t *p = reader->data + reader->pos;
	size_t size = 1u + tags[*p].extra;

	if (bytes_left(reader) < size)
		return NULL;
	reader->pos += size;
	return p;
}

enum status hessian2_read_int(struct hessian2_reader *reader, int32_t *out)
{
	if (hessian2_kind(reader) != HESSIAN2_INT)
		return STATUS_MALFORMED;
	const uint8_t *p = take_fixed(reader);
	if (!p)
		return STATUS_MALFORMED;
	*out = hessian2_int_value(p);
	return STATUS_OK;
}

/* --- strings and binaries: chunks */

struct chunk {
	size_t size; /* UTF-16 units, or bytes of a binary */
	bool is_last;
};

/* Steps over the head of a string's or binary's chunk. `medium` and `more` are the tags that tell
 * them apart. */
static bool take_chunk(struct hessian2_reader *reader, enum hessian2_kind kind, struct chunk *chunk)
{
	bool is_string = kind == HESSIAN2_STRING;
	uint8_t medium = is_string ? 0x30 : 0x34, more = is_string ? 'R' : 'A';

	if (hessian2_kind(reader) != kind)
		return false;
	const uint8_t *p = reader->data + reader->pos;
	size_t left = bytes_left(reader);
	if (*p < 0x30) {
		*chunk = (struct chunk){is_string ? *p : *p - 0x20u, true};
		reader->pos += 1;
	} else if (*p < 0x40) {
		if (left < 2)
			return false;
		*chunk = (struct chunk){(size_t)(*p - medium) << 8 | p[1], true};
		reader->pos += 2;
	} else {
		if (left < 3)
			return false;
		*chunk = (struct chunk){(size_t)p[1] << 8 | p[2], *p != more};
		reader->pos += 3;
	}
	return true;
}

/* Steps over the bytes of so many UTF-16 units, and ORs them into *seen. */
static bool take_units(struct hessian2_reader *reader, size_t units, unsigned *seen)
{
	struct slice rest = {(const char *)reader->data + reader->pos, bytes_left(reader)};
	size_t size = hessian2_units_size(rest, units, seen);

	if (size == SIZE_MAX)
		return false;
	reader->pos += size;
	return true;
}

/* The usual string, whose tag counts it and which is ASCII: steps over it. Else false. */
static inline bool take_short(struct hessian2_reader *reader, struct slice *out)
{
	const uint8_t *p = reader->data + reader->pos;
	size_t left = bytes_left(reader);

	if (!left || *p >= 0x20 || left <= *p || !hessian2_is_ascii(p + 1, *p))
		return false;
	*out = slice_make(p + 1, *p);
	reader->pos += 1u + *p;
	return true;
}

static COLD enum status skip_any_string(struct hessian2_reader *reader)
{
	struct chunk chunk;
	unsigned seen = 0;

	do {
		if (!take_chunk(reader, HESSIAN2_STRING, &chunk) ||
		    !take_units(reader, chunk.size, &seen))
			return STATUS_MALFORMED;
	} while (!chunk.is_last);
	return STATUS_OK;
}

static inline enum status skip_string(struct hessian2_reader *reader)
{
	struct slice text;

	return LIKELY(take_short(reader, &text)) ? STATUS_OK : skip_any_string(reader);
}

static enum status skip_binary(struct hessian2_reader *reader)
{
	struct chunk chunk;

	do {
		if (!take_chunk(reader, HESSIAN2_BINARY, &chunk) || bytes_left(reader) < chunk.size)
			return STATUS_MALFORMED;
		reader->pos += chunk.size;
	} while (!chunk.is_last);
	return STATUS_OK;
}

/* The bytes of a string that came in chunks, as one run in the arena. `from` is its first tag; it
 * has been skipped, so nothing here fails. */
static struct slice join_chunks(struct hessian2_reader *reader, size_t from)
{
	size_t end = reader->pos;
	char *joined = arena_alloc(reader->arena, end - from), *p = joined;
	struct chunk chunk = {0, false};
	unsigned seen = 0;

	reader->pos = from;
	while (!chunk.is_last && take_chunk(reader, HESSIAN2_STRING, &chunk)) {
		size_t start = reader->pos;
		if (!take_units(reader, chunk.size, &seen))
			break;
		memcpy(p, reader->data + start, reader->pos - start);
		p += reader->pos - start;
	}
	reader->pos = end;
	return slice_make(joined, (size_t)(p - joined));
}

static COLD enum status read_any_string(struct hessian2_reader *reader, struct slice *out)
{
	size_t from = reader->pos;
	struct chunk chunk;
	unsigned seen = 0;

	if (hessian2_kind(reader) == HESSIAN2_NULL) {
		reader->pos++;
		*out = (struct slice){NULL, 0};
		return STATUS_OK;
	}
	if (!take_chunk(reader, HESSIAN2_STRING, &chunk))
		return STATUS_MALFORMED;
	size_t start = reader->pos;
	if (!take_units(reader, chunk.size, &seen))
		return STATUS_MALFORMED;
	*out = slice_make(reader->data + start, reader->pos - start);
	if (!chunk.is_last) {
		enum status status = skip_string(reader);
		if (status)
			return status;
		if (!reader->arena)
			return STATUS_UNSUPPORTED;
		*out = join_chunks(reader, from);
		seen = 0x80;
	}
	return seen < 0x80 ? STATUS_OK : hessian2_to_utf8(*out, out, reader->arena);
}

enum status hessian2_read_string(struct hessian2_reader *reader, struct slice *out)
{
	return LIKELY(take_short(reader, out)) ? STATUS_OK : read_any_string(reader, out);
}

/* --- skipping */

static enum status open_level(struct levels *levels, struct level level)
{
	if (!level.is_marked && !level.left)
		return STATUS_OK;
	if (levels->depth == HESSIAN2_DEPTH)
		return STATUS_TOO_LARGE;
	levels->open[levels->depth++] = level;
	return STATUS_OK;
}

static void count_ref(struct hessian2_reader *reader)
{
	if (reader->ref_count++ == reader->ref_wanted)
		reader->ref_at = reader->pos;
}

/* The type of a list or map: a new name, or the index of one met before. */
static enum status skip_type(struct hessian2_reader *reader)
{
	int32_t index;

	if (hessian2_kind(reader) == HESSIAN2_STRING) {
		reader->type_count++;
		return skip_string(reader);
	}
	if (hessian2_read_int(reader, &index) || index < 0 || (uint32_t)index >= reader->type_count)
		return STATUS_MALFORMED;
	return STATUS_OK;
}

static enum status read_count(struct hessian2_reader *reader, uint32_t *count)
{
	int32_t value;

	if (hessian2_read_int(reader, &value) || value < 0)
		return STATUS_MALFORMED;
	*count = (uint32_t)value;
	return STATUS_OK;
}

static enum status define_class(struct hessian2_reader *reader)
{
	uint32_t fields;
	enum status status;

	reader->pos++;
	if (reader->class_count == HESSIAN2_CLASSES)
		return STATUS_TOO_LARGE;
	status = skip_string(reader);
	if (status || read_count(reader, &fields) || fields > UINT16_MAX)
		return STATUS_MALFORMED;
	for (uint32_t i = 0; i < fields; i++)
		if (skip_string(reader))
			return STATUS_MALFORMED;
	if (reader->class_count == reader->class_capacity) {
		uint32_t capacity = reader->class_capacity ? reader->class_capacity * 2 : 16;
		uint16_t *more = arena_alloc(reader->arena, capacity * sizeof *more);
		if (reader->class_count)
			memcpy(more, reader->class_fields, reader->class_count * sizeof *more);
		reader->class_fields = more;
		reader->class_capacity = capacity;
	}
	reader->class_fields[reader->class_count++] = (uint16_t)fields;
	return STATUS_OK;
}

static enum status enter_object(struct hessian2_reader *reader, struct levels *levels)
{
	uint8_t t = reader->data[reader->pos];
	uint32_t definition = t - 0x60u;

	count_ref(reader);
	reader->pos++;
	if (t == 'O' && read_count(reader, &definition))
		return STATUS_MALFORMED;
	if (definition >= reader->class_count)
		return STATUS_MALFORMED;
	return open_level(levels, (struct level){.left = reader->class_fields[definition]});
}

static enum status enter_list(struct hessian2_reader *reader, struct levels *levels)
{
	uint8_t t = reader->data[reader->pos];
	bool is_typed = t == 0x55 || t == 'V' || (t >= 0x70 && t < 0x78);
	struct level level = {.is_marked = t == 0x55 || t == 0x57, .left = t & 7u};

	count_ref(reader);
	reader->pos++;
	if (is_typed && skip_type(reader))
		return STATUS_MALFORMED;
	if ((t == 'V' || t == 0x58) && read_count(reader, &level.left))
		return STATUS_MALFORMED;
	return open_level(levels, level);
}

enum status hessian2_enter_map(struct hessian2_reader *reader)
{
	if (hessian2_kind(reader) != HESSIAN2_MAP)
		return STATUS_MALFORMED;
	bool is_typed = reader->data[reader->pos] == 'M';
	count_ref(reader);
	reader->pos++;
	return is_typed ? skip_type(reader) : STATUS_OK;
}

bool hessian2_at_end(struct hessian2_reader *reader)
{
	if (reader->pos == reader->len || reader->data[reader->pos] != 'Z')
		return false;
	reader->pos++;
	return true;
}

enum status hessian2_read_ref(struct hessian2_reader *reader, uint32_t *index)
{
	if (hessian2_kind(reader) != HESSIAN2_REF)
		return STATUS_MALFORMED;
	reader->pos++;
	return read_count(reader, index);
}

/* One value; of a container only its head, and its level is opened. */
static enum status step(struct hessian2_reader *reader, struct levels *levels)
{
	enum status status;
	uint32_t index;

	while (hessian2_kind(reader) == HESSIAN2_CLASS)
		if ((status = define_class(reader)))
			return status;
	if (!reader->items_left)
		return STATUS_TOO_LARGE;
	reader->items_left--;

	switch (hessian2_kind(reader)) {
	case HESSIAN2_NULL:
	case HESSIAN2_BOOL:
	case HESSIAN2_INT:
	case HESSIAN2_LONG:
	case HESSIAN2_DOUBLE:
	case HESSIAN2_DATE:
		return take_fixed(reader) ? STATUS_OK : STATUS_MALFORMED;
	case HESSIAN2_STRING:
		return skip_string(reader);
	case HESSIAN2_BINARY:
		return skip_binary(reader);
	case HESSIAN2_LIST:
		return enter_list(reader, levels);
	case HESSIAN2_MAP:
		if ((status = hessian2_enter_map(reader)))
			return status;
		return open_level(levels, (struct level){.is_marked = true, .is_map = true});
	case HESSIAN2_OBJECT:
		return enter_object(reader, levels);
	case HESSIAN2_REF:
		return hessian2_read_ref(reader, &index);
	case HESSIAN2_CLASS:
	case HESSIAN2_INVALID:
		break;
	}
	return STATUS_MALFORMED;
}

/* A level is closed before its last value is looked at, so a chain of last fields doesn't nest. */
enum status hessian2_skip(struct hessian2_reader *reader)
{
	struct levels levels;

	levels.depth = 0;
	enum status status = step(reader, &levels);
	while (!status && levels.depth) {
		struct level *top = &levels.open[levels.depth - 1];
		if (top->is_marked) {
			if (!top->is_value_next && hessian2_at_end(reader)) {
				levels.depth--;
				continue;
			}
			top->is_value_next = top->is_map && !top->is_value_next;
		} else if (!--top->left) {
			levels.depth--;
		}
		status = step(reader, &levels);
	}
	return status;
}

/* --- values as text */

enum status hessian2_read_text(struct hessian2_reader *reader, struct slice *out)
{
	enum hessian2_kind kind = hessian2_kind(reader);
	const uint8_t *p;

	*out = (struct slice){NULL, 0};
	if (kind == HESSIAN2_STRING)
		return hessian2_read_string(reader, out);
	if (kind != HESSIAN2_BOOL && kind != HESSIAN2_INT && kind != HESSIAN2_LONG &&
	    kind != HESSIAN2_DOUBLE)
		return hessian2_skip(reader);
	if (!(p = take_fixed(reader)))
		return STATUS_MALFORMED;
	if (kind == HESSIAN2_BOOL)
		*out = *p == 'T' ? SLICE("true") : SLICE("false");
	else if (kind == HESSIAN2_DOUBLE)
		*out = argument_double_text(hessian2_double_value(p), reader->arena);
	else
		*out = slice_of(arena_printf(reader->arena, "%lld",
					     kind == HESSIAN2_INT
						     ? (long long)hessian2_int_value(p)
						     : (long long)hessian2_long_value(p)));
	return STATUS_OK;
}
