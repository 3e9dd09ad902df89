/* The routes of some domains, and what is common to them.
 *
 * Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_VIRTUAL_HOST_H
#define ROUTING_VIRTUAL_HOST_H

#include "routing/match_tree.h"
#include "routing/route.h"
#include "routing/route_set.h"

struct route_table;
struct Envoy__Config__Route__V3__VirtualHost;

enum tls_requirement {
	TLS_NOT_REQUIRED,
	TLS_REQUIRED_OF_EXTERNAL, /* not of requests with x-envoy-internal */
	TLS_REQUIRED,
};

/* A group of requests that is counted by itself. */
struct virtual_cluster {
	struct slice name;
	struct header_matches headers;
};

struct virtual_host {
	struct slice name;
	const struct route_table *table;
	struct route_set routes;
	const struct match_tree *tree; /* instead of routes; NULL: none */
	uint8_t require_tls;           /* enum tls_requirement */
	bool includes_attempt_count, includes_attempt_count_in_response;
	bool includes_is_timeout_retry;
	const struct route *https_redirect; /* when require_tls isn't met; NULL: nothing required */
	const struct header_mutations *request, *response;
	struct filter_configs filter_configs;
	const struct retry_policy *retry; /* NULL: none */
	const struct hedge_policy *hedge; /* NULL: none */
	struct mirrors mirrors;
	struct rate_limits rate_limits;
	const struct virtual_cluster *virtual_clusters;
	uint32_t virtual_cluster_count;
	const void *metadata;
	uint64_t body_buffer_limit; /* UINT64_MAX: not said */
};

/* host->table is set. Diag's path begins inside the virtual host. */
enum status MUST_CHECK virtual_host_load(
	struct virtual_host *host, const struct Envoy__Config__Route__V3__VirtualHost *message,
	const struct route_build *build, struct diag *diag);

/* The name of the virtual cluster that a request belongs to: the first that matches, "" if none
 * does. */
struct slice virtual_host_cluster_name(const struct virtual_host *host,
				       const struct headers *request);

#endif
