/* What each rule in force has blocked, among the stats: counters for the first so many rules.
 *
 *   sentinel.<application>.rule.<resource>.<rule>.blocked
 *
 * A rule is called flow_77 by its kind and id; without an id flow_at_0 by its place among those of
 * its kind and resource.
 *
 * A limit of the system rules is a rule of all inbound traffic: system_qps. A version takes its
 * scopes before the one that it follows drops them, so what was counted stays. Rules of a kind and
 * resource that share an id share a counter.
 *
 * Owner: a version of the rules. Thread: main; rule_stats_of: any that holds the version. Limits:
 * how many rules; those of resources with names longer than RESOURCE_STATS_NAME_MAX aren't
 * counted. */
#ifndef FILTERS_SENTINEL_RULE_STATS_H
#define FILTERS_SENTINEL_RULE_STATS_H

#include "base/arena.h"
#include "filters/sentinel/core/system_rule.h"
#include "telemetry/stats.h"
#include "telemetry/stats_table.h"

/* clang-format off */
#define RULE_STATS(X, S) \
	X(S, BLOCKED, "blocked", COUNTER)
/* clang-format on */
STAT_ENUM(rule_stat, RULE_STAT, RULE_STATS);
extern const struct stat_type sentinel_rule_stats;

struct rule_list;

struct rule_stats {
	struct stat_scope **scopes; /* in the version's arena */
	uint32_t count;
	const struct stat_scope *limits[SYSTEM_LIMITS]; /* NULL: not counted */
};

struct rule_stats_options {
	struct stats *stats; /* borrowed */
	struct slice application;
	uint32_t limit;
	struct arena *arena;
};

/* Takes the scopes, and tells the rules of the list, which nobody reads yet. */
void rule_stats_take(struct rule_stats *own, const struct rule_stats_options *options,
		     const struct rule_list *list);
void rule_stats_drop(struct rule_stats *own, struct stats *stats);

/* Where a block counts, in RULE_STATS; NULL: nowhere. rule NULL: a system limit's. */
static inline const struct stat_scope *
rule_stats_of(const struct rule_stats *own, const struct rule *rule, enum system_limit limit)
{
	return rule ? rule->scope : own->limits[limit];
}

#endif
