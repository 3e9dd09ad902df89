/* Golden bodies cut and bent at every byte, and what nobody would send but to hurt: each ends, in
 * bounded time and memory, with an answer.
 *
 * Within the three texts of 100 kB only every 13th byte is damaged, and under ThreadSanitizer,
 * which has nothing to see here but makes each access ten times as dear, only every 11th of all;
 * unless EVERY_BYTE is set in the environment (then it takes a minute). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "codec/hessian2.h"
#include "codec/hessian2_path.h"
#include "codec/sofa_hessian.h"
#include "message/argument_path.h"
#include "message/argument_value.h"
#include "support/vectors.h"

#include "support/test_arena.h"

#if UNDER_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { LONG_BODY = 20000, EDGE = 512 };

static void check_status(enum status status)
{
	assert_true(status == STATUS_OK || status == STATUS_MALFORMED ||
		    status == STATUS_TOO_LARGE);
}

/* All values, and then some paths into the first container. Returns whether all could be read. */
static bool read_all(struct slice bytes, const struct hessian2_grammar *grammar)
{
	static const struct argument_step steps[] = {
		{.kind = ARGUMENT_STEP_FIELD, .name = {"items", 5}},
		{.kind = ARGUMENT_STEP_INDEX, .index = 1},
		{.kind = ARGUMENT_STEP_FIELD, .name = {"qty", 3}},
	};
	struct hessian2_reader reader;
	struct argument_value value;
	enum status status = STATUS_OK;

	hessian2_init(&reader, bytes, &arena);
	reader.grammar = grammar;
	while (!status && reader.pos < reader.len) {
		enum hessian2_kind kind = hessian2_kind(&reader);
		if (kind == HESSIAN2_CLASS || kind >= HESSIAN2_LIST) {
			for (unsigned count = 0; count <= COUNT_OF(steps); count++) {
				struct hessian2_reader other = reader;
				check_status(hessian2_read_at(&other, steps, count, &value));
			}
		}
		status = hessian2_skip(&reader);
		assert_true(status || reader.pos <= reader.len);
	}
	check_status(status);
	arena_reset(&arena);
	return !status;
}

/* Whether to damage that byte: all of them but in the middle of long bodies. */
static bool is_wanted(size_t len, size_t i)
{
	if (UNDER_TSAN && i % 11 && !getenv("EVERY_BYTE"))
		return false;
	return len < LONG_BODY || i < EDGE || i + EDGE > len || i % 13 == 0 || getenv("EVERY_BYTE");
}

/* Cut before each byte; what is cut off may not be looked at. */
static void cut_everywhere(struct slice body, const struct hessian2_grammar *grammar)
{
	char *copy = malloc(body.len);

	memcpy(copy, body.data, body.len);
	for (size_t len = body.len; len--;) {
		ASAN_POISON_MEMORY_REGION(copy + len, body.len - len < 16 ? body.len - len : 16);
		if (is_wanted(body.len, len))
			read_all(slice_make(copy, len), grammar);
	}
	ASAN_UNPOISON_MEMORY_REGION(copy, body.len);
	free(copy);
}

static void bend_everywhere(struct slice body, const struct hessian2_grammar *grammar)
{
	static const uint8_t flips[] = {0xff, 0x01, 0x80, 0x20};
	char *copy = malloc(body.len);

	memcpy(copy, body.data, body.len);
	for (size_t i = 0; i < body.len; i++) {
		if (!is_wanted(body.len, i))
			continue;
		for (size_t f = 0; f < COUNT_OF(flips); f++) {
			copy[i] = (char)((uint8_t)body.data[i] ^ flips[f]);
			read_all(slice_make(copy, body.len), grammar);
		}
		copy[i] = body.data[i];
	}
	free(copy);
}

static void damage_body(struct slice body, const struct hessian2_grammar *grammar)
{
	if (!body.len)
		return;
	cut_everywhere(body, grammar);
	bend_everywhere(body, grammar);
}

static void damage_dubbo(const char *file, struct slice frame, void *arg)
{
	struct slice body = slice_sub(frame, 16, frame.len);
	bool is_hessian2 = (frame.data[2] & 0x1f) == 2;
	(void)file;
	(void)arg;

	assert_true(!is_hessian2 || read_all(body, &hessian2_grammar));
	damage_body(body, &hessian2_grammar);
}

