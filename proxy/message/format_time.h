/* A pattern of strftime, as Envoy extends it: %3f (digits of the second's fraction), %s (seconds
 * since 1970), %E3S (seconds with a fraction), compiled once.
 *
 * Owner: the arena it was compiled into. Thread: any; no time zone database is read at rendering:
 * a local time is shifted by the offset that was in force at compilation. */
#ifndef MESSAGE_FORMAT_TIME_H
#define MESSAGE_FORMAT_TIME_H

#include <stdbool.h>

#include "message/format_op.h"

struct format_time;

/* An empty pattern is ISO 8601 with milliseconds. STATUS_INVALID and a diag for %n. */
enum status MUST_CHECK format_time_compile(struct slice pattern, bool is_local, struct arena *arena,
					   const struct format_time **time, struct diag *diag);

/* wall_ns: nanoseconds since 1970. */
void format_time_write(const struct format_time *time, uint64_t wall_ns, struct format_out *out);

#endif
