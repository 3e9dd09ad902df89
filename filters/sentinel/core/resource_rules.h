/* The rules of one resource in one version, each with its state.
 *
 * Owner: a rule_set. Immutable; the states are shared with other versions. Thread: any. */
#ifndef SENTINEL_CORE_RESOURCE_RULES_H
#define SENTINEL_CORE_RESOURCE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "filters/sentinel/core/circuit_breaker.h"
#include "filters/sentinel/core/parameter_metric.h"
#include "filters/sentinel/core/rule_list.h"
#include "filters/sentinel/core/traffic_shaping.h"

/* In the order in which they are asked. */
enum entry_slot {
	SLOT_AUTHORITY,
	SLOT_SYSTEM, /* of all resources: in no resource's rules */
	SLOT_PARAM_FLOW,
	SLOT_FLOW,
	SLOT_DEGRADE,
};

struct flow_binding {
	const struct flow_rule *rule;
	struct traffic_shaping *shaping; /* NULL: rejects */
};

struct degrade_binding {
	const struct degrade_rule *rule;
	struct circuit_breaker *breaker;
};

struct param_binding {
	const struct param_flow_rule *rule;
	struct parameter_metric *metric;
};

struct resource_rules {
	struct flow_binding *flow;
	struct degrade_binding *degrade; /* default ones if there are no others */
	struct param_binding *param;
	const struct authority_rule **authority;
	uint32_t flow_count, degrade_count, param_count, authority_count;
	/* Behind the degrade rules: default ones that held until the resource got others, and will
	 * again. */
	uint32_t idle_count;
	uint8_t slots;          /* bit 1 << enum entry_slot: it has something to ask */
	bool has_thread_params; /* some hot-parameter rule counts threads */
	bool asks_origin;       /* some rule looks at who calls */
	bool on_heap; /* made for a resource when it was seen: one block with its arrays */
};

/* Where states come from that a rule doesn't take over. */
struct rule_states {
	const struct resource_rules *previous; /* of the same resource, or NULL */
	bool keeps_shaping;  /* equal flow rules go on with their warm-up and queue; Java forgets
				them */
	bool keeps_breakers; /* equal degrade rules go on with their breaker */
	bool keeps_values;   /* and hot-parameter rules with what they know of values */
	unsigned workers;
	int32_t cold_factor;
	uint64_t seed;
};

/* Of the arrays with their counts set and every rule filled in: finds or makes the states. */
void resource_rules_bind(struct resource_rules *rules, const struct rule_states *states);

/* Notes which slots have anything to ask, and of what, once the counts are final. */
void resource_rules_note_slots(struct resource_rules *rules);

/* Whether a hot-parameter rule without a pattern is among them. */
bool resource_rules_has_own_params(const struct resource_rules *rules);

/* Marks what hot-parameter rules know of values as forgotten, as Java forgets it when `now` (which
 * may be NULL) follows: rules of the resource that aren't in it, and if none of its own is left,
 * or no rule at all of any resource (all_gone), those with a pattern. */
void resource_rules_forget_values(const struct resource_rules *rules,
				  const struct resource_rules *now, bool all_gone);

/* Drops the states. */
void resource_rules_unbind(struct resource_rules *rules);

#endif
