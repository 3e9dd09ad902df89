/* Stepping over, reading as text, reading whole (support/typed_value.h) and finding by path must
 * agree on where a value ends and what it is; texts come back when they are written; units are
 * counted as by stepping from one to the next. */
#include "support/hessian_fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hessian2.h"
#include "codec/hessian2_known.h"
#include "codec/hessian2_path.h"
#include "codec/hessian2_string.h"
#include "codec/hessian2_write.h"
#include "message/argument_path.h"
#include "message/argument_value.h"
#include "support/typed_value.h"

static const struct argument_path paths[] = {
#define STEPS(...)                                                                                 \
	{                                                                                          \
		.step_count = sizeof((struct argument_step[]){__VA_ARGS__}) /                      \
			      sizeof(struct argument_step),                                        \
		.steps = (const struct argument_step[])                                            \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define FIELD(text)                                                                                \
	{                                                                                          \
		.kind = ARGUMENT_STEP_FIELD, .name = { text, sizeof(text) - 1 }                    \
	}
#define KEY(text)                                                                                  \
	{                                                                                          \
		.kind = ARGUMENT_STEP_KEY, .name = { text, sizeof(text) - 1 }                      \
	}
#define INDEX(n)                                                                                   \
	{                                                                                          \
		.kind = ARGUMENT_STEP_INDEX, .index = n                                            \
	}
	{.step_count = 0},
	STEPS(FIELD("a")),
	STEPS(FIELD("name")),
	STEPS(KEY("a")),
	STEPS(KEY("1")),
	STEPS(KEY("1.0")),
	STEPS(KEY("true")),
	STEPS(INDEX(0)),
	STEPS(INDEX(2)),
	STEPS(FIELD("a"), FIELD("a")),
	STEPS(FIELD("items"), INDEX(1), FIELD("qty")),
	STEPS(INDEX(0), FIELD("a"), INDEX(1)),
	STEPS(KEY("PAID"), INDEX(0)),
	STEPS(FIELD("a"), FIELD("a"), FIELD("a"), FIELD("a"), FIELD("a")),
};

/* --- finding, in the graph */

static bool is_enum(const struct typed_value *value)
{
	return value->kind == HESSIAN2_OBJECT && value->count == 1 &&
	       slice_equal(value->fields[0], SLICE("name")) &&
	       value->items[0]->kind == HESSIAN2_STRING;
}

static bool is_key(const struct typed_value *key, const struct argument_step *step,
		   struct arena *arena)
{
	struct argument_value value = {.integer = key->integer, .number = key->number};

	if (key->kind == HESSIAN2_STRING)
		return slice_equal(key->text, step->name);
	if (step->kind == ARGUMENT_STEP_FIELD)
		return false;
	if (is_enum(key))
		return slice_equal(key->items[0]->text, step->name);
	if (key->kind == HESSIAN2_BOOL)
		value.kind = ARGUMENT_BOOL;
	else if (key->kind == HESSIAN2_INT || key->kind == HESSIAN2_LONG)
		value.kind = ARGUMENT_LONG;
	else if (key->kind == HESSIAN2_DOUBLE)
		value.kind = ARGUMENT_DOUBLE;
	else
		return false;
	return slice_equal(argument_value_text(&value, arena), step->name);
}

static const struct typed_value *step_down(const struct typed_value *value,
					   const struct argument_step *step, struct arena *arena)
{
	const struct typed_value *found = NULL;

	if (value->kind == HESSIAN2_OBJECT && step->kind == ARGUMENT_STEP_FIELD) {
		for (uint32_t i = 0; i < value->count; i++)
			if (slice_equal(value->fields[i], step->name))
				found = value->items[i];
	} else if (value->kind == HESSIAN2_MAP && step->kind != ARGUMENT_STEP_INDEX) {
		for (uint32_t i = 0; i + 1 < value->count; i += 2)
			if (is_key(value->items[i], step, arena))
				found = value->items[i + 1];
	} else if (value->kind == HESSIAN2_LIST && step->kind == ARGUMENT_STEP_INDEX) {
		found = step->index < value->count ? value->items[step->index] : NULL;
	}
	return found;
}

static void check_same(const struct typed_value *expected, const struct argument_value *value)
{
	if (!expected) {
		invariant(value->kind == ARGUMENT_ABSENT);
		return;
	}
	if (expected->kind == HESSIAN2_OBJECT)
		invariant(slice_equal(value->type, expected->text));
	/* a name written in another than its short form is a name of its own */
	if (value->kind == ARGUMENT_ENUM)
		invariant(is_enum(expected) && slice_equal(value->text, expected->items[0]->text));
	if (expected->kind == HESSIAN2_STRING)
		invariant(value->kind == ARGUMENT_STRING &&
			  slice_equal(value->text, expected->text));
	if (expected->kind == HESSIAN2_BOOL || expected->kind == HESSIAN2_INT ||
	    expected->kind == HESSIAN2_LONG || expected->kind == HESSIAN2_DATE)
		invariant(value->integer == expected->integer);
	if (expected->kind == HESSIAN2_DOUBLE)
		invariant(!memcmp(&value->number, &expected->number, sizeof(double)));
}

/* The reader is at the value, of which the graph is the whole; NULL: it couldn't be read. */
static void find_all(const struct hessian2_reader *reader, const struct typed_value *graph)
{
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct hessian2_reader other = *reader;
		struct argument_value value;
		const struct typed_value *expected = graph;
		if (hessian2_read_at(&other, paths[i].steps, paths[i].step_count, &value) || !graph)
			continue;
		for (uint32_t s = 0; s < paths[i].step_count && expected; s++)
			expected = step_down(expected, &paths[i].steps[s], reader->arena);
		check_same(expected, &value);
	}
}

