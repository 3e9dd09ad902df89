#include "filters/sentinel/core/slot.h"

#include "base/attributes.h"
#include "filters/sentinel/core/token_check.h"

static bool names_origin(const struct resource_rules *rules, const struct flow_rule *other,
			 struct slice origin)
{
	if (other->rule.regex) {
		const struct pattern_flow_rule *of =
			(const struct pattern_flow_rule *)(const void *)other;
		for (uint32_t i = 0; i < of->known_count; i++)
			if (slice_equal(of->known[i], origin))
				return true;
		return false;
	}
	for (uint32_t i = 0; i < rules->flow_count; i++)
		if (slice_equal(rules->flow[i].rule->rule.limit_app, origin))
			return true;
	return false;
}

/* The node that a rule refers to instead of the resource's own. */
static struct node *reference_node(const struct entry *entry, const struct flow_rule *rule)
{
	if (rule->strategy == STRATEGY_RELATE) {
		struct resource *other =
			sentinel_find_resource(entry->sentinel, flow_rule_reference(rule));
		return other ? other->cluster : NULL;
	}
	if (rule->strategy == STRATEGY_CHAIN &&
	    slice_equal(flow_rule_reference(rule), entry->request.context->entry.name))
		return default_node_of(entry->request.resource, entry->default_node);
	return NULL;
}

/* The node whose statistics the rule limits; NULL: the rule isn't for this call. */
static struct node *select_node(const struct entry *entry, const struct flow_rule *rule)
{
	struct slice limit_app = rule->rule.limit_app, origin = entry->request.origin;
	bool direct = rule->strategy == STRATEGY_DIRECT;

	if (LIKELY(rule->rule.is_for_all))
		return direct ? entry->request.resource->cluster : reference_node(entry, rule);
	if (flow_rule_is_for_other(rule) ? origin.len && !names_origin(entry->rules, rule, origin)
					 : slice_equal(limit_app, origin))
		return direct ? entry->origin_node : reference_node(entry, rule);
	return NULL;
}

/* What the node has of what the rule limits. */
static double used(const struct flow_rule *rule, struct node *node, struct instant now)
{
	return rule->grade == FLOW_GRADE_THREAD ? (double)node_threads(node)
						: node_pass_qps(node, leap_window(now.ms));
}

/* DefaultController. *wait_ms: for a borrowed pass, or 0. */
static bool default_can_pass(struct entry *entry, const struct flow_rule *rule, struct node *node,
			     struct instant now, int64_t *wait_ms)
{
	uint32_t n = entry->request.count;

	*wait_ms = 0;
	double next = used(rule, node, now) + n;
	if (next <= rule->count) {
		/* others may count many more before this one is counted */
		entry->confirms |= entry->sentinel->options.workers > 1;
		return true;
	}
	if (rule->grade == FLOW_GRADE_THREAD || !entry->request.prioritized)
		return false;
	*wait_ms = node_try_occupy_next(node, now.ms, n, rule->count);
	if (*wait_ms >= SENTINEL_OCCUPY_TIMEOUT_MS)
		return false;
	if (rule->strategy == STRATEGY_CHAIN) /* borrows in this context, not for the cluster */
		node = resource_part_default_node(entry->request.resource, entry->default_node);
	node_occupy(node, now.ms, *wait_ms, n);
	return true;
}

static bool can_pass(struct entry *entry, const struct flow_binding *flow, struct node *node,
		     struct instant now)
{
	int64_t wait_ms;

	if (flow->shaping)
		return traffic_shaping_can_pass(flow->shaping, node, now, entry->request.count,
						&entry->wait_ns);
	if (!default_can_pass(entry, flow->rule, node, now, &wait_ms))
		return false;
	entry->borrowed = wait_ms > 0;
	entry->wait_ns = wait_ms * INT64_C(1000000);
	return true;
}

static inline enum entry_verdict check(struct entry *entry, const struct flow_binding *flow,
				       struct instant now)
{
	struct node *node = select_node(entry, flow->rule);

	if (!node)
		return ENTRY_PASS;
	if (!can_pass(entry, flow, node, now))
		return slot_block(entry, BLOCK_FLOW, &flow->rule->rule);
	return entry->wait_ns ? ENTRY_WAIT : ENTRY_PASS;
}

/* Java takes the exception that ends the wait for a borrowed pass for a failure of the token
 * service, and falls back once more. */
static enum entry_verdict fall_back(struct entry *entry, const struct flow_binding *flow,
				    struct instant now)
{
	if (!flow->rule->cluster->common.fallback_to_local_when_fail)
		return ENTRY_PASS;
	enum entry_verdict verdict = check(entry, flow, now);
	entry->checks_again = entry->borrowed;
	entry->borrowed = false;
	return verdict;
}

/* What the token service's answer makes of a call. */
static enum entry_verdict obey(struct entry *entry, const struct flow_binding *flow,
			       struct token_answer answer, struct instant now)
{
	switch (answer.status) {
	case TOKEN_OK:
		return ENTRY_PASS;
	case TOKEN_SHOULD_WAIT:
		entry->wait_ns = answer.wait_ms > 0 ? answer.wait_ms * INT64_C(1000000) : 0;
		return entry->wait_ns ? ENTRY_WAIT : ENTRY_PASS;
	case TOKEN_NO_RULE_EXISTS:
	case TOKEN_BAD_REQUEST:
	case TOKEN_FAIL:
	case TOKEN_TOO_MANY_REQUEST:
		return fall_back(entry, flow, now);
	default:
		return slot_block(entry, BLOCK_FLOW, &flow->rule->rule);
	}
}

static COLD enum entry_verdict ask(struct entry *entry, const struct flow_binding *flow,
				   struct instant now)
{
	entry->token = (struct token_ask){
		.flow_id = flow->rule->cluster->common.flow_id,
		.count = entry->request.count,
		.prioritized = entry->request.prioritized,
	};
	return token_check_ask(entry) ? obey(entry, flow, entry->token.answer, now) : ENTRY_WAIT;
}

enum entry_verdict flow_slot_entry(struct entry *entry, struct instant now)
{
	const struct resource_rules *rules = entry->rules;
	enum entry_verdict verdict = ENTRY_PASS;

	if (UNLIKELY(entry->checks_again)) {
		entry->checks_again = false;
		verdict = check(entry, &rules->flow[entry->at - 1], now);
	} else if (UNLIKELY(entry->asks))
		verdict = obey(entry, &rules->flow[entry->at - 1], token_check_take(entry), now);
	while (verdict == ENTRY_PASS && entry->at < rules->flow_count) {
		const struct flow_binding *flow = &rules->flow[entry->at++];
		verdict = UNLIKELY(flow->rule->cluster_mode) ? ask(entry, flow, now)
							     : check(entry, flow, now);
	}
	return verdict;
}

enum entry_verdict flow_slot_confirm(struct entry *entry, struct instant now)
{
	const struct resource_rules *rules = entry->rules;

	for (uint32_t i = 0; i < rules->flow_count; i++) {
		const struct flow_rule *rule = rules->flow[i].rule;
		bool counts = !rules->flow[i].shaping && !rule->cluster_mode;
		struct node *node = counts ? select_node(entry, rule) : NULL;
		if (node && used(rule, node, now) > rule->count)
			return slot_block(entry, BLOCK_FLOW, &rule->rule);
	}
	return ENTRY_PASS;
}
