/* What a flow rule does with the calls that it lets through (TrafficShapingController): warm up
 * from a cold rate, space calls evenly, or both. Rules that only reject need none.
 *
 *   stored tokens:  0 ........ warning ............ max      few tokens: warm, the full rate
 *                   the full rate      ever slower           many: cold, / cold factor
 *
 * Tokens come in each second and go with what passed in the second before, so an idle resource
 * cools down.
 *
 * Owner: counted; every version of the rules that has the rule. Thread: any. */
#ifndef SENTINEL_CORE_TRAFFIC_SHAPING_H
#define SENTINEL_CORE_TRAFFIC_SHAPING_H

#include <stdatomic.h>
#include <stdint.h>

#include "filters/sentinel/core/flow_rule.h"
#include "filters/sentinel/core/instant.h"

struct node;

struct traffic_shaping {
	_Atomic uint32_t references;
	uint8_t behavior;    /* CONTROL_WARM_UP, CONTROL_RATE_LIMITER or both */
	bool in_nanoseconds; /* the rate limiter's interval is no whole number of ms */
	int32_t max_queueing_time_ms;
	int32_t cold_factor;
	double count, slope;
	int64_t warning_token, max_token;
	_Atomic int64_t stored_tokens, last_filled_ms;
	_Atomic int64_t
		latest_passed; /* ms or ns: when the last call let through goes, maybe to come */
};

/* For a valid rule on QPS with one of the three behaviours, or NULL where a rule only rejects.
 * cold_factor > 1. Returns owned, one reference. */
struct traffic_shaping *traffic_shaping_new(const struct flow_rule *rule, int32_t cold_factor);
struct traffic_shaping *traffic_shaping_take(struct traffic_shaping *shaping);
/* NULL is fine. */
void traffic_shaping_drop(struct traffic_shaping *shaping);

/* Whether n calls pass, and after how many ns (*wait_ns, 0: at once). */
bool traffic_shaping_can_pass(struct traffic_shaping *shaping, struct node *node,
			      struct instant now, uint32_t n, int64_t *wait_ns);

#endif
