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
#include "codec/rpc_kept.h"
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

static bool read_bytes(struct fixture *f, const struct argument_path *const *paths, uint32_t count,
		       bool attachments, struct rpc_call_bytes *bytes)
{
	dubbo_argument_count(&f->head);
	bytes->count = count;
	return dubbo_read_bytes(&f->head, f->head.payload, paths, attachments, &f->arena, bytes);
}

static void bytes_of_whole_arguments(void **state)
{
	struct fixture *f = *state;
	const struct argument_path second = {.argument = 1}, none = {.argument = 3};
	const struct argument_path *const two[] = {f->wanted[1], &none};
	const struct argument_path *const map[] = {f->wanted[1], &second};
	const struct argument_path *const backwards[] = {&none, f->wanted[1]};
	const struct slice whole = SLICE(ARGUMENTS ATTACHMENTS);
	struct rpc_call_bytes bytes;

	for (size_t len = 1; len <= whole.len; len++) {
		body(f, slice_sub(whole, 0, len));
		bool is_read = read_bytes(f, two, 2, true, &bytes);
		assert_int_equal(is_read, len >= sizeof ARGUMENTS - 1);
		if (is_read) {
			assert_true(slice_equal(bytes.arguments[0], SLICE("\4gold")));
			assert_int_equal(bytes.arguments[1].len, 0);
			assert_int_equal(bytes.attachments.len, len - (sizeof ARGUMENTS - 1));
		}
		assert_int_equal(read_bytes(f, two, 1, false, &bytes), len >= 6);
		done(f);
	}
	body(f, whole);
	assert_true(read_bytes(f, two, 2, true, &bytes));
	assert_true(slice_equal(bytes.attachments, SLICE(ATTACHMENTS)));
	assert_true(read_bytes(f, two, 2, false, &bytes));
	assert_int_equal(bytes.attachments.len, 0);
	assert_true(read_bytes(f, backwards, 2, false, &bytes)); /* there is no fourth */
	assert_false(read_bytes(f, map, 2, false, &bytes));
	assert_false(read_bytes(f, f->wanted, 1, false, &bytes)); /* within one */
	f->head.kind = RPC_CALL_GENERIC;
	assert_false(read_bytes(f, two, 2, true, &bytes));
	done(f);
}

static void attachments_may_depend_on_what_is_before(void **state)
{
	static const struct {
		const char *bytes;
		bool alone;
	} maps[] = {
		{"", true},
		{"N", true},
		{"HZ", true},
		{"H\1k\1vZ", true},
		{"H\1k\1vZ trailing", true},
		{"H\1k\x91\1f"
		 "T\1nN\1b\x21xZ",
		 true},
		{"Q\x90", false},      /* a ref */
		{"H\1kQ\x90Z", false}, /* a value that is one */
		{"H\1k\x60Z", false},  /* an object: how many values are its fields? */
		{"HC\1A\x90\x60\1vZ", false},
		{"M\x90\1k\1vZ", false}, /* a type by its number */
		{"H\1k\1v", false},
		{"H\1k\5vZ", false},
		{"\x04text", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(maps); i++)
		if (dubbo_attachments_are_alone(slice_of(maps[i].bytes)) != maps[i].alone)
			fail_msg("map %zu", i);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_and_attachments),
		TEST(only_what_is_asked),
		TEST(attachments_by_reference),
		TEST(bodies_cut_short),
		TEST(other_messages),
		TEST(bytes_of_whole_arguments),
		TEST(attachments_may_depend_on_what_is_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