static void damage_bolt(const char *file, struct slice frame, void *arg)
{
	const uint8_t *p = (const uint8_t *)frame.data;
	size_t shift = p[0] == 2, at = (p[1 + shift] ? 14u : 12u) + 2 * shift;
	size_t from =
		at + 8 + (size_t)(p[at] << 8 | p[at + 1]) + (size_t)(p[at + 2] << 8 | p[at + 3]);
	size_t len = (size_t)p[at + 5] << 16 | (size_t)p[at + 6] << 8 | p[at + 7];
	struct slice content = slice_sub(frame, from, from + len);
	(void)file;
	(void)arg;

	assert_true(read_all(content, &sofa_hessian_grammar));
	damage_body(content, &sofa_hessian_grammar);
}

static void golden_dubbo_bodies_may_be_damaged(void **state)
{
	(void)state;
	assert_true(vectors_each("dubbo", ".hex", damage_dubbo, NULL) > 100);
}

static void golden_bolt_contents_may_be_damaged(void **state)
{
	(void)state;
	assert_int_equal(vectors_each("bolt", ".hex", damage_bolt, NULL), 62);
}

/* --- bombs */

struct bomb {
	char *data;
	size_t len;
};

static void put(struct bomb *bomb, const char *bytes, size_t len, size_t times)
{
	bomb->data = realloc(bomb->data, bomb->len + len * times);
	assert_non_null(bomb->data);
	for (size_t i = 0; i < times; i++, bomb->len += len)
		memcpy(bomb->data + bomb->len, bytes, len);
}

#define PUT(bomb, literal, times) put(bomb, literal, sizeof(literal) - 1, times)

/* Skips the one value; then looks into it by the step. Both in less than a second (it takes some
 * milliseconds; sanitizers take ten times that) and with less than a MB. Frees the bomb. */
static void goes_off(struct bomb bomb, const struct hessian2_grammar *grammar, enum status skipped,
		     const struct argument_step *step, enum status looked)
{
	struct arena own;
	struct hessian2_reader reader;
	struct argument_value value;
	clock_t begin = clock();

	arena_init(&own, 4096);
	hessian2_init(&reader, slice_make(bomb.data, bomb.len), &own);
	reader.grammar = grammar;
	struct hessian2_reader other = reader;
	assert_int_equal(hessian2_skip(&reader), skipped);
	assert_int_equal(hessian2_read_at(&other, step, 1, &value), looked);
	assert_true(own.allocated < 1 << 20);
	assert_true(clock() - begin < (UNDER_TSAN ? 4 : 1) * CLOCKS_PER_SEC);
	arena_free(&own);
	free(bomb.data);
}

static const struct argument_step by_name = {.kind = ARGUMENT_STEP_FIELD, .name = {"x", 1}};
static const struct argument_step by_key = {.kind = ARGUMENT_STEP_KEY, .name = {"1.5", 3}};
static const struct argument_step first = {.kind = ARGUMENT_STEP_INDEX, .index = 0};
static const struct argument_step last = {.kind = ARGUMENT_STEP_INDEX, .index = INT32_MAX};

static void depth_is_bounded(void **state)
{
	struct bomb bomb = {NULL, 0};
	(void)state;

	PUT(&bomb, "\x7a", 1000000); /* lists of two: no level is kept for what is only counted */
	goes_off(bomb, &hessian2_grammar, STATUS_MALFORMED, &last, STATUS_MALFORMED);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "\x57", 1000000); /* lists to their end marks */
	goes_off(bomb, &hessian2_grammar, STATUS_TOO_LARGE, &last, STATUS_TOO_LARGE);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "H", 1000000); /* maps as keys */
	goes_off(bomb, &hessian2_grammar, STATUS_TOO_LARGE, &by_name, STATUS_TOO_LARGE);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "H\1x", 1000000); /* maps as values */
	goes_off(bomb, &hessian2_grammar, STATUS_TOO_LARGE, &by_name, STATUS_TOO_LARGE);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "C\1A\x92\1x\1y", 1);
	PUT(&bomb, "\x60", 1000000);
	goes_off(bomb, &hessian2_grammar, STATUS_MALFORMED, &by_name, STATUS_OK);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "V", 1000000);
	goes_off(bomb, &sofa_hessian_grammar, STATUS_TOO_LARGE, &last, STATUS_TOO_LARGE);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "M", 1000000);
	goes_off(bomb, &sofa_hessian_grammar, STATUS_TOO_LARGE, &by_name, STATUS_TOO_LARGE);
}

