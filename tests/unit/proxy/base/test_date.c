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
		last = date;
	}
}

static void dates_outside_are_cut(void **state)
{
	(void)state;
	assert_int_equal(date_of_unix(INT64_MIN).year, 1);
	assert_int_equal(date_of_unix(INT64_MAX).year, 9999);
}

static void http_dates(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} rows[] = {{0, "Thu, 01 Jan 1970 00:00:00 GMT"},
		    {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
		    {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
		    {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
		    {4102444799, "Thu, 31 Dec 2099 23:59:59 GMT"}};
	char text[DATE_HTTP_LEN];
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		date_format_http(rows[i].seconds, text);
		assert_memory_equal(text, rows[i].text, DATE_HTTP_LEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_c_library),
		cmocka_unit_test(every_day_of_four_centuries),
		cmocka_unit_test(dates_outside_are_cut),
		cmocka_unit_test(http_dates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
