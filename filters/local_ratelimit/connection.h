/* envoy.filters.network.local_ratelimit: a gate at which each new connection costs a token.
 *
 * Owner: the configuration is the listener's, the bucket the process's. Thread: the worker's. */
#ifndef FILTERS_LOCAL_RATELIMIT_CONNECTION_H
#define FILTERS_LOCAL_RATELIMIT_CONNECTION_H

#include <stdbool.h>

#include "net/conn_filter.h"

struct stat_scope;
struct token_bucket;

struct connection_ratelimit {
	bool is_disabled;
	struct token_bucket *bucket;
	struct stat_scope *stats;
};

extern const struct conn_filter_type local_ratelimit_connection_filter; /* connection_config.c */

bool connection_ratelimit_admit(const void *config, struct accepted *accepted);

#endif
