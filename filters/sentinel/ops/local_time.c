#include "filters/sentinel/ops/local_time.h"

#include <time.h>

#include "base/date.h"

static void put(char *out, int value, unsigned digits)
{
	date_put_digits(out, (uint32_t)value, digits);
}

struct local_time local_time_of(int64_t seconds)
{
	struct local_time text = {"0000-00-00 00:00:00"};
	time_t moment = (time_t)seconds;
	struct tm tm = {0};

	localtime_r(&moment, &tm);
	put(text.text, tm.tm_year + 1900, 4);
	put(text.text + 5, tm.tm_mon + 1, 2);
	put(text.text + 8, tm.tm_mday, 2);
	put(text.text + 11, tm.tm_hour, 2);
	put(text.text + 14, tm.tm_min, 2);
	put(text.text + 17, tm.tm_sec, 2);
	return text;
}

int64_t local_time_epoch(void)
{
	struct tm tm = {.tm_year = 70, .tm_mday = 1, .tm_isdst = -1};

	return (int64_t)mktime(&tm);
}
