/* ParamFlowRule: how often a resource may be called with one value of an argument. */
#ifndef SENTINEL_CORE_PARAM_FLOW_RULE_H
#define SENTINEL_CORE_PARAM_FLOW_RULE_H

#include "filters/sentinel/core/argument.h"
#include "filters/sentinel/core/cluster_config.h"
#include "filters/sentinel/core/rule.h"
#include "filters/sentinel/core/rule_constant.h"

/* A value with a limit of its own. */
struct param_flow_item {
	struct argument value;
	struct slice text, class_type; /* as given */
	int32_t count;
	uint64_t fingerprint;
};

struct param_flow_rule {
	struct rule rule;
	double count;
	int32_t param_idx; /* below 0: from the end */
	int32_t max_queueing_time_ms;
	int32_t burst_count;
	int32_t duration_sec;
	int32_t grade;            /* enum flow_grade; others let all pass */
	int32_t control_behavior; /* CONTROL_RATE_LIMITER, or anything else for reject */
	bool has_param_idx;
	bool cluster_mode;
	const struct cluster_config *cluster; /* NULL: none given */
	const struct param_flow_item *items;  /* sorted by fingerprint */
	uint32_t item_count;
};

/* A rule with an index from the end whose resource is a pattern, in a version of the rules: the
 * first call of any of its resources settles the index for all, as in Java. */
struct pattern_param_rule {
	struct param_flow_rule rule;
	_Atomic int32_t *index;
};

static inline bool param_flow_rule_shares_index(const struct param_flow_rule *rule)
{
	return rule->rule.regex && rule->param_idx < 0;
}

/* NULL if the rule may be used, and otherwise why not. */
const char *param_flow_rule_fault(const struct param_flow_rule *rule);
bool param_flow_rule_is_equal(const struct param_flow_rule *a, const struct param_flow_rule *b);

/* What the rule says of one value; NULL: nothing of its own. */
const struct param_flow_item *param_flow_rule_item(const struct param_flow_rule *rule,
						   uint64_t fingerprint);
/* Calls with that value that are let through: of its item, or of the rule. */
int64_t param_flow_rule_threshold(const struct param_flow_rule *rule, uint64_t fingerprint);

/* How many values are remembered. */
uint32_t param_flow_rule_capacity(const struct param_flow_rule *rule);

#endif
