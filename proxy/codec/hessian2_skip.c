/* Stepping over a value with all it holds, without recursion and without looking at anything else.
 *
 *   the list [a [b c] d], values to come:  1  [ 3  a 2  [ 3  b 2  c 1  d 0
 *
 * Values stand one behind the other, so what a counted container holds is only more values to come.
 * A level is a container that ends with a mark: while values of it are pending its mark can't come;
 * when none is, either the mark does, or the next value (of a map: key and value). */
#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_string.h"

enum { WIDE = HESSIAN2_WIDE };

struct level {
	uint64_t pending;
	bool is_map;
};

struct levels {
	struct level outer[HESSIAN2_DEPTH];
	unsigned depth;
	struct level now;
};

/* The container at pos. */
static enum status enter(struct hessian2_reader *reader, struct levels *levels)
{
	struct hessian2_container container;

	if (hessian2_enter(reader, &container))
		return STATUS_MALFORMED;
	if (!container.is_marked) {
		levels->now.pending += container.left;
		return STATUS_OK;
	}
	if (levels->depth == HESSIAN2_DEPTH)
		return STATUS_TOO_LARGE;
	levels->outer[levels->depth++] = levels->now;
	levels->now = (struct level){0, container.kind == HESSIAN2_MAP};
	return STATUS_OK;
}

/* One value; of a container only the head. */
static enum status step(struct hessian2_reader *reader, struct levels *levels)
{
	uint32_t index;

	switch (hessian2_kind(reader)) {
	case HESSIAN2_STRING:
		return hessian2_skip_string(reader);
	case HESSIAN2_BINARY:
		return hessian2_skip_binary(reader);
	case HESSIAN2_REF:
		return hessian2_read_ref(reader, &index);
	case HESSIAN2_LIST:
	case HESSIAN2_MAP:
	case HESSIAN2_OBJECT:
		return enter(reader, levels);
	case HESSIAN2_NULL:
	case HESSIAN2_BOOL:
	case HESSIAN2_INT:
	case HESSIAN2_LONG:
	case HESSIAN2_DOUBLE:
	case HESSIAN2_DATE:
		return hessian2_take_fixed(reader) ? STATUS_OK : STATUS_MALFORMED;
	case HESSIAN2_INVALID:
	case HESSIAN2_CLASS:
		break;
	}
	return STATUS_MALFORMED;
}

/* Steps over values of fixed size, short strings of ASCII and heads of objects of known classes, up
 * to anything else, or the last pending one. */
static inline uint64_t skip_usual(struct hessian2_reader *reader, uint64_t pending)
{
	const struct hessian2_tag *tags = reader->grammar->tags;
	const uint8_t *p = reader->data + reader->pos, *end = reader->data + reader->len;
	uint32_t items = reader->items_left;

	for (; pending && items && end - p > WIDE; pending--, items--) {
		const struct hessian2_tag *tag = &tags[*p];
		if (tag->kind - 1u < HESSIAN2_DATE) {
			p += tag->size;
		} else if (*p < WIDE && hessian2_is_ascii_within(p + 1, *p)) {
			p += 1u + *p;
		} else if (tag->kind == HESSIAN2_OBJECT && tag->form == HESSIAN2_NUMBER_IN_TAG &&
			   *p - (uint32_t)tag->base < reader->class_count &&
			   reader->ref_count != reader->ref_wanted) {
			pending += reader->classes[*p - tag->base].field_count;
			reader->ref_count++;
			p++;
		} else {
			break;
		}
	}
	reader->items_left = items;
	reader->pos = (size_t)(p - reader->data);
	return pending;
}

enum status hessian2_skip(struct hessian2_reader *reader)
{
	struct levels levels;
	enum status status = STATUS_OK;

	levels.depth = 0;
	levels.now = (struct level){1, false};
	while (!status) {
		levels.now.pending = skip_usual(reader, levels.now.pending);
		if (!levels.now.pending) {
			if (!levels.depth)
				return STATUS_OK;
			if (hessian2_at_end(reader))
				levels.now = levels.outer[--levels.depth];
			else
				levels.now.pending = levels.now.is_map ? 2 : 1;
			continue;
		}
		if ((status = hessian2_read_classes(reader)))
			break;
		if (!reader->items_left)
			return STATUS_TOO_LARGE;
		reader->items_left--;
		levels.now.pending--;
		status = step(reader, &levels);
	}
	return status;
}
