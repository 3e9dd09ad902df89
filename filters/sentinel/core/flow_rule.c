#include "filters/sentinel/core/flow_rule.h"

#include <math.h>
#include <stddef.h>

static const char *concurrent_fault(const struct cluster_flow_config *cluster)
{
	if (cluster->client_offline_time_ms <= 0 || cluster->resource_timeout_ms <= 0)
		return "clusterConfig: clientOfflineTime and resourceTimeout must be > 0";
	if (cluster->acquire_refuse_strategy < 0 || cluster->resource_timeout_strategy < 0)
		return "clusterConfig: strategies must be >= 0";
	return NULL;
}

static const char *cluster_fault(const struct flow_rule *rule)
{
	const struct cluster_flow_config *cluster = rule->cluster;
	const char *fault = cluster_config_fault(cluster ? &cluster->common : NULL);

	if (fault)
		return fault;
	return rule->grade == FLOW_GRADE_THREAD ? concurrent_fault(cluster)
	       : cluster->strategy != 0         ? "clusterConfig.strategy: must be 0"
						: NULL;
}

static const char *behavior_fault(const struct flow_rule *rule)
{
	bool warms = rule->control_behavior == CONTROL_WARM_UP ||
		     rule->control_behavior == CONTROL_WARM_UP_RATE_LIMITER;
	bool queues = rule->control_behavior == CONTROL_RATE_LIMITER ||
		      rule->control_behavior == CONTROL_WARM_UP_RATE_LIMITER;

	if (warms && rule->warm_up_period_sec <= 0)
		return "warmUpPeriodSec: must be > 0";
	if (queues && rule->max_queueing_time_ms <= 0)
		return "maxQueueingTimeMs: must be > 0";
	return NULL;
}

const char *flow_rule_fault(const struct flow_rule *rule)
{
	const char *fault;

	if (rule_is_blank(rule->rule.resource))
		return "resource: must not be blank";
	if (!(rule->count >= 0) || isinf(rule->count))
		return "count: must be a number >= 0";
	if (rule->grade != FLOW_GRADE_THREAD && rule->grade != FLOW_GRADE_QPS)
		return "grade: must be 0 (threads) or 1 (QPS)";
	if (rule->rule.regex && (rule->cluster_mode || rule->control_behavior != CONTROL_DEFAULT))
		return "regex: only for local rules with controlBehavior 0";
	fault = rule->cluster_mode ? cluster_fault(rule) : NULL;
	if (fault || rule->grade == FLOW_GRADE_THREAD)
		return fault; /* of the rest such a rule uses nothing */
	if ((rule->strategy == STRATEGY_RELATE || rule->strategy == STRATEGY_CHAIN) &&
	    rule_is_blank(flow_rule_reference(rule)))
		return "refResource: needed by strategy 1 and 2";
	return behavior_fault(rule);
}

static bool cluster_is_equal(const struct cluster_flow_config *a,
			     const struct cluster_flow_config *b)
{
	if (!a || !b)
		return a == b;
	return cluster_config_is_equal(&a->common, &b->common) && a->strategy == b->strategy &&
	       a->resource_timeout_ms == b->resource_timeout_ms &&
	       a->resource_timeout_strategy == b->resource_timeout_strategy &&
	       a->acquire_refuse_strategy == b->acquire_refuse_strategy &&
	       a->client_offline_time_ms == b->client_offline_time_ms;
}

bool flow_rule_is_equal(const struct flow_rule *a, const struct flow_rule *b)
{
	return rule_is_equal(&a->rule, &b->rule) && a->grade == b->grade && a->count == b->count &&
	       a->strategy == b->strategy &&
	       slice_equal(flow_rule_reference(a), flow_rule_reference(b)) &&
	       a->control_behavior == b->control_behavior &&
	       a->warm_up_period_sec == b->warm_up_period_sec &&
	       a->max_queueing_time_ms == b->max_queueing_time_ms &&
	       a->cluster_mode == b->cluster_mode && cluster_is_equal(a->cluster, b->cluster);
}

unsigned flow_rule_class(const struct flow_rule *rule)
{
	return (rule->cluster_mode ? 2U : 0U) +
	       (slice_equal(rule->rule.limit_app, SLICE("default")) ? 1U : 0U);
}
