/* Values from the wire, and the metadata of a stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "message/format.h"
#include "message/metadata.h"
#include "message/stream_info.h"

#define WIRE(text)                                                                                 \
	{                                                                                          \
		text, sizeof text - 1                                                              \
	}

/* As JSON, from a log line; "refused" if it can't be read. */
static const char *json_of(struct slice wire, struct arena *arena)
{
	struct stream_info info = {.flags = 0};
	struct label label = {.kind = LABEL_NULL};
	struct diag diag = {.line = 0};
	const struct format *format;
	char *line = arena_alloc(arena, 512);

	if (!label_read(&label, wire, arena))
		return "refused";
	metadata_set(&info.metadata, SLICE("n"), SLICE("k"), &label, arena);
	assert_int_equal(format_compile(SLICE("%DYNAMIC_METADATA(n)%"), arena, &format, &diag),
			 STATUS_OK);
	line[format_write(format, &info, line, 511)] = 0;
	return line;
}

static void values_are_read_from_the_wire(void **state)
{
	static const struct {
		struct slice wire;
		const char *json;
	} rows[] = {
		{WIRE(""), "{\"k\":null}"},
		{WIRE("\x08\x00"), "{\"k\":null}"},
		{WIRE("\x11\x00\x00\x00\x00\x00\x00\xf8\x3f"), "{\"k\":1.5}"},
		{WIRE("\x1a\x03"
		      "a\"b"),
		 "{\"k\":\"a\\\"b\"}"},
		{WIRE("\x1a\x00"), "{\"k\":\"\"}"},
		{WIRE("\x20\x01"), "{\"k\":true}"},
		{WIRE("\x20\x00"), "{\"k\":false}"},
		{WIRE("\x20\x01\x1a\x01x"), "{\"k\":\"x\"}"}, /* the last of a oneof */
		{WIRE("\x20\x01\x3a\x01x\x45zzzz\x49zzzzzzzz\x50\x01"),
		 "{\"k\":true}"}, /* unknown */
		{WIRE("\x32\x00"), "{\"k\":[]}"},
		{WIRE("\x32\x08\x0a\x02\x20\x01\x0a\x02\x08\x00"), "{\"k\":[true,null]}"},
		{WIRE("\x2a\x00"), "{\"k\":{}}"},
		/* b, a, b again: sorted, the last one holds */
		{WIRE("\x2a\x1b\x0a\x07\x0a\x01"
		      "b\x12\x02\x20\x00\x0a\x07\x0a\x01"
		      "a\x12\x02\x20\x00\x0a\x07\x0a\x01"
		      "b\x12\x02\x20\x01"),
		 "{\"k\":{\"a\":false,\"b\":true}}"},
		{WIRE("\x2a\x06\x0a\x04\x12\x02\x20\x01"), "{\"k\":{\"\":true}}"},
		{WIRE("\x1a\x01\xff"), "refused"}, /* not UTF-8 */
		{WIRE("\x2a\x05\x0a\x03\x0a\x01\xff"), "refused"},
		{WIRE("\x1a\x05x"), "refused"}, /* too short */
		{WIRE("\x11\x00"), "refused"},
		{WIRE("\x20"), "refused"},
		{WIRE("\x00\x00"), "refused"}, /* field 0 */
		{WIRE("\x23"), "refused"},     /* a group */
		{WIRE("\x32\x02\x0a\x05"), "refused"},
		{WIRE("\x20\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "refused"},
	};
	struct arena arena;
	(void)state;
	arena_init(&arena, 1024);
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		const char *json = json_of(rows[i].wire, &arena);
		if (strcmp(json, rows[i].json))
			fail_msg("row %u: %s, not %s", i, json, rows[i].json);
	}
	arena_free(&arena);
}

/* Lists in each other, `depth` of them. */
static struct slice nest(unsigned depth, char *room, size_t size)
{
	char *start = room + size;
	for (unsigned i = 0; i < depth; i++) {
		size_t len = (size_t)(room + size - start);
		if (i) { /* as the value of a list */
			*--start = (char)len;
			*--start = 0x0a;
			len += 2;
		}
		*--start = (char)len;
		*--start = 0x32;
	}
	return slice_make(start, (size_t)(room + size - start));
}

static void depth_has_a_limit(void **state)
{
	struct arena arena;
	char room[128];
	(void)state;
	arena_init(&arena, 1024);
	assert_string_equal(json_of(nest(LABEL_DEPTH_MAX, room, sizeof room), &arena),
			    "{\"k\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}");
	assert_string_equal(json_of(nest(LABEL_DEPTH_MAX + 1, room, sizeof room), &arena),
			    "refused");
	arena_free(&arena);
}

static void a_path_leads_through_structs(void **state)
{
	struct metadata *metadata = NULL;
	struct label label = {.kind = LABEL_NULL};
	struct slice keys[] = {SLICE("k"), SLICE("a"), SLICE("b")};
	struct metadata_path path = {SLICE("n"), keys, 1};
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	assert_null(metadata_find(metadata, &path));
	/* {a: {b: true}} */
	assert_true(label_read(&label,
			       SLICE("\x2a\x10\x0a\x0e\x0a\x01"
				     "a\x12\x09\x2a\x07\x0a\x05\x0a\x01"
				     "b\x12\x00"),
			       &arena));
	metadata_set(&metadata, SLICE("n"), SLICE("k"), &label, &arena);
	assert_int_equal(metadata_find(metadata, &path)->kind, LABEL_STRUCT);
	path.count = 3;
	assert_int_equal(metadata_find(metadata, &path)->kind, LABEL_NULL);
	keys[2] = SLICE("c");
	assert_null(metadata_find(metadata, &path));
	path.count = 0;
	assert_null(metadata_find(metadata, &path));
	arena_free(&arena);
}

static void a_key_has_one_value_in_each_namespace(void **state)
{
	struct metadata *metadata = NULL;
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	for (unsigned i = 0; i < 20; i++) {
		struct slice key = slice_of(arena_printf(&arena, "k%u", i % 10));
		struct label label = {.kind = LABEL_NUMBER, .number = i};
		metadata_set(&metadata, SLICE("n"), key, &label, &arena);
		metadata_set(&metadata, SLICE("m"), key, &label, &arena);
	}
	assert_int_equal(metadata->count, 20);
	struct slice key = SLICE("k3");
	struct metadata_path path = {SLICE("m"), &key, 1};
	assert_true(metadata_find(metadata, &path)->number > 12.5);
	arena_free(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_from_the_wire),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(a_path_leads_through_structs),
		cmocka_unit_test(a_key_has_one_value_in_each_namespace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
