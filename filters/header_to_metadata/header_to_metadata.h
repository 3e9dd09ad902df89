/* envoy.filters.http.header_to_metadata: notes down headers and cookies in the stream's metadata,
 * where routes, other filters, balancers and logs read them.
 *
 *   x-stage: prod ─ rule ─> ("envoy.lb", "stage") "prod"        no x-stage ─ rule ─> … "default"
 *
 * Owner: the published object's arena; immutable. Thread: the stream's worker. Limit: values of
 * HEADER_TO_METADATA_VALUE_MAX bytes and more are left out. */
#ifndef FILTERS_HEADER_TO_METADATA_H
#define FILTERS_HEADER_TO_METADATA_H

#include "stream/filter.h"
#include "telemetry/stats_table.h"

struct regex;
struct stat_scope;

enum { HEADER_TO_METADATA_VALUE_MAX = 8192 };

/* "http_filter_name.<stat_prefix>" */
/* clang-format off */
#define HEADER_TO_METADATA_STATS(X, S) \
	X(S, REQUEST_RULES_PROCESSED, "request_rules_processed", COUNTER) \
	X(S, RESPONSE_RULES_PROCESSED, "response_rules_processed", COUNTER) \
	X(S, REQUEST_METADATA_ADDED, "request_metadata_added", COUNTER) \
	X(S, RESPONSE_METADATA_ADDED, "response_metadata_added", COUNTER) \
	X(S, REQUEST_HEADER_NOT_FOUND, "request_header_not_found", COUNTER) \
	X(S, RESPONSE_HEADER_NOT_FOUND, "response_header_not_found", COUNTER) \
	X(S, BASE64_DECODE_FAILED, "base64_decode_failed", COUNTER) \
	X(S, HEADER_VALUE_TOO_LONG, "header_value_too_long", COUNTER) \
	X(S, REGEX_SUBSTITUTION_FAILED, "regex_substitution_failed", COUNTER)
/* clang-format on */
STAT_ENUM(header_to_metadata_stat, HEADER_TO_METADATA_STAT, HEADER_TO_METADATA_STATS);
extern const struct stat_type header_to_metadata_stats; /* config.c */

enum metadata_value_type {
	METADATA_STRING,
	METADATA_NUMBER,
	METADATA_PROTOBUF, /* a serialised google.protobuf.Value */
};

/* What is noted down, and where. */
struct metadata_note {
	struct slice space, key;
	struct slice value;        /* "" : the header's */
	uint8_t type;              /* enum metadata_value_type */
	bool is_base64;            /* decoded before it is read as its type */
	const struct regex *regex; /* NULL: the header's value stays as it is */
	struct slice substitution;
};

struct metadata_rule {
	struct slice name; /* of the header or cookie */
	bool is_cookie, removes;
	const struct metadata_note *present, *missing; /* NULL: nothing then */
};

struct metadata_rules {
	const struct metadata_rule *items;
	uint32_t count;
};

struct header_to_metadata_config {
	struct metadata_rules request, response;
	struct stat_scope *stats; /* NULL: nothing is counted */
};

extern const struct filter_type header_to_metadata_filter; /* config.c */

enum filter_status header_to_metadata_request_headers(struct filter *f, struct headers *headers,
						      bool end);
enum filter_status header_to_metadata_response_headers(struct filter *f, struct headers *headers,
						       bool end);

#endif
