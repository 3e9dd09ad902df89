/* envoy.filters.network.connection_limit: a gate that lets in so many connections at a time.
 *
 *   admit ─ below the limit ─> counted ─ … ─> ended: counted no more
 *         └─ at the limit ──> refused
 *
 * Owner: the configuration is the listener's, the count the process's (base/shared.h), so that all
 * workers and all versions share it. Thread: the worker's. Limit: max_connections. */
#ifndef FILTERS_CONNECTION_LIMIT_H
#define FILTERS_CONNECTION_LIMIT_H

#include "net/conn_filter.h"

struct shared_count;
struct stat_scope;

struct connection_limit_config {
	uint32_t max;
	struct shared_count *count;
	struct stat_scope *stats;
};

extern const struct conn_filter_type connection_limit_filter; /* config.c */

bool connection_limit_admit(const void *config, struct accepted *accepted);

#endif
