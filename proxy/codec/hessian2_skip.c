/* Stepping over a value with all it holds, without recursion and without looking at anything else.
 *
 * A level is the number of values to come of an open container, or, if a mark ends it, one of the
 * constants below. It is closed before its last value is looked at, so a chain of last fields
 * doesn't nest. */
#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_string.h"

enum { WIDE = HESSIAN2_WIDE };

#define MARKED UINT32_C(0x80000000)
#define MARKED_MAP UINT32_C(0xc0000000)
#define VALUE_NEXT UINT32_C(1)

struct levels {
	uint32_t outer[HESSIAN2_DEPTH - 1];
	unsigned depth;
};

static uint32_t level_of(const struct hessian2_container *container)
{
	if (!container->is_marked)
		return container->left;
	return container->kind == HESSIAN2_MAP ? MARKED_MAP : MARKED;
}

/* The level when n of its values have been stepped over. */
static uint32_t level_after(uint32_t level, uint32_t n)
{
	if (!(level & MARKED))
		return level - n;
	return level >= MARKED_MAP ? level ^ (n & VALUE_NEXT) : level;
}

/* Leaves *level for that of the container at pos. */
static enum status open_level(struct hessian2_reader *reader, struct levels *levels,
			      uint32_t *level)
{
	struct hessian2_container container;

	if (hessian2_enter(reader, &container))
		return STATUS_MALFORMED;
	if (*level) {
		if (levels->depth == COUNT_OF(levels->outer))
			return STATUS_TOO_LARGE;
		levels->outer[levels->depth++] = *level;
	}
	*level = level_of(&container);
	return STATUS_OK;
}

/* One value; of a container only the head, and its level is opened. */
static enum status step(struct hessian2_reader *reader, struct levels *levels, uint32_t *level)
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
		return open_level(reader, levels, level);
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

/* Steps over at most `room` values of fixed size and short strings of ASCII, up to anything else.
 * Returns how many. */
static inline uint32_t skip_usual(struct hessian2_reader *reader, uint32_t room)
{
	const struct hessian2_tag *tags = reader->grammar->tags;
	const uint8_t *p = reader->data + reader->pos, *end = reader->data + reader->len;
	uint32_t n = 0;

	for (; n < room && end - p > WIDE; n++) {
		const struct hessian2_tag *tag = &tags[*p];
		if (tag->kind - 1u < HESSIAN2_DATE)
			p += tag->size;
		else if (*p < WIDE && hessian2_is_ascii_within(p + 1, *p))
			p += 1u + *p;
		else
			break;
	}
	reader->pos = (size_t)(p - reader->data);
	return n;
}

enum status hessian2_skip(struct hessian2_reader *reader)
{
	struct levels levels;
	uint32_t level = 1;
	enum status status = STATUS_OK;

	levels.depth = 0;
	while (!status) {
		uint32_t items = reader->items_left, room = level < items ? level : items;
		uint32_t n = skip_usual(reader, level & MARKED ? items : room);
		reader->items_left -= n;
		level = level_after(level, n);
		if (!level) {
			if (!levels.depth)
				return STATUS_OK;
			level = levels.outer[--levels.depth];
			continue;
		}
		if (level & MARKED && !(level & VALUE_NEXT) && hessian2_at_end(reader)) {
			level = 0;
			continue;
		}
		if ((status = hessian2_read_classes(reader)))
			break;
		if (!reader->items_left)
			return STATUS_TOO_LARGE;
		reader->items_left--;
		level = level_after(level, 1);
		status = step(reader, &levels, &level);
	}
	return status;
}
