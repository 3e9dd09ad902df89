#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/argument_path.h"
#include "message/argument_value.h"

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

static struct argument_path parsed(const char *text, struct arena *arena)
{
	struct argument_path path;
	struct diag diag = {.text = ""};

	if (argument_path_parse(&path, slice_of(text), arena, &diag))
		fail_msg("%s", diag.text);
	return path;
}

static void a_number_alone_is_an_argument(void **state)
{
	struct argument_path path = parsed("254", *state);

	assert_int_equal(path.argument, 254);
	assert_int_equal(path.step_count, 0);
	assert_true(slice_equal(path.text, SLICE("254")));
}

static void each_step_has_its_kind(void **state)
{
	struct argument_path path =
		parsed("2[3].na$me_1[\"a \\\"k\\\\\"].z\xc3\xa4hler[\"\"][2147483647]", *state);

	assert_int_equal(path.argument, 2);
	assert_int_equal(path.step_count, 6);
	assert_int_equal(path.steps[0].kind, ARGUMENT_STEP_INDEX);
	assert_int_equal(path.steps[0].index, 3);
	assert_int_equal(path.steps[1].kind, ARGUMENT_STEP_FIELD);
	assert_true(slice_equal(path.steps[1].name, SLICE("na$me_1")));
	assert_int_equal(path.steps[2].kind, ARGUMENT_STEP_KEY);
	assert_true(slice_equal(path.steps[2].name, SLICE("a \"k\\")));
	assert_true(slice_equal(path.steps[3].name, SLICE("z\xc3\xa4hler")));
	assert_int_equal(path.steps[4].kind, ARGUMENT_STEP_KEY);
	assert_int_equal(path.steps[4].name.len, 0);
	assert_int_equal(path.steps[5].index, 2147483647);
}

static void a_path_outlives_its_text(void **state)
{
	char text[] = "0.user[\"k\"]";
	struct argument_path path = parsed(text, *state), other = parsed("0.user[\"k\"]", *state);

	memset(text, 'x', sizeof text - 1);
	assert_true(argument_path_equal(&path, &other));
}

static void equal_paths_lead_to_the_same_place(void **state)
{
	static const char *const texts[] = {"0",        "1",    "0.a",  "0.b",
					    "0[\"a\"]", "0[1]", "0[2]", "0.a.a"};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		for (size_t j = 0; j < COUNT_OF(texts); j++) {
			struct argument_path a = parsed(texts[i], *state),
					     b = parsed(texts[j], *state);
			assert_int_equal(argument_path_equal(&a, &b), i == j);
		}
	}
}

static void what_is_no_path_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"", "byte 1: must begin with an argument's number"},
		{"a", "byte 1: must begin with an argument's number"},
		{"-1", "byte 1: must begin"},
		{"255", "byte 1: the number is too great"},
		{"00", "byte 1: a number must not begin with 0"},
		{"99999999999999999999999", "too great"},
		{"0x", "byte 2: must go on with .field"},
		{"0 ", "byte 2: must go on with .field"},
		{"0.", "byte 3: a field's name must stand here"},
		{"0.1", "byte 3: a field's name must stand here"},
		{"0.a..b", "byte 5: a field's name must stand here"},
		{"0.a-b", "byte 4: must go on"},
		{"0[", "byte 3: an index or a key"},
		{"0[]", "byte 3: an index or a key"},
		{"0[-1]", "byte 3: an index or a key"},
		{"0[1", "byte 4: ']' is missing"},
		{"0[01]", "byte 3: a number must not"},
		{"0[2147483648]", "byte 3: the number is too great"},
		{"0[\"", "byte 4: the key's closing quote is missing"},
		{"0[\"a", "byte 5: the key's closing quote is missing"},
		{"0[\"a\\", "byte 6: a backslash stands before"},
		{"0[\"a\\n\"]", "byte 6: a backslash stands before"},
		{"0[\"a\"", "byte 6: ']' is missing"},
		{"0[a]", "byte 3: an index or a key"},
		{"0.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "more than 16 steps"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct argument_path path;
		struct diag diag = {.text = ""};
		assert_int_equal(argument_path_parse(&path, slice_of(rows[i].text), *state, &diag),
				 STATUS_INVALID);
		if (!strstr(diag.text, rows[i].said))
			fail_msg("%s: %s", rows[i].text, diag.text);
	}
}

