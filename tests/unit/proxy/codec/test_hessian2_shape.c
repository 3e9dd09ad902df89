/* Objects stepped over by their shape: as far as without, and with the same counts, whatever they
 * looked like before; by every variant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/hessian2.h"
#include "codec/hessian2_known.h"
#include "codec/hessian2_run.h"
#include "codec/hessian2_shape.h"
#include "codec/hessian2_write.h"
#include "codec/sofa_hessian.h"
#include "support/typed_value.h"

#include "support/test_arena.h"

static const struct hessian2_grammar *const grammars[] = {&hessian2_grammar, &sofa_hessian_grammar};

static void tags_that_look_alike_are_stepped_over_alike(void **state)
{
	(void)state;
	for (size_t g = 0; g < COUNT_OF(grammars); g++)
		for (unsigned a = 0; a < 256; a++)
			for (unsigned b = 0; b < 256; b++)
				if (grammars[g]->steps[a] > 0 &&
				    (b & grammars[g]->alike[a]) == (a & grammars[g]->alike[a]))
					assert_int_equal(grammars[g]->steps[a],
							 grammars[g]->steps[b]);
}

/* --- bodies: one map or list of objects, and a text behind it */

static const char *const fields[] = {"id", "sku", "count", "paid", "note"};

enum form {
	MAP,   /* numbers to objects */
	LIST,  /* one object behind the other */
	LISTS, /* a list of lists of a few, and of others between them */
	FORMS,
};

struct body {
	struct hessian2_writer writer;
	uint32_t class;
	enum form form;
	unsigned count, left; /* objects; to come in the inner list */
};

static struct body begin(const struct hessian2_grammar *grammar, enum form form, const char *class)
{
	struct body body = {.form = form};

	hessian2_writer_init(&body.writer, &arena);
	body.writer.grammar = grammar;
	if (form == MAP)
		hessian2_write_map_begin(&body.writer);
	else
		hessian2_write_raw(&body.writer,
				   grammar == &hessian2_grammar ? SLICE("\x57") : SLICE("V"));
	if (form == MAP)
		hessian2_write_null(&body.writer);
	body.class = hessian2_write_class(&body.writer, slice_of(class), fields, COUNT_OF(fields));
	hessian2_write_object(&body.writer, body.class);
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		hessian2_write_null(&body.writer);
	return body;
}

/* Fields that change their sizes, or not, with what they hold. */
static void add(struct body *body, int64_t id, const char *sku, int32_t count, bool paid,
		const char *note)
{
	struct hessian2_writer *writer = &body->writer;

	if (body->form == MAP)
		hessian2_write_int(writer, (int32_t)id & 15);
	if (body->form == LISTS && writer->grammar == &hessian2_grammar && !body->left &&
	    body->count % 7 < 3) {
		body->left = body->count % 7 + 1;
		hessian2_write_raw(writer, SLICE("\x58"));
		hessian2_write_int(writer, (int32_t)body->left);
	}
	body->left -= body->left > 0;
	body->count++;
	hessian2_write_object(writer, body->class);
	hessian2_write_long(writer, id);
	hessian2_write_string(writer, slice_of(sku));
	hessian2_write_int(writer, count);
	hessian2_write_bool(writer, paid);
	hessian2_write_string(writer, note ? slice_of(note) : (struct slice){NULL, 0});
}

/* Ends the body; `behind` letters follow, so that shapes may be looked at up to its end. */
static struct slice end(struct body *body, size_t behind)
{
	char *text = arena_alloc(&arena, behind);

	memset(text, 'x', behind);
	hessian2_write_map_end(&body->writer);
	hessian2_write_string(&body->writer, slice_make(text, behind));
	return hessian2_written(&body->writer);
}

/* Value by value, without runs: the truth. */
static struct hessian2_reader walk(struct slice bytes, const struct hessian2_grammar *grammar)
{
	struct typed_reader typed;

	typed_reader_init(&typed, bytes, grammar, &arena);
	while (typed_read(&typed) && typed.hessian2.pos < bytes.len)
		;
	return typed.hessian2;
}

static uint32_t item_count(const struct hessian2_reader *reader)
{
	return HESSIAN2_ITEMS - reader->items_left;
}

static void skips_as_walked(struct slice bytes, const struct hessian2_grammar *grammar,
			    struct hessian2_known *known)
{
	struct hessian2_reader truth = walk(bytes, grammar), reader;
	char *copy = malloc(bytes.len); /* its end is watched */

