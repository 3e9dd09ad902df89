#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "base/log_format.h"

static const struct log_record sample = {
	.seconds = 784111777,
	.nanoseconds = 12345678,
	.utc_offset_s = -(3 * 3600 + 1800),
	.pid = 10,
	.tid = 11,
	.level = "warning",
	.level_letter = "W",
	.component = "http",
	.file = "proxy/net/conn.c",
	.line = 42,
	.message = {"it failed", 9},
};

static const char *rendered(const char *format, const struct log_record *record, size_t size)
{
	static char out[512];
	struct log_format parsed;
	char bad;

	assert_true(log_format_parse(&parsed, slice_of(format), &bad));
	size_t len = log_format_line(&parsed, record, out, size);
	assert_true(len <= size);
	assert_int_equal(out[len - 1], '\n');
	out[len - 1] = 0;
	return out;
}

static void every_operator(void **state)
{
	static const char *const rows[][2] = {
		{"%v", "it failed"},
		{"%l/%L", "warning/W"},
		{"%n", "http"},
		{"%P %t", "10 11"},
		{"%g:%#", "proxy/net/conn.c:42"},
		{"%s", "conn.c"},
		{"%Y-%m-%d", "1994-11-06"},
		{"%T", "05:19:37"},
		{"%H %M %S", "05 19 37"},
		{"%D", "11/06/94"},
		{"%e %f %F", "012 012345 012345678"},
		{"%E", "784111777"},
		{"%z", "-03:30"},
		{"100%%", "100%"},
		{"", ""},
		{"[%Y-%m-%d %T.%e][%t][%l][%n] [%g:%#] %v",
		 "[1994-11-06 05:19:37.012][11][warning][http] [proxy/net/conn.c:42] it failed"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		assert_string_equal(rendered(rows[i][0], &sample, 512), rows[i][1]);
}

static void a_message_stays_on_one_line(void **state)
{
	struct log_record record = sample;
	(void)state;

	record.message = SLICE("a\nb\r\x1b[1m\t\"\\\x7f");
	assert_string_equal(rendered("%v", &record, 512), "a\\nb\\x0d\\x1b[1m\\x09\"\\\\x7f");
	assert_string_equal(rendered("%j", &record, 512),
			    "a\\nb\\u000d\\u001b[1m\\u0009\\\"\\\\\\u007f");
}

static void a_long_line_is_cut(void **state)
{
	(void)state;
	assert_string_equal(rendered("%v and %v", &sample, 14), "it failed and");
	assert_string_equal(rendered("%v", &sample, 2), "i");
}

static void what_is_unknown_is_refused(void **state)
{
	struct log_format format;
	char bad, longest[LOG_FORMAT_MAX + 1];
	(void)state;

	assert_false(log_format_parse(&format, SLICE("%v %q"), &bad));
	assert_int_equal(bad, 'q');
	assert_false(log_format_parse(&format, SLICE("%v %"), &bad));
	assert_int_equal(bad, '%');
	assert_false(log_format_parse(&format, slice_make("%\0", 2), &bad));
	memset(longest, 'x', sizeof longest);
	assert_false(log_format_parse(&format, slice_make(longest, sizeof longest), &bad));
	assert_int_equal(bad, 0);
	assert_true(log_format_parse(&format, slice_make(longest, LOG_FORMAT_MAX), &bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_operator),
		cmocka_unit_test(a_message_stays_on_one_line),
		cmocka_unit_test(a_long_line_is_cut),
		cmocka_unit_test(what_is_unknown_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
