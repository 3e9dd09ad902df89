/* Values of a Dubbo request's arguments and its attachments, read in one pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/dubbo_arguments.h"
#include "codec/dubbo_attachments.h"
#include "codec/dubbo_frame.h"
#include "message/argument_path.h"

/* A byte in front of: "gold", {"id": 7, "tags": ["x", "y"]}, [1, 2], then {"k": "v"}. */
#define ARGUMENTS                                                                                  \
	"\x00\x04gold"                                                                             \
	"H\x02id\x97\x04tags\x57\x01x\x01yZZ"                                                      \
	"\x7a\x91\x92"
#define ATTACHMENTS "H\x01k\x01vZ"
#define TYPES "Ljava/lang/String;Ljava/util/Map;[I"

enum { PATHS = 6 };

struct fixture {
	struct arena arena;
	struct headers headers;
	struct rpc_head head;
	struct argument_path paths[PATHS];
	const struct argument_path *wanted[PATHS];
	struct argument_value values[PATHS];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	static const char *const texts[PATHS] = {"2[1]",           "0",      "1.id",
						 "1[\"tags\"][1]", "1.none", "3"};
	struct diag diag = {0};
	arena_init(&f->arena, 4096);
	for (unsigned i = 0; i < PATHS; i++) {
		assert_int_equal(
			argument_path_parse(&f->paths[i], slice_of(texts[i]), &f->arena, &diag),
			STATUS_OK);
		f->wanted[i] = &f->paths[i];
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->arena);
	free(f);
	return 0;
}

static void body(struct fixture *f, struct slice payload)
{
	headers_init(&f->headers, &f->arena, 4);
	f->head = (struct rpc_head){
		.protocol = RPC_DUBBO,
		.serialization = DUBBO_HESSIAN2,
		.param_types = SLICE(TYPES),
		.arguments_at = 1,
		/* exactly as long as it is, for AddressSanitizer */
		.payload = slice_make(memcpy(malloc(payload.len), payload.data, payload.len),
				      payload.len)};
	f->headers.rpc = &f->head;
}

static void done(struct fixture *f)
{
	free((char *)(uintptr_t)f->head.payload.data);
}

static void values_and_attachments(void **state)
{
	struct fixture *f = *state;
	struct slice value;
	body(f, SLICE(ARGUMENTS ATTACHMENTS));
	dubbo_read_call(&f->headers, f->wanted, PATHS, f->values, true, &f->arena);
	assert_int_equal(f->values[0].kind, ARGUMENT_INT);
	assert_int_equal(f->values[0].integer, 2);
	assert_true(slice_equal(f->values[1].text, SLICE("gold")));
	assert_int_equal(f->values[2].integer, 7);
	assert_true(slice_equal(f->values[3].text, SLICE("y")));
	assert_int_equal(f->values[4].kind, ARGUMENT_ABSENT);
	assert_int_equal(f->values[5].kind, ARGUMENT_ABSENT);
	assert_true(dubbo_attachment(&f->headers, SLICE("k"), &value));
	assert_true(slice_equal(value, SLICE("v")));
	/* The same as one by one. */
	for (unsigned i = 0; i < PATHS; i++) {
		struct argument_value one;
		assert_int_equal(dubbo_argument_value(&f->headers, f->wanted[i], &one), STATUS_OK);
		assert_int_equal(one.kind, f->values[i].kind);
		assert_int_equal(one.integer, f->values[i].integer);
		assert_true(slice_equal(one.text, f->values[i].text));
	}
	done(f);
}

static void only_what_is_asked(void **state)
{
	struct fixture *f = *state;
	/* What stands behind the wanted argument isn't looked at. */
	body(f, SLICE("\x00\x04gold\x40\x40\x40"));
	dubbo_read_call(&f->headers, &f->wanted[1], 1, f->values, false, &f->arena);
	assert_true(slice_equal(f->values[0].text, SLICE("gold")));
	assert_false(f->head.has_attachments);
	dubbo_read_call(&f->headers, &f->wanted[1], 1, f->values, true, &f->arena);
	assert_true(slice_equal(f->values[0].text, SLICE("gold")));
	assert_false(f->head.has_attachments);
	done(f);
	body(f, SLICE(ARGUMENTS ATTACHMENTS));
	dubbo_read_call(&f->headers, NULL, 0, NULL, true, &f->arena);
	assert_true(f->head.has_attachments);
	done(f);
}

/* The attachments are the map that is the second argument. */
static void attachments_by_reference(void **state)
{
	struct fixture *f = *state;
	struct slice value;
	body(f, SLICE("\x00\x04gold"
		      "H\x01k\x01vZ"
		      "\x7a\x91\x92"
		      "Q\x90"));
	dubbo_read_call(&f->headers, f->wanted, 2, f->values, true, &f->arena);
	assert_int_equal(f->values[0].integer, 2);
	assert_true(dubbo_attachment(&f->headers, SLICE("k"), &value));
	done(f);
}

static void bodies_cut_short(void **state)
{
	struct fixture *f = *state;
	const struct slice whole = SLICE(ARGUMENTS ATTACHMENTS);
	for (size_t len = 1; len < whole.len; len++) {
		body(f, slice_sub(whole, 0, len));
		dubbo_read_call(&f->headers, f->wanted, PATHS, f->values, true, &f->arena);
		/* No attachments at all are none; half of them are unreadable. */
		assert_int_equal(f->head.has_attachments, len == sizeof ARGUMENTS - 1);
		if (len < 6)
			assert_int_equal(f->values[1].kind, ARGUMENT_ABSENT);
		done(f);
	}
}

static void other_messages(void **state)
{
	struct fixture *f = *state;
	f->values[1].kind = ARGUMENT_STRING;
	headers_init(&f->headers, &f->arena, 4);
	dubbo_read_call(&f->headers, f->wanted, PATHS, f->values, true, &f->arena);
	assert_int_equal(f->values[1].kind, ARGUMENT_ABSENT);
	body(f, SLICE(ARGUMENTS));
	f->head.serialization = 3;
	dubbo_read_call(&f->headers, f->wanted, PATHS, f->values, true, &f->arena);
	assert_int_equal(f->values[1].kind, ARGUMENT_ABSENT);
	done(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_and_attachments),   TEST(only_what_is_asked),
		TEST(attachments_by_reference), TEST(bodies_cut_short),
		TEST(other_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
