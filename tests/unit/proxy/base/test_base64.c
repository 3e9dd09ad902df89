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
		assert_true(base64_decode(slice_of(rows[i][1]), BASE64_STANDARD, *state, &bytes));
		assert_true(slice_equal(bytes, slice_of(rows[i][0])));
	}
}

static void the_two_alphabets(void **state)
{
	struct slice bytes, odd = SLICE("\xfb\xff\xfe");

	assert_true(base64_decode(SLICE("+//+"), BASE64_STANDARD, *state, &bytes));
	assert_true(slice_equal(bytes, odd));
	assert_true(base64_decode(SLICE("-__-"), BASE64_URL, *state, &bytes));
	assert_true(slice_equal(bytes, odd));
	assert_true(base64_decode(SLICE("Zg"), BASE64_STANDARD, *state, &bytes));
	assert_true(base64_decode(SLICE("Zg"), BASE64_URL, *state, &bytes));
	assert_true(slice_equal(bytes, SLICE("f")));
	assert_false(base64_decode(SLICE("+//+"), BASE64_URL, *state, &bytes));
	assert_false(base64_decode(SLICE("-__-"), BASE64_STANDARD, *state, &bytes));
}

/* All digits in order: six bits each. */
static void every_digit_has_its_value(void **state)
{
	const char *const digits[] = {
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
	};

	for (int form = 0; form < 2; form++) {
		struct slice bytes;
		assert_true(base64_decode(slice_of(digits[form]), (enum base64_form)form, *state,
					  &bytes));
		assert_int_equal(bytes.len, 48);
		for (unsigned i = 0; i < 64; i++) {
			unsigned word = 0;
			for (unsigned k = 0; k < 3; k++)
				word = word << 8 | (uint8_t)bytes.data[i / 4 * 3 + k];
			assert_int_equal(word >> (18 - 6 * (i % 4)) & 63, i);
		}
	}
}

static void other_texts_are_refused(void **state)
{
	static const char *const bad[] = {"Z",     "Zg=",  "Zh==",  "Zm9=",  "Zg==Zg==", "====",
					  "Zg===", "Z g=", "Zg=\n", "Zm9vY", "=Zg="};
	struct slice bytes;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(base64_decode(slice_of(bad[i]), BASE64_STANDARD, *state, &bytes));
	assert_false(base64_decode(SLICE("Zg=="), BASE64_URL, *state, &bytes));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_vectors_of_rfc_4648),
		TEST(the_two_alphabets),
		TEST(every_digit_has_its_value),
		TEST(other_texts_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
