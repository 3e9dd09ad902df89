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

/* Values that their tags tell the size of, one after the other: from p to `last`, behind which
 * there are WIDE bytes, and not beyond end. */
struct run {
	const uint8_t *p, *last, *end;
	const struct hessian2_class *classes;
	uint32_t class_count;
	uint32_t objects; /* met */
	uint64_t fields;  /* that they have brought */
};

/* A string of ASCII whose length has ten bits: its size. 0: another one, or too near the end. */
static size_t long_text_size(const uint8_t *p, const uint8_t *end)
{
	size_t len = hessian2_long_text(p);

	return (size_t)(end - p) >= 2 + len + WIDE && hessian2_is_ascii_wide(p + 2, len) ? 2 + len
											 : 0;
}

/* The rarer ones: its size, or 0 if it is something else. */
static size_t rare_size(const struct run *run, const uint8_t *p, int step, uint32_t *fields)
{
	*fields = 0;
	if (step == HESSIAN2_STEP_LONG_TEXT)
		return long_text_size(p, run->end);
	uint32_t at = p[1] - (uint32_t)HESSIAN2_INT_0;
	if (step != HESSIAN2_STEP_OBJECT_INT || at >= HESSIAN2_INTS || at >= run->class_count)
		return 0;
	*fields = run->classes[at].field_count;
	return 2;
}

/* Up to something else, or the last pending value. How many are pending then. All in registers: so
 * it stands alone. */
static __attribute__((noinline)) uint64_t skip_run(const int8_t *steps, struct run *run,
						   uint64_t pending)
{
	const struct hessian2_class *classes = run->classes;
	const uint8_t *p = run->p, *last = run->last;
	uint32_t class_count = run->class_count;
	uint64_t fields = 0;

	for (; pending && p <= last; pending--) {
		size_t tag = *p;
		int step = steps[tag];
		if (step == 1) { /* by jumps that are foreseen: the next tag needn't wait */
			p++;
		} else if (step == 2) {
			p += 2;
		} else if (step > 0) {
			p += step;
		} else if (step == HESSIAN2_STEP_TEXT) {
			if (!hessian2_is_ascii_within(p, (unsigned)tag))
				break;
			p += tag + 1;
		} else if (step == HESSIAN2_STEP_OBJECT) {
			if ((tag & 15) >= class_count)
				break;
			pending += classes[tag & 15].field_count;
			fields += classes[tag & 15].field_count;
			run->objects++;
			p++;
		} else {
			uint32_t more;
			size_t size = rare_size(run, p, step, &more);
			if (!size)
				break;
			run->objects += step == HESSIAN2_STEP_OBJECT_INT;
			pending += more;
			fields += more;
			p += size;
		}
	}
	run->p = p;
	run->fields = fields;
	return pending;
}

/* An int of one byte that counts or is an index; UINT32_MAX: another. */
static inline uint32_t small_int(const uint8_t *p)
{
	uint32_t value = *p - (uint32_t)HESSIAN2_INT_0;

	return value < HESSIAN2_INTS ? value : UINT32_MAX;
}

/* The usual head of a list that is counted, its type a short name or an index: its values are the
 * next ones. False: another, or too near the end. */
static bool skip_list_head(struct hessian2_reader *reader, struct run *run, uint64_t *pending)
{
	enum { ASKED = HESSIAN2_TYPED | HESSIAN2_NUMBER | HESSIAN2_NUMBER_IN_TAG };
	const uint8_t *p = run->p;

	if (run->end - p < 3 * WIDE || reader->ref_count == reader->ref_wanted)
		return false;
	const struct hessian2_tag *tag = &reader->grammar->tags[*p];
	if (tag->kind != HESSIAN2_LIST || tag->form & ~ASKED)
		return false;
	uint32_t types = reader->type_count, count = *p++ - (uint32_t)tag->base;
	if (tag->form & HESSIAN2_TYPED) {
		if (reader->grammar->steps[*p] == HESSIAN2_STEP_TEXT &&
		    hessian2_is_ascii_within(p, *p)) {
			p += *p + 1;
			types++;
		} else if (small_int(p++) >= types) {
			return false;
		}
	}
	if (tag->form & HESSIAN2_NUMBER && (count = small_int(p++)) == UINT32_MAX)
		return false;
	reader->type_count = types;
	reader->ref_count++;
	reader->items_left--;
	*pending += (uint64_t)count - 1;
	run->p = p;
	return true;
}

/* The bounds of the next run. False: there is no room for one. */
static bool begin_run(const struct hessian2_reader *reader, struct run *run)
{
	size_t left = (size_t)(run->end - run->p);

	if (left < WIDE || !reader->items_left)
		return false;
	left -= WIDE;
	/* A value has a byte or more, and so has an object. */
	if (left >= reader->items_left)
		left = reader->items_left - 1;
	run->last = run->p + left;
	run->classes = reader->classes;
	run->class_count = reader->ref_wanted - reader->ref_count > left ? reader->class_count : 0;
	run->objects = 0;
	return true;
}

/* Steps over values of fixed size, strings of ASCII and heads of objects of known classes, up to
 * anything else, or the last one of the level. */
static void skip_usual(struct hessian2_reader *reader, struct level *level)
{
	struct run run = {.p = reader->data + reader->pos, .end = reader->data + reader->len};
	uint64_t pending = level->pending;

	while (pending || (level->step && run.p < run.end && *run.p != reader->grammar->end)) {
		if (!pending) /* the next value, or key and value, and no mark */
			pending = level->step;
		if (!begin_run(reader, &run))
			break;
		uint64_t now = skip_run(reader->grammar->steps, &run, pending);
		reader->items_left -= (uint32_t)(pending + run.fields - now);
		reader->ref_count += run.objects;
		pending = now;
		if (pending && !(reader->items_left && skip_list_head(reader, &run, &pending)))
			break;
	}
	level->pending = pending;
	reader->pos = (size_t)(run.p - reader->data);
}

enum status hessian2_skip_values(struct hessian2_reader *reader, uint32_t count)
{
	struct levels levels;
	enum status status = STATUS_OK;

	levels.depth = 0;
	levels.now = (struct level){count, 0};
	while (!status) {
		skip_usual(reader, &levels.now);
		if (!levels.now.pending) {
			if (!levels.depth)
				return STATUS_OK;
			if (!hessian2_at_end(reader))
				return STATUS_MALFORMED;
			levels.now = levels.outer[--levels.depth];
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

enum status hessian2_skip(struct hessian2_reader *reader)
{
	return hessian2_skip_values(reader, 1);
}
