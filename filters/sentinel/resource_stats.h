/* What each resource of an application did, among the stats: counters for the first so many
 * resources, in the order in which they appeared.
 *
 *   windows of a resource ─ each second that is over ─> sentinel.<application>.resource.<name>.pass
 *
 * Owner: the application. Thread: main. Limits: how many resources; names longer than
 * RESOURCE_STATS_NAME_MAX aren't shown. */
#ifndef FILTERS_SENTINEL_RESOURCE_STATS_H
#define FILTERS_SENTINEL_RESOURCE_STATS_H

#include <stdint.h>

#include "base/slice.h"
#include "telemetry/stats.h"
#include "telemetry/stats_table.h"

struct resource_stats;
struct sentinel;

enum {
	RESOURCE_STATS_DEFAULT = 500,
	RESOURCE_STATS_MAX = 100000,
	RESOURCE_STATS_NAME_MAX = 512,
	RESOURCE_STATS_LAG_MS =
		200, /* behind the end of a second: until all workers have counted */
};

/* rt: the sum of the milliseconds of what ended (success). */
/* clang-format off */
#define RESOURCE_STATS(X, S) \
	X(S, PASS, "pass", COUNTER) \
	X(S, BLOCK, "block", COUNTER) \
	X(S, EXCEPTION, "exception", COUNTER) \
	X(S, SUCCESS, "success", COUNTER) \
	X(S, RT, "rt", COUNTER)
/* clang-format on */
STAT_ENUM(resource_stat, RESOURCE_STAT, RESOURCE_STATS);
extern const struct stat_type sentinel_resource_stats;

/* Borrows stats. Returns owned. */
struct resource_stats *resource_stats_new(struct stats *stats, struct slice application,
					  uint32_t limit, int64_t now_ms);
/* NULL is fine. */
void resource_stats_free(struct resource_stats *own);

/* Adds what was counted in the seconds that are over and weren't looked at; of more than the last
 * minute's nothing is known. NULL is fine. */
void resource_stats_collect(struct resource_stats *own, const struct sentinel *sentinel,
			    int64_t now_ms);

/* The second that was looked at last; and another process goes on behind it. */
int64_t resource_stats_last(const struct resource_stats *own);
void resource_stats_resume(struct resource_stats *own, int64_t last);

/* How many resources it shows at most. NULL: 0. */
uint32_t resource_stats_limit(const struct resource_stats *own);

/* Names come from callers: nothing in them may look like a line's end, or like the end of the
 * application's name. */
void resource_stats_clean(char *name);

#endif
