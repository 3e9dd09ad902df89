/* The bytes of attachments that are asked for by name: those whose values reading the whole map
 * gives, or none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/dubbo_attachment_bytes.h"
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_frame.h"
#include "codec/hessian2.h"

#include "support/test_arena.h"

enum { NAMES = 3 };

static const struct slice names[NAMES] = {{"region", 6}, {"k", 1}, {"traces", 6}};

/* What is told of the map, which is copied so that its end is watched. */
static bool tell(struct slice map, char **copy, struct slice *values)
{
	*copy = malloc(map.len ? map.len : 1);
	if (map.len)
		memcpy(*copy, map.data, map.len);
	return dubbo_attachment_bytes(slice_make(*copy, map.len), names, NAMES, values);
}

static void values_with_their_tags(void **state)
{
	const struct {
		struct slice bytes;
		bool is_told;
		struct slice region, k;
	} maps[] = {
		{SLICE(""), true, SLICE(""), SLICE("")},
		{SLICE("N"), true, SLICE(""), SLICE("")},
		{SLICE("HZ"), true, SLICE(""), SLICE("")},
		{SLICE("HZ and more"), true, SLICE(""), SLICE("")},
		{SLICE("H\1k\1vZ"), true, SLICE(""), SLICE("\1v")},
		{SLICE("H\5trace\4abcd\6region\5northZ"), true, SLICE("\5north"), SLICE("")},
		{SLICE("H\6region\5north\1k\2vw\6region\5southZ"), true, SLICE("\5south"),
		 SLICE("\2vw")},
		{SLICE("H\6region\0Z"), true, SLICE("\0"), SLICE("")},
		{SLICE("H\0\1v\1k\0Z"), true, SLICE(""), SLICE("\0")},
		{SLICE("H\x30\6region\x30\5northZ"), true, SLICE("\x30\5north"), SLICE("")},
		{SLICE("H\5other\x30\40................................\1k\1vZ"), true, SLICE(""),
		 SLICE("\1v")},
		/* found if there is no other; and if there is one, too */
		{SLICE("H\6Region\5north\1k\1vZ"), false, SLICE(""), SLICE("")},
		{SLICE("H\6regioN\5south\6region\5northZ"), false, SLICE(""), SLICE("")},
		/* what isn't short or ASCII */
		{SLICE("H\6region\2\xc3\xbc Z"), true, SLICE("\2\xc3\xbc "), SLICE("")},
		{SLICE("H\2\xc3\xbc \1v\1kS\0\2vwZ"), true, SLICE(""), SLICE("S\0\2vw")},
		{SLICE("H\6regionR\0\1nS\0\1oZ"), false, SLICE(""), SLICE("")}, /* chunks */
		{SLICE("H\1t\2\xed\xa0\xbd\xed\xb8\x80\1k\1vZ"), false, SLICE(""), SLICE("")},
		{SLICE("H\1t\1\xc0\x80\1k\1vZ"), false, SLICE(""), SLICE("")}, /* overlong */
		{SLICE("H\1t\1\xff\1k\1vZ"), false, SLICE(""), SLICE("")},
		/* other values, and names */
		{SLICE("H\6regionN\1kTZ"), true, SLICE("N"), SLICE("T")},
		{SLICE("H\1a\x91\1kI\0\0\0\1Z"), true, SLICE(""), SLICE("I\0\0\0\1")},
		{SLICE("H\x91\1a\1k\1vZ"), true, SLICE(""), SLICE("\1v")},
		{SLICE("H\1a\x22zz\1k\x21yZ"), true, SLICE(""), SLICE("\x21y")},
		/* what depends on more than its own bytes */
		{SLICE("H\1aQ\x90Z"), false, SLICE(""), SLICE("")},
		{SLICE("H\1k\x60Z"), false, SLICE(""), SLICE("")},
		{SLICE("H\1k\x78Z"), false, SLICE(""), SLICE("")},
		{SLICE("HC\1A\x90\x60\1vZ"), false, SLICE(""), SLICE("")},
		{SLICE("M\1t\1k\1vZ"), false, SLICE(""), SLICE("")},
		{SLICE("Q\x90"), false, SLICE(""), SLICE("")},
		{SLICE("\1k"), false, SLICE(""), SLICE("")},
		{SLICE("\x91"), false, SLICE(""), SLICE("")},
	};
	struct slice values[NAMES];
	char *copy;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(maps); i++) {
		if (tell(maps[i].bytes, &copy, values) != maps[i].is_told)
			fail_msg("map %zu", i);
		if (maps[i].is_told) {
			assert_true(slice_equal(values[0], maps[i].region));
			assert_true(slice_equal(values[1], maps[i].k));
			assert_int_equal(values[2].len, 0);
		}
		free(copy);
	}
}

