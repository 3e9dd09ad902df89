#include "filters/sentinel/core/degrade_rule.h"

#include <math.h>
#include <stddef.h>

const char *degrade_rule_fault(const struct degrade_rule *rule)
{
	if (rule_is_blank(rule->rule.resource))
		return "resource: must not be blank";
	if (!(rule->count >= 0) || isinf(rule->count))
		return "count: must be a number >= 0";
	if (rule->time_window_sec <= 0)
		return "timeWindow: must be > 0";
	if (rule->min_request_amount <= 0)
		return "minRequestAmount: must be > 0";
	if (rule->stat_interval_ms <= 0)
		return "statIntervalMs: must be > 0";
	switch (rule->grade) {
	case DEGRADE_GRADE_RT:
		if (!(rule->slow_ratio_threshold >= 0 && rule->slow_ratio_threshold <= 1))
			return "slowRatioThreshold: must be in [0, 1]";
		return NULL;
	case DEGRADE_GRADE_EXCEPTION_RATIO:
		return rule->count > 1 ? "count: a ratio must be in [0, 1]" : NULL;
	case DEGRADE_GRADE_EXCEPTION_COUNT:
		return NULL;
	default:
		return "grade: must be 0 (slow calls), 1 (ratio of errors) or 2 (errors)";
	}
}

bool degrade_rule_is_equal(const struct degrade_rule *a, const struct degrade_rule *b)
{
	return rule_is_equal(&a->rule, &b->rule) && a->count == b->count &&
	       a->slow_ratio_threshold == b->slow_ratio_threshold &&
	       a->time_window_sec == b->time_window_sec &&
	       a->min_request_amount == b->min_request_amount &&
	       a->stat_interval_ms == b->stat_interval_ms && a->grade == b->grade;
}

bool degrade_rule_is_default(const struct degrade_rule *rule)
{
	return !rule->rule.regex && slice_equal(rule->rule.resource, SLICE("*"));
}
