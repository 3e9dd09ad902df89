/* outrigger.filters.lane: a request with a tag goes to the hosts of that lane, where there are
 * some, else to those of the baseline; never to those of another lane.
 *
 *   tag: header, attachment, cookie … ─ else by trace ─ else the own one
 *    └─ wishes [lane=tag] [lane=baseline]          no tag: [lane=baseline]      (routing/policy.h)
 *    └─ goes on as header or attachment
 *
 * By trace: inbound listeners note down which tag a trace came with, outbound ones give it to the
 * requests of the trace that have none.
 *
 * Owner: the published object's arena; the notes are the process's. Thread: the stream's worker.
 * Limits: tags of LANE_TAG_MAX bytes, LANE_TRACES_MAX traces. */
#ifndef FILTERS_LANE_H
#define FILTERS_LANE_H

#include "base/shared_notes.h"
#include "routing/policy.h"
#include "routing/request_value.h"
#include "stream/filter.h"
#include "telemetry/stats_table.h"

struct stat_scope;

enum {
	LANE_TAG_MAX = SHARED_NOTE_MAX, /* a longer tag is none */
	LANE_TRACES_DEFAULT = 16384,
	LANE_TRACES_MAX = 1 << 20,
	LANE_KEEP_DEFAULT_MS = 60000,
};

/* "<stat_prefix>lane" */
/* clang-format off */
#define LANE_STATS(X, S) \
	X(S, TAGGED, "tagged", COUNTER) \
	X(S, UNTAGGED, "untagged", COUNTER) \
	X(S, TAG_INVALID, "tag_invalid", COUNTER) \
	X(S, TAG_RECALLED, "tag_recalled", COUNTER)
/* clang-format on */
STAT_ENUM(lane_stat, LANE_STAT, LANE_STATS);
extern const struct stat_type lane_stats; /* config.c */

struct lane_config {
	struct request_values tags;
	struct slice default_tag; /* "" : none */
	struct slice label;
	struct slice baseline; /* "" : hosts without the label */
	struct policy_wish baseline_wish;
	bool is_strict;
	struct slice propagate_http, propagate_rpc; /* "" : the tag doesn't go on by itself */
	struct slice trace_header;                  /* "" : tags aren't looked up by trace */
	struct shared_notes *traces;
	uint64_t keep_ms;
	bool recalls; /* an outbound listener; others remember */
	struct stat_scope *stats;
};

struct lane_state {
	struct slice tag; /* "" : the baseline */
	struct label label;
	struct policy_wish wishes[2];
};

extern const struct filter_type lane_filter; /* config.c */
extern const struct route_policy lane_policy;

enum filter_status lane_request_headers(struct filter *f, struct headers *headers, bool end);

#endif