/* --- the rest */

static void write_and_read_back(struct slice text, const struct hessian2_grammar *grammar,
				struct arena *arena)
{
	struct slice back = text, last = text;

	/* what isn't UTF-8 has become '?': from then on nothing changes */
	for (unsigned i = 0; i < 2; i++) {
		struct hessian2_writer writer;
		struct hessian2_reader reader;
		last = back;
		hessian2_writer_init(&writer, arena);
		writer.grammar = grammar;
		hessian2_write_string(&writer, last);
		hessian2_init(&reader, hessian2_written(&writer), arena);
		reader.grammar = grammar;
		invariant(!hessian2_read_string(&reader, &back) && reader.pos == reader.len);
	}
	invariant(slice_equal(back, last));
}

static void count_units(struct slice bytes)
{
	size_t units = 0, at = 0;
	unsigned seen = 0;

	while (at < bytes.len) {
		uint8_t c = (uint8_t)bytes.data[at];
		size_t size = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 0;
		if (!size || size > bytes.len - at)
			break;
		at += size;
		units++;
	}
	invariant(hessian2_units_size(bytes, units, &seen) == at);
	invariant(hessian2_units_size(bytes, units + 1, &seen) == SIZE_MAX);
}

/* Where a reader is. */
static bool is_same_place(const struct hessian2_reader *a, const struct hessian2_reader *b)
{
	return a->pos == b->pos && a->class_count == b->class_count &&
	       a->type_count == b->type_count && a->ref_count == b->ref_count;
}

/* Classes that are known, and what shape their objects had in the last body, change nothing. */
static void skip_what_is_known(struct slice bytes, const struct hessian2_grammar *grammar,
			       struct arena *arena)
{
	struct hessian2_known known;

	hessian2_known_init(&known);
	for (unsigned round = 0; round < 2; round++) {
		struct hessian2_reader reader, plain;
		enum status status = STATUS_OK;
		hessian2_init(&reader, bytes, arena);
		reader.grammar = grammar;
		plain = reader;
		reader.known = &known;
		while (!status && plain.pos < bytes.len) {
			status = hessian2_skip(&plain);
			invariant(hessian2_skip_values(&reader, 1) == status);
			invariant(status || (is_same_place(&reader, &plain) &&
					     reader.items_left == plain.items_left));
		}
	}
	hessian2_known_fini(&known);
}

void hessian_fuzz(struct slice bytes, const struct hessian2_grammar *grammar)
{
	struct hessian2_reader reader;
	struct typed_reader typed;
	struct arena arena;
	struct slice text;
	enum status status = STATUS_OK;
	bool is_typed = true;

	arena_init(&arena, 4096);
	hessian2_init(&reader, bytes, &arena);
	reader.grammar = grammar;
	typed_reader_init(&typed, bytes, grammar, &arena);
	while (!status && reader.pos < bytes.len) {
		struct hessian2_reader other = reader, third = reader, here = reader;
		struct typed_value *graph = is_typed ? typed_read(&typed) : NULL;
		is_typed = graph;
		status = hessian2_skip(&reader);
		invariant(!graph || (!status && is_same_place(&typed.hessian2, &reader)));
		if (!hessian2_read_text(&other, &text)) {
			invariant(!status && other.pos == reader.pos);
			if (text.data)
				write_and_read_back(text, grammar, &arena);
		}
		invariant(hessian2_skip(&third) == status);
		invariant(status || (third.pos == reader.pos && reader.pos <= bytes.len));
		find_all(&here, graph);
	}
	skip_what_is_known(bytes, grammar, &arena);
	write_and_read_back(bytes, grammar, &arena);
	count_units(bytes);
	arena_free(&arena);
}
