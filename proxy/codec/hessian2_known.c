#include "codec/hessian2_known.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_shape.h"

struct hessian2_known_class {
	const struct hessian2_grammar *grammar;
	struct hessian2_class class; /* but for its name and fields */
	uint8_t len, fields_at, bodies;
	uint8_t bytes[HESSIAN2_KNOWN_SIZE];
	struct hessian2_shape shape;
};

static uint64_t load8(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	return word;
}

/* Where the class's name ends, from the tag of a definition at p on. 0: it isn't a short one. */
static size_t name_end(const struct hessian2_grammar *grammar, const uint8_t *p)
{
	if (grammar->tags[*p].form & HESSIAN2_RAW_NAME) {
		uint32_t units = p[1] - (uint32_t)HESSIAN2_INT_0;
		return units < HESSIAN2_INTS ? 2 + units : 0;
	}
	if (LIKELY(p[1] < 0x20))
		return 2u + p[1];
	return grammar->steps[p[1]] == HESSIAN2_STEP_LONG_TEXT ? 3 + hessian2_long_text(p + 1) : 0;
}

/* The slot of a definition at p, where so many bytes are left: by the end of its name and what
 * follows. NULL: it has none, or is too near the end. */
static struct hessian2_known_class **slot_of(const struct hessian2_reader *reader, const uint8_t *p,
					     size_t left)
{
	size_t end;

	if (left < 3 || (end = name_end(reader->grammar, p)) < 8 || end + 8 > left)
		return NULL;
	uint64_t hash = load8(p + end - 8) * 31 + load8(p + end);
	return &reader->known->slots[(hash * UINT64_C(0x9e3779b97f4a7c15) >> 58) % HESSIAN2_KNOWN];
}

/* Whether the bytes at pos begin with a whole definition: then they begin with no other. */
static inline bool is_here(const struct hessian2_known_class *kept,
			   const struct hessian2_reader *reader, const uint8_t *p)
{
	return kept && kept->len <= hessian2_bytes_left(reader) &&
	       kept->grammar == reader->grammar && !memcmp(kept->bytes, p, kept->len);
}

/* The class whose definition begins at p, from now on the usual one; NULL: it isn't known. */
static __attribute__((noinline)) struct hessian2_known_class *
find_other(const struct hessian2_reader *reader, const uint8_t *p,
	   struct hessian2_known_class **usual)
{
	struct hessian2_known_class **slot = slot_of(reader, p, hessian2_bytes_left(reader));

	return slot && is_here(*slot, reader, p) ? *usual = *slot : NULL;
}

bool hessian2_known_find(struct hessian2_reader *reader, struct hessian2_class *class)
{
	const uint8_t *p = reader->data + reader->pos;
	struct hessian2_known_class **usual =
		&reader->known->usual[reader->class_count % HESSIAN2_KNOWN_USUAL];
	struct hessian2_known_class *kept = *usual;

	if (UNLIKELY(!is_here(kept, reader, p)) && !(kept = find_other(reader, p, usual)))
		return false;
	*class = kept->class;
	class->name = p + 1;
	class->fields = p + kept->fields_at;
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
	struct hessian2_known_class **slot = slot_of(reader, p, reader->len - from);

	if (!slot || len > HESSIAN2_KNOWN_SIZE)
		return;
	/* One that was there before goes; shapes that are still looked at say what is so. */
	struct hessian2_known_class *kept = *slot ? *slot : malloc(sizeof *kept);
	invariant(kept);
	*kept = (struct hessian2_known_class){.grammar = reader->grammar,
					      .class = {.field_count = class->field_count,
							.may_be_shaped = true,
							.shape = &kept->shape},
					      .len = (uint8_t)len,
					      .fields_at = (uint8_t)(class->fields - p)};
	hessian2_shape_init(&kept->shape);
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
