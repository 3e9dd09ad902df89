/* Requests as they are kept: what is written is read, and anything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "filters/traffic_class/stored_request.h"

static struct slice store(struct arena *arena, struct rpc_head *rpc, struct slice body)
{
	struct headers headers;

	headers_init(&headers, arena, 8);
	headers_add_id(&headers, HEADER_METHOD, SLICE("POST"));
	headers_add_id(&headers, HEADER_PATH, SLICE("/a?b"));
	headers_add(&headers, SLICE("x-one"), SLICE("1"));
	headers_add(&headers, SLICE("x-gone"), SLICE("2"));
	headers_add(&headers, SLICE("x-empty"), SLICE(""));
	headers_remove(&headers, SLICE("x-gone"));
	headers.rpc = rpc;
	size_t size = stored_request_size(SLICE("up"), &headers);
	char *bytes = arena_alloc(arena, size + body.len);
	stored_request_write(bytes, SLICE("up"), &headers);
	memcpy(bytes + size, body.data, body.len);
	return slice_make(bytes, size + body.len);
}

static void what_is_written_is_read(void **state)
{
	struct stored_request read;
	struct arena arena;

	(void)state;
	arena_init(&arena, 1024);
	assert_int_equal(stored_request_read(&read, store(&arena, NULL, SLICE("body")), &arena),
			 STATUS_OK);
	assert_true(slice_equal(read.cluster, SLICE("up")));
	assert_true(slice_equal(read.body, SLICE("body")));
	assert_null(read.headers.rpc);
	assert_int_equal(read.headers.count, 4);
	assert_true(slice_equal(headers_get(&read.headers, HEADER_PATH), SLICE("/a?b")));
	assert_non_null(headers_find(&read.headers, SLICE("x-empty")));
	assert_null(headers_find(&read.headers, SLICE("x-gone")));
	arena_free(&arena);
}

/* A one-way call, too: its sending waits for an answer. */
static void a_call_keeps_what_its_frame_is_found_by(void **state)
{
	struct rpc_head rpc = {
		.protocol = RPC_DUBBO,
		.serialization = 2,
		.is_oneway = true,
		.service = SLICE("a.Svc"),
		.service_version = SLICE("1.0"),
		.method = SLICE("hello"),
	};
	struct stored_request read;
	struct arena arena;

	(void)state;
	arena_init(&arena, 1024);
	assert_int_equal(stored_request_read(&read, store(&arena, &rpc, SLICE("")), &arena),
			 STATUS_OK);
	assert_ptr_equal(read.headers.rpc, &read.rpc);
	assert_int_equal(read.rpc.protocol, RPC_DUBBO);
	assert_int_equal(read.rpc.serialization, 2);
	assert_false(read.rpc.is_oneway);
	assert_true(slice_equal(read.rpc.service, SLICE("a.Svc")));
	assert_true(slice_equal(read.rpc.service_version, SLICE("1.0")));
	assert_true(slice_equal(read.rpc.method, SLICE("hello")));
	assert_int_equal(read.body.len, 0);
	arena_free(&arena);
}

static void what_is_cut_short_or_wrong_is_refused(void **state)
{
	struct stored_request read;
	struct arena arena;

	(void)state;
	arena_init(&arena, 1024);
	struct slice stored = store(&arena, NULL, SLICE(""));
	for (size_t n = 0; n < stored.len; n++)
		assert_int_equal(stored_request_read(&read, slice_sub(stored, 0, n), &arena),
				 STATUS_MALFORMED);
	char *bytes = (char *)(uintptr_t)stored.data;
	bytes[0] = 2;
	assert_int_equal(stored_request_read(&read, stored, &arena), STATUS_UNSUPPORTED);
	bytes[0] = 1;
	char *value = memmem(bytes, stored.len, "/a?b", 4);
	value[1] = '\n';
	assert_int_equal(stored_request_read(&read, stored, &arena), STATUS_MALFORMED);
	value[1] = 'a';
	char *name = memmem(bytes, stored.len, "x-one", 5);
	name[0] = 'X';
	assert_int_equal(stored_request_read(&read, stored, &arena), STATUS_MALFORMED);
	arena_free(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(a_call_keeps_what_its_frame_is_found_by),
		cmocka_unit_test(what_is_cut_short_or_wrong_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
