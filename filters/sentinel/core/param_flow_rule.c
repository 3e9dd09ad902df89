#include "filters/sentinel/core/param_flow_rule.h"

#include <math.h>
#include <stddef.h>

#include "filters/sentinel/core/java_number.h"

enum {
	VALUES_A_SECOND = 4000,
	VALUES_MAX = 200000,
};

const char *param_flow_rule_fault(const struct param_flow_rule *rule)
{
	if (rule_is_blank(rule->rule.resource))
		return "resource: must not be blank";
	if (!(rule->count >= 0) || isinf(rule->count))
		return "count: must be a number >= 0";
	if (rule->grade < 0)
		return "grade: must be >= 0";
	if (!rule->has_param_idx)
		return "paramIdx: needed";
	if (rule->burst_count < 0)
		return "burstCount: must be >= 0";
	if (rule->control_behavior < 0)
		return "controlBehavior: must be >= 0";
	if (rule->duration_sec <= 0)
		return "durationInSec: must be > 0";
	if (rule->max_queueing_time_ms < 0)
		return "maxQueueingTimeMs: must be >= 0";
	if (rule->rule.regex && (rule->cluster_mode || rule->control_behavior != CONTROL_DEFAULT))
		return "regex: only for local rules with controlBehavior 0";
	return rule->cluster_mode ? cluster_config_fault(rule->cluster) : NULL;
}

static bool items_are_equal(const struct param_flow_rule *a, const struct param_flow_rule *b)
{
	if (a->item_count != b->item_count)
		return false;
	for (uint32_t i = 0; i < a->item_count; i++)
		if (a->items[i].fingerprint != b->items[i].fingerprint ||
		    a->items[i].count != b->items[i].count)
			return false;
	return true;
}

static bool cluster_is_equal(const struct cluster_config *a, const struct cluster_config *b)
{
	return a && b ? cluster_config_is_equal(a, b) : a == b;
}

bool param_flow_rule_is_equal(const struct param_flow_rule *a, const struct param_flow_rule *b)
{
	return rule_is_equal(&a->rule, &b->rule) && a->count == b->count && a->grade == b->grade &&
	       a->param_idx == b->param_idx && a->burst_count == b->burst_count &&
	       a->max_queueing_time_ms == b->max_queueing_time_ms &&
	       a->duration_sec == b->duration_sec && a->control_behavior == b->control_behavior &&
	       a->cluster_mode == b->cluster_mode && cluster_is_equal(a->cluster, b->cluster) &&
	       items_are_equal(a, b);
}

const struct param_flow_item *param_flow_rule_item(const struct param_flow_rule *rule,
						   uint64_t fingerprint)
{
	uint32_t low = 0, high = rule->item_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (rule->items[middle].fingerprint < fingerprint)
			low = middle + 1;
		else
			high = middle;
	}
	return low < rule->item_count && rule->items[low].fingerprint == fingerprint
		       ? &rule->items[low]
		       : NULL;
}

int64_t param_flow_rule_threshold(const struct param_flow_rule *rule, uint64_t fingerprint)
{
	const struct param_flow_item *item = param_flow_rule_item(rule, fingerprint);

	return item ? item->count : java_long(rule->count);
}

uint32_t param_flow_rule_capacity(const struct param_flow_rule *rule)
{
	return rule->duration_sec >= VALUES_MAX / VALUES_A_SECOND
		       ? VALUES_MAX
		       : (uint32_t)rule->duration_sec * VALUES_A_SECOND;
}