static void limits_are_those_of_reading(void **state)
{
	char *bytes = malloc(DUBBO_ATTACHMENTS_BYTES_LIMIT + 1), *to = bytes;
	struct slice values[NAMES];
	(void)state;

	*to++ = 'H';
	for (unsigned i = 0; i < DUBBO_ATTACHMENTS_LIMIT; i++, to += 4)
		memcpy(to, "\1k\1v", 4);
	*to = 'Z';
	size_t len = (size_t)(to + 1 - bytes);
	assert_true(dubbo_attachment_bytes(slice_make(bytes, len), names, NAMES, values));
	assert_ptr_equal(values[1].data, to - 2);
	memcpy(to, "\1o\1vZ", 5);
	assert_false(dubbo_attachment_bytes(slice_make(bytes, len + 4), names, NAMES, values));
	memset(to, 0, (size_t)(bytes + DUBBO_ATTACHMENTS_BYTES_LIMIT + 1 - to));
	*to = 'Z';
	assert_true(dubbo_attachment_bytes(slice_make(bytes, DUBBO_ATTACHMENTS_BYTES_LIMIT), names,
					   NAMES, values));
	assert_false(dubbo_attachment_bytes(slice_make(bytes, DUBBO_ATTACHMENTS_BYTES_LIMIT + 1),
					    names, NAMES, values));
	free(bytes);
}

/* Reads the same map of a request without arguments; whether the attachments are as told. */
static void check_told(struct slice map, const struct slice *values)
{
	char payload[512] = "";
	struct rpc_head head = {.protocol = RPC_DUBBO,
				.serialization = DUBBO_HESSIAN2,
				.arguments_at = 1,
				.payload = {payload, map.len + 1}};
	struct headers headers;
	struct slice text, told;
	struct hessian2_reader reader;

	memcpy(payload + 1, map.data, map.len);
	headers_init(&headers, &arena, 4);
	headers.rpc = &head;
	assert_true(dubbo_read_attachments(&headers, &arena));
	for (size_t i = 0; i < NAMES; i++) {
		bool is_there = dubbo_attachment(&headers, names[i], &text);
		assert_int_equal(is_there, values[i].len > 0);
		if (!is_there)
			continue;
		hessian2_init(&reader, values[i], &arena);
		assert_int_equal(hessian2_read_text(&reader, &told), STATUS_OK);
		assert_int_equal(reader.pos, reader.len);
		assert_int_equal(!text.data, !told.data);
		assert_true(slice_equal(text, told));
	}
}

static void bent_maps_say_what_is_read(void **state)
{
	const struct slice maps[] = {
		SLICE("H\6region\5north\5trace\x30\50........................................"
		      "\1k\x0fgold and silverZ"),
		SLICE("H\6Region\5north\1k\x91\4note\2\xc3\xbc.\1K\1v\6regionNZ"),
		SLICE("H\6region\0\1k\0\6traces\1tZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ"),
	};
	struct slice values[NAMES];
	char *copy;
	unsigned told = 0;

	(void)state;
	for (size_t m = 0; m < COUNT_OF(maps); m++)
		for (size_t i = 0; i < maps[m].len; i++)
			for (unsigned flip = 1; flip < 256; flip++) {
				struct slice map = arena_slice(&arena, maps[m]);
				((char *)map.data)[i] ^= (char)flip;
				if (tell(map, &copy, values)) {
					check_told(map, values);
					told++;
				}
				free(copy);
				arena_reset(&arena);
			}
	assert_true(told > 10000);
}

static void maps_cut_short_say_nothing(void **state)
{
	const struct slice map =
		SLICE("H\6region\5north\5trace\x30\50........................................"
		      "\1t\2\xc3\xbc.\1k\x0fgold and silverZ");
	struct slice values[NAMES];
	char *copy;

	(void)state;
	for (size_t len = 1; len < map.len; len++) {
		assert_false(tell(slice_sub(map, 0, len), &copy, values));
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_with_their_tags),
		cmocka_unit_test(limits_are_those_of_reading),
		cmocka_unit_test(bent_maps_say_what_is_read),
		cmocka_unit_test(maps_cut_short_say_nothing),
	};
	return cmocka_run_group_tests(tests, arena_open, arena_close);
}
