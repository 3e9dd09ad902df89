/* Finds lines of the metric log (MetricSearcher): by its index to the second, then line by line.
 *
 * Pure but for the files. Thread: any but a worker's and main's: it waits for the disk. Limits: of
 * a query, and METRIC_LINES_MAX of an answer. */
#ifndef SENTINEL_OPS_METRIC_SEARCHER_H
#define SENTINEL_OPS_METRIC_SEARCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "telemetry/text.h"

enum { METRIC_LINES_MAX = 100000 };

struct metric_query {
	const char *folder, *base;
	int64_t begin_ms;
	bool has_end;
	int64_t end_ms;        /* has_end: to that second, which is in it */
	struct slice identity; /* has_end: of that resource only; .data NULL: of all */
	int64_t lines_max;     /* without an end: then the second is finished */
};

/* Appends thin lines, each with its end. What can't be read isn't there; lines that are none are
 * left out. */
void metric_search(const struct metric_query *query, struct text *out);

#endif
