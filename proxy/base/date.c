#include "base/date.h"

static const char weekdays[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static const int64_t day_s = 86400;
static const int64_t first_s = -62135596800; /* 0001-01-01 */
static const int64_t last_s = 253402300799;  /* 9999-12-31 23:59:59 */

/* Years are counted from March, so that the leap day is the last of its year; 400 of them are an
 * era of 146,097 days. */
struct date date_of_unix(int64_t seconds)
{
	seconds = seconds < first_s ? first_s : seconds > last_s ? last_s : seconds;
	uint32_t since_year_0 = (uint32_t)((seconds + 719468 * day_s) / day_s);
	uint32_t in_day = (uint32_t)((seconds + 719468 * day_s) % day_s);
	uint32_t era = since_year_0 / 146097, in_era = since_year_0 % 146097;
	uint32_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	uint32_t in_year = in_era - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * in_year + 2) / 153; /* 0: March */

	return (struct date){
		.year = (int32_t)(year + era * 400 + (month >= 10)),
		.month = (uint8_t)(month < 10 ? month + 3 : month - 9),
		.day = (uint8_t)(in_year - (153 * month + 2) / 5 + 1),
		.hour = (uint8_t)(in_day / 3600),
		.minute = (uint8_t)(in_day / 60 % 60),
		.second = (uint8_t)(in_day % 60),
		.weekday = (uint8_t)((since_year_0 + 3) % 7),
	};
}

int64_t date_to_unix(const struct date *date)
{
	int64_t year = date->year - (date->month <= 2);
	int64_t era = year / 400, in_era = year % 400;
	int64_t month = date->month > 2 ? date->month - 3 : date->month + 9;
	int64_t in_year = (153 * month + 2) / 5 + date->day - 1;
	int64_t days = era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;

	return days * day_s + date->hour * 3600 + date->minute * 60 + date->second;
}

void date_format_http(int64_t seconds, char *out)
{
	struct date date = date_of_unix(seconds);

	memcpy(out, "Sun, 06 Nov 1994 08:49:37 GMT", DATE_HTTP_LEN);
	memcpy(out, weekdays + date.weekday * 3, 3);
	date_put_digits(out + 5, date.day, 2);
	memcpy(out + 8, months + (date.month - 1) * 3, 3);
	date_put_digits(out + 12, (uint32_t)date.year, 4);
	date_put_digits(out + 17, date.hour, 2);
	date_put_digits(out + 20, date.minute, 2);
	date_put_digits(out + 23, date.second, 2);
}

static bool read_digits(const char *text, unsigned digits, unsigned max, unsigned *value)
{
	*value = 0;
	for (unsigned i = 0; i < digits; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*value = *value * 10 + (unsigned)(text[i] - '0');
	}
	return *value <= max;
}

bool date_parse_http(struct slice text, int64_t *seconds)
{
	unsigned day, month = 0, year, hour, minute, second;
	char again[DATE_HTTP_LEN];
	const char *p = text.data;

	if (text.len != DATE_HTTP_LEN)
		return false;
	while (month < 12 && memcmp(p + 8, months + month * 3, 3))
		month++;
	if (month == 12 || !read_digits(p + 5, 2, 31, &day) || !day ||
	    !read_digits(p + 12, 4, 9999, &year) || !year || !read_digits(p + 17, 2, 23, &hour) ||
	    !read_digits(p + 20, 2, 59, &minute) || !read_digits(p + 23, 2, 59, &second))
		return false;
	struct date date = {
		.year = (int32_t)year,
		.month = (uint8_t)(month + 1),
		.day = (uint8_t)day,
		.hour = (uint8_t)hour,
		.minute = (uint8_t)minute,
		.second = (uint8_t)second,
	};
	*seconds = date_to_unix(&date);
	/* The weekday, the punctuation and the 31st of April are caught by writing it again. */
	date_format_http(*seconds, again);
	return !memcmp(again, p, DATE_HTTP_LEN);
}
