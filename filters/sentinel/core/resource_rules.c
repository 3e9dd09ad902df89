#include "filters/sentinel/core/resource_rules.h"

#include <stddef.h>

static struct traffic_shaping *shaping_for(const struct flow_rule *rule,
					   const struct rule_states *states)
{
	const struct resource_rules *previous = states->keeps_shaping ? states->previous : NULL;

	for (uint32_t i = 0; previous && i < previous->flow_count; i++)
		if (flow_rule_is_equal(previous->flow[i].rule, rule))
			return traffic_shaping_take(previous->flow[i].shaping);
	return traffic_shaping_new(rule, states->cold_factor);
}

static struct circuit_breaker *breaker_for(const struct degrade_rule *rule,
					   const struct rule_states *states)
{
	const struct resource_rules *previous = states->keeps_breakers ? states->previous : NULL;

	for (uint32_t i = 0; previous && i < previous->degrade_count + previous->idle_count; i++)
		if (degrade_rule_is_equal(previous->degrade[i].rule, rule))
			return circuit_breaker_take(previous->degrade[i].breaker);
	return circuit_breaker_new(states->workers);
}

static struct parameter_metric *metric_for(const struct param_flow_rule *rule,
					   const struct rule_states *states)
{
	const struct resource_rules *previous = states->keeps_values ? states->previous : NULL;

	for (uint32_t i = 0; previous && i < previous->param_count; i++)
		if (param_flow_rule_is_equal(previous->param[i].rule, rule))
			return parameter_metric_take(previous->param[i].metric);
	return parameter_metric_new(rule, states->seed);
}

void resource_rules_bind(struct resource_rules *rules, const struct rule_states *states)
{
	for (uint32_t i = 0; i < rules->flow_count; i++)
		rules->flow[i].shaping = shaping_for(rules->flow[i].rule, states);
	for (uint32_t i = 0; i < rules->degrade_count; i++)
		rules->degrade[i].breaker = breaker_for(rules->degrade[i].rule, states);
	rules->has_thread_params = false;
	for (uint32_t i = 0; i < rules->param_count; i++) {
		rules->param[i].metric = metric_for(rules->param[i].rule, states);
		rules->has_thread_params |= rules->param[i].rule->grade == FLOW_GRADE_THREAD;
	}
}

void resource_rules_note_slots(struct resource_rules *rules)
{
	rules->slots = (uint8_t)((rules->authority_count ? 1U << SLOT_AUTHORITY : 0) |
				 (rules->param_count ? 1U << SLOT_PARAM_FLOW : 0) |
				 (rules->flow_count ? 1U << SLOT_FLOW : 0) |
				 (rules->degrade_count ? 1U << SLOT_DEGRADE : 0));
	rules->asks_origin = rules->authority_count > 0;
	for (uint32_t i = 0; i < rules->flow_count; i++)
		rules->asks_origin |= !rules->flow[i].rule->rule.is_for_all;
}

bool resource_rules_has_own_params(const struct resource_rules *rules)
{
	for (uint32_t i = 0; i < rules->param_count; i++)
		if (!rules->param[i].rule->rule.regex)
			return true;
	return false;
}

static bool holds(const struct resource_rules *rules, const struct parameter_metric *metric)
{
	for (uint32_t i = 0; i < rules->param_count; i++)
		if (rules->param[i].metric == metric)
			return true;
	return false;
}

void resource_rules_forget_values(const struct resource_rules *rules,
				  const struct resource_rules *now, bool all_gone)
{
	bool loses_all = all_gone || (resource_rules_has_own_params(rules) &&
				      !(now && resource_rules_has_own_params(now)));

	for (uint32_t i = 0; i < rules->param_count; i++) {
		const struct param_binding *param = &rules->param[i];
		/* threads are counted by argument, not by rule */
		bool loses = loses_all ||
			     (!param->rule->rule.regex && param->rule->grade == FLOW_GRADE_QPS);
		if (loses && !(now && holds(now, param->metric)))
			atomic_store_explicit(&param->metric->forgotten, true,
					      memory_order_relaxed);
	}
}

void resource_rules_unbind(struct resource_rules *rules)
{
	for (uint32_t i = 0; i < rules->flow_count; i++)
		traffic_shaping_drop(rules->flow[i].shaping);
	for (uint32_t i = 0; i < rules->degrade_count + rules->idle_count; i++)
		circuit_breaker_drop(rules->degrade[i].breaker);
	for (uint32_t i = 0; i < rules->param_count; i++)
		parameter_metric_drop(rules->param[i].metric);
}
