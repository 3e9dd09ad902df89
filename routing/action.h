/* What is done with a request that is sent on: rewritten how, for how long, tried how often …;
 * where to is the route's cluster_choice. Routes of a table that ask for the same share one.
 *
 * Times are milliseconds, 0 is "no limit", DURATION_UNSET "not said here". Owner: the table's
 * arena; immutable. Thread: any. */
#ifndef ROUTING_ACTION_H
#define ROUTING_ACTION_H

#include "routing/duration.h"
#include "routing/hash_policy.h"
#include "routing/mirror.h"
#include "routing/rate_limit.h"
#include "routing/retry_policy.h"
#include "routing/rewrite.h"
#include "routing/route_build.h"

struct Envoy__Config__Route__V3__HedgePolicy;
struct Envoy__Config__Route__V3__RetryPolicy;
struct Envoy__Config__Route__V3__RouteAction;
struct Google__Protobuf__Any;

enum { ROUTE_TIMEOUT_DEFAULT_MS = 15000 };

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
	bool appends_forwarded_host;
	bool is_high_priority;
	bool includes_host_rate_limits; /* the virtual host's rate_limits hold too */
	uint16_t cluster_not_found_status;

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
	struct rate_limits rate_limits;
};

/* All but the cluster. matched: the template of the route's match. Diag's path begins inside
 * `route`. */
enum status MUST_CHECK route_action_load(
	struct route_action *action, const struct Envoy__Config__Route__V3__RouteAction *message,
	const struct path_template *matched, const struct route_build *build, struct diag *diag);

/* A route's or virtual host's policy: *retry stays for a NULL message. `typed` is refused. Diag's
 * path begins with the field's name. */
enum status MUST_CHECK route_retry_load(const struct retry_policy **retry,
					const struct Envoy__Config__Route__V3__RetryPolicy *message,
					const struct Google__Protobuf__Any *typed,
					const struct route_build *build, struct diag *diag);

/* NULL message: NULL. */
const struct hedge_policy *
hedge_policy_load(const struct Envoy__Config__Route__V3__HedgePolicy *message, struct arena *arena);

#endif
