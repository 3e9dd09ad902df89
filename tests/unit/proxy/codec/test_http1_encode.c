/* What is written is the fields, line by line, whatever their sizes: at every place where the room
 * that common heads get ends, and where short copies overlap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "codec/http1_encode.h"

enum { LONGEST = 400000 };

static struct buf_pool pool;
static struct arena arena;
static char *filler, *expected;

static struct slice text_of(size_t len)
{
	return slice_make(filler, len);
}

/* In an allocation of its own, so that AddressSanitizer sees what is read around it. */
static struct slice alone(struct slice s)
{
	char *copy = arena_alloc(&arena, s.len ? s.len : 1);

	memcpy(copy, s.data, s.len);
	return slice_make(copy, s.len);
}

static size_t put(size_t at, struct slice s)
{
	memcpy(expected + at, s.data, s.len);
	return at + s.len;
}

static void assert_written(const struct headers *headers)
{
	struct buf out;
	size_t len = put(0, SLICE("HTTP/1.1 200 OK\r\n"));

	buf_init(&out, &pool);
	http1_encode_response(&out, headers, 200, false, 0, 0, HTTP1_CASE_LOWER);
	for (struct header *h = NULL; (h = headers_next(headers, h));) {
		len = put(len, header_name(h));
		len = put(len, SLICE(": "));
		len = put(len, header_value(h));
		len = put(len, SLICE("\r\n"));
	}
	len = put(len, SLICE("\r\n"));

	char *written = malloc(len + 1);
	assert_int_equal(out.len, len);
	assert_int_equal(buf_peek(&out, written, len + 1), len);
	assert_memory_equal(written, expected, len);
	free(written);
	buf_clear(&out);
	buf_pool_rewind(&pool);
}

static void values_of_all_sizes(void **state)
{
	struct headers headers;
	(void)state;

	for (size_t len = 0; len < 4700; len += len < 200 || len > 3600 ? 1 : 97) {
		headers_init(&headers, &arena, 4);
		headers_add_id(&headers, HEADER_DATE, alone(text_of(len)));
		headers_add_id(&headers, HEADER_X_ENVOY_UPSTREAM_SERVICE_TIME, SLICE("12"));
		headers_add(&headers, alone(SLICE("x-name")), alone(text_of(len % 50)));
		assert_written(&headers);
		arena_reset(&arena);
	}
}

static void names_of_all_sizes(void **state)
{
	struct headers headers;
	(void)state;

	for (size_t len = 1; len < 4700; len += len < 200 || len > 3600 ? 1 : 97) {
		headers_init(&headers, &arena, 2);
		headers_add(&headers, alone(text_of(len)), alone(text_of(len % 9)));
		headers_add_id(&headers, HEADER_X_ENVOY_DOWNSTREAM_SERVICE_CLUSTER, SLICE(""));
		assert_written(&headers);
		arena_reset(&arena);
	}
}

static void well_known_names(void **state)
{
	struct headers headers;
	(void)state;

	headers_init(&headers, &arena, 4);
	for (int repeat = 0; repeat < 4; repeat++)
		for (enum header_id id = HEADER_FIRST_REGULAR; id < HEADER_ID_COUNT; id++)
			headers_add_id(&headers, id, text_of((size_t)id));
	assert_written(&headers);
}

/* Only ": " between a name and its value makes them one piece. */
static void names_beside_their_values(void **state)
{
	static const char *const between[] = {": ", ":\t", "::", "  ", "ab"};
	struct headers headers;
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(between); i++) {
		for (size_t name_len = 1; name_len < 40; name_len++) {
			char line[100];
			memset(line, 'n', sizeof line);
			memcpy(line + name_len, between[i], 2);
			struct slice name = {line, name_len}, value = {line + name_len + 2, 30};
			headers_init(&headers, &arena, 1);
			headers_add(&headers, name, value);
			assert_written(&headers);
		}
	}
}

/* Larger than a turn block. */
static void more_than_a_block(void **state)
{
	struct headers headers;
	(void)state;

	headers_init(&headers, &arena, 2);
	headers_add_id(&headers, HEADER_COOKIE, text_of(LONGEST - 1000));
	assert_written(&headers);
}

static int open_all(void **state)
{
	(void)state;
	buf_pool_init(&pool);
	arena_init(&arena, 4096);
	filler = malloc(LONGEST);
	expected = malloc(LONGEST);
	for (size_t i = 0; i < LONGEST; i++)
		filler[i] = (char)('a' + i % 26);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	free(filler);
	free(expected);
	arena_free(&arena);
	buf_pool_fini(&pool);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_all_sizes), cmocka_unit_test(names_of_all_sizes),
		cmocka_unit_test(well_known_names),    cmocka_unit_test(names_beside_their_values),
		cmocka_unit_test(more_than_a_block),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
