/* How fast values of Hessian2 are stepped over and found by path: bytes a second, beside memchr
 * over the same bytes.
 *
 *   micro_hessian2 [--check] [ROUNDS]
 *
 * Each body has about 100 kB. Timings: the least of several runs, of the CPU. --check: fails below
 * a speed far under what is promised (1 GB/s), for machines that are busy or instrumented. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/hessian2.h"
#include "codec/hessian2_path.h"
#include "codec/hessian2_write.h"
#include "codec/sofa_hessian.h"
#include "message/argument_path.h"
#include "message/argument_value.h"

enum { ABSENT = 0xff, BODY = 100 * 1000, RUNS = 15 };

#define LEAST_SPEED 0.02 /* GB/s */

static struct arena arena;
static unsigned rounds = 200;
static volatile uintptr_t sink;
static bool is_slow;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void skip_body(struct slice body, const struct hessian2_grammar *grammar)
{
	struct hessian2_reader reader;

	hessian2_init(&reader, body, &arena);
	reader.grammar = grammar;
	invariant(!hessian2_skip(&reader) && reader.pos == reader.len);
	arena_reset(&arena);
}

static void look_through(struct slice body, const struct hessian2_grammar *grammar)
{
	(void)grammar;
	sink = (uintptr_t)memchr(body.data, ABSENT, body.len);
}

/* Gigabytes a second of the fastest run. */
static double speed(struct slice body, const struct hessian2_grammar *grammar,
		    void (*step)(struct slice body, const struct hessian2_grammar *grammar))
{
	double best = 1e9;

	for (unsigned run = 0; run < RUNS; run++) {
		double begin = seconds();
		for (unsigned i = 0; i < rounds; i++)
			step(body, grammar);
		double took = seconds() - begin;
		best = took < best ? took : best;
	}
	return (double)body.len * rounds / best / 1e9;
}

static void show(const char *name, struct hessian2_writer *writer)
{
	struct slice body = hessian2_written(writer);
	char *copy = malloc(body.len);

	memcpy(copy, body.data, body.len);
	body.data = copy;
	double skipped = speed(body, writer->grammar, skip_body);
	is_slow |= skipped < LEAST_SPEED;
	for (size_t i = 0; i < body.len; i++)
		copy[i] = (char)(copy[i] & ~1); /* so that memchr goes to the end */
	printf("%-34s %7zu bytes  skip %6.2f GB/s  memchr %6.2f GB/s\n", name, body.len, skipped,
	       speed(body, NULL, look_through));
	free(copy);
}

static struct slice text_of(const char *letter, size_t times)
{
	size_t size = strlen(letter);
	char *text = arena_alloc(&arena, size * times);

	for (size_t i = 0; i < times; i++)
		memcpy(text + i * size, letter, size);
	return slice_make(text, size * times);
}

/* A list of objects of about 1 kB: strings of 20 to 60 letters, ints, longs, flags, a small map. */
static void write_objects(struct hessian2_writer *writer)
{
	static const char *const fields[] = {"id",   "customer", "street", "city", "email",
					     "note", "amount",   "count",  "paid", "tags"};

	hessian2_write_map_begin(writer);
	uint32_t number = UINT32_MAX;
	for (int i = 0; writer->len < BODY; i++) {
		hessian2_write_int(writer, i);
		if (!i)
			number = hessian2_write_class(writer, SLICE("com.example.Order"), fields,
						      COUNT_OF(fields));
		hessian2_write_object(writer, number);
		hessian2_write_long(writer, INT64_C(9007199254740993) + i);
		hessian2_write_string(writer, text_of("c", 24));
		hessian2_write_string(writer, text_of("s", 31));
		hessian2_write_string(writer, text_of("t", 16));
		hessian2_write_string(writer, text_of("e", 28));
		hessian2_write_string(writer, text_of("n", 800));
		hessian2_write_int(writer, 123456);
		hessian2_write_int(writer, i & 31);
		hessian2_write_bool(writer, i & 1);
		hessian2_write_map_begin(writer);
		hessian2_write_string(writer, SLICE("colour"));
		hessian2_write_string(writer, SLICE("blue"));
		hessian2_write_map_end(writer);
	}
	hessian2_write_map_end(writer);
}

/* The same with short texts only. */
static void write_small(struct hessian2_writer *writer)
{
	hessian2_write_map_begin(writer);
	for (int i = 0; writer->len < BODY; i++) {
		hessian2_write_string(writer, text_of("k", (size_t)(4 + i % 20)));
		hessian2_write_string(writer, text_of("v", (size_t)(8 + i % 24)));
	}
	hessian2_write_map_end(writer);
}

