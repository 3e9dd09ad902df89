/* What all resources did in each second that is over, as lines of the metric log
 * (MetricTimerListener).
 *
 * A second is asked for once, by the numbers that the windows still have of it: 60 seconds. Its
 * counts are complete when every worker has ended the turn in which it ended, so whoever asks does
 * it a little later.
 *
 * Owner: who embeds it. Thread: one at a time, any. */
#ifndef SENTINEL_OPS_METRIC_COLLECTOR_H
#define SENTINEL_OPS_METRIC_COLLECTOR_H

#include "filters/sentinel/core/sentinel.h"
#include "telemetry/text.h"

#define METRIC_INBOUND_NAME SLICE("__total_inbound_traffic__")

struct metric_collector {
	int64_t last; /* the second that was looked at last */
};

/* Seconds before now_ms are none of its business. */
void metric_collector_init(struct metric_collector *collector, int64_t now_ms);

/* Appends the lines of the next second in which anything was counted; `time_ms` says which. False:
 * all that are over have been looked at. */
bool metric_collector_next(struct metric_collector *collector, const struct sentinel *sentinel,
			   int64_t now_ms, struct text *lines, int64_t *time_ms);

#endif
