/* One route: what it matches is its matcher (of the same index in the set); this is what it does.
 *
 * Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_ROUTE_H
#define ROUTING_ROUTE_H

#include "routing/action.h"
#include "routing/cluster_choice.h"
#include "routing/direct_response.h"
#include "routing/matcher.h"
#include "routing/redirect.h"

struct policy_use;
struct virtual_host;
struct Envoy__Config__Route__V3__Route;

enum route_kind {
	ROUTE_FORWARD, /* to a cluster */
	ROUTE_REDIRECT,
	ROUTE_DIRECT_RESPONSE,
	ROUTE_NON_FORWARDING, /* for a filter that answers itself */
};

enum { ROUTE_LEVELS = 3 }; /* route, virtual host, table; a weighted cluster is one more */

struct route_tracing {
	struct fraction client_sampling, random_sampling, overall_sampling;
	const struct format *operation, *upstream_operation; /* NULL: none */
};

/* What few routes say. Routes of a table that say the same share one. */
struct route_extras {
	/* Header mutations in the order in which they are applied; the weighted cluster's come
	 * first, or (is_most_specific_last) last. */
	const struct header_mutations *request_levels[ROUTE_LEVELS], *response_levels[ROUTE_LEVELS];
	uint64_t body_buffer_limit; /* of retained request bodies, the virtual host's if the route
				       says none; UINT64_MAX: not said */
	struct slice stat_prefix;   /* "" : no stats of its own */
	struct slice decorator;     /* operation name of traces; "" : none */
	bool decorator_propagates;
	const struct route_tracing *tracing; /* NULL: the listener's */
	struct filter_configs filter_configs;
	const void *metadata; /* NULL: none */
};

extern const struct route_extras route_extras_none;

struct route {
	uint8_t kind; /* enum route_kind */
	bool is_most_specific_last;
	bool rewrites;           /* the path or the host, whichever cluster it is */
	bool has_filter_configs; /* for some filter, of its own, its virtual host's or table's */
	/* Forwards to one cluster, and all that it asks beyond that is a timeout of the whole. */
	bool is_plain;
	uint8_t request_level_count, response_level_count; /* of its extras */
	union {
		const struct route_action *forward;
		const struct redirect *redirect;
		const struct direct_response *direct_response;
	};
	struct cluster_choice cluster; /* of ROUTE_FORWARD */
	const struct virtual_host *virtual_host;
	const struct route_extras *extras;   /* never NULL */
	const struct route_matcher *matcher; /* NULL: made by require_tls */
	struct slice name;                   /* "" : none */
	const struct policy_use *policy;     /* its own (routing/policy.h); NULL: none */
};

/* virtual_host is the one the route is in, loaded but for its routes. Diag's path begins inside the
 * route. */
enum status MUST_CHECK route_load(struct route *route, struct route_matcher *matcher,
				  const struct Envoy__Config__Route__V3__Route *message,
				  const struct virtual_host *virtual_host,
				  const struct route_build *build, struct diag *diag);

/* All of a route but what it matches, which is known already. template: of its path. */
enum status MUST_CHECK route_load_rest(struct route *route,
				       const struct Envoy__Config__Route__V3__Route *message,
				       const struct path_template *template,
				       const struct virtual_host *virtual_host,
				       const struct route_build *build, struct diag *diag);

/* Fills the level lists from the three levels' mutations (each may be NULL), and the route's counts
 * of them. */
void route_set_levels(struct route *route, struct route_extras *extras,
		      const struct header_mutations *const request[ROUTE_LEVELS],
		      const struct header_mutations *const response[ROUTE_LEVELS],
		      bool most_specific_wins);

/* The cluster for one request; route->kind is ROUTE_FORWARD. See cluster_choice_pick. */
static inline bool route_pick_cluster(const struct route *route, const struct headers *headers,
				      uint64_t random, const uint64_t *hash,
				      struct cluster_pick *pick)
{
	return cluster_choice_pick(&route->cluster, headers, random, hash, pick);
}

/* Applies the header mutations of all levels. weighted may be NULL. */
void route_mutate(const struct route *route, const struct header_mutations *const *levels,
		  unsigned count, const struct header_mutations *weighted, struct headers *headers,
		  const struct stream_info *info);
static inline void route_mutate_request(const struct route *route,
					const struct weighted_cluster *weighted,
					struct headers *request, const struct stream_info *info)
{
	if (route->request_level_count || weighted)
		route_mutate(route, route->extras->request_levels, route->request_level_count,
			     weighted ? weighted->request : NULL, request, info);
}
static inline void route_mutate_response(const struct route *route,
					 const struct weighted_cluster *weighted,
					 struct headers *response, const struct stream_info *info)
{
	if (route->response_level_count || weighted)
		route_mutate(route, route->extras->response_levels, route->response_level_count,
			     weighted ? weighted->response : NULL, response, info);
}

/* Rewrites path and host for the upstream (nothing if the route isn't ROUTE_FORWARD); after
 * route_mutate_request. keeps_original: x-envoy-original-path
 * and x-envoy-original-host are set (not with suppress_envoy_headers). */
void route_rewrite(const struct route *route, const struct weighted_cluster *weighted,
		   struct headers *request, bool keeps_original);
static inline void route_rewrite_request(const struct route *route,
					 const struct weighted_cluster *weighted,
					 struct headers *request, bool keeps_original)
{
	if (route->rewrites || weighted)
		route_rewrite(route, weighted, request, keeps_original);
}

/* The retry policy in force, the virtual host's if the route has none; NULL: none. */
const struct retry_policy *route_retry_policy(const struct route *route);
/* The hedge policy in force, or NULL. */
const struct hedge_policy *route_hedge_policy(const struct route *route);
/* The mirror policies in force: the route's, else the virtual host's, else the table's. */
const struct mirrors *route_mirrors(const struct route *route);

/* A filter's most specific configuration for this route, or NULL. weighted may be NULL. */
const struct filter_config *route_filter_config(const struct route *route,
						const struct weighted_cluster *weighted,
						struct slice filter);

/* Fills in has_filter_configs and is_plain, last: what they tell of the route, its virtual host and
 * its table is loaded. */
void route_note_kind(struct route *route);

/* Fields by which a request changes what its route says of timeouts and retries. */
extern const struct header_ids route_asked_names;

/* All of them, from the table's to the most specific, for filters that merge. Returns how many. */
enum { ROUTE_FILTER_CONFIGS_MAX = 4 };
unsigned route_filter_configs(const struct route *route, const struct weighted_cluster *weighted,
			      struct slice filter,
			      const struct filter_config *configs[ROUTE_FILTER_CONFIGS_MAX]);

#endif
