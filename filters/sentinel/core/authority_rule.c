#include "filters/sentinel/core/authority_rule.h"

const char *authority_rule_fault(const struct authority_rule *rule)
{
	if (rule_is_blank(rule->rule.resource))
		return "resource: must not be blank";
	if (rule_is_blank(rule->rule.limit_app))
		return "limitApp: must not be blank";
	return NULL;
}

static bool contains(struct slice list, struct slice name)
{
	for (size_t from = 0; from <= list.len;) {
		size_t comma = slice_find_char(list, ',', from);
		if (slice_equal(slice_sub(list, from, comma), name))
			return true;
		from = comma + 1;
	}
	return false;
}

bool authority_rule_allows(const struct authority_rule *rule, struct slice origin)
{
	if (!origin.len)
		return true;
	switch (rule->strategy) {
	case AUTHORITY_WHITE:
		return contains(rule->rule.limit_app, origin);
	case AUTHORITY_BLACK:
		return !contains(rule->rule.limit_app, origin);
	default:
		return true;
	}
}
