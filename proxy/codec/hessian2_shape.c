#include "codec/hessian2_shape.h"

#include <string.h>

#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_run.h"
#include "codec/hessian2_string.h"

enum {
	BOOLS = 0xed,  /* the bits that T and F share, and few others */
	HEAD_MOST = 2, /* bytes of tag and class */
};

/* Lets the value at `at` count, if it is one of those that do and there is room. Its size, or 0. */
static size_t add_value(struct hessian2_shape *shape, const struct hessian2_grammar *grammar,
			const uint8_t *p, size_t at)
{
	if (at + 2 > HESSIAN2_SHAPE_SIZE)
		return 0;
	uint8_t tag = p[at];
	int step = grammar->steps[tag];
	size_t head = 1, size = (size_t)step;
	if (step == HESSIAN2_STEP_TEXT) {
		size = 1u + tag;
	} else if (step == HESSIAN2_STEP_LONG_TEXT) {
		head = 2;
		size = 2 + hessian2_long_text(p + at);
	} else if (step <= 0) {
		return 0;
	}
	if (at + size > HESSIAN2_SHAPE_SIZE ||
	    (step < 0 && !hessian2_is_ascii(p + at + head, size - head)))
		return 0;
	if (step < 0) {
		memset(shape->kept + at, 0xff, head);
		memset(shape->kept + at + head, 0x80, size - head);
	} else if ((tag == 'T' || tag == 'F') && shape->flag_count < HESSIAN2_SHAPE_FLAGS) {
		shape->kept[at] = BOOLS;
		shape->flags[shape->flag_count++] = (uint8_t)at;
	} else {
		shape->kept[at] = grammar->alike[tag];
	}
	return size;
}

static bool take_shape(struct hessian2_shape *shape, const struct hessian2_run *run,
		       const struct hessian2_class *class, const uint8_t *p, size_t head)
{
	size_t size = head, more = 1;
	uint32_t fields = 0;

	memset(shape->kept, 0, sizeof shape->kept);
	memset(shape->bits, 0, sizeof shape->bits);
	memset(shape->kept, 0xff, head);
	shape->flag_count = 0;
	while (fields < class->field_count && more) {
		more = add_value(shape, run->reader->grammar, p, size);
		size += more;
		fields += more > 0;
	}
	if (fields < class->field_count && fields < HESSIAN2_SHAPE_FIELDS)
		return false;
	for (size_t i = 0; i < size; i++)
		shape->bits[i] = p[i] & shape->kept[i];
	shape->size = (uint32_t)size;
	shape->room = size <= HESSIAN2_SHAPE_LEAST ? HESSIAN2_SHAPE_LEAST : HESSIAN2_SHAPE_SIZE;
	shape->fields = fields;
	return true;
}

/* --- in parts */

static bool is_flag(uint8_t tag)
{
	return tag == 'T' || tag == 'F';
}

/* Lets the value of fixed size at p count in a part that has room for it. */
static void add_fixed(struct hessian2_part *part, const struct hessian2_grammar *grammar,
		      const uint8_t *p)
{
	if (is_flag(*p)) {
		part->flag_end = ++part->size;
		return;
	}
	part->kept[part->size] = grammar->alike[*p];
	part->bits[part->size] = *p & grammar->alike[*p];
	part->size = (uint8_t)(part->size + grammar->steps[*p]);
}

/* The part that the value of that tag belongs to: the last one, or another. NULL: there is no
 * room. */
static struct hessian2_part *part_for(struct hessian2_shape *shape, uint8_t tag, bool is_text)
{
	struct hessian2_part *part = &shape->parts[shape->part_count - 1];

	if (!part->has_text &&
	    (is_text || (part->size < HESSIAN2_PART_SIZE && !(part->flag_end && is_flag(tag)))))
		return part;
	if (shape->part_count == HESSIAN2_SHAPE_PARTS)
		return NULL;
	part = &shape->parts[shape->part_count++];
	*part = (struct hessian2_part){.size = 0};
	return part;
}