static void a_long_text_is_refused(void **state)
{
	char text[ARGUMENT_PATH_LENGTH + 1];
	struct argument_path path;
	struct diag diag = {.text = ""};

	memset(text, 'a', sizeof text);
	text[0] = '0';
	text[1] = '.';
	assert_int_equal(
		argument_path_parse(&path, slice_make(text, sizeof text - 1), *state, &diag),
		STATUS_OK);
	assert_int_equal(argument_path_parse(&path, slice_make(text, sizeof text), *state, &diag),
			 STATUS_INVALID);
	assert_non_null(strstr(diag.text, "at most 1024 bytes"));
}

static void values_have_the_text_of_java(void **state)
{
	static const struct {
		struct argument_value value;
		const char *text;
	} rows[] = {
		{{.kind = ARGUMENT_ABSENT}, NULL},
		{{.kind = ARGUMENT_NULL}, NULL},
		{{.kind = ARGUMENT_BOOL, .integer = 1, .number = 1}, "true"},
		{{.kind = ARGUMENT_BOOL}, "false"},
		{{.kind = ARGUMENT_INT, .integer = -5}, "-5"},
		{{.kind = ARGUMENT_LONG, .integer = INT64_MIN}, "-9223372036854775808"},
		{{.kind = ARGUMENT_DOUBLE, .number = 1}, "1.0"},
		{{.kind = ARGUMENT_DOUBLE, .number = -0.0}, "-0.0"},
		{{.kind = ARGUMENT_DOUBLE, .number = 1e7}, "1.0E7"},
		{{.kind = ARGUMENT_DOUBLE, .number = 0.001}, "0.001"},
		{{.kind = ARGUMENT_DOUBLE, .number = 0.00012}, "1.2E-4"},
		{{.kind = ARGUMENT_DOUBLE, .number = 123456.789}, "123456.789"},
		{{.kind = ARGUMENT_DOUBLE, .number = 0.1 + 0.2}, "0.30000000000000004"},
		{{.kind = ARGUMENT_DOUBLE, .number = 4.9e-324}, "4.9E-324"},
		{{.kind = ARGUMENT_DATE, .integer = 5}, NULL},
		{{.kind = ARGUMENT_STRING, .text = {"", 0}}, ""},
		{{.kind = ARGUMENT_STRING, .text = {"abc", 3}}, "abc"},
		{{.kind = ARGUMENT_ENUM, .text = {"PAID", 4}, .type = {"a.B", 3}}, "PAID"},
		{{.kind = ARGUMENT_BINARY}, NULL},
		{{.kind = ARGUMENT_LIST}, NULL},
		{{.kind = ARGUMENT_MAP}, NULL},
		{{.kind = ARGUMENT_OBJECT, .type = {"a.B", 3}}, NULL},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct slice text = argument_value_text(&rows[i].value, *state);
		assert_int_equal(!text.data, !rows[i].text);
		assert_true(slice_equal(text, slice_of(rows[i].text)));
		assert_int_equal(argument_value_is_present(&rows[i].value), i > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_alone_is_an_argument),
		cmocka_unit_test(each_step_has_its_kind),
		cmocka_unit_test(a_path_outlives_its_text),
		cmocka_unit_test(equal_paths_lead_to_the_same_place),
		cmocka_unit_test(what_is_no_path_is_refused_with_its_place),
		cmocka_unit_test(a_long_text_is_refused),
		cmocka_unit_test(values_have_the_text_of_java),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
