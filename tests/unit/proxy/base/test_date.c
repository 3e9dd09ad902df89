#include <time.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/date.h"

static void agrees_with_the_c_library(void **state)
{
	(void)state;
	for (int64_t s = -62135596800; s < 253402300799; s += 86400 * 13 + 7919) {
		time_t seconds = (time_t)s;
		struct tm tm;
		struct date date = date_of_unix(s);
		assert_non_null(gmtime_r(&seconds, &tm));
		assert_int_equal(date.year, tm.tm_year + 1900);
		assert_int_equal(date.month, tm.tm_mon + 1);
		assert_int_equal(date.day, tm.tm_mday);
		assert_int_equal(date.hour, tm.tm_hour);
		assert_int_equal(date.minute, tm.tm_min);
		assert_int_equal(date.second, tm.tm_sec);
		assert_int_equal(date.weekday, tm.tm_wday);
		assert_true(date_to_unix(&date) == s);
	}
}

static void every_day_of_four_centuries(void **state)
{
	struct date last = date_of_unix(INT64_C(-11676096000));
	(void)state;
	assert_int_equal(last.year, 1600);
	for (int day = 1; day <= 146097; day++) {
		int64_t s = INT64_C(-11676096000) + day * INT64_C(86400);
		struct date date = date_of_unix(s);
		assert_int_equal(date.weekday, (last.weekday + 1) % 7);
		assert_true(date.day == last.day + 1 || date.day == 1);
		assert_true(date_to_unix(&date) == s);
		last = date;
	}
}

static void dates_outside_are_cut(void **state)
{
	(void)state;
	assert_int_equal(date_of_unix(INT64_MIN).year, 1);
	assert_int_equal(date_of_unix(INT64_MAX).year, 9999);
}

static void http_dates_round_trip(void **state)
{
	char text[DATE_HTTP_LEN];
	int64_t seconds;
	(void)state;

	date_format_http(784111777, text);
	assert_memory_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT", DATE_HTTP_LEN);
	for (int64_t s = 0; s < 4102444800; s += 86400 * 11 + 4001) {
		date_format_http(s, text);
		assert_true(date_parse_http(slice_make(text, sizeof text), &seconds));
		assert_true(seconds == s);
	}
}

static void bad_http_dates_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Mon, 06 Nov 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Nov 1994 08:49:60 GMT",
		"Sun, 31 Apr 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 0000 08:49:37 GMT",
		"Sun, 6  Nov 1994 08:49:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"Sun Nov  6 08:49:37 1994     ",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 06 Nov 199a 08:49:37 GMT",
	};
	int64_t seconds;
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		assert_false(date_parse_http(slice_of(texts[i]), &seconds));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_c_library),
		cmocka_unit_test(every_day_of_four_centuries),
		cmocka_unit_test(dates_outside_are_cut),
		cmocka_unit_test(http_dates_round_trip),
		cmocka_unit_test(bad_http_dates_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
