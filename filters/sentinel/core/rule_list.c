#include "filters/sentinel/core/rule_list.h"

struct rule_array rule_list_of(const struct rule_list *list, enum rule_kind kind)
{
	switch (kind) {
	case RULE_FLOW:
		return (struct rule_array){list->flow, list->flow_count, sizeof *list->flow};
	case RULE_DEGRADE:
		return (struct rule_array){list->degrade, list->degrade_count,
					   sizeof *list->degrade};
	case RULE_AUTHORITY:
		return (struct rule_array){list->authority, list->authority_count,
					   sizeof *list->authority};
	case RULE_PARAM_FLOW:
		return (struct rule_array){list->param, list->param_count, sizeof *list->param};
	case RULE_SYSTEM:
	case RULE_KINDS:
		break;
	}
	return (struct rule_array){0};
}

struct system_limits rule_list_limits(const struct rule_list *list)
{
	struct system_limits limits;

	system_limits_init(&limits);
	for (size_t i = 0; i < list->system_count; i++)
		system_limits_add(&limits, &list->system[i]);
	if (!limits.active)
		system_limits_init(&limits);
	return limits;
}
