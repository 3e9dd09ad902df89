/* Numbers and flags of static runtime layers, however they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <envoy/config/bootstrap/v3/bootstrap.pb-c.h>

#include "routing/runtime.h"
#include "xds/yaml_message.h"

static const char layers[] =
	"layers:\n"
	"- name: first\n"
	"  static_layer:\n"
	"    a.b.c: 1\n"
	"    only.first: 7\n"
	"    as: {text: \"12\", words: many, negative: -1, half: 2.5}\n"
	"- name: second\n"
	"  static_layer:\n"
	"    a: {b: {c: 2, d: 3}}\n"
	"    a.b.e: 4\n"
	"    ab.c: 5\n"
	"    is: {on: true, off: false, loud: \"FALSE\", zero: 0, one: 1,\n"
	"         half: 0.5, digit: '0', minus: '-2', word: maybe, list: [true], none: null}\n"
	"- name: admin\n"
	"  admin_layer: {}\n";

static const void *runtime(struct arena *arena)
{
	struct diag diag = {0};
	ProtobufCMessage *message = NULL;

	if (yaml_message_parse(slice_of(layers), "t.yaml",
			       &envoy__config__bootstrap__v3__layered_runtime__descriptor, NULL,
			       arena, &message, &diag))
		fail_msg("%s: %s", diag.path, diag.text);
	return message;
}

static void numbers_are_found(void **state)
{
	static const struct {
		const char *key;
		uint64_t wanted;
	} rows[] = {
		{"a.b.c", 2},          {"a.b.d", 3},    {"a.b.e", 4},     {"ab.c", 5},
		{"only.first", 7},     {"as.text", 12}, {"as.words", 99}, {"as.negative", 99},
		{"as.half", 99},       {"a.b", 99},     {"a.b.c.d", 99},  {"", 99},
		{"nothing.of.it", 99},
	};
	struct arena arena;
	(void)state;

	arena_init(&arena, 4096);
	const void *message = runtime(&arena);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t number = runtime_number(message, slice_of(rows[i].key), 99);
		if (number != rows[i].wanted)
			fail_msg("%s is %llu", rows[i].key, (unsigned long long)number);
	}
	assert_int_equal(runtime_number(NULL, SLICE("a.b.c"), 5), 5);
	arena_free(&arena);
}

static void flags_are_found(void **state)
{
	static const struct {
		const char *key;
		bool otherwise, wanted;
	} rows[] = {
		{"is.on", false, true},    {"is.off", true, false},   {"is.loud", true, false},
		{"is.zero", true, false},  {"is.one", false, true},   {"is.half", true, true},
		{"is.half", false, false}, {"is.digit", true, false}, {"is.minus", false, true},
		{"is.word", true, true},   {"is.word", false, false}, {"is.list", true, true},
		{"is.none", true, true},   {"is", true, true},        {"", true, true},
		{"is.not", true, true},    {"is.not", false, false},
	};
	struct arena arena;
	(void)state;

	arena_init(&arena, 4096);
	const void *message = runtime(&arena);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (runtime_flag(message, slice_of(rows[i].key), rows[i].otherwise) !=
		    rows[i].wanted)
			fail_msg("%s, otherwise %d", rows[i].key, rows[i].otherwise);
	assert_true(runtime_flag(NULL, SLICE("is.off"), true));
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_found),
		cmocka_unit_test(flags_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
