/* envoy.filters.http.rbac and envoy.filters.network.rbac: requests, or connections, that the
 * policies don't allow are refused.
 *
 * Owner: the published object's arena; immutable. Thread: the worker's. */
#ifndef FILTERS_RBAC_H
#define FILTERS_RBAC_H

#include "filters/rbac/policy.h"
#include "net/conn_filter.h"
#include "stream/filter.h"

struct rbac_config {
	const struct rbac_rules *rules, *shadow; /* NULL: none */
	struct stat_scope *stats, *shadow_stats; /* of the chain's; NULL in a route's */
};

extern const struct filter_type rbac_filter;                 /* config.c */
extern const struct conn_filter_type rbac_connection_filter; /* config.c */

enum filter_status rbac_request_headers(struct filter *f, struct headers *headers, bool end);
bool rbac_admit(const void *config, struct accepted *accepted);

#endif
