#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base64.h"

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

static void the_vectors_of_rfc_4648(void **state)
{
	static const char *const rows[][2] = {{"", ""},
					      {"f", "Zg=="},
					      {"fo", "Zm8="},
					      {"foo", "Zm9v"},
					      {"foob", "Zm9vYg=="},
					      {"fooba", "Zm9vYmE="},
					      {"foobar", "Zm9vYmFy"}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct slice bytes;
		struct slice text = base64_encode(slice_of(rows[i][0]), BASE64_STANDARD, *state);
		assert_true(slice_equal(text, slice_of(rows[i][1])));
		assert_true(base64_decode(text, BASE64_STANDARD, *state, &bytes));
		assert_true(slice_equal(bytes, slice_of(rows[i][0])));
	}
}

static void the_two_alphabets(void **state)
{
	struct slice bytes, odd = SLICE("\xfb\xff\xfe");

	assert_true(slice_equal(base64_encode(odd, BASE64_STANDARD, *state), SLICE("+//+")));
	assert_true(slice_equal(base64_encode(odd, BASE64_URL, *state), SLICE("-__-")));
	assert_true(slice_equal(base64_encode(SLICE("f"), BASE64_URL, *state), SLICE("Zg")));
	assert_true(base64_decode(SLICE("Zg"), BASE64_STANDARD, *state, &bytes));
	assert_false(base64_decode(SLICE("+//+"), BASE64_URL, *state, &bytes));
	assert_false(base64_decode(SLICE("-__-"), BASE64_STANDARD, *state, &bytes));
}

static void what_encode_would_not_write_is_refused(void **state)
{
	static const char *const bad[] = {"Z",     "Zg=",  "Zh==",  "Zm9=",  "Zg==Zg==", "====",
					  "Zg===", "Z g=", "Zg=\n", "Zm9vY", "=Zg="};
	struct slice bytes;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(base64_decode(slice_of(bad[i]), BASE64_STANDARD, *state, &bytes));
	assert_false(base64_decode(SLICE("Zg=="), BASE64_URL, *state, &bytes));
}

static void random_bytes_round_trip(void **state)
{
	char bytes[64];

	srand(1);
	for (int i = 0; i < 2000; i++) {
		size_t len = (size_t)rand() % sizeof bytes;
		for (size_t k = 0; k < len; k++)
			bytes[k] = (char)rand();
		for (int form = 0; form < 2; form++) {
			struct slice back, text = base64_encode(slice_make(bytes, len),
								(enum base64_form)form, *state);
			assert_true(base64_decode(text, (enum base64_form)form, *state, &back));
			assert_true(slice_equal(back, slice_make(bytes, len)));
		}
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_vectors_of_rfc_4648),
		TEST(the_two_alphabets),
		TEST(what_encode_would_not_write_is_refused),
		TEST(random_bytes_round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
