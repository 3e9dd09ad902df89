#include "filters/sentinel/cluster/token_flows.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "base/hash.h"
#include "filters/sentinel/cluster/token_metric.h"
#include "filters/sentinel/cluster/token_values.h"

enum { FIRST_BUCKETS = 64 };

static struct token_flow *flow_of(struct list_node *node)
{
	return container_of(node, struct token_flow, link);
}

static struct token_flow **bucket_of(const struct token_flows *flows, enum token_kind kind,
				     int64_t flow_id)
{
	uint64_t hash = hash_uint64((uint64_t)flow_id * TOKEN_KINDS + kind);

	return &flows->buckets[hash & (flows->bucket_count - 1)];
}

static void put_in_bucket(const struct token_flows *flows, struct token_flow *flow)
{
	struct token_flow **bucket = bucket_of(flows, flow->kind, flow->rule.flow_id);

	flow->chain = *bucket;
	*bucket = flow;
}

static void take_buckets(struct token_flows *flows, uint32_t count)
{
	free(flows->buckets);
	flows->buckets = calloc(count, sizeof(*flows->buckets));
	invariant(flows->buckets);
	flows->bucket_count = count;
	for (struct list_node *n = flows->list.next; n != &flows->list; n = n->next)
		put_in_bucket(flows, flow_of(n));
}

void token_flows_init(struct token_flows *flows)
{
	*flows = (struct token_flows){0};
	list_init(&flows->list);
	take_buckets(flows, FIRST_BUCKETS);
}

static void flow_free(struct token_flow *flow)
{
	token_metric_free(flow->metric);
	token_values_free(flow->values);
	free(flow);
}

void token_flows_fini(struct token_flows *flows)
{
	while (!list_is_empty(&flows->list)) {
		struct token_flow *flow = flow_of(flows->list.next);
		list_remove(&flow->link);
		flow_free(flow);
	}
	free(flows->buckets);
	flows->buckets = NULL;
}

struct token_flow *token_flows_find(const struct token_flows *flows, enum token_kind kind,
				    int64_t flow_id)
{
	struct token_flow *flow = *bucket_of(flows, kind, flow_id);

	while (flow && (flow->rule.flow_id != flow_id || flow->kind != kind))
		flow = flow->chain;
	return flow;
}

static void remember(struct token_flow *flow, int32_t samples, int32_t interval_ms)
{
	token_metric_free(flow->metric);
	token_values_free(flow->values);
	flow->metric = NULL;
	flow->values = NULL;
	if (flow->kind == TOKEN_KIND_FLOW)
		flow->metric = token_metric_new(samples, interval_ms);
	else
		flow->values = token_values_new(samples, interval_ms);
}

static struct token_flow *flow_new(struct token_flows *flows, enum token_kind kind,
				   const struct token_rule *rule)
{
	struct token_flow *flow = calloc(1, sizeof(*flow));

	invariant(flow);
	flow->kind = kind;
	flow->rule = *rule;
	remember(flow, rule->samples, rule->interval_ms);
	list_push_back(&flows->list, &flow->link);
	if (++flows->count > flows->bucket_count)
		take_buckets(flows, flows->bucket_count * 2);
	else
		put_in_bucket(flows, flow);
	return flow;
}

static void flow_drop(struct token_flows *flows, struct token_flow *flow)
{
	struct token_flow **at = bucket_of(flows, flow->kind, flow->rule.flow_id);

	while (*at != flow)
		at = &(*at)->chain;
	*at = flow->chain;
	list_remove(&flow->link);
	flows->count--;
	flow_free(flow);
}

static void adopt(struct token_flows *flows, struct token_name_space *name_space,
		  enum token_kind kind, const struct token_rule *rule)
{
	struct token_flow *flow = token_flows_find(flows, kind, rule->flow_id);

	if (!flow)
		flow = flow_new(flows, kind, rule);
	else if (flow->rule.samples != rule->samples || flow->rule.interval_ms != rule->interval_ms)
		remember(flow, rule->samples, rule->interval_ms);
	flow->rule = *rule;
	flow->name_space = name_space;
	flow->generation = flows->generation;
}

void token_flows_replace(struct token_flows *flows, struct token_name_space *name_space,
			 enum token_kind kind, const struct token_rules *rules)
{
	struct token_rule rule;

	flows->generation++;
	for (size_t i = 0; rules && i < token_rules_size(rules); i++)
		if (token_rules_at(rules, i, &rule))
			adopt(flows, name_space, kind, &rule);
	for (struct list_node *n = flows->list.next, *next; n != &flows->list; n = next) {
		struct token_flow *flow = flow_of(n);
		next = n->next;
		if (flow->name_space == name_space && flow->kind == kind &&
		    flow->generation != flows->generation)
			flow_drop(flows, flow);
	}
}

void token_flows_reset(struct token_flows *flows, int32_t samples, int32_t interval_ms)
{
	for (struct list_node *n = flows->list.next; n != &flows->list; n = n->next)
		remember(flow_of(n), samples, interval_ms);
}
