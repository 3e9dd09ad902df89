/* One line of the process log: a format compiled to operators, and their rendering. Private to
 * log.c.
 *
 * Pure: time, thread and place are arguments. Owner: whoever embeds the struct. */
#ifndef BASE_LOG_FORMAT_H
#define BASE_LOG_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { LOG_FORMAT_MAX = 255 };

struct log_format {
	char text[LOG_FORMAT_MAX + 1];
	size_t len;
};

struct log_record {
	int64_t seconds; /* since 1970 */
	uint32_t nanoseconds;
	int32_t utc_offset_s;
	int32_t pid, tid;
	const char *level, *level_letter, *component, *file;
	unsigned line;
	struct slice message;
};

/* False for an operator that isn't known or a text that is too long; *bad is the operator's
 * letter, 0 for the length. */
bool log_format_parse(struct log_format *format, struct slice text, char *bad);

/* At most `size` bytes, with a newline at the end; what is too long is cut. size > 1. */
size_t log_format_line(const struct log_format *format, const struct log_record *record, char *out,
		       size_t size);

#endif
