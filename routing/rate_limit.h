/* Descriptors for rate limits: lists of (key, value) that a route makes from a request. The limits
 * themselves are the filters' business.
 *
 *   actions [request_headers x-user as "user"] [generic_key "g"]
 *     -> ("user", "alice") ("generic_key", "g")
 *
 * Owner: the table's arena; immutable. Thread: any. Not supported: metadata, extensions. */
#ifndef ROUTING_RATE_LIMIT_H
#define ROUTING_RATE_LIMIT_H

#include "base/addr.h"
#include "routing/header_match.h"
#include "routing/query_match.h"

struct Envoy__Config__Route__V3__RateLimit;

enum { RATE_LIMIT_ACTIONS_MAX = 16 };

enum rate_limit_source {
	RATE_LIMIT_SOURCE_CLUSTER,
	RATE_LIMIT_DESTINATION_CLUSTER,
	RATE_LIMIT_REQUEST_HEADER,
	RATE_LIMIT_QUERY_PARAMETER,
	RATE_LIMIT_REMOTE_ADDRESS,
	RATE_LIMIT_MASKED_ADDRESS,
	RATE_LIMIT_CONSTANT,
	RATE_LIMIT_HEADER_MATCH,
	RATE_LIMIT_QUERY_MATCH,
};

struct rate_limit_action {
	uint8_t source; /* enum rate_limit_source */
	uint8_t mask_ipv4, mask_ipv6;
	bool skips_if_absent; /* without it an absent value makes no descriptor at all */
	bool expects_match;
	struct slice name; /* of the header or parameter */
	struct slice key, value;
	struct header_matches headers;
	struct pair_matches query;
};

struct rate_limit {
	uint32_t stage;
	uint64_t hits; /* what one request counts; 1 unless configured */
	struct slice disable_key;
	const struct rate_limit_action *actions;
	uint32_t action_count;
};

struct rate_limits {
	const struct rate_limit *items;
	uint32_t count;
};

struct rate_limit_entry {
	struct slice key, value;
};

struct rate_limit_input {
	const struct headers *headers;
	struct slice query;
	const struct addr *client; /* NULL: unknown */
	struct slice source_cluster, destination_cluster;
	struct arena *arena; /* for texts that are made */
};

/* Diag's path begins with "rate_limits[i]". */
enum status MUST_CHECK rate_limits_load(struct rate_limits *limits,
					struct Envoy__Config__Route__V3__RateLimit *const *messages,
					size_t count, struct arena *arena, struct diag *diag);

/* The descriptor's entries, in the order of the actions; false if an action has no value: then
 * there is no descriptor. */
bool rate_limit_describe(const struct rate_limit *limit, const struct rate_limit_input *input,
			 struct rate_limit_entry entries[RATE_LIMIT_ACTIONS_MAX], unsigned *count);

#endif
