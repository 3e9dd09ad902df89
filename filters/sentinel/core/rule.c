#include "filters/sentinel/core/rule.h"

const char *rule_kind_name(enum rule_kind kind)
{
	static const char *const names[RULE_KINDS] = {
		[RULE_FLOW] = "flow",
		[RULE_DEGRADE] = "degrade",
		[RULE_SYSTEM] = "system",
		[RULE_AUTHORITY] = "authority",
		[RULE_PARAM_FLOW] = "paramFlow",
	};

	return names[kind];
}

bool rule_is_blank(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] > ' ')
			return false;
	return true;
}

bool rule_is_equal(const struct rule *a, const struct rule *b)
{
	return slice_equal(a->resource, b->resource) && slice_equal(a->limit_app, b->limit_app) &&
	       a->regex == b->regex;
}
