/* envoy.filters.http.fault: what it is configured to, and what it does to a stream.
 *
 *   request ─ matches? ─> delay (paused) ─> abort (local reply) or go on
 *
 * Owner: configurations are their published object's; the number of active faults is the process's.
 * Thread: the stream's worker. Timer: the delay, which dies with the stream. */
#ifndef FILTERS_FAULT_H
#define FILTERS_FAULT_H

#include "routing/fraction.h"
#include "routing/header_match.h"
#include "stream/filter.h"

struct shared_count;

enum fault_source {
	FAULT_NONE,
	FAULT_FIXED,     /* as configured */
	FAULT_BY_HEADER, /* as the request asks, if it does */
};

struct fault_config {
	uint8_t delay, abort; /* enum fault_source */
	uint16_t http_status; /* 0: a gRPC status */
	uint32_t grpc_status;
	uint32_t delay_ms;
	struct fraction delay_share, abort_share;
	struct slice cluster; /* "" : any */
	struct header_matches headers;
	uint32_t max_active;
	struct shared_count *active; /* NULL: max_active isn't set */
	struct stat_scope *stats;
};

/* Of one stream. */
struct fault {
	struct filter_timer timer;
	bool is_active; /* counted as such */
};

extern const struct filter_type fault_filter; /* config.c */

enum filter_status fault_request_headers(struct filter *f, struct headers *headers, bool end);
void fault_close(struct filter *f);

#endif
