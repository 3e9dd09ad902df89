/* Moments as the machine's own time zone writes them: what Sentinel's logs are named and stamped
 * by.
 *
 * Thread: any but a worker's: the C library looks at the zone under a lock. */
#ifndef SENTINEL_OPS_LOCAL_TIME_H
#define SENTINEL_OPS_LOCAL_TIME_H

#include <stdint.h>

#include "base/slice.h"

enum { LOCAL_TIME_LEN = 19, LOCAL_DATE_LEN = 10 };

struct local_time {
	char text[LOCAL_TIME_LEN + 1]; /* "2026-11-22 00:41:47" */
};

struct local_time local_time_of(int64_t seconds);

static inline struct slice local_time_text(const struct local_time *time)
{
	return slice_make(time->text, LOCAL_TIME_LEN);
}

/* "2026-11-22" */
static inline struct slice local_time_date(const struct local_time *time)
{
	return slice_make(time->text, LOCAL_DATE_LEN);
}

/* When 1970 began here: days are counted from then. */
int64_t local_time_epoch(void);

#endif
