#include "codec/hessian2_shape.h"

#include <string.h>

#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_run.h"
#include "codec/hessian2_string.h"

enum {
	BOOLS = 0xed, /* the bits that T and F share, and few others */
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
		more = add_value(shape, run->grammar, p, size);
		size += more;
		fields += more > 0;
	}
	if (fields < class->field_count && fields < HESSIAN2_SHAPE_FIELDS)
		return false;
	for (size_t i = 0; i < size; i++)
		shape->bits[i] = p[i] & shape->kept[i];
	shape->size = (uint32_t)size;
	shape->span = size <= HESSIAN2_SHAPE_LEAST ? HESSIAN2_SHAPE_LEAST : HESSIAN2_SHAPE_SIZE;
	shape->fields = fields;
	return true;
}

bool hessian2_reshape(struct hessian2_run *run, struct hessian2_class *class, const uint8_t *p,
		      size_t head)
{
	struct hessian2_shape *shape = class->shape;

	if (!class->may_be_shaped) { /* it is the first one; maybe there are no others */
		class->may_be_shaped = class - run->classes < HESSIAN2_SHAPED;
		return false;
	}
	if ((size_t)(run->end - p) < HESSIAN2_SHAPE_SIZE)
		return false;
	if (!shape) {
		shape = class->shape = arena_alloc(run->arena, sizeof *shape);
		shape->chances = HESSIAN2_SHAPE_CHANCES;
		shape->shaped = 0;
	}
	if (shape->shaped < HESSIAN2_SHAPE_WORTH)
		shape->chances--;
	shape->shaped = 0;
	if (take_shape(shape, run, class, p, head))
		return true;
	shape->span = UINT32_MAX;
	shape->chances = 0;
	return false;
}
