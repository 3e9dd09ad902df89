/* What is done with a request that is sent on: to which cluster, rewritten how, for how long.
 *
 *   cluster:  a name  |  named by a request header  |  one of several, by weight
 *
 * Clusters are names with slot numbers (route_hooks.cluster_slot); one that doesn't exist is found
 * out when a request comes. Times are milliseconds, 0 is "no limit", DURATION_UNSET "not said
 * here". Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_ACTION_H
#define ROUTING_ACTION_H

#include "routing/duration.h"
#include "routing/filter_configs.h"
#include "routing/hash_policy.h"
#include "routing/header_mutation.h"
#include "routing/mirror.h"
#include "routing/rate_limit.h"
#include "routing/retry_policy.h"
#include "routing/rewrite.h"

struct Envoy__Config__Core__V3__Metadata;
struct Envoy__Config__Route__V3__HedgePolicy;
struct Envoy__Config__Route__V3__RetryPolicy;
struct Envoy__Config__Route__V3__RouteAction;
struct Envoy__Config__Route__V3__WeightedCluster;
struct Google__Protobuf__Any;

enum { ROUTE_TIMEOUT_DEFAULT_MS = 15000 };

/* What all parts of a table are built with. */
struct route_build {
	const struct route_hooks *hooks; /* may be NULL */
	struct arena *arena;
	bool validates_clusters;
	bool most_specific_wins; /* header mutations: the route's come last */
	size_t body_max;         /* of direct responses */
};

enum cluster_choice {
	CLUSTER_NAMED,
	CLUSTER_FROM_HEADER,
	CLUSTER_WEIGHTED,
};

struct weighted_cluster {
	struct slice name;        /* "" : from_header */
	struct slice from_header; /* names the cluster */
	uint32_t slot;
	uint32_t weight;
	struct slice host_rewrite; /* "" : the route's */
	const struct header_mutations *request, *response;
	struct filter_configs filter_configs;
	const void *metadata_match; /* the route's and its own together */
};

struct hedge_policy {
	uint32_t initial_requests;
	struct fraction additional_request_chance;
	bool on_per_try_timeout;
};

struct upgrade_config {
	struct slice type; /* "websocket", "CONNECT" */
	bool is_enabled;
	bool terminates_connect; /* CONNECT's payload goes to the cluster as raw bytes */
	bool allows_post;
};

struct internal_redirect {
	bool is_enabled;
	bool allows_cross_scheme;
	uint32_t max; /* redirects a request */
	uint8_t status_count;
	uint16_t statuses[5];               /* of responses that are followed */
	const struct slice *copied_headers; /* of the response, to the new request */
	uint32_t copied_header_count;
	bool allows_only_safe_cross_scheme, allows_only_listed_routes, forbids_previous_routes;
	const struct slice *allowed_routes; /* by name */
	uint32_t allowed_route_count;
};

struct route_action {
	uint8_t choice; /* enum cluster_choice */
	bool appends_forwarded_host;
	bool is_high_priority;
	bool includes_host_rate_limits; /* the virtual host's rate_limits hold too */
	uint16_t cluster_not_found_status;
	struct slice cluster; /* NAMED: its name; FROM_HEADER: the header's */
	uint32_t slot;        /* NAMED */

	const struct weighted_cluster *weighted; /* WEIGHTED */
	uint32_t weighted_count, total_weight;
	struct slice weight_header; /* its number decides; "" : chance */
	bool weight_by_hash;        /* the hash policy's number decides */

	uint32_t timeout_ms;       /* never DURATION_UNSET */
	struct slice timeout_text; /* its digits */
	uint32_t idle_timeout_ms;  /* of the stream; may be DURATION_UNSET, as those that follow */
	uint32_t flush_timeout_ms;
	bool has_stream_duration; /* max_stream_duration is there: timeout_ms doesn't hold */
	uint32_t max_stream_duration_ms;
	uint32_t grpc_timeout_header_max_ms, grpc_timeout_header_offset_ms;
	uint32_t max_grpc_timeout_ms, grpc_timeout_offset_ms; /* the older pair */

	struct path_rewrite path_rewrite;
	struct host_rewrite host_rewrite;
	const struct retry_policy *retry; /* NULL: the virtual host's */
	const struct hedge_policy *hedge; /* NULL: the virtual host's */
	struct hash_policies hash_policies;
	struct mirrors mirrors; /* none: the virtual host's or table's */
	const struct upgrade_config *upgrades;
	uint32_t upgrade_count;
	struct internal_redirect internal_redirect;
	const void *metadata_match;
	struct rate_limits rate_limits;
};

/* matched: the template of the route's match. Diag's path begins inside `route`. */
enum status MUST_CHECK route_action_load(
	struct route_action *action, const struct Envoy__Config__Route__V3__RouteAction *message,
	const struct path_template *matched, const struct route_build *build, struct diag *diag);

/* The cluster part for RPC routes: a name ("" : the weights), and metadata_match. */
enum status MUST_CHECK
route_action_load_rpc(struct route_action *action, const char *cluster,
		      const struct Envoy__Config__Route__V3__WeightedCluster *weighted,
		      const struct Envoy__Config__Core__V3__Metadata *metadata_match,
		      const struct route_build *build, struct diag *diag);

/* A route's or virtual host's policy: *retry stays for a NULL message. `typed` is refused. Diag's
 * path begins with the field's name. */
enum status MUST_CHECK route_retry_load(const struct retry_policy **retry,
					const struct Envoy__Config__Route__V3__RetryPolicy *message,
					const struct Google__Protobuf__Any *typed,
					const struct route_build *build, struct diag *diag);

/* NULL message: NULL. */
const struct hedge_policy *
hedge_policy_load(const struct Envoy__Config__Route__V3__HedgePolicy *message, struct arena *arena);

/* NULL message: NULL through *metadata. */
enum status MUST_CHECK route_metadata_load(const void **metadata,
					   const struct Envoy__Config__Core__V3__Metadata *message,
					   const struct route_build *build, struct diag *diag);

struct cluster_pick {
	struct slice name;
	uint32_t slot;                           /* CLUSTER_SLOT_NONE: find it by name */
	const struct weighted_cluster *weighted; /* NULL: no weights */
	const void *metadata_match;
};

/* The cluster for one request. hash: of its hash policies, for weight_by_hash; NULL: none. False
 * when the header that names it is missing: answer cluster_not_found_status. */
bool route_action_pick(const struct route_action *action, const struct headers *headers,
		       uint64_t random, const uint64_t *hash, struct cluster_pick *pick);

#endif