	assert_int_equal(truth.pos, bytes.len);
	memcpy(copy, bytes.data, bytes.len);
	hessian2_init(&reader, slice_make(copy, bytes.len), &arena);
	reader.grammar = grammar;
	reader.known = known;
	assert_int_equal(hessian2_skip_values(&reader, 2), STATUS_OK);
	assert_int_equal(reader.pos, truth.pos);
	assert_int_equal(reader.ref_count, truth.ref_count);
	assert_int_equal(reader.class_count, truth.class_count);
	for (size_t len = bytes.len < 1000 ? 0 : bytes.len - 400; len < bytes.len; len++) {
		memmove(copy + bytes.len - len, bytes.data, len);
		hessian2_init(&reader, slice_make(copy + bytes.len - len, len), &arena);
		reader.grammar = grammar;
		reader.known = known;
		assert_int_equal(hessian2_skip_values(&reader, 2), STATUS_MALFORMED);
	}
	free(copy);
}

static void objects_may_differ(void **state)
{
	static const char *const notes[] = {
		NULL,
		"",
		"n",
		"note",
		"äöü",
		"a longer note of 30 letters ..",
		"a note that is longer than a tag alone can say, as some are"};
	struct hessian2_known known;
	(void)state;

	hessian2_known_init(&known);
	for (size_t g = 0; g < COUNT_OF(grammars); g++)
		for (unsigned every = 1; every < 12 * FORMS; every++) {
			struct body body = begin(grammars[g], every % FORMS, "org.example.Item");
			for (unsigned i = 0; i < 150; i++) {
				bool differs = i % every == every - 1;
				add(&body, differs ? (int64_t)1 << (i % 60) : 3, "sku-0123456789",
				    differs ? (int32_t)i * 1000 : 5, i % 3,
				    differs ? notes[i % COUNT_OF(notes)] : "usual");
			}
			struct slice bytes = end(&body, every % 2 ? 0 : 300);
			skips_as_walked(bytes, grammars[g], NULL);
			skips_as_walked(bytes, grammars[g], &known);
			arena_reset(&arena);
		}
	hessian2_known_fini(&known);
}

/* Texts of any length, and what stands between them as it was: a shape in parts. Some don't keep to
 * that one either. */
static void texts_may_have_any_length(void **state)
{
	static const char *const odd[] = {NULL, "ü", "sku \xe4\xb8\xad",
					  "a text of more than 31 letters ...", ""};
	char text[700];
	struct hessian2_known known;
	(void)state;

	memset(text, 't', sizeof text);
	hessian2_known_init(&known);
	for (size_t g = 0; g < COUNT_OF(grammars); g++)
		for (unsigned every = 1; every < 12 * FORMS; every++) {
			struct body body = begin(grammars[g], every % FORMS, "org.example.Item");
			for (unsigned i = 0; i < 150; i++) {
				bool differs = i % every == every - 1 && every > 3;
				char sku[32], note[700];
				snprintf(sku, sizeof sku, "%.*s", (int)(i * 7 % 32), text);
				snprintf(note, sizeof note, "%.*s",
					 (int)(i * 37 % 120 * (every % 6)), text);
				add(&body, 3, differs ? odd[1 + i % 4] : sku, 5, i % 3,
				    differs ? odd[i % COUNT_OF(odd)] : note);
			}
			struct slice bytes = end(&body, every % 2 ? 0 : 300);
			skips_as_walked(bytes, grammars[g], NULL);
			skips_as_walked(bytes, grammars[g], &known);
			arena_reset(&arena);
		}
	hessian2_known_fini(&known);
}

/* One text and no flag: the shortest loop. */
static void one_text_of_any_length(void **state)
{
	static const char *const few[] = {"sku", "count"};
	(void)state;

	for (size_t g = 0; g < COUNT_OF(grammars); g++)
		for (unsigned every = 1; every < 40; every++) {
			struct body body = begin(grammars[g], LIST, "org.example.Item");
			uint32_t class = UINT32_MAX;
			if (grammars[g] == &hessian2_grammar) { /* many at once */
				hessian2_write_raw(&body.writer, SLICE("\x58"));
				hessian2_write_int(&body.writer, 200);
			}
			for (unsigned i = 0; i < 200; i++) {
				char text[40] = "0123456789012345678901234567890123456";
				if (!i)
					class = hessian2_write_class(&body.writer, SLICE("A"), few,
								     2);
				if (i % every == every - 1)
					memcpy(text + i % 35, "ü", 2);
				hessian2_write_object(&body.writer, class);
				hessian2_write_string(&body.writer, slice_make(text, i * 11 % 32));
				hessian2_write_int(&body.writer, i % 41 ? 7 : 100000);
			}
			skips_as_walked(end(&body, every % 2 ? 0 : 300), grammars[g], NULL);
			arena_reset(&arena);
		}
}

