#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/intern.h"

static void ids_count_up_and_stay(void **state)
{
	struct intern table;
	char text[16];
	uint32_t id;
	(void)state;

	intern_init(&table);
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(text, sizeof text, "name%u", i);
		assert_false(intern_find(&table, slice_of(text), &id));
		assert_int_equal(intern_id(&table, slice_of(text)), i);
	}
	for (uint32_t i = 0; i < 5000; i++) {
		snprintf(text, sizeof text, "name%u", i);
		assert_int_equal(intern_id(&table, slice_of(text)), i);
		assert_true(intern_find(&table, slice_of(text), &id));
		assert_int_equal(id, i);
		assert_string_equal(intern_text(&table, i).data, text);
		assert_int_equal(intern_text(&table, i).len, strlen(text));
	}
	intern_free(&table);
}

static void a_text_stays_where_it_is(void **state)
{
	struct intern table;
	(void)state;

	intern_init(&table);
	const char *first = intern_text(&table, intern_id(&table, SLICE("first"))).data;
	for (unsigned char c = 0; c < 255; c++)
		intern_id(&table, slice_make(&c, 1));
	assert_ptr_equal(intern_text(&table, 0).data, first);
	intern_id(&table, SLICE(""));
	assert_int_equal(intern_id(&table, SLICE("")), 256);
	intern_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_count_up_and_stay),
		cmocka_unit_test(a_text_stays_where_it_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
