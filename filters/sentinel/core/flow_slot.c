#include "filters/sentinel/core/slot.h"

#include "base/attributes.h"

static bool names_origin(const struct resource_rules *rules, struct slice origin)
{
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
			sentinel_find_resource(entry->sentinel, rule->ref_resource);
		return other ? other->cluster : NULL;
	}
	if (rule->strategy == STRATEGY_CHAIN &&
	    slice_equal(rule->ref_resource, entry->request.context->entry.name))
		return default_node_of(entry->request.resource, entry->default_node);
	return NULL;
}

/* The node whose statistics the rule limits; NULL: the rule isn't for this call. */
static struct node *select_node(const struct entry *entry, const struct flow_rule *rule)
{
	struct slice limit_app = rule->rule.limit_app, origin = entry->request.origin;
	bool direct = rule->strategy == STRATEGY_DIRECT;

	if (LIKELY(slice_equal(limit_app, SLICE("default"))))
		return direct ? entry->request.resource->cluster : reference_node(entry, rule);
	bool is_other = slice_equal(limit_app, SLICE("other"));
	if (is_other ? origin.len && !names_origin(entry->rules, origin)
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

enum entry_verdict flow_slot_entry(struct entry *entry, struct instant now)
{
	const struct resource_rules *rules = entry->rules;

	while (entry->at < rules->flow_count) {
		const struct flow_binding *flow = &rules->flow[entry->at++];
		struct node *node = select_node(entry, flow->rule);
		if (!node)
			continue;
		if (!can_pass(entry, flow, node, now))
			return slot_block(entry, BLOCK_FLOW, &flow->rule->rule);
		if (entry->wait_ns)
			return ENTRY_WAIT;
	}
	return ENTRY_PASS;
}

enum entry_verdict flow_slot_confirm(struct entry *entry, struct instant now)
{
	const struct resource_rules *rules = entry->rules;

	for (uint32_t i = 0; i < rules->flow_count; i++) {
		const struct flow_rule *rule = rules->flow[i].rule;
		struct node *node = rules->flow[i].shaping ? NULL : select_node(entry, rule);
		if (node && used(rule, node, now) > rule->count)
			return slot_block(entry, BLOCK_FLOW, &rule->rule);
	}
	return ENTRY_PASS;
}