static enum status skip_all(struct slice bytes, struct hessian2_known *known, uint32_t items,
			    struct hessian2_reader *reader)
{
	hessian2_init(reader, bytes, &arena);
	reader->known = known;
	reader->items_left = items;
	return hessian2_skip_values(reader, 2);
}

/* Few values are stepped over one by one: so are many, whatever their bytes are. */
static void broken_ones_are_told(void **state)
{
	enum { FEW = HESSIAN2_SHAPE_SIZE };
	static const char *const some[] = {"sku", "count", "paid", "price"};
	static const uint8_t flips[] = {0x80, 0x12, 0x02, 0x10, 0x20, 0x01, 0xff};
	(void)state;

	for (unsigned count = 2; count <= COUNT_OF(some); count++) {
		struct hessian2_known known;
		struct hessian2_reader fast, slow;
		struct hessian2_writer writer;
		hessian2_known_init(&known);
		hessian2_writer_init(&writer, &arena);
		hessian2_write_raw(&writer, SLICE("\x57"));
		hessian2_write_class(&writer, SLICE("org.example.Item"), some, count);
		for (unsigned i = 0; i < 25; i++) {
			hessian2_write_object(&writer, 0);
			hessian2_write_string(&writer, slice_make("0123456789012345", i * 7 % 16));
			hessian2_write_int(&writer, 5);
			if (count > 2)
				hessian2_write_bool(&writer, i % 3);
			if (count > 3)
				hessian2_write_long(&writer, INT64_C(1) << 40);
		}
		hessian2_write_raw(&writer, SLICE("Z\x30\x60"));
		for (unsigned i = 0; i < 12; i++)
			hessian2_write_raw(&writer, SLICE("12345678"));
		struct slice bytes = arena_slice(&arena, hessian2_written(&writer));
		for (size_t i = 0; i < bytes.len; i++)
			for (size_t f = 0; f < COUNT_OF(flips); f++) {
				for (unsigned round = 0; round < 2; round++)
					assert_int_equal(
						skip_all(bytes, &known, HESSIAN2_ITEMS, &fast),
						STATUS_OK);
				((char *)bytes.data)[i] ^= (char)flips[f];
				enum status status = skip_all(bytes, NULL, FEW, &slow);
				if (status != STATUS_TOO_LARGE) {
					assert_int_equal(
						skip_all(bytes, &known, HESSIAN2_ITEMS, &fast),
						status);
					if (!status) {
						assert_int_equal(fast.pos, slow.pos);
						assert_int_equal(fast.ref_count, slow.ref_count);
						assert_int_equal(item_count(&fast),
								 FEW - slow.items_left);
					}
				}
				((char *)bytes.data)[i] ^= (char)flips[f];
				hessian2_known_fini(&known);
			}
		arena_reset(&arena);
	}
}

/* The budget of values is spent as if each were stepped over by itself. */
static void each_value_counts(void **state)
{
	enum { OBJECTS = 100 };
	struct hessian2_reader reader;
	struct hessian2_known known;
	(void)state;

	hessian2_known_init(&known);
	for (size_t g = 0; g < COUNT_OF(grammars); g++)
		for (unsigned round = 0; round < 6; round++) {
			struct body body = begin(grammars[g], MAP, "org.example.Item");
			for (unsigned i = 0; i < OBJECTS; i++)
				add(&body, 3, &"sku"[round > 2 ? i % 4 : 0], 5, true, "usual");
			struct slice bytes = end(&body, 300);
			hessian2_init(&reader, bytes, &arena);
			reader.grammar = grammars[g];
			reader.known = round ? &known : NULL;
			assert_int_equal(hessian2_skip_values(&reader, 2), STATUS_OK);
			/* the map and the text; key, object and its fields */
			assert_int_equal(item_count(&reader),
					 2 + (OBJECTS + 1) * (2 + COUNT_OF(fields)));
			for (uint32_t items = 1; items < 900; items++) {
				hessian2_init(&reader, bytes, &arena);
				reader.grammar = grammars[g];
				reader.known = round ? &known : NULL;
				reader.items_left = items;
				assert_int_equal(hessian2_skip_values(&reader, 2),
						 items < 2 + (OBJECTS + 1) * (2 + COUNT_OF(fields))
							 ? STATUS_TOO_LARGE
							 : STATUS_OK);
			}
			arena_reset(&arena);
		}
	hessian2_known_fini(&known);
}

