#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/section.h"

static struct slice written(const struct section_writer *out)
{
	return slice_make(out->data, out->len);
}

static void what_was_put_is_got(void **state)
{
	static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
	static const int64_t signed_numbers[] = {0, -1, 1, -64, 64, INT64_MIN, INT64_MAX};
	struct section_writer out = {0};
	struct section_reader in;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		section_put_number(&out, numbers[i]);
	for (size_t i = 0; i < COUNT_OF(signed_numbers); i++)
		section_put_signed(&out, signed_numbers[i]);
	section_put_double(&out, -0.1);
	section_put_text(&out, SLICE("text"));
	section_put_text(&out, SLICE(""));
	section_reader_init(&in, written(&out));
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		assert_true(section_get_number(&in) == numbers[i]);
	for (size_t i = 0; i < COUNT_OF(signed_numbers); i++)
		assert_true(section_get_signed(&in) == signed_numbers[i]);
	assert_true(section_get_double(&in) == -0.1);
	assert_true(slice_equal(section_get_text(&in), SLICE("text")));
	assert_true(section_has_more(&in));
	assert_int_equal(section_get_text(&in).len, 0);
	assert_true(section_is_done(&in));
	assert_false(section_has_more(&in));
	section_writer_free(&out);
}

/* Cut anywhere, it reads as bad or as what stands before the cut; never beyond it. */
static void cut_bytes_are_bad(void **state)
{
	struct section_writer out = {0};

	(void)state;
	section_put_number(&out, UINT64_MAX);
	section_put_double(&out, 1.5);
	section_put_text(&out, SLICE("some text"));
	for (size_t len = 0; len < out.len; len++) {
		char *copy = malloc(len ? len : 1);
		struct section_reader in;
		assert_non_null(copy);
		if (len)
			memcpy(copy, out.data, len);
		section_reader_init(&in, slice_make(copy, len));
		section_get_number(&in);
		section_get_double(&in);
		struct slice text = section_get_text(&in);
		assert_true(in.is_bad);
		assert_int_equal(text.len, 0);
		assert_false(section_is_done(&in));
		free(copy);
	}
	section_writer_free(&out);
}

static void numbers_are_bounded(void **state)
{
	static const char eleven[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
	static const char too_large[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
	struct section_reader in;

	(void)state;
	section_reader_init(&in, slice_make(eleven, sizeof eleven - 1));
	assert_int_equal(section_get_number(&in), 0);
	assert_true(in.is_bad);
	section_reader_init(&in, slice_make(too_large, sizeof too_large - 1));
	assert_int_equal(section_get_number(&in), 0);
	assert_true(in.is_bad);
	section_reader_init(&in, SLICE("\x05"));
	assert_int_equal(section_get_number_to(&in, 4), 0);
	assert_true(in.is_bad);
	/* four things of two bytes are said to follow, there is room for three */
	section_reader_init(&in, SLICE("\x04"
				       "123456"));
	assert_int_equal(section_get_count(&in, 2), 0);
	assert_true(in.is_bad);
	section_reader_init(&in, SLICE("\x03"
				       "123456"));
	assert_int_equal(section_get_count(&in, 2), 3);
	assert_false(in.is_bad);
}

static void no_bytes_are_done(void **state)
{
	struct section_reader in;

	(void)state;
	section_reader_init(&in, slice_make(NULL, 0));
	assert_true(section_is_done(&in));
	assert_false(section_has_more(&in));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_got),
		cmocka_unit_test(cut_bytes_are_bad),
		cmocka_unit_test(numbers_are_bounded),
		cmocka_unit_test(no_bytes_are_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
