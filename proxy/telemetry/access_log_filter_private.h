/* The tree of an access log's filter: private to access_log_filter*.c.
 *
 * Owner: the arena; immutable. Thread: any. */
#ifndef TELEMETRY_ACCESS_LOG_FILTER_PRIVATE_H
#define TELEMETRY_ACCESS_LOG_FILTER_PRIVATE_H

#include "routing/header_match.h"
#include "routing/metadata_match.h"
#include "telemetry/access_log_filter.h"

enum filter_kind {
	FILTER_STATUS_CODE,
	FILTER_DURATION,
	FILTER_NOT_HEALTH_CHECK,
	FILTER_NOTHING,
	FILTER_SAMPLED,
	FILTER_AND,
	FILTER_OR,
	FILTER_HEADER,
	FILTER_RESPONSE_FLAG,
	FILTER_GRPC_STATUS,
	FILTER_LOG_TYPE,
	FILTER_METADATA,
};

enum filter_comparison { FILTER_EQUAL, FILTER_AT_LEAST, FILTER_AT_MOST, FILTER_DIFFERENT };

struct access_log_filter {
	enum filter_kind kind;
	enum filter_comparison comparison;
	uint64_t value;
	uint64_t mask;       /* response flags, statuses or log types by bit */
	bool passes_without; /* METADATA: if there is no such value */
	bool excludes;       /* the mask's are those that don't pass; SAMPLED: by chance alone */
	uint32_t numerator, denominator;
	unsigned child_count;
	const struct access_log_filter *const *children;
	struct header_matches headers; /* one */
	struct metadata_match metadata;
};

#endif