/* What stands behind a counted list isn't taken for more of it. */
static void lists_end_with_their_count(void **state)
{
	struct hessian2_reader reader;
	struct hessian2_known known;
	(void)state;

	hessian2_known_init(&known);
	for (unsigned round = 0; round < 3; round++)
		for (uint32_t count = 1; count < 40; count++) {
			struct body body = begin(&hessian2_grammar, LIST, "org.example.Item");
			size_t from = 0, size = 0;
			for (int i = 0; i < 60; i++) {
				from = i == 20 ? body.writer.len : from;
				add(&body, 3, "sku", 5, i & 1, "usual");
				size = i == 20 ? body.writer.len - from : size;
			}
			hessian2_init(&reader, end(&body, 300), &arena);
			reader.known = round ? &known : NULL;
			reader.pos = 1;
			assert_int_equal(hessian2_skip_values(&reader, 21), STATUS_OK);
			assert_int_equal(reader.pos, from);
			assert_int_equal(hessian2_skip_values(&reader, count), STATUS_OK);
			assert_int_equal(reader.pos, from + count * size);
			assert_int_equal(reader.ref_count, 21 + count);
			assert_int_equal(item_count(&reader), (21 + count) * 6);
			arena_reset(&arena);
		}
	hessian2_known_fini(&known);
}

/* Where an object begins is found by its number, though others go by in one step. */
static void refs_are_found_among_them(void **state)
{
	struct hessian2_known known;
	(void)state;

	hessian2_known_init(&known);
	for (uint32_t wanted = 0; wanted < 102; wanted++) {
		struct body body = begin(&hessian2_grammar, MAP, "org.example.Item");
		size_t first = body.writer.len, size = 0;
		struct hessian2_reader reader;
		for (int i = 0; i < 100; i++) {
			add(&body, 3, "sku", 5, true, "usual");
			size = size ? size : body.writer.len - first;
		}
		hessian2_init(&reader, end(&body, 300), &arena);
		reader.known = &known;
		reader.ref_wanted = wanted;
		assert_int_equal(hessian2_skip_values(&reader, 2), STATUS_OK);
		if (wanted > 1) /* behind its key */
			assert_int_equal(reader.ref_at, first + (wanted - 2) * size + 1);
		arena_reset(&arena);
	}
	hessian2_known_fini(&known);
}

/* A class of another definition takes a slot, whose shape an object of the first is then asked for:
 * it holds for that one too, as far as it goes. */
static void slots_are_shared(void **state)
{
	static const char *const few[] = {"id", "sku", "count"};
	struct hessian2_known known;
	char name[32];
	(void)state;

	hessian2_known_init(&known);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "org.example.A%04d", i);
		struct body body = begin(&hessian2_grammar, MAP, "org.example.Item");
		add(&body, 3, "sku", 5, true, "usual");
		add(&body, 3, "sku", 5, true, "usual");
		hessian2_write_null(&body.writer);
		uint32_t other = hessian2_write_class(&body.writer, slice_of(name), few, 3);
		for (int k = 0; k < 3; k++) {
			if (k)
				hessian2_write_int(&body.writer, k);
			hessian2_write_object(&body.writer, other);
			hessian2_write_long(&body.writer, 3);
			hessian2_write_string(&body.writer, SLICE("sku"));
			hessian2_write_int(&body.writer, 5);
		}
		add(&body, 3, "sku", 5, true, "usual");
		struct slice bytes = end(&body, 200);
		struct hessian2_reader truth = walk(bytes, &hessian2_grammar), reader;
		hessian2_init(&reader, bytes, &arena);
		reader.known = &known;
		assert_int_equal(hessian2_skip_values(&reader, 2), STATUS_OK);
		assert_int_equal(reader.pos, truth.pos);
		assert_int_equal(reader.ref_count, truth.ref_count);
		arena_reset(&arena);
	}
	hessian2_known_fini(&known);
}

/* A class is known by all of its definition. */
static void definitions_are_compared_to_their_ends(void **state)
{
	static const char *const others[] = {"id", "sku", "count", "paid", "NOTE"};
	struct hessian2_known known;
	(void)state;

	hessian2_known_init(&known);
	for (int i = 0; i < 4; i++) {
		struct hessian2_writer writer;
		struct hessian2_reader reader, names;
		struct slice name;
		bool is_other = i & 1;
		hessian2_writer_init(&writer, &arena);
		hessian2_write_class(&writer, SLICE("org.example.Item"), is_other ? others : fields,
				     COUNT_OF(fields));
		hessian2_init(&reader, hessian2_written(&writer), &arena);
		reader.known = &known;
		assert_int_equal(hessian2_read_classes(&reader), STATUS_OK);
		assert_int_equal(reader.pos, writer.len);
		assert_int_equal(hessian2_read_class_name(&reader, 0, &name), STATUS_OK);
		assert_true(slice_equal(name, SLICE("org.example.Item")));
		names = hessian2_fields_reader(&reader, 0);
		for (size_t f = 0; f < COUNT_OF(fields); f++) {
			assert_int_equal(hessian2_read_string(&names, &name), STATUS_OK);
			assert_true(slice_equal(name, slice_of((is_other ? others : fields)[f])));
		}
		arena_reset(&arena);
	}
	hessian2_known_fini(&known);
}

