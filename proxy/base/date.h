/* Seconds since 1970 to a civil date, without the C library's locks, locale and zone.
 *
 * Pure. The proleptic Gregorian calendar, UTC, no leap seconds. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdint.h>

struct date {
	int32_t year;
	uint8_t month, day; /* from 1 */
	uint8_t hour, minute, second;
	uint8_t weekday; /* 0: Sunday */
};

enum { DATE_HTTP_LEN = 29 }; /* of "Sun, 06 Nov 1994 08:49:37 GMT" */

/* Years 1 to 9999; what lies outside is cut to them. */
struct date date_of_unix(int64_t seconds);

/* IMF-fixdate (RFC 9110 5.6.7): exactly DATE_HTTP_LEN bytes, no 0 behind. */
void date_format_http(int64_t seconds, char *out);

/* value in exactly `digits` decimal digits, zeros in front; the higher digits are lost. */
static inline void date_put_digits(char *out, uint32_t value, unsigned digits)
{
	while (digits--) {
		out[digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

#endif
