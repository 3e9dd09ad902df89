/* The time limits of one request, from its route and its own x-envoy-* and grpc-timeout fields.
 *
 * Pure. x-envoy-* fields of external requests are dropped before this sees them. */
#ifndef ROUTING_TIMEOUTS_H
#define ROUTING_TIMEOUTS_H

#include "message/headers.h"

struct retry_policy;
struct route_action;

/* The request's own words on its limits. */
#define TIMEOUT_ASKED_NAMES(word)                                                                  \
	(HEADER_ID_BIT(HEADER_X_ENVOY_HEDGE_ON_PER_TRY_TIMEOUT, word) |                            \
	 HEADER_ID_BIT(HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_ALT_RESPONSE, word) |                    \
	 HEADER_ID_BIT(HEADER_X_ENVOY_UPSTREAM_RQ_TIMEOUT_MS, word) |                              \
	 HEADER_ID_BIT(HEADER_X_ENVOY_UPSTREAM_RQ_PER_TRY_TIMEOUT_MS, word))

struct request_timeouts {
	uint64_t total_ms;        /* of all tries, from the end of the request; 0: no limit */
	uint64_t per_try_ms;      /* 0: no limit of its own */
	uint64_t per_try_idle_ms; /* 0: none */
	bool alt_response;        /* the client wants 204 instead of 504 */
	bool hedges_per_try;      /* x-envoy-hedge-on-per-try-timeout, or the route's policy */
};

/* Takes the request's x-envoy-upstream-rq-* fields into account and removes them. writes_expected:
 * x-envoy-expected-rq-timeout-ms is added (not with suppress_envoy_headers). retry may be NULL. */
void request_timeouts_init(struct request_timeouts *timeouts, const struct route_action *action,
			   const struct retry_policy *retry, struct headers *request,
			   bool writes_expected);

/* x-envoy-expected-rq-timeout-ms (and grpc-timeout) for a further try, when elapsed_ms of total_ms
 * are gone. */
void request_timeouts_write(const struct request_timeouts *timeouts,
			    const struct route_action *action, struct headers *request,
			    uint64_t elapsed_ms, bool writes_expected);

/* The limit of the whole stream in ms, by the route and (where the route allows) by grpc-timeout:
 * at most grpc_timeout_header_max, then less the offset. DURATION_UNSET: the listener's holds, 0:
 * none. A gRPC request says it to its server, in grpc-timeout. For routes with
 * has_stream_duration. */
uint32_t request_max_duration(const struct route_action *action, struct headers *request);

/* The duration of a grpc-timeout field ("100m", "5S") in ms; false if there is none, or a bad one.
 */
bool grpc_timeout_parse(struct slice text, uint64_t *ms);

#endif
