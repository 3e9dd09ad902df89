#include "filters/sentinel/cluster/token_rules.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/attributes.h"
#include "filters/sentinel/cluster/token_metric.h"
#include "filters/sentinel/core/rule_json.h"

static void dropped(void *arg, enum rule_kind kind, uint32_t index, const char *reason)
{
	struct token_rules *rules = arg;

	(void)kind;
	if (!rules->rejected++)
		snprintf(rules->first_fault, sizeof rules->first_fault, "[%u]: %s", index, reason);
}

static void count(struct token_rules *rules)
{
	struct token_rule rule;

	for (size_t i = 0; i < token_rules_size(rules); i++)
		if (token_rules_at(rules, i, &rule))
			rules->count++;
		else
			dropped(rules, RULE_FLOW, (uint32_t)i,
				"not in cluster mode, or more windows than can be had");
}

enum status token_rules_parse(enum token_kind kind, struct slice text, uint64_t seed,
			      struct token_rules **parsed)
{
	enum rule_kind rule_kind = kind == TOKEN_KIND_FLOW ? RULE_FLOW : RULE_PARAM_FLOW;
	struct token_rules *rules = calloc(1, sizeof *rules);

	invariant(rules);
	arena_init(&rules->arena, 4096);
	rules->kind = kind;
	struct rule_json_reader reader = {
		.arena = &rules->arena, .seed = seed, .dropped = dropped, .arg = rules};
	enum status status = rule_json_parse(&reader, rule_kind, text, &rules->list);
	if (!status && token_rules_size(rules) > TOKEN_RULES_MAX)
		status = STATUS_TOO_LARGE;
	if (status) {
		token_rules_free(rules);
		return status;
	}
	count(rules);
	*parsed = rules;
	return STATUS_OK;
}

void token_rules_free(struct token_rules *rules)
{
	if (!rules)
		return;
	arena_free(&rules->arena);
	free(rules);
}

size_t token_rules_size(const struct token_rules *rules)
{
	return rules->kind == TOKEN_KIND_FLOW ? rules->list.flow_count : rules->list.param_count;
}

static struct token_rule rule_of(const struct rule *rule, const struct cluster_config *cluster,
				 double count)
{
	return (struct token_rule){
		.flow_id = cluster->flow_id,
		.count = count,
		.threshold_type = cluster->threshold_type,
		.samples = cluster->sample_count,
		.interval_ms = cluster->window_interval_ms,
		.resource = rule->resource,
	};
}

static bool flow_at(const struct flow_rule *from, struct token_rule *rule)
{
	if (!from->cluster_mode || !from->cluster)
		return false;
	*rule = rule_of(&from->rule, &from->cluster->common, from->count);
	rule->flow = from;
	return true;
}

static bool param_at(const struct param_flow_rule *from, struct token_rule *rule)
{
	if (!from->cluster_mode || !from->cluster)
		return false;
	*rule = rule_of(&from->rule, from->cluster, from->count);
	rule->param = from;
	return true;
}

bool token_rules_at(const struct token_rules *rules, size_t index, struct token_rule *rule)
{
	bool is_there = rules->kind == TOKEN_KIND_FLOW ? flow_at(&rules->list.flow[index], rule)
						       : param_at(&rules->list.param[index], rule);

	return is_there && token_metric_can_be(rule->samples, rule->interval_ms);
}

double token_rule_limit(const struct token_rule *rule, uint64_t fingerprint)
{
	const struct param_flow_item *item = param_flow_rule_item(rule->param, fingerprint);

	return item ? item->count : rule->count;
}
