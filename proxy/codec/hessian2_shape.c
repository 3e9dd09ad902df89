#include "codec/hessian2_shape.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_run.h"
#include "codec/hessian2_string.h"

enum {
	BOOLS = 0xed, /* the bits that T and F share, and few others */
};

struct hessian2_known_class {
	const struct hessian2_grammar *grammar;
	uint32_t field_count;
	uint8_t len, fields_at, bodies;
	uint8_t bytes[HESSIAN2_KNOWN_SIZE];
	struct hessian2_shape shape;
};

/* --- shapes */

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

/* --- known classes */

static uint64_t load8(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* Where the class's name ends, of a definition at p. NULL: not a short one. */
static const uint8_t *name_end(const struct hessian2_grammar *grammar, const uint8_t *p)
{
	if (grammar->tags[*p].form & HESSIAN2_RAW_NAME) {
		uint32_t units = p[1] - (uint32_t)HESSIAN2_INT_0;
		return units < HESSIAN2_INTS ? p + 2 + units : NULL;
	}
	if (LIKELY(p[1] < 0x20))
		return p + 2 + p[1];
	return grammar->steps[p[1]] == HESSIAN2_STEP_LONG_TEXT ? p + 3 + hessian2_long_text(p + 1)
							       : NULL;
}

/* The slot of a definition at p: by the end of its name and what follows. NULL: it has none, or is
 * too near the end. */
static struct hessian2_known_class **slot_of(const struct hessian2_reader *reader, const uint8_t *p)
{
	const uint8_t *end = reader->data + reader->len, *name;

	if (end - p < 3 || !(name = name_end(reader->grammar, p)) || name - p < 8 || name + 8 > end)
		return NULL;
	uint64_t hash = (load8(name - 8) * 31 + load8(name)) * UINT64_C(0x9e3779b97f4a7c15);
	return &reader->known->slots[(hash >> 58) % HESSIAN2_KNOWN];
}

/* Whether the bytes at pos begin with a whole definition: then they begin with no other. */
static inline bool is_here(const struct hessian2_known_class *kept,
			   const struct hessian2_reader *reader, const uint8_t *p)
{
	return kept && kept->len <= hessian2_bytes_left(reader) &&
	       kept->grammar == reader->grammar && !memcmp(kept->bytes, p, kept->len);
}

bool hessian2_known_find(struct hessian2_reader *reader, struct hessian2_class *class)
{
	const uint8_t *p = reader->data + reader->pos;
	struct hessian2_known_class **usual =
		&reader->known->usual[reader->class_count % HESSIAN2_KNOWN_USUAL];
	struct hessian2_known_class *kept = *usual;

	if (UNLIKELY(!is_here(kept, reader, p))) {
		struct hessian2_known_class **slot = slot_of(reader, p);
		if (!slot || !is_here(*slot, reader, p))
			return false;
		kept = *usual = *slot;
	}
	*class = (struct hessian2_class){.name = p + 1,
					 .fields = p + kept->fields_at,
					 .field_count = kept->field_count,
					 .may_be_shaped = true,
					 .shape = &kept->shape};
	if (UNLIKELY(!kept->shape.chances && !++kept->bodies))
		kept->shape.chances = 1;
	reader->pos += kept->len;
	return true;
}

void hessian2_known_keep(const struct hessian2_reader *reader, size_t from,
			 struct hessian2_class *class)
{
	const uint8_t *p = reader->data + from;
	size_t len = reader->pos - from;
	struct hessian2_known_class **slot = slot_of(reader, p);

	if (!slot || len > HESSIAN2_KNOWN_SIZE)
		return;
	/* One that was there before goes; shapes that are still looked at say what is so. */
	struct hessian2_known_class *kept = *slot ? *slot : malloc(sizeof *kept);
	invariant(kept);
	*kept = (struct hessian2_known_class){
		.grammar = reader->grammar,
		.field_count = class->field_count,
		.len = (uint8_t)len,
		.fields_at = (uint8_t)(class->fields - p),
		.shape = {.span = UINT32_MAX, .chances = HESSIAN2_SHAPE_CHANCES}};
	memcpy(kept->bytes, p, len);
	*slot = kept;
	class->shape = &kept->shape;
}

void hessian2_known_fini(struct hessian2_known *known)
{
	for (unsigned i = 0; i < HESSIAN2_KNOWN; i++)
		free(known->slots[i]);
	hessian2_known_init(known);
}