/* --- variants */

static uint64_t run_of(enum hessian2_variant variant, struct slice bytes, struct arena *scratch,
		       struct hessian2_run *run)
{
	struct hessian2_reader reader;

	hessian2_init(&reader, bytes, scratch);
	*run = (struct hessian2_run){.reader = &reader,
				     .p = reader.data + 1, /* in the list */
				     .last = reader.data + bytes.len - HESSIAN2_WIDE,
				     .end = reader.data + bytes.len,
				     .may_contain = true};
	uint64_t left = hessian2_run_by(variant, run, 100000);
	run->reader = NULL;
	return left;
}

/* Objects of a class of five fields, all alike but for their texts, maybe. */
static struct slice items(unsigned objects, bool varies)
{
	struct body body = begin(&hessian2_grammar, LIST, "org.example.Item");

	for (unsigned i = 0; i < objects; i++)
		add(&body, 3, &"sku-0123456789"[varies ? i * 5 % 13 : 0], 5, i & 4,
		    i < 10 ? "usual" : "a note of 40 letters, 0123456789-0123456");
	return end(&body, 200);
}

/* Of a class of a text and a number: a row. */
static struct slice row(unsigned objects)
{
	struct body body = {.form = LIST};

	hessian2_writer_init(&body.writer, &arena);
	hessian2_write_raw(&body.writer, SLICE("\x57"));
	hessian2_write_class(&body.writer, SLICE("org.example.Item"), &fields[1], 2);
	for (unsigned i = 0; i < objects; i++) {
		hessian2_write_object(&body.writer, 0);
		hessian2_write_string(&body.writer,
				      slice_make("0123456789012345678901234567890", i * 7 % 32));
		hessian2_write_int(&body.writer, 5);
	}
	return end(&body, 200);
}

static void variants_agree_on(struct slice bytes)
{
	static const uint8_t flips[] = {0x80, 0x01, 0x20, 0xff};
	struct arena scratch;

	arena_init(&scratch, 4096);
	for (enum hessian2_variant v = HESSIAN2_VARIANT_WORDS; v <= HESSIAN2_VARIANT_AVX2; v++) {
		unsigned met = 0;
		if (!hessian2_has_variant(v))
			continue;
		for (size_t i = 0; i < bytes.len - 210; i++)
			for (size_t f = 0; f < COUNT_OF(flips); f++) {
				struct hessian2_run a, b;
				((char *)bytes.data)[i] ^= (char)flips[f];
				uint64_t left_a = 0, left_b = 0;
				if (i > 70) { /* behind the class */
					left_a =
						run_of(HESSIAN2_VARIANT_WORDS, bytes, &scratch, &a);
					left_b = run_of(v, bytes, &scratch, &b);
					assert_int_equal(left_a, left_b);
					assert_ptr_equal(a.p, b.p);
					assert_int_equal(a.containers, b.containers);
					assert_int_equal(a.fields, b.fields);
					met += a.containers > 15;
				}
				((char *)bytes.data)[i] ^= (char)flips[f];
				arena_reset(&scratch);
			}
		assert_true(met > 1000);
	}
	arena_free(&scratch);
	arena_reset(&arena);
}

static void variants_agree(void **state)
{
	(void)state;
	variants_agree_on(items(20, false));
	variants_agree_on(items(40, true));
	variants_agree_on(row(60));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tags_that_look_alike_are_stepped_over_alike),
		cmocka_unit_test(objects_may_differ),
		cmocka_unit_test(texts_may_have_any_length),
		cmocka_unit_test(one_text_of_any_length),
		cmocka_unit_test(broken_ones_are_told),
		cmocka_unit_test(each_value_counts),
		cmocka_unit_test(lists_end_with_their_count),
		cmocka_unit_test(refs_are_found_among_them),
		cmocka_unit_test(slots_are_shared),
		cmocka_unit_test(definitions_are_compared_to_their_ends),
		cmocka_unit_test(variants_agree),
	};
	return cmocka_run_group_tests(tests, arena_open, arena_close);
}
