#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/section_fields.h"

static void test_fields_come_back(void **state)
{
	struct section_writer out = {0};
	struct section_reader in, inner;
	struct field field;

	(void)state;
	field_put_number(&out, 1, UINT64_MAX);
	field_put_signed(&out, 2, INT64_MIN);
	field_put_signed(&out, 3, -1);
	field_put_double(&out, 300, -0.1);
	field_put_fixed(&out, 5, UINT64_C(0x0123456789abcdef));
	size_t outer = field_open(&out, 6);
	size_t empty = field_open(&out, 7);
	field_close(&out, empty);
	field_put_text(&out, 8, SLICE("text"));
	field_close(&out, outer);
	field_put_text(&out, 9, (struct slice){0});

	section_reader_init(&in, slice_make(out.data, out.len));
	assert_true(field_next(&in, &field));
	assert_int_equal(field.number, 1);
	assert_true(field.value == UINT64_MAX);
	assert_true(field_next(&in, &field));
	assert_true(field_signed(&field) == INT64_MIN);
	assert_true(field_next(&in, &field));
	assert_int_equal(field_signed(&field), -1);
	assert_int_equal(field.value, 1); /* short */
	assert_true(field_next(&in, &field));
	assert_int_equal(field.number, 300);
	assert_true(field_double(&field) == -0.1);
	assert_true(field_next(&in, &field));
	assert_true(field.value == UINT64_C(0x0123456789abcdef));
	assert_true(field_next(&in, &field));
	assert_int_equal(field.number, 6);
	inner = field_reader(&field);
	assert_true(field_next(&inner, &field));
	assert_int_equal(field.number, 7);
	assert_int_equal(field.form, FIELD_BYTES);
	assert_int_equal(field.bytes.len, 0);
	assert_true(field_next(&inner, &field));
	assert_true(slice_equal(field.bytes, SLICE("text")));
	assert_false(field_next(&inner, &field));
	assert_true(section_is_done(&inner));
	assert_true(field_next(&in, &field));
	assert_int_equal(field.number, 9);
	assert_false(field_next(&in, &field));
	assert_true(section_is_done(&in));
	section_writer_free(&out);
}

static void assert_refused(struct slice bytes)
{
	struct section_reader in;
	struct field field;
	char *copy = malloc(bytes.len); /* so that reading beyond it is seen */

	assert_non_null(copy);
	memcpy(copy, bytes.data, bytes.len);
	section_reader_init(&in, slice_make(copy, bytes.len));
	while (field_next(&in, &field))
		;
	assert_true(in.is_bad);
	free(copy);
}

static void test_what_is_no_field(void **state)
{
	(void)state;
	assert_refused(SLICE("\x00\x01"));             /* number 0 */
	assert_refused(SLICE("\x08"));                 /* no value */
	assert_refused(SLICE("\x08\xff"));             /* half a value */
	assert_refused(SLICE("\x09\x01\x02\x03"));     /* half of 8 bytes */
	assert_refused(SLICE("\x0a\x02x"));            /* a byte short */
	assert_refused(SLICE("\x0b\x01"));             /* forms that aren't ours */
	assert_refused(SLICE("\x0d\x01\x02\x03\x04")); /* … */
	assert_refused(SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x01"));
	assert_refused(SLICE("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
}

/* The process that is replaced serves on, so nothing it has is too much to be tried. */
static void test_a_field_may_be_too_long(void **state)
{
	enum { ROOM = 8 };
	static char room[ROOM];
	struct section_writer out = {.data = room, .len = ROOM, .capacity = ROOM};

	(void)state;
	out.len = ROOM + ((size_t)1 << 28) - 1; /* which nobody looks at */
	field_close(&out, ROOM);
	assert_false(out.is_broken);
	assert_int_equal((unsigned char)room[ROOM - 1], 0x7f);
	out.len++;
	field_close(&out, ROOM);
	assert_true(out.is_broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_come_back),
		cmocka_unit_test(test_a_field_may_be_too_long),
		cmocka_unit_test(test_what_is_no_field),
	};
	return cmocka_run_group_tests_name("section_fields", tests, NULL, NULL);
}
