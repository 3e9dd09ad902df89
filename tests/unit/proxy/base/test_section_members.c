#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/section_members.h"

struct numbers {
	double d;
	int64_t wide;
	int32_t n;
	uint8_t small;
	bool is;
};

static const struct section_member by_field[] = {
	MEMBER(4, BOOL, struct numbers, is),  MEMBER(1, UINT8, struct numbers, small),
	MEMBER(2, INT32, struct numbers, n),  MEMBER(300, INT64, struct numbers, wide),
	MEMBER(5, DOUBLE, struct numbers, d),
};

static const struct section_member listed[] = {
	MEMBER(LISTED, INT64, struct numbers, wide),
	MEMBER(LISTED, UINT8, struct numbers, small),
	MEMBER(LISTED, INT32, struct numbers, n),
	MEMBER(LISTED, BOOL, struct numbers, is),
};

static const struct numbers some[] = {
	{0},
	{-0.5, INT64_MIN, INT32_MIN, UINT8_MAX, true},
	{1e300, INT64_MAX, INT32_MAX, 1, false},
};

static void assert_same(const struct numbers *a, const struct numbers *b)
{
	assert_memory_equal(&a->d, &b->d, sizeof a->d);
	assert_true(a->wide == b->wide);
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->small, b->small);
	assert_int_equal(a->is, b->is);
}

static void test_as_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(some); i++) {
		struct section_writer out = {0}, alone = {0};
		struct section_reader in;
		struct numbers read = {0};
		struct field field;
		fields_put_members(&out, MEMBERS(by_field), &some[i]);
		/* as if each was written by itself */
		field_put_number(&alone, 4, some[i].is);
		field_put_number(&alone, 1, some[i].small);
		field_put_signed(&alone, 2, some[i].n);
		field_put_signed(&alone, 300, some[i].wide);
		field_put_double(&alone, 5, some[i].d);
		assert_int_equal(out.len, alone.len);
		assert_memory_equal(out.data, alone.data, out.len);
		field_put_number(&out, 6, 1); /* no member */
		section_reader_init(&in, slice_make(out.data, out.len));
		while (field_next(&in, &field))
			assert_int_equal(field_get_member(&field, MEMBERS(by_field), &read),
					 field.number != 6);
		assert_false(in.is_bad);
		assert_same(&read, &some[i]);
		section_writer_free(&out);
		section_writer_free(&alone);
	}
}

static void test_as_a_list(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(some); i++) {
		struct section_writer out = {0};
		struct section_reader in;
		struct numbers read = {.d = some[i].d};
		list_put_members(&out, MEMBERS(listed), &some[i]);
		section_reader_init(&in, slice_make(out.data, out.len));
		list_get_members(&in, MEMBERS(listed), &read);
		assert_false(in.is_bad || section_has_more(&in));
		assert_same(&read, &some[i]);
		section_reader_init(&in, slice_make(out.data, out.len - 1));
		list_get_members(&in, MEMBERS(listed), &read);
		assert_true(in.is_bad);
		section_writer_free(&out);
	}
}

/* What a member can't be: 0 or the largest of a field, the end of a list. */
static void test_too_much(void **state)
{
	static const struct {
		uint64_t number;
		size_t at; /* in `listed` */
		uint32_t field;
	} cases[] = {{256, 1, 1}, {UINT64_C(1) << 32, 2, 2}, {(UINT64_C(1) << 32) + 1, 2, 2}};
	struct numbers read;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct field field = {.number = cases[i].field, .value = cases[i].number};
		struct section_writer out = {0};
		struct section_reader in;
		read = (struct numbers){.n = 9};
		assert_true(field_get_member(&field, MEMBERS(by_field), &read));
		assert_int_equal(read.n, cases[i].at == 2 ? 0 : 9);
		assert_int_equal(read.small, cases[i].at == 1 ? UINT8_MAX : 0);
		section_put_number(&out, cases[i].number);
		section_reader_init(&in, slice_make(out.data, out.len));
		list_get_members(&in, &listed[cases[i].at], 1, &read);
		assert_true(in.is_bad);
		section_writer_free(&out);
	}
	struct field field = {.number = 4, .value = 2};
	assert_true(field_get_member(&field, MEMBERS(by_field), &read));
	assert_true(read.is);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_fields),
		cmocka_unit_test(test_as_a_list),
		cmocka_unit_test(test_too_much),
	};
	return cmocka_run_group_tests_name("section_members", tests, NULL, NULL);
}
