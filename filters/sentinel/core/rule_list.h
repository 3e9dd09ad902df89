/* All rules as they were read: the raw material of a rule_set. One array a kind, in the order
 * given.
 *
 * Owner: the arena they are in. Valid ones only: who reads leaves the others out. */
#ifndef SENTINEL_CORE_RULE_LIST_H
#define SENTINEL_CORE_RULE_LIST_H

#include <stddef.h>

#include "filters/sentinel/core/authority_rule.h"
#include "filters/sentinel/core/degrade_rule.h"
#include "filters/sentinel/core/flow_rule.h"
#include "filters/sentinel/core/param_flow_rule.h"
#include "filters/sentinel/core/system_rule.h"

struct rule_list {
	const struct flow_rule *flow;
	const struct degrade_rule *degrade;
	const struct system_rule *system;
	const struct authority_rule *authority;
	const struct param_flow_rule *param;
	size_t flow_count, degrade_count, system_count, authority_count, param_count;
};

/* The rules of one kind, whatever they are. */
struct rule_array {
	const void *rules;
	size_t count, size;
};

/* None of RULE_SYSTEM: those are one (rule_list_limits). */
struct rule_array rule_list_of(const struct rule_list *list, enum rule_kind kind);

static inline const struct rule *rule_array_at(const struct rule_array *array, size_t i)
{
	return (const struct rule *)(const void *)((const char *)array->rules + i * array->size);
}

/* All system rules together; no limit is set if none is asked. */
struct system_limits rule_list_limits(const struct rule_list *list);

#endif
