/* Conversions as Java's language and Math define them, so that rules decide alike at their edges.
 */
#ifndef SENTINEL_CORE_JAVA_NUMBER_H
#define SENTINEL_CORE_JAVA_NUMBER_H

#include <math.h>
#include <stdint.h>

/* (long) x: towards 0, NaN is 0, what doesn't fit is the nearest that does. */
static inline int64_t java_long(double x)
{
	if (isnan(x))
		return 0;
	if (x >= 9223372036854775807.0)
		return INT64_MAX;
	return x <= -9223372036854775808.0 ? INT64_MIN : (int64_t)x;
}

/* (int) x */
static inline int32_t java_int(double x)
{
	int64_t n = java_long(x);
	return n > INT32_MAX ? INT32_MAX : n < INT32_MIN ? INT32_MIN : (int32_t)n;
}

/* Math.round(x): halves go up. */
static inline int64_t java_round(double x)
{
	double down = floor(x);
	return java_long(x - down >= 0.5 ? down + 1 : down);
}

/* Math.nextUp(x) */
static inline double java_next_up(double x)
{
	return nextafter(x, HUGE_VAL);
}

#endif
