/* The files of a metric log: their names, oldest first.
 *
 *   com-x-App-metrics.log.pid4711.2026-11-22.1      .idx beside it: {second, offset} pairs
 *   └ application  └ base    └ if wanted    └ date └ number of that day, the first has none
 *
 * Owner: who asked. Thread: any but a worker's. */
#ifndef SENTINEL_OPS_METRIC_FILES_H
#define SENTINEL_OPS_METRIC_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct metric_files {
	char **names; /* without the folder */
	size_t count;
};

/* The part of the names before the date; pid 0: not in them. Returns owned. */
char *metric_files_base(struct slice application, int pid);

/* Those of the folder with that base; none if it can't be read. */
void metric_files_list(struct metric_files *files, const char *folder, const char *base);
void metric_files_free(struct metric_files *files);

/* The name of a new file of a day ("2026-11-22"): after the last one that there is. Returns owned.
 */
char *metric_files_next(const struct metric_files *files, const char *base, struct slice date);

#endif
