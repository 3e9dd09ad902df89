#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/grammar.h"
#include "message/percent.h"

static int setup(void **state)
{
	static struct arena arena;
	arena_init(&arena, 1024);
	*state = &arena;
	return 0;
}

static int teardown(void **state)
{
	arena_free(*state);
	return 0;
}

static void only_what_must_be_is_encoded(void **state)
{
	struct slice text = SLICE("a b%/\xc3\xa9\n~");

	assert_true(slice_equal(percent_encode(text, GRAMMAR_UNRESERVED, *state),
				SLICE("a%20b%25%2F%C3%A9%0A~")));
	assert_true(slice_equal(percent_encode(text, GRAMMAR_MESSAGE, *state),
				SLICE("a b%25/%C3%A9%0A~")));
	text = SLICE("plain");
	assert_ptr_equal(percent_encode(text, GRAMMAR_UNRESERVED, *state).data, text.data);
}

static void what_is_no_escape_stays(void **state)
{
	assert_true(
		slice_equal(percent_decode(SLICE("%41%zz%4%%42%"), *state), SLICE("A%zz%4%B%")));
	assert_true(slice_equal(percent_decode(SLICE("%2541"), *state), SLICE("%41")));
	assert_true(slice_equal(percent_decode(SLICE("%e9%E9"), *state), SLICE("\xe9\xe9")));
	struct slice text = SLICE("plain");
	assert_ptr_equal(percent_decode(text, *state).data, text.data);
}

static void every_byte_round_trips(void **state)
{
	char bytes[256];

	for (unsigned c = 0; c < 256; c++)
		bytes[c] = (char)c;
	struct slice all = slice_make(bytes, sizeof bytes);
	struct slice encoded = percent_encode(all, GRAMMAR_UNRESERVED, *state);
	assert_int_equal(encoded.len, 66 + 190 * 3);
	assert_true(slice_equal(percent_decode(encoded, *state), all));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(only_what_must_be_is_encoded),
		TEST(what_is_no_escape_stays),
		TEST(every_byte_round_trips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