/* Objects of a few small fields, as items of an order are. */
static void write_items(struct hessian2_writer *writer)
{
	static const char *const fields[] = {"sku", "count", "price"};
	uint32_t number = UINT32_MAX;

	hessian2_write_map_begin(writer);
	for (int i = 0; writer->len < BODY; i++) {
		hessian2_write_int(writer, i & 15);
		if (!i)
			number = hessian2_write_class(writer, SLICE("com.example.Item"), fields,
						      COUNT_OF(fields));
		hessian2_write_object(writer, number);
		hessian2_write_string(writer, text_of("s", 28));
		hessian2_write_int(writer, i & 31);
		hessian2_write_int(writer, i & 1023);
	}
	hessian2_write_map_end(writer);
}

static void write_numbers(struct hessian2_writer *writer)
{
	hessian2_write_map_begin(writer);
	for (int i = 0; writer->len < BODY; i++) {
		hessian2_write_int(writer, i * 7);
		hessian2_write_long(writer, i * INT64_C(1000003));
	}
	hessian2_write_map_end(writer);
}

static void show_grammar(const char *grammar,
			 void (*init)(struct hessian2_writer *, struct arena *))
{
	static const struct {
		const char *name, *letter;
		size_t times;
		void (*write)(struct hessian2_writer *writer);
	} bodies[] = {
		{"one string of ASCII", "x", BODY, NULL},
		{"one string of Chinese", "\u4e2d", BODY / 3, NULL},
		{"one string of accents", "\u00e9x", BODY / 3, NULL},
		{"objects of 1 kB", NULL, 0, write_objects},
		{"objects of small fields", NULL, 0, write_items},
		{"short strings", NULL, 0, write_small},
		{"numbers", NULL, 0, write_numbers},
	};
	char name[64];

	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		struct arena own;
		struct hessian2_writer writer;
		arena_init(&own, 65536);
		init(&writer, &own);
		if (bodies[i].write)
			bodies[i].write(&writer);
		else
			hessian2_write_string(&writer, text_of(bodies[i].letter, bodies[i].times));
		snprintf(name, sizeof name, "%s, %s", grammar, bodies[i].name);
		show(name, &writer);
		arena_reset(&arena);
		arena_free(&own);
	}
}

/* A string argument behind three objects of 1 kB: what a route by an argument costs. */
static void show_path(void)
{
	struct hessian2_writer writer;
	struct hessian2_reader reader;
	struct argument_value value;
	double best = 1e9;

	hessian2_writer_init(&writer, &arena);
	static const char *const fields[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
	for (unsigned i = 0; i < 3; i++) {
		if (!i)
			hessian2_write_class(&writer, SLICE("com.example.Order"), fields,
					     COUNT_OF(fields));
		hessian2_write_object(&writer, 0);
		for (unsigned f = 0; f < COUNT_OF(fields); f++)
			hessian2_write_string(&writer, text_of("x", 118));
	}
	hessian2_write_string(&writer, SLICE("customer-4711"));
	struct slice body = arena_slice(&arena, hessian2_written(&writer));
	struct arena scratch;
	arena_init(&scratch, 4096);
	for (unsigned run = 0; run < RUNS; run++) {
		double begin = seconds();
		for (unsigned i = 0; i < rounds * 10; i++) {
			hessian2_init(&reader, body, &scratch);
			for (unsigned skipped = 0; skipped < 3; skipped++)
				invariant(!hessian2_skip(&reader));
			invariant(!hessian2_read_at(&reader, NULL, 0, &value) &&
				  value.kind == ARGUMENT_STRING);
			arena_reset(&scratch);
		}
		double took = (seconds() - begin) / (rounds * 10);
		best = took < best ? took : best;
	}
	printf("a string behind three objects, %zu bytes: %.0f ns\n", body.len, best * 1e9);
	arena_free(&scratch);
}

int main(int argc, char **argv)
{
	bool checks = argc > 1 && !strcmp(argv[1], "--check");

	if (argc > 1 + checks)
		rounds = (unsigned)atoi(argv[1 + checks]);
	arena_init(&arena, 65536);
	show_grammar("Hessian2", hessian2_writer_init);
	show_grammar("SOFA", sofa_hessian_writer_init);
	show_path();
	arena_free(&arena);
	return checks && is_slow;
}
