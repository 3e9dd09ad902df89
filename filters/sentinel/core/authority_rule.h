/* AuthorityRule: which callers may use a resource (white), or may not (black). */
#ifndef SENTINEL_CORE_AUTHORITY_RULE_H
#define SENTINEL_CORE_AUTHORITY_RULE_H

#include "filters/sentinel/core/rule.h"
#include "filters/sentinel/core/rule_constant.h"

struct authority_rule {
	struct rule
		rule; /* limit_app: names with commas between, compared as they stand, blanks too */
	uint8_t strategy; /* enum authority_strategy; others let all pass */
};

/* NULL if the rule may be used, and otherwise why not. */
const char *authority_rule_fault(const struct authority_rule *rule);

/* Whether a caller passes; one without a name does. */
bool authority_rule_allows(const struct authority_rule *rule, struct slice origin);

#endif
