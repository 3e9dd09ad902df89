/* What all rules have in common (AbstractRule). Rules are read once, into an arena, and never
 * change. */
#ifndef SENTINEL_CORE_RULE_H
#define SENTINEL_CORE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum rule_kind {
	RULE_FLOW,
	RULE_DEGRADE,
	RULE_SYSTEM,
	RULE_AUTHORITY,
	RULE_PARAM_FLOW,
	RULE_KINDS,
};

enum rule_dialect { /* whose JSON they are; the numbers of the message */
		    RULE_DIALECT_JAVA,
		    RULE_DIALECT_GOLANG, /* rule_json_golang.h; authority rules are Java's */
};

struct stat_scope;

struct rule {
	int64_t id; /* 0: none */
	struct slice resource;
	struct slice limit_app;         /* "default" if none was given */
	const struct stat_scope *scope; /* its maker's: where it counts blocks; NULL: nowhere */
	uint32_t index;                 /* in the list it was read from */
	bool regex;                     /* the resource is a pattern, for the whole of a name */
	bool is_for_all;                /* limit_app is "default": whoever calls */
};

/* "paramFlow" */
const char *rule_kind_name(enum rule_kind kind);

/* Nothing but blanks: what Java takes for absent. */
bool rule_is_blank(struct slice text);

/* Whose calls it is for. */
static inline void rule_set_limit_app(struct rule *rule, struct slice limit_app)
{
	rule->limit_app = limit_app;
	rule->is_for_all = slice_equal(limit_app, SLICE("default"));
}

/* The common part is equal: the id doesn't count, nor the place in the list. */
bool rule_is_equal(const struct rule *a, const struct rule *b);

#endif
