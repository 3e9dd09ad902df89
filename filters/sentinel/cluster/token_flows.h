/* The flow ids that a token server knows: of each the rule in force and what it remembers.
 *
 * A list of rules that replaces another one takes over what flows remember, as long as their
 * windows are the same.
 *
 * Owner: the arbiter. Thread: one at a time. Pure. */
#ifndef SENTINEL_CLUSTER_TOKEN_FLOWS_H
#define SENTINEL_CLUSTER_TOKEN_FLOWS_H

#include "base/list.h"
#include "filters/sentinel/cluster/token_rules.h"

struct token_metric;
struct token_name_space;
struct token_values;

/* Since the flow is there. In tokens. */
struct token_totals {
	uint64_t pass, block, waiting;
};

struct token_flow {
	struct list_node link;    /* in flows->list */
	struct token_flow *chain; /* of its bucket */
	enum token_kind kind;
	struct token_rule rule; /* borrowed from its name space's rules */
	struct token_name_space *name_space;
	struct token_metric *metric; /* of a flow rule */
	struct token_values *values; /* of a hot-parameter rule */
	struct token_totals totals;
	uint32_t generation; /* the last list that had it */
	void *shown;         /* of whoever shows flows; NULL: it isn't shown yet */
};

struct token_flows {
	struct list_node list; /* in the order in which they came */
	struct token_flow **buckets;
	uint32_t bucket_count; /* a power of 2 */
	uint32_t count, generation;
};

void token_flows_init(struct token_flows *flows);
void token_flows_fini(struct token_flows *flows);

/* NULL: none. */
struct token_flow *token_flows_find(const struct token_flows *flows, enum token_kind kind,
				    int64_t flow_id);

/* The name space's flows of that kind are those of the rules, and no others. An id that another
 * name space has is this one's from now on; of two rules with the same id the last counts. NULL
 * rules: none. */
void token_flows_replace(struct token_flows *flows, struct token_name_space *name_space,
			 enum token_kind kind, const struct token_rules *rules);

/* All forget what they remember, and have these windows. */
void token_flows_reset(struct token_flows *flows, int32_t samples, int32_t interval_ms);

#endif
