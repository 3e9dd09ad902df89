#include "base/date.h"

#include <string.h>

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
