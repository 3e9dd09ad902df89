/* What the bootstrap's stats_config asks for: which stats there are, further tags, the bounds of
 * buckets.
 *
 * Owner: struct stats keeps it. Thread: main, at start, before anything is shown. */
#ifndef TELEMETRY_STATS_CONFIG_H
#define TELEMETRY_STATS_CONFIG_H

#include "base/diag.h"
#include "base/status.h"

struct Envoy__Config__Metrics__V3__StatsConfig;
struct stats;

/* message NULL: Envoy's defaults. May be called once. STATUS_INVALID and a diag with the path from
 * the message on. */
enum status MUST_CHECK
stats_configure(struct stats *stats, const struct Envoy__Config__Metrics__V3__StatsConfig *message,
		struct diag *diag);

#endif
