/* Numbers of static runtime layers, however they are written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <envoy/config/bootstrap/v3/bootstrap.pb-c.h>

#include "routing/runtime.h"
#include "xds/yaml_message.h"

static const char layers[] = "layers:\n"
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
			     "- name: admin\n"
			     "  admin_layer: {}\n";

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
	struct diag diag = {0};
	ProtobufCMessage *message = NULL;
	(void)state;

	arena_init(&arena, 4096);
	assert_int_equal(
		yaml_message_parse(slice_of(layers), "t.yaml",
				   &envoy__config__bootstrap__v3__layered_runtime__descriptor, NULL,
				   &arena, &message, &diag),
		STATUS_OK);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t number = runtime_number((const void *)message, slice_of(rows[i].key), 99);
		if (number != rows[i].wanted)
			fail_msg("%s is %llu", rows[i].key, (unsigned long long)number);
	}
	assert_int_equal(runtime_number(NULL, SLICE("a.b.c"), 5), 5);
	arena_free(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_found)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
