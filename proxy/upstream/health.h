/* What the results of active health checks mean for a host, and when it is checked next.
 *
 *          healthy_threshold successes (the first check of all: one)
 *   UNHEALTHY ─────────────────────────────────────────────────────> HEALTHY
 *          <─────────────────────────────────────────────────────
 *          unhealthy_threshold network failures, or one answer that isn't expected (nor retriable)
 *
 * Pure: time, chance and the host's flags are arguments. Owner: the checker embeds one for each
 * host and check. Thread: main. */
#ifndef UPSTREAM_HEALTH_H
#define UPSTREAM_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/cluster.h"

struct random;

enum health_result {
	HEALTH_SUCCESS,
	HEALTH_DEGRADED,  /* a success of a host that says it is degraded */
	HEALTH_REFUSED,   /* an answer, not an expected one */
	HEALTH_RETRIABLE, /* an answer that counts as the network failures do */
	HEALTH_NETWORK,   /* no connection, or it broke */
	HEALTH_TIMEOUT,
	HEALTH_PASSIVE, /* the host's own word in another answer
			   (x-envoy-immediate-health-check-fail) */
};

struct health {
	uint32_t successes, failures; /* in a row */
	bool is_checked;              /* there was a result */
	bool is_pending; /* the last one would change the state, the threshold isn't met yet */
};

/* The flags (enum host_flag) of a host after a result, given those before. */
uint32_t health_judge(struct health *health, const struct health_check_config *config,
		      enum health_result result, uint32_t flags);

/* How long to wait for the next check. has_traffic: the cluster had a connection ever. */
uint32_t health_delay_ms(const struct health *health, const struct health_check_config *config,
			 uint32_t flags, bool has_traffic, struct random *random);

/* Whether an HTTP answer of this status is a success, a failure, or retriable. */
enum health_result health_of_status(const struct health_check_config *config, unsigned status);

/* Whether the payloads are found in `bytes`, in order and one behind the other. No payload: always.
 */
bool health_has_payloads(const struct health_check_config *config, struct slice bytes);

#endif
