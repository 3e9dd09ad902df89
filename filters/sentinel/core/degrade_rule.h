/* DegradeRule: when a resource's calls are too slow or fail too often, nobody calls it for a while.
 */
#ifndef SENTINEL_CORE_DEGRADE_RULE_H
#define SENTINEL_CORE_DEGRADE_RULE_H

#include "filters/sentinel/core/rule.h"
#include "filters/sentinel/core/rule_constant.h"

struct degrade_rule {
	struct rule rule; /* resource "*": for every resource without a rule of its own */
	double count;     /* response time in ms, ratio of errors, or errors */
	double slow_ratio_threshold; /* of DEGRADE_GRADE_RT */
	int32_t time_window_sec;     /* how long it stays open */
	int32_t min_request_amount;  /* with fewer calls in the interval nothing trips */
	int32_t stat_interval_ms;
	uint8_t grade; /* enum degrade_grade, once valid */
};

/* NULL if the rule may be used, and otherwise why not. */
const char *degrade_rule_fault(const struct degrade_rule *rule);
bool degrade_rule_is_equal(const struct degrade_rule *a, const struct degrade_rule *b);

/* Whether it is one for all resources that have none. */
bool degrade_rule_is_default(const struct degrade_rule *rule);

#endif
