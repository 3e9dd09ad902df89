#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"

static void a_check_reads_as_one_line(void **state)
{
	struct diag diag = {0};
	(void)state;

	assert_false(diag_is_set(&diag));
	assert_int_equal(diag_set(&diag, "must be > %d", 0), STATUS_INVALID);
	assert_true(diag_is_set(&diag));
	assert_string_equal(diag.text, "must be > 0");
	assert_string_equal(diag.path, "");
	assert_int_equal(diag_at(&diag, "rate", "must be < %d", 9), STATUS_INVALID);
	assert_string_equal(diag.path, "rate");
	assert_string_equal(diag.text, "must be < 9");
}

static void callers_complete_the_path(void **state)
{
	struct diag diag = {0};
	(void)state;

	diag_prefix(&diag, "filters");
	assert_string_equal(diag.path, "filters");
	diag_at(&diag, "rate", "x");
	diag_prefix(&diag, "filters[%d]", 2);
	assert_string_equal(diag.path, "filters[2].rate");
	diag_prefix(&diag, "listeners[%d]", 0);
	assert_string_equal(diag.path, "listeners[0].filters[2].rate");
	diag_at(&diag, "[3]", "x");
	diag_prefix(&diag, "listeners");
	assert_string_equal(diag.path, "listeners[3]");
	diag_prefix(&diag, "%s", "");
	assert_string_equal(diag.path, "listeners[3]");
}

static void all_that_is_known_is_shown(void **state)
{
	struct diag diag = {.file = "envoy.yaml", .line = 12, .column = 9};
	char out[2048];
	(void)state;

	diag_at(&diag, "a.b", "must be > 0");
	assert_string_equal(diag_format(&diag, out, sizeof out),
			    "envoy.yaml:12:9: a.b: must be > 0");
	diag.line = 0;
	assert_string_equal(diag_format(&diag, out, sizeof out), "envoy.yaml: a.b: must be > 0");
	diag.file[0] = 0;
	assert_string_equal(diag_format(&diag, out, sizeof out), "a.b: must be > 0");
	diag.path[0] = 0;
	assert_string_equal(diag_format(&diag, out, sizeof out), "must be > 0");
	assert_string_equal(diag_format(&diag, out, 5), "must");
}

static void long_texts_are_cut(void **state)
{
	struct diag diag = {0};
	char text[2000];
	(void)state;

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = 0;
	diag_at(&diag, text, "%s", text);
	assert_int_equal(strlen(diag.path), sizeof diag.path - 1);
	assert_int_equal(strlen(diag.text), sizeof diag.text - 1);
	diag_prefix(&diag, "%s", text);
	diag_prefix(&diag, "short");
	assert_int_equal(strlen(diag.path), sizeof diag.path - 1);
	assert_memory_equal(diag.path, "short.x", 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_reads_as_one_line),
		cmocka_unit_test(callers_complete_the_path),
		cmocka_unit_test(all_that_is_known_is_shown),
		cmocka_unit_test(long_texts_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