static void lengths_are_believed_byte_by_byte(void **state)
{
	struct bomb bomb = {NULL, 0};
	(void)state;

	PUT(&bomb, "\x58I\x7f\xff\xff\xff", 1);
	PUT(&bomb, "\x90", 1000);
	goes_off(bomb, &hessian2_grammar, STATUS_MALFORMED, &last, STATUS_MALFORMED);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "\x58I\xff\xff\xff\xff\x90", 1);
	goes_off(bomb, &hessian2_grammar, STATUS_MALFORMED, &first, STATUS_MALFORMED);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "C\1AI\x7f\xff\xff\xff\1x", 1);
	goes_off(bomb, &hessian2_grammar, STATUS_MALFORMED, &by_name, STATUS_MALFORMED);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "OI\x7f\xff\xff\xff\x41", 1); /* a class with a long name */
	goes_off(bomb, &sofa_hessian_grammar, STATUS_MALFORMED, &by_name, STATUS_MALFORMED);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "Vl\x7f\xff\xff\xff\x90z", 1); /* a hint, as for Java's collections */
	goes_off(bomb, &sofa_hessian_grammar, STATUS_OK, &last, STATUS_OK);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "R\0\0", 1000000);
	PUT(&bomb, "\0", 1);
	goes_off(bomb, &hessian2_grammar, STATUS_OK, &by_name, STATUS_OK);
}

static void classes_and_items_are_bounded(void **state)
{
	struct bomb bomb = {NULL, 0};
	(void)state;

	PUT(&bomb, "C\1A\x90", 1000000);
	PUT(&bomb, "\x60", 1);
	goes_off(bomb, &hessian2_grammar, STATUS_TOO_LARGE, &by_name, STATUS_TOO_LARGE);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb,
	    "O\x91"
	    "A\x90",
	    1000000);
	PUT(&bomb, "o\x90", 1);
	goes_off(bomb, &sofa_hessian_grammar, STATUS_TOO_LARGE, &by_name, STATUS_TOO_LARGE);
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "\x57", 1);
	PUT(&bomb, "\x90", HESSIAN2_ITEMS + 1);
	PUT(&bomb, "Z", 1);
	goes_off(bomb, &hessian2_grammar, STATUS_TOO_LARGE, &last, STATUS_TOO_LARGE);
}

/* Each key by itself is cheap; what belongs to all of them must not be looked at for each. */
static void keys_cost_what_they_are_long(void **state)
{
	struct bomb bomb = {NULL, 0};
	(void)state;

	/* enums of a class with a name of 640 kB */
	PUT(&bomb, "HC", 1);
	for (unsigned i = 0; i < 20; i++) {
		PUT(&bomb, "R\x80\0", 1);
		PUT(&bomb, "a", 32768);
	}
	PUT(&bomb, "\1a\x91\4name\x60\1A\x90", 1);
	PUT(&bomb, "\x60\1A\x90", 200000);
	PUT(&bomb, "Z", 1);
	goes_off(bomb, &hessian2_grammar, STATUS_OK, &by_key, STATUS_OK);
	/* doubles, whose texts would be large */
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "H", 1);
	PUT(&bomb, "\x5f\0\0\0\1\x90", 300000);
	PUT(&bomb, "Z", 1);
	goes_off(bomb, &hessian2_grammar, STATUS_OK, &by_key, STATUS_OK);
	/* refs to a list of a million elements */
	bomb = (struct bomb){NULL, 0};
	PUT(&bomb, "H\1k\x58I\0\x0f\x42\x40", 1);
	PUT(&bomb, "\x90", 1000000);
	PUT(&bomb, "Q\x91\x90", 100000);
	PUT(&bomb, "Z", 1);
	goes_off(bomb, &hessian2_grammar, STATUS_OK, &by_key, STATUS_TOO_LARGE);
}

static void what_holds_itself_ends(void **state)
{
	static const struct argument_step into = {.kind = ARGUMENT_STEP_FIELD, .name = {"m", 1}};
	struct argument_step steps[ARGUMENT_PATH_STEPS];
	static const char bytes[] = "HQ\x90Q\x90\1mQ\x90Z"; /* as its own key and value */
	struct hessian2_reader reader;
	struct argument_value value;
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(steps); i++)
		steps[i] = into;
	hessian2_init(&reader, slice_make(bytes, sizeof bytes - 1), &arena);
	struct hessian2_reader other = reader;
	assert_int_equal(hessian2_skip(&reader), STATUS_OK);
	assert_int_equal(hessian2_read_at(&other, steps, COUNT_OF(steps), &value), STATUS_OK);
	assert_int_equal(value.kind, ARGUMENT_MAP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_dubbo_bodies_may_be_damaged),
		cmocka_unit_test(golden_bolt_contents_may_be_damaged),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(lengths_are_believed_byte_by_byte),
		cmocka_unit_test(classes_and_items_are_bounded),
		cmocka_unit_test(keys_cost_what_they_are_long),
		cmocka_unit_test(what_holds_itself_ends),
	};
	return cmocka_run_group_tests(tests, arena_open, arena_close);
}
