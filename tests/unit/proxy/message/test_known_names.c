#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/known_names.h"

/* Copied to its exact size, so that a read past either end is seen. */
static enum header_id find_exact(struct slice name)
{
	char *copy = malloc(name.len ? name.len : 1);
	assert_non_null(copy);
	if (name.len)
		memcpy(copy, name.data, name.len);
	enum header_id id = known_name_find(slice_make(copy, name.len));
	free(copy);
	return id;
}

static void every_name_finds_its_id(void **state)
{
	(void)state;
	for (int id = HEADER_OTHER + 1; id < HEADER_ID_COUNT; id++) {
		struct slice name = known_name_text((enum header_id)id);
		assert_true(name.len > 0);
		assert_int_equal(find_exact(name), id);
	}
}

static void pseudo_names_are_those_that_begin_with_a_colon(void **state)
{
	(void)state;
	for (int id = HEADER_OTHER + 1; id < HEADER_ID_COUNT; id++) {
		struct slice name = known_name_text((enum header_id)id);
		assert_int_equal(name.data[0] == ':', id < HEADER_PSEUDO_END);
	}
}

static void a_changed_byte_is_another_name(void **state)
{
	char text[64];
	(void)state;
	for (int id = HEADER_OTHER + 1; id < HEADER_ID_COUNT; id++) {
		struct slice name = known_name_text((enum header_id)id);
		for (size_t at = 0; at < name.len; at++) {
			memcpy(text, name.data, name.len);
			text[at] ^= 0x20; /* upper case is not the same name either */
			assert_int_equal(find_exact(slice_make(text, name.len)), HEADER_OTHER);
			text[at] = (char)(name.data[at] ^ 1);
			assert_int_not_equal(find_exact(slice_make(text, name.len)), id);
		}
	}
}

static void a_byte_more_or_less_is_another_name(void **state)
{
	char text[64];
	(void)state;
	for (int id = HEADER_OTHER + 1; id < HEADER_ID_COUNT; id++) {
		struct slice name = known_name_text((enum header_id)id);
		assert_int_not_equal(find_exact(slice_sub(name, 1, name.len)), id);
		assert_int_not_equal(find_exact(slice_sub(name, 0, name.len - 1)), id);
		memcpy(text, name.data, name.len);
		text[name.len] = 'x';
		assert_int_not_equal(find_exact(slice_make(text, name.len + 1)), id);
	}
}

static void odd_lengths_are_unknown(void **state)
{
	char text[300];
	(void)state;
	memset(text, 'x', sizeof text);
	for (size_t len = 0; len <= sizeof text; len++)
		assert_int_equal(find_exact(slice_make(text, len)), HEADER_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_name_finds_its_id),
		cmocka_unit_test(pseudo_names_are_those_that_begin_with_a_colon),
		cmocka_unit_test(a_changed_byte_is_another_name),
		cmocka_unit_test(a_byte_more_or_less_is_another_name),
		cmocka_unit_test(odd_lengths_are_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
