/* Rules gathered by what they are for, while a version of them is made.
 *
 *   list ─> names:    "r" ─> all rules of "r"           flow rules in the order of the checks
 *           patterns: of each kind, in the order of     (those that are no expression are dropped)
 *                     their first rules
 *           defaults: degrade rules of "*"
 *
 * Rules that equal one before them are dropped, too. Owner: who embeds it; what is gathered is in
 * the arena given. Thread: one. */
#ifndef SENTINEL_CORE_RULE_GROUPS_H
#define SENTINEL_CORE_RULE_GROUPS_H

#include "base/arena.h"
#include "base/map.h"
#include "filters/sentinel/core/resource_rules.h"

struct regex;

struct rule_pattern { /* the rules of one kind */
	struct slice text;
	const struct regex *regex;   /* NULL: the pattern is none */
	struct resource_rules rules; /* without states */
	bool is_kept;
};

struct rule_groups {
	struct arena *arena;
	struct map names;                /* struct resource_rules */
	struct map patterns[RULE_KINDS]; /* struct rule_pattern, by text */
	struct rule_pattern *kept;       /* of all kinds */
	const struct degrade_rule **defaults;
	uint32_t kept_count, default_count;
	/* Told of each rule that is left out; may be NULL. */
	void (*dropped)(void *arg, enum rule_kind kind, uint32_t index, const char *reason);
	void *arg;
};

/* `arena`, `dropped` and `arg` are set, the rest is zero. */
void rule_groups_gather(struct rule_groups *groups, const struct rule_list *list);
/* What was gathered stays in the arena. */
void rule_groups_fini(struct rule_groups *groups);

#endif
