/* The last filter of every chain: sends the request to a host of the route's cluster and its answer
 * back.
 *
 *   request_headers ─ route ─┬─ direct response, redirect: replied
 *                            └─ cluster ─ host ─ attempt ─> answer ──────────────> response chain
 *                                                   └ failed ─ retry? ─ back-off ─> next attempt
 *
 * What is sent is kept in `retained` while a retry is possible; what can't be sent yet waits in
 * `waiting`.
 *
 * Owner: the stream's arena. Thread: its worker. Timers: total (from the request's end), per try,
 * per-try idle, back-off. Limits: retained and waiting bytes by the stream's buffer_limit. */
#ifndef MANAGER_ROUTER_H
#define MANAGER_ROUTER_H

#include "stream/filter.h"

/* The router filter's configuration: Envoy's Router message. */
struct router_config {
	struct stat_scope *stats; /* "http.<prefix>", held by the listener; NULL: none */
	bool suppresses_envoy_headers;
	bool respects_expected_timeout;
};

extern const struct filter_type router_filter;

#endif