/* The size of the text at p that may be in a shape; 0: it mayn't. */
static size_t text_size(const struct hessian2_grammar *grammar, const uint8_t *p, size_t left)
{
	bool is_long = grammar->steps[*p] == HESSIAN2_STEP_LONG_TEXT;
	size_t head = is_long ? 2 : 1, len = is_long ? hessian2_long_text(p) : *p;

	return head + len <= left && hessian2_is_ascii(p + head, len) ? head + len : 0;
}

/* What another object behind one of a row is seen by, but for its tag. */
static void take_row(struct hessian2_shape *shape)
{
	struct hessian2_part *next = &shape->parts[HESSIAN2_ROW_NEXT];

	*next = shape->parts[HESSIAN2_ROW_END];
	next->kept[next->size] = 0xff;
	next->kept[next->size + 1] = 0xe0; /* a short text */
	shape->is_row = true;
}

static void take_parts(struct hessian2_shape *shape, const struct hessian2_run *run,
		       const struct hessian2_class *class, const uint8_t *p)
{
	const struct hessian2_part *behind = &shape->parts[HESSIAN2_ROW_END];
	uint32_t fields = 0, size = 0;

	shape->parts[0] = (struct hessian2_part){.size = 0};
	shape->part_count = 1;
	for (; fields < class->field_count && run->end - p >= HESSIAN2_WIDE; fields++) {
		int step = run->reader->grammar->steps[*p];
		bool is_text = step == HESSIAN2_STEP_TEXT || step == HESSIAN2_STEP_LONG_TEXT;
		size_t len = is_text ? text_size(run->reader->grammar, p, (size_t)(run->end - p))
				     : (size_t)(step > 0 ? step : 0);
		struct hessian2_part *part = len ? part_for(shape, *p, is_text) : NULL;
		if (!part)
			break;
		if (is_text)
			part->has_text = true;
		else
			add_fixed(part, run->reader->grammar, p);
		p += len;
		size += is_text ? HESSIAN2_WIDE : (uint32_t)len;
	}
	if (fields < class->field_count && fields < HESSIAN2_SHAPE_FIELDS) {
		shape->part_count = 0;
		return;
	}
	shape->room = HEAD_MOST + size + HESSIAN2_WIDE;
	shape->fields = fields;
	if (shape->part_count == HESSIAN2_ROW_PARTS && !shape->parts[0].size && !behind->has_text &&
	    !behind->flag_end && behind->size + 2 <= HESSIAN2_PART_SIZE)
		take_row(shape);
}

/* A shape may be taken, at the cost of a chance unless the last one has paid. */
static bool take_chance(struct hessian2_shape *shape)
{
	bool has_paid = shape->shaped >= HESSIAN2_SHAPE_WORTH;

	shape->room = UINT32_MAX;
	shape->shaped = 1; /* that which it will be taken of */
	shape->part_count = 0;
	shape->is_row = false;
	if (!shape->chances && !has_paid) {
		if (shape->is_loose)
			return false;
		shape->is_loose = true;
		shape->chances = HESSIAN2_SHAPE_CHANCES;
	}
	shape->chances -= !has_paid;
	return true;
}

void hessian2_reshape(struct hessian2_run *run, struct hessian2_class *class, const uint8_t *p,
		      size_t head)
{
	struct hessian2_shape *shape = class->shape;
	size_t left = (size_t)(run->end - p);

	if (!class->may_be_shaped) { /* it is the first one; maybe there are no others */
		class->may_be_shaped = class - run->reader->classes < HESSIAN2_SHAPED;
		return;
	}
	if (left < HESSIAN2_SHAPE_SIZE ||
	    (shape && shape->room != UINT32_MAX && left < shape->room))
		return;
	if (!shape) {
		shape = class->shape = arena_alloc(run->reader->arena, sizeof *shape);
		hessian2_shape_init(shape);
	}
	if (!take_chance(shape))
		return;
	if (!shape->is_loose) {
		if (take_shape(shape, run, class, p, head))
			return;
		shape->is_loose = true;
		shape->chances = HESSIAN2_SHAPE_CHANCES;
	}
	take_parts(shape, run, class, p + head);
}
