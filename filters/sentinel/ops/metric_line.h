/* A line of the metric log: what one resource did in one second (MetricNode).
 *
 *   file:    1564382218000|2019-07-29 14:36:58|/foo|1|0|1|0|0|0|2|1     "fat"
 *   command: 1564382218000|/foo|1|0|1|0|0|0|2|1                         "thin"
 *            time, resource, pass, block, success, exception, rt, occupied, concurrency, type
 *
 * Pure. */
#ifndef SENTINEL_OPS_METRIC_LINE_H
#define SENTINEL_OPS_METRIC_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "telemetry/text.h"

struct metric_line {
	int64_t time_ms; /* when the second began */
	struct slice resource;
	int64_t pass, block, success, exception;
	int64_t rt; /* ms of one call, rounded down */
	int64_t occupied;
	int32_t concurrency; /* 0 in all that Java writes */
	int32_t type;        /* enum resource_type */
};

/* Without an end of line. A '|' in the name becomes '_', as does what would end the line. */
void metric_line_put_thin(const struct metric_line *line, struct text *out);
/* With its end. date: of the second, "2019-07-29 14:36:58". */
void metric_line_put_fat(const struct metric_line *line, struct slice date, struct text *out);

/* Reads a fat line, without its end; older ones have fewer columns. The name is a part of the text.
 * False: it is none. */
bool metric_line_parse(struct slice text, struct metric_line *line);

#endif
