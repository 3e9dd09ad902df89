/* Which failed requests are sent again, when, and to whom.
 *
 *   struct retry_policy   what the route (or its virtual host) says; immutable, in the table's
 *                         arena
 *   struct retry_plan     what holds for one request: the policy and the request's own x-envoy-*
 *                         fields together, and how many retries are left; in the stream
 *
 * Pure: the caller gives random numbers and the time. x-envoy-* fields of external requests are
 * dropped before this sees them (http_manager). */
#ifndef ROUTING_RETRY_POLICY_H
#define ROUTING_RETRY_POLICY_H

#include "message/headers.h"
#include "message/reply_reason.h"
#include "routing/header_match.h"
#include "routing/route_hooks.h"

struct Envoy__Config__Route__V3__RetryPolicy;

#define RETRY_ON_TABLE(X)                                                                          \
	X(5XX, "5xx")                                                                              \
	X(GATEWAY_ERROR, "gateway-error")                                                          \
	X(RESET, "reset")                                                                          \
	X(RESET_BEFORE_REQUEST, "reset-before-request")                                            \
	X(CONNECT_FAILURE, "connect-failure")                                                      \
	X(ENVOY_RATELIMITED, "envoy-ratelimited")                                                  \
	X(RETRIABLE_4XX, "retriable-4xx")                                                          \
	X(REFUSED_STREAM, "refused-stream")                                                        \
	X(RETRIABLE_STATUS_CODES, "retriable-status-codes")                                        \
	X(RETRIABLE_HEADERS, "retriable-headers")                                                  \
	X(HTTP3_POST_CONNECT_FAILURE, "http3-post-connect-failure")

#define RETRY_ON_GRPC_TABLE(X)                                                                     \
	X(CANCELLED, "cancelled", 1)                                                               \
	X(DEADLINE_EXCEEDED, "deadline-exceeded", 4)                                               \
	X(RESOURCE_EXHAUSTED, "resource-exhausted", 8)                                             \
	X(INTERNAL, "internal", 13)                                                                \
	X(UNAVAILABLE, "unavailable", 14)

enum retry_on_bit {
#define RETRY_ON_ENUM(name, text, ...) RETRY_ON_BIT_##name,
	RETRY_ON_TABLE(RETRY_ON_ENUM) RETRY_ON_GRPC_TABLE(RETRY_ON_ENUM)
#undef RETRY_ON_ENUM
};

/* A bit of `on`. */
#define RETRY_ON(name) (UINT32_C(1) << RETRY_ON_BIT_##name)

struct retry_reset_header {
	struct slice name;
	bool is_timestamp; /* Unix seconds, not seconds from now */
};

struct retry_policy {
	uint32_t on; /* RETRY_ON(...) */
	uint32_t retries;
	uint32_t per_try_timeout_ms, per_try_idle_timeout_ms; /* 0: none */
	uint32_t base_interval_ms, max_interval_ms;
	const uint16_t *statuses; /* for RETRIABLE_STATUS_CODES */
	uint32_t status_count;
	struct header_matches response_headers; /* one must match, for RETRIABLE_HEADERS */
	struct header_matches request_headers;  /* one must match, or nothing is retried */
	uint32_t host_attempts;                 /* picks until a host that was tried is taken */
	bool avoids_previous_hosts, avoids_canary_hosts;
	const void *avoided_metadata;       /* hosts that hold it (route_hooks.load_metadata) */
	uint32_t priority_update_frequency; /* 0: priorities stay as they are */
	const struct retry_reset_header *reset_headers; /* the server says when */
	uint32_t reset_header_count, reset_max_interval_ms;
};

/* What holds where nothing is configured: no condition, one retry, 25 ms. */
extern const struct retry_policy retry_policy_default;

/* STATUS_INVALID or STATUS_UNSUPPORTED and a diag with the path from inside `retry_policy` on. */
enum status MUST_CHECK retry_policy_load(
	struct retry_policy *policy, const struct Envoy__Config__Route__V3__RetryPolicy *message,
	const struct route_hooks *hooks, struct arena *arena, struct diag *diag);

/* The conditions of a comma-separated list. What isn't known is left out, as in Envoy: control
 * planes name conditions of newer releases, and numbers of statuses, beside those that all know. */
uint32_t retry_on_parse(struct slice text);

/* The request's own words on its retries. */
#define RETRY_ASKED_NAMES(word)                                                                    \
	(HEADER_ID_BIT(HEADER_X_ENVOY_RETRY_ON, word) |                                            \
	 HEADER_ID_BIT(HEADER_X_ENVOY_RETRY_GRPC_ON, word) |                                       \
	 HEADER_ID_BIT(HEADER_X_ENVOY_MAX_RETRIES, word) |                                         \
	 HEADER_ID_BIT(HEADER_X_ENVOY_RETRIABLE_STATUS_CODES, word) |                              \
	 HEADER_ID_BIT(HEADER_X_ENVOY_RETRIABLE_HEADER_NAMES, word))

enum { RETRY_HEADER_STATUSES_MAX = 16 };

struct retry_plan {
	const struct retry_policy *policy;
	uint32_t on;   /* 0: nothing is retried */
	uint32_t left; /* retries */
	uint32_t done;
	bool was_server_asked; /* the latest back-off was the server's wish */
	uint16_t statuses[RETRY_HEADER_STATUSES_MAX]; /* of the request's own fields */
	uint8_t status_count;
	struct slice header_names; /* of the request's own fields, comma-separated */
};

/* Takes the request's x-envoy-retry-on, -retry-grpc-on, -max-retries, -retriable-* fields into
 * account and removes them. policy may be NULL. */
void retry_plan_init(struct retry_plan *plan, const struct retry_policy *policy,
		     struct headers *request);

/* Whether a response is one to retry. Asks nothing about retries left. */
bool retry_plan_wants_response(const struct retry_plan *plan, const struct headers *response);

struct retry_reset {
	enum reply_reason reason;
	bool was_refused;      /* HTTP/2 REFUSED_STREAM: the peer did nothing */
	bool was_request_sent; /* bytes of the request may have reached the host */
};

/* The same for an upstream request that ended without a response. */
bool retry_plan_wants_reset(const struct retry_plan *plan, const struct retry_reset *reset);

/* How long to wait before the next retry: the server's wish (reset headers; response may be NULL),
 * else fully jittered exponential back-off. Counts the retry: left--, done++. left > 0. */
uint32_t retry_plan_take(struct retry_plan *plan, const struct headers *response,
			 uint64_t now_unix_s, uint64_t random);

#endif
