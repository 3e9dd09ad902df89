/* outrigger.filters.dubbo_rules: Dubbo's own rules (tag, condition, mesh) say which providers of
 * the route's cluster serve a call.
 *
 *   request ─ what rules ask: tag, attachments, arguments ─> policy: rule (routing/host_rule.h)
 *                                                              └ at the pick: dubbo_choice.h
 *
 * The rules stand in the filter's configuration, or are a resource of their own that is replaced
 * while calls are on: each call keeps those that it began with.
 *
 * Owner: the published object's arena; a call's facts the stream's. Thread: the stream's worker. */
#ifndef FILTERS_DUBBO_RULES_H
#define FILTERS_DUBBO_RULES_H

#include "filters/dubbo_rules/rule_set.h"
#include "routing/dubbo_choice.h"
#include "routing/host_rule.h"
#include "routing/policy.h"
#include "stream/filter.h"
#include "telemetry/stats_table.h"

struct stat_scope;

/* "<stat_prefix>dubbo_rules" */
/* clang-format off */
#define DUBBO_RULES_STATS(X, S) \
	X(S, ALL, "all", COUNTER) \
	X(S, NARROWED, "narrowed", COUNTER) \
	X(S, NONE_LEFT, "none_left", COUNTER)
/* clang-format on */
STAT_ENUM(dubbo_rules_stat, DUBBO_RULES_STAT, DUBBO_RULES_STATS);
extern const struct stat_type dubbo_rules_stats; /* config.c */

struct dubbo_rules_config {
	const struct dubbo_rule_set *set; /* NULL: the published one of `slot` */
	uint32_t slot;
	bool is_empty; /* of a route: no rules there */
	struct dubbo_consumer consumer;
	bool has_application;              /* the configuration names it: calls don't */
	struct slice provider_application; /* "" : the cluster's name */
	uint64_t application_hash;         /* of that: who differs in it has a view of his own */
	struct stat_scope *stats;
};

/* An argument that some rule asks for. */
struct dubbo_rules_argument {
	uint32_t n;
	enum dubbo_argument_kind kind;
	struct slice text; /* .data NULL: it has none */
	struct dubbo_rules_argument *next;
};

struct dubbo_rules_state {
	struct host_rule rule;
	struct filter *filter; /* NULL: no rules hold */
	struct pin *pin;       /* taken; NULL: the set is the configuration's */
	const struct dubbo_rule_set *set;
	struct dubbo_call call;
	struct dubbo_consumer consumer;
	struct dubbo_rules_argument *arguments;
	bool is_counted;
};

extern const struct filter_type dubbo_rules_filter; /* config.c */
extern const struct route_policy dubbo_rules_policy;
extern const struct host_rule_type dubbo_rules_host_rule;

enum filter_status dubbo_rules_request_headers(struct filter *f, struct headers *headers, bool end);
void dubbo_rules_close(struct filter *f);

#endif
