#include "filters/sentinel/core/rule.h"

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
