/* Stepping over a value with all it holds, without recursion and without looking at anything else.
 *
 *   the list [a [b c] d], values to come:  1  [ 3  a 2  [ 3  b 2  c 1  d 0
 *
 * Values stand one behind the other, so what a counted container holds is only more values to come.
 * A level is a container that ends with a mark: while values of it are pending its mark can't come;
 * when none is, either the mark does, or the next value (of a map: key and value). */
#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_run.h"
#include "codec/hessian2_shape.h"
#include "codec/hessian2_string.h"

enum { WIDE = HESSIAN2_WIDE };

struct level {
	uint64_t pending;
	uint32_t step; /* values that come before the next mark, or another step; 0: no mark */
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
	levels->now = (struct level){0, container.kind == HESSIAN2_MAP ? 2 : 1};
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

/* The next run. False: there is no room for one. */
static bool begin_run(struct hessian2_reader *reader, uint32_t step, struct hessian2_run *run)
{
	size_t left = hessian2_bytes_left(reader);

	if (left < WIDE || reader->items_left <= HESSIAN2_SHAPE_SIZE)
		return false;
	run->reader = reader;
	run->p = reader->data + reader->pos;
	run->end = run->p + left;
	left -= WIDE;
	/* A value has a byte or more, and so has an object; the last one's may be in its shape. */
	if (left >= reader->items_left - HESSIAN2_SHAPE_SIZE)
		left = reader->items_left - HESSIAN2_SHAPE_SIZE - 1;
	run->last = run->p + left;
	run->status = STATUS_OK;
	run->may_contain = LIKELY(reader->ref_wanted - reader->ref_count > left);
	run->step = step;
	return true;
}

/* Steps over values of fixed size, strings of ASCII, objects of known classes, classes and usual
 * lists, up to anything else, or the last one of the level. */
static enum status skip_usual(struct hessian2_reader *reader, struct level *level)
{
	struct hessian2_run run;

	if (!begin_run(reader, level->step, &run))
		return STATUS_OK;
	uint64_t now = hessian2_run(&run, level->pending);
	reader->items_left -= (uint32_t)(level->pending + run.fields - now);
	reader->ref_count += (uint32_t)run.containers;
	reader->pos = (size_t)(run.p - reader->data);
	level->pending = now;
	return run.status;
}

enum status hessian2_skip_values(struct hessian2_reader *reader, uint32_t count)
{
	struct levels levels;
	enum status status = STATUS_OK;

	levels.depth = 0;
	levels.now = (struct level){count, 0};
	while (!status) {
		if ((status = skip_usual(reader, &levels.now)))
			break;
		if (!levels.now.pending) {
			if (!levels.depth)
				return STATUS_OK;
			if (hessian2_at_end(reader)) {
				levels.now = levels.outer[--levels.depth];
				continue;
			}
			/* The next value, or key and value. */
			levels.now.pending = levels.now.step;
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

enum status hessian2_skip(struct hessian2_reader *reader)
{
	return hessian2_skip_values(reader, 1);
}

/* Values of fixed size, that many at most. Returns how many there were. */
static uint32_t skip_fixed(struct hessian2_reader *reader, uint32_t most)
{
	const uint8_t *p = reader->data + reader->pos, *end = reader->data + reader->len;
	uint32_t count = 0;

	if (most > reader->items_left)
		most = reader->items_left;
	while (count < most && p < end && reader->grammar->steps[*p] > 0 &&
	       reader->grammar->steps[*p] <= end - p) {
		p += reader->grammar->steps[*p];
		count++;
	}
	reader->pos = (size_t)(p - reader->data);
	reader->items_left -= count;
	return count;
}

enum status hessian2_skip_elements(struct hessian2_reader *reader, struct hessian2_container *list,
				   uint32_t count)
{
	enum status status = STATUS_OK;

	if (!list->is_marked) {
		if (count > list->left)
			count = list->left;
		list->left -= count;
		return hessian2_skip_values(reader, count);
	}
	while (!status && (count -= skip_fixed(reader, count)) &&
	       !(reader->pos < reader->len && reader->data[reader->pos] == reader->grammar->end)) {
		status = hessian2_skip(reader);
		count--;
	}
	return status;
}
