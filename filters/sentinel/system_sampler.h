/* The machine's load and the share of its processors that is busy, as system rules compare them.
 *
 * Owner: who embeds it. Thread: main; reads two small files of /proc. */
#ifndef FILTERS_SENTINEL_SYSTEM_SAMPLER_H
#define FILTERS_SENTINEL_SYSTEM_SAMPLER_H

#include <stdint.h>

#include "filters/sentinel/core/system_rule.h"

/* Zeroed at first. Times are of the reading before. */
struct system_sampler {
	uint64_t busy_ticks, all_ticks; /* of all processors */
	uint64_t process_ns, wall_ns;
};

/* The average load of the last minute, and the processors' use since the call before: of the
 * machine or of this process, whichever is more. What can't be read is 0. */
struct system_status system_sampler_read(struct system_sampler *sampler, uint64_t wall_ns);

/* Takes the first line of /proc/stat apart. False: it is no such line. */
bool system_sampler_parse(const char *line, uint64_t *busy_ticks, uint64_t *all_ticks);

#endif
