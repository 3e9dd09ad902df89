/* envoy.filters.http.local_ratelimit: what it is configured to, and the buckets behind it.
 *
 *   request ─> descriptors of the route ─> their buckets, the narrowest first ─> the default bucket
 *
 * Owner: configurations are their published object's; buckets are the process's (base/shared.h), so
 * that all workers and all versions of a configuration draw from the same. Thread: any. Limit:
 * LOCAL_RATELIMIT_DYNAMIC_MAX values of a descriptor without a value. */
#ifndef FILTERS_LOCAL_RATELIMIT_H
#define FILTERS_LOCAL_RATELIMIT_H

#include "base/token_bucket.h"
#include "routing/fraction.h"
#include "routing/header_mutation.h"
#include "routing/rate_limit.h"
#include "stream/filter.h"

enum {
	LOCAL_RATELIMIT_DYNAMIC_DEFAULT = 20,
	LOCAL_RATELIMIT_DYNAMIC_MAX = 65536,
};

struct token_bucket_table;
struct Envoy__Type__V3__TokenBucket;

/* What every bucket is made from. */
struct bucket_limits {
	uint32_t max_tokens, tokens_per_fill;
	uint64_t fill_interval_ns;
};

/* A bucket of its own for requests that are described so. */
struct local_ratelimit_descriptor {
	const struct rate_limit_entry *entries; /* a value of "" : any, each has its own bucket */
	uint32_t entry_count;
	bool has_any_value;
	bool is_shadow; /* counts what it would refuse */
	struct bucket_limits limits;
	struct token_bucket *bucket;       /* NULL with has_any_value */
	struct token_bucket_table *by_key; /* with has_any_value */
};

enum host_rate_limits {
	HOST_RATE_LIMITS_OVERRIDE, /* the virtual host's hold if the route has none */
	HOST_RATE_LIMITS_INCLUDE,
	HOST_RATE_LIMITS_IGNORE,
};

struct local_ratelimit_config {
	struct fraction enabled, enforced;
	uint16_t status;
	int8_t grpc_status; /* -1: by the HTTP status */
	bool tells_limits;  /* x-ratelimit-* */
	bool always_takes_default;
	uint8_t host_rate_limits; /* enum host_rate_limits */
	uint32_t stage;
	struct header_mutations reply_headers, over_headers;
	struct rate_limits rate_limits; /* the filter's own; none: the route's */
	const struct local_ratelimit_descriptor *descriptors; /* the slowest to fill first */
	uint32_t descriptor_count;
	struct bucket_limits limits;
	struct token_bucket *bucket; /* NULL: no default limit */
	struct slice source_cluster; /* this proxy's, for descriptors */
	struct stat_scope *stats;
};

/* Of one stream. */
struct local_ratelimit {
	struct token_bucket *bucket; /* the one that decided; NULL: none */
	uint32_t max_tokens;
	bool is_refused;
};

extern const struct filter_type local_ratelimit_filter; /* config.c */

/* bucket_config.c. Diag's path begins inside the message. */
enum status MUST_CHECK bucket_limits_load(struct bucket_limits *limits,
					  const struct Envoy__Type__V3__TokenBucket *message,
					  struct diag *diag);
uint64_t bucket_limits_hash(const struct bucket_limits *limits);
/* The process's bucket of that name and these limits, for as long as the arena lives. */
struct token_bucket *bucket_take(const struct config_context *context, struct slice name,
				 const struct bucket_limits *limits);

enum filter_status local_ratelimit_request_headers(struct filter *f, struct headers *headers,
						   bool end);
enum filter_status local_ratelimit_response_headers(struct filter *f, struct headers *headers,
						    bool end);

#endif
