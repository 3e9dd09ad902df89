/* A namespace's rules of one kind, as a token server has them: flow rules or hot-parameter rules in
 * cluster mode, from their JSON.
 *
 * Owner: who made it, then the arbiter's namespace. Thread: any one at a time; it never changes. */
#ifndef SENTINEL_CLUSTER_TOKEN_RULES_H
#define SENTINEL_CLUSTER_TOKEN_RULES_H

#include "base/arena.h"
#include "base/slice.h"
#include "base/status.h"
#include "filters/sentinel/core/rule_list.h"

enum token_kind {
	TOKEN_KIND_FLOW,
	TOKEN_KIND_PARAM,
	TOKEN_KINDS,
};

enum { TOKEN_RULES_MAX = 100000 }; /* of a namespace and kind */

struct token_rules {
	struct arena arena; /* holds them */
	enum token_kind kind;
	struct rule_list list; /* of that kind alone; not all need be in cluster mode */
	uint32_t count;        /* served: in cluster mode, with windows that can be had */
	uint32_t rejected;     /* not valid, or not served */
	char first_fault[128]; /* of these; "": none */
};

/* What the arbiter needs of a rule. */
struct token_rule {
	int64_t flow_id;
	double count;
	int32_t threshold_type; /* enum token_threshold, others as TOKEN_THRESHOLD_AVG_LOCAL */
	int32_t samples, interval_ms;
	struct slice resource;
	const struct flow_rule *flow;        /* NULL: a hot-parameter rule */
	const struct param_flow_rule *param; /* NULL: a flow rule */
};

enum token_threshold { /* the numbers of the JSON */
		       TOKEN_THRESHOLD_AVG_LOCAL = 0,
		       TOKEN_THRESHOLD_GLOBAL = 1,
};

/* text: a JSON array, or null. seed: the arbiter's. STATUS_MALFORMED: no JSON, STATUS_INVALID: no
 * array, STATUS_TOO_LARGE: too many. Returns owned, by *rules. */
enum status MUST_CHECK token_rules_parse(enum token_kind kind, struct slice text, uint64_t seed,
					 struct token_rules **rules);
/* NULL is fine. */
void token_rules_free(struct token_rules *rules);

/* How many there are in the list, and what the one at index says. False: it isn't served. */
size_t token_rules_size(const struct token_rules *rules);
bool token_rules_at(const struct token_rules *rules, size_t index, struct token_rule *rule);

/* The limit of one value: of its item, or of the rule. */
double token_rule_limit(const struct token_rule *rule, uint64_t fingerprint);

#endif
