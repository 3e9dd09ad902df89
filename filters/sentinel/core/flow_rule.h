/* FlowRule: how much of a resource may be used, by whom, and what happens to the rest. */
#ifndef SENTINEL_CORE_FLOW_RULE_H
#define SENTINEL_CORE_FLOW_RULE_H

#include "filters/sentinel/core/cluster_config.h"
#include "filters/sentinel/core/rule.h"
#include "filters/sentinel/core/rule_constant.h"

/* ClusterFlowConfig. But for flow_id and the fallback it is the server's business. */
struct cluster_flow_config {
	struct cluster_config common;
	int32_t strategy;
	int32_t resource_timeout_strategy;
	int64_t resource_timeout_ms;
	int32_t acquire_refuse_strategy;
	int64_t client_offline_time_ms;
};

struct flow_rule {
	struct rule rule;
	double count;
	const struct slice *ref_resource; /* NULL: none */
	int32_t warm_up_period_sec;
	int32_t max_queueing_time_ms;
	uint8_t grade;            /* enum flow_grade, once valid */
	uint8_t strategy;         /* enum flow_strategy; others never select a node */
	uint8_t control_behavior; /* enum control_behavior; others reject */
	bool cluster_mode;
	const struct cluster_flow_config *cluster; /* NULL: none given */
};

/* A rule for `other` whose resource is a pattern, in a version of the rules: Java takes for known
 * callers those that rules of a resource name whose name is the pattern's text. */
struct pattern_flow_rule {
	struct flow_rule rule;
	const struct slice *known;
	uint32_t known_count;
};

/* "": none */
static inline struct slice flow_rule_reference(const struct flow_rule *rule)
{
	return rule->ref_resource ? *rule->ref_resource : SLICE("");
}

static inline bool flow_rule_is_for_other(const struct flow_rule *rule)
{
	return slice_equal(rule->rule.limit_app, SLICE("other"));
}

/* NULL if the rule may be used, and otherwise why not (FlowRuleUtil.isValidRule). */
const char *flow_rule_fault(const struct flow_rule *rule);

bool flow_rule_is_equal(const struct flow_rule *a, const struct flow_rule *b);

/* In which order rules of a resource are checked (FlowRuleComparator): 0 and 1 local ones, 2 and 3
 * cluster ones; of each those for one caller first. */
unsigned flow_rule_class(const struct flow_rule *rule);

#endif
