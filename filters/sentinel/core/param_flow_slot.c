#include "filters/sentinel/core/slot.h"

#include "base/attributes.h"
#include "filters/sentinel/core/token_check.h"

/* Asks for each element from entry->element on; a NULL element ends it, as Java's error there does.
 */
static enum entry_verdict check(struct entry *entry, const struct param_binding *param,
				const struct argument *values, uint32_t count, struct instant now)
{
	while (entry->element < count) {
		const struct argument *value = &values[entry->element++];
		int64_t wait_ms;
		if (value->type == ARGUMENT_NULL) {
			if (parameter_metric_blocks_null(param->rule, entry->request.count))
				return ENTRY_BLOCK;
			break;
		}
		if (!parameter_metric_can_pass(param->metric, param->rule, value, now.ms,
					       entry->request.count, &wait_ms))
			return ENTRY_BLOCK;
		entry->wait_ns = wait_ms * INT64_C(1000000);
		if (wait_ms)
			return ENTRY_WAIT;
	}
	return ENTRY_PASS;
}

/* The token service decides; *checks: its rule is to be asked here after all. */
static COLD enum entry_verdict ask(struct entry *entry, const struct param_flow_rule *rule,
				   const struct argument *values, uint32_t count, bool *checks)
{
	struct token_answer answer;

	*checks = false;
	if (entry->asks) {
		answer = token_check_take(entry);
	} else {
		entry->token = (struct token_ask){
			.flow_id = rule->cluster->flow_id,
			.count = entry->request.count,
			.is_param = true,
			.params = values,
			.params_count = count,
		};
		if (!token_check_ask(entry))
			return ENTRY_WAIT;
		answer = entry->token.answer;
	}
	if (answer.status == TOKEN_BLOCKED)
		return ENTRY_BLOCK;
	*checks = answer.status != TOKEN_OK && rule->cluster->fallback_to_local_when_fail;
	return ENTRY_PASS;
}

/* One rule, from entry->element on. A call that waited at it passes if it has been forgotten since.
 */
static enum entry_verdict check_rule(struct entry *entry, const struct param_binding *param,
				     const struct argument *arg, struct instant now)
{
	const struct param_flow_rule *rule = param->rule;
	bool is_list = arg->type == ARGUMENT_LIST, checks = true;
	const struct argument *values = is_list ? arg->items : arg;
	uint32_t count = is_list ? arg->count : 1;
	bool has_waited = entry->element || entry->asks;
	enum entry_verdict verdict = ENTRY_PASS;

	if (UNLIKELY(parameter_metric_is_forgotten(param->metric)) && !has_waited)
		parameter_metric_begin_anew(param->metric);
	if (UNLIKELY(rule->cluster_mode) && rule->grade == FLOW_GRADE_QPS && !entry->element)
		verdict = ask(entry, rule, values, count, &checks);
	if (UNLIKELY(parameter_metric_is_forgotten(param->metric)))
		checks = false;
	return verdict == ENTRY_PASS && checks ? check(entry, param, values, count, now) : verdict;
}

enum entry_verdict param_flow_slot_entry(struct entry *entry, struct instant now)
{
	const struct resource_rules *rules = entry->rules;
	const struct entry_request *request = &entry->request;

	for (; entry->at < rules->param_count; entry->at++, entry->element = 0) {
		const struct param_binding *param = &rules->param[entry->at];
		uint32_t index =
			parameter_metric_index(param->metric, param->rule, request->args_count);
		if (index >= request->args_count || request->args[index].type == ARGUMENT_NULL)
			continue;
		const struct argument *arg = &request->args[index];
		enum entry_verdict verdict = check_rule(entry, param, arg, now);
		if (verdict == ENTRY_WAIT)
			return verdict;
		if (verdict == ENTRY_BLOCK) {
			entry->block.argument = arg;
			return slot_block(entry, BLOCK_PARAM_FLOW, &param->rule->rule);
		}
	}
	return ENTRY_PASS;
}

static bool has_null(const struct argument *arg)
{
	for (uint32_t i = 0; arg->type == ARGUMENT_LIST && i < arg->count; i++)
		if (arg->items[i].type == ARGUMENT_NULL)
			return true;
	return false;
}

/* How many arguments are counted: a NULL in a list that any rule looks at ends it, as Java's error
 * there does. */
static uint32_t counted_args(const struct entry *entry)
{
	const struct resource_rules *rules = entry->rules;
	uint32_t count = entry->request.args_count;

	for (uint32_t i = 0; i < rules->param_count; i++) {
		int32_t index = parameter_metric_settled_index(rules->param[i].metric,
							       rules->param[i].rule);
		if (index >= 0 && (uint32_t)index < count && has_null(&entry->request.args[index]))
			count = (uint32_t)index + 1;
	}
	return count;
}

void param_flow_slot_pass(struct entry *entry, struct instant now)
{
	const struct resource_rules *rules = entry->rules;
	uint32_t count = counted_args(entry);

	for (uint32_t i = 0; i < rules->param_count; i++)
		parameter_metric_begin(rules->param[i].metric, rules->param[i].rule,
				       entry->request.args, count, now.ms);
}

void param_flow_slot_exit(struct entry *entry)
{
	const struct resource_rules *rules = entry->rules;
	uint32_t count = counted_args(entry);

	for (uint32_t i = 0; i < rules->param_count; i++)
		parameter_metric_end(rules->param[i].metric, rules->param[i].rule,
				     entry->request.args, count);
}
