#include "filters/sentinel/core/rule_groups.h"

#include "base/regex.h"

enum { TWINS_LOOKED_AT = 256 }; /* how far back an equal rule of the same resource is looked for */

static void drop(const struct rule_groups *groups, enum rule_kind kind, const struct rule *rule,
		 const char *reason)
{
	if (groups->dropped)
		groups->dropped(groups->arg, kind, rule->index, reason);
}

/* The expression, which rules of several kinds may share; NULL: it is none. */
static const struct regex *regex_for(struct rule_groups *groups, struct slice text)
{
	const struct regex *regex;
	struct diag diag = {0};

	for (int kind = 0; kind < RULE_KINDS; kind++) {
		const struct rule_pattern *other = map_get(&groups->patterns[kind], text);
		if (other)
			return other->regex;
	}
	return regex_compile(text, REGEX_MATCH, groups->arena, &regex, &diag) ? NULL : regex;
}

static struct rule_pattern *pattern_for(struct rule_groups *groups, enum rule_kind kind,
					struct slice text)
{
	struct rule_pattern *pattern = map_get(&groups->patterns[kind], text);
	bool is_new;

	if (!pattern) {
		pattern = ARENA_NEW(groups->arena, struct rule_pattern);
		pattern->text = text;
		pattern->regex = regex_for(groups, text);
		map_at(&groups->patterns[kind], text, &is_new)->value = pattern;
	}
	return pattern;
}

/* Where the rules of that rule's resource are gathered; NULL if its pattern is none. */
static struct resource_rules *group_of(struct rule_groups *groups, enum rule_kind kind,
				       const struct rule *rule)
{
	bool is_new;

	if (rule->regex) {
		struct rule_pattern *pattern = pattern_for(groups, kind, rule->resource);
		return pattern->regex ? &pattern->rules : NULL;
	}
	struct map_entry *entry = map_at(&groups->names, rule->resource, &is_new);
	if (is_new)
		entry->value = ARENA_NEW(groups->arena, struct resource_rules);
	return entry->value;
}

static void count_rules(struct rule_groups *groups, const struct rule_list *list)
{
	struct resource_rules *group;

	for (size_t i = 0; i < list->flow_count; i++)
		if ((group = group_of(groups, RULE_FLOW, &list->flow[i].rule)))
			group->flow_count++;
		else
			drop(groups, RULE_FLOW, &list->flow[i].rule, "resource: no pattern");
	for (size_t i = 0; i < list->degrade_count; i++)
		if (degrade_rule_is_default(&list->degrade[i]))
			groups->default_count++;
		else if ((group = group_of(groups, RULE_DEGRADE, &list->degrade[i].rule)))
			group->degrade_count++;
		else
			drop(groups, RULE_DEGRADE, &list->degrade[i].rule, "resource: no pattern");
	for (size_t i = 0; i < list->param_count; i++)
		if ((group = group_of(groups, RULE_PARAM_FLOW, &list->param[i].rule)))
			group->param_count++;
		else
			drop(groups, RULE_PARAM_FLOW, &list->param[i].rule, "resource: no pattern");
	for (size_t i = 0; i < list->authority_count; i++)
		if ((group = group_of(groups, RULE_AUTHORITY, &list->authority[i].rule)))
			group->authority_count++;
		else
			drop(groups, RULE_AUTHORITY, &list->authority[i].rule,
			     "resource: no pattern");
}

/* Room for as many rules as were counted; the counts begin again at 0. */
static void make_room(struct arena *arena, struct resource_rules *group)
{
	group->flow = ARENA_NEW_ARRAY(arena, struct flow_binding, group->flow_count);
	group->degrade = ARENA_NEW_ARRAY(arena, struct degrade_binding, group->degrade_count);
	group->param = ARENA_NEW_ARRAY(arena, struct param_binding, group->param_count);
	group->authority =
		ARENA_NEW_ARRAY(arena, const struct authority_rule *, group->authority_count);
	group->flow_count = group->degrade_count = group->param_count = group->authority_count = 0;
}

static void make_pattern_room(struct rule_groups *groups)
{
	for (int kind = 0; kind < RULE_KINDS; kind++)
		for (struct map_entry *e = NULL; (e = map_next(&groups->patterns[kind], e));)
			make_room(groups->arena, &((struct rule_pattern *)e->value)->rules);
}

static uint32_t first_looked_at(uint32_t count)
{
	return count > TWINS_LOOKED_AT ? count - TWINS_LOOKED_AT : 0;
}

static void add_flow(struct rule_groups *groups, const struct flow_rule *rule)
{
	struct resource_rules *group = group_of(groups, RULE_FLOW, &rule->rule);

	if (!group)
		return;
	for (uint32_t i = first_looked_at(group->flow_count); i < group->flow_count; i++)
		if (flow_rule_is_equal(group->flow[i].rule, rule)) {
			drop(groups, RULE_FLOW, &rule->rule, "a rule like it is there already");
			return;
		}
	group->flow[group->flow_count++].rule = rule;
}

/* Into the order of the checks, which keeps that of the list among equals. */
static void sort_flow(struct arena *arena, struct resource_rules *group)
{
	enum { CLASSES = 4 };
	uint32_t place[CLASSES + 1] = {0};

	if (group->flow_count < 2)
		return;
	struct flow_binding *sorted =
		ARENA_NEW_ARRAY(arena, struct flow_binding, group->flow_count);
	for (uint32_t i = 0; i < group->flow_count; i++)
		place[flow_rule_class(group->flow[i].rule) + 1]++;
	for (int i = 1; i < CLASSES; i++)
		place[i] += place[i - 1];
	for (uint32_t i = 0; i < group->flow_count; i++)
		sorted[place[flow_rule_class(group->flow[i].rule)]++] = group->flow[i];
	group->flow = sorted;
}

static void add_param(struct rule_groups *groups, const struct param_flow_rule *rule)
{
	struct resource_rules *group = group_of(groups, RULE_PARAM_FLOW, &rule->rule);

	if (!group)
		return;
	for (uint32_t i = first_looked_at(group->param_count); i < group->param_count; i++)
		if (param_flow_rule_is_equal(group->param[i].rule, rule)) {
			drop(groups, RULE_PARAM_FLOW, &rule->rule,
			     "a rule like it is there already");
			return;
		}
	group->param[group->param_count++].rule = rule;
}

static void add_authority(struct rule_groups *groups, const struct authority_rule *rule)
{
	struct resource_rules *group = group_of(groups, RULE_AUTHORITY, &rule->rule);

	if (!group)
		return;
	if (group->authority_count)
		drop(groups, RULE_AUTHORITY, &rule->rule, "the resource has one already");
	else
		group->authority[group->authority_count++] = rule;
}

static void add_rules(struct rule_groups *groups, const struct rule_list *list)
{
	struct resource_rules *group;

	for (size_t i = 0; i < list->flow_count; i++)
		add_flow(groups, &list->flow[i]);
	groups->defaults =
		ARENA_NEW_ARRAY(groups->arena, const struct degrade_rule *, groups->default_count);
	groups->default_count = 0;
	for (size_t i = 0; i < list->degrade_count; i++)
		if (degrade_rule_is_default(&list->degrade[i]))
			groups->defaults[groups->default_count++] = &list->degrade[i];
		else if ((group = group_of(groups, RULE_DEGRADE, &list->degrade[i].rule)))
			group->degrade[group->degrade_count++].rule = &list->degrade[i];
	for (size_t i = 0; i < list->param_count; i++)
		add_param(groups, &list->param[i]);
	for (size_t i = 0; i < list->authority_count; i++)
		add_authority(groups, &list->authority[i]);
}

/* Patterns become an array: those of each kind in the order of their first rule. */
static void keep_patterns(struct rule_groups *groups, const struct rule_list *list)
{
	size_t count = 0;

	for (int kind = 0; kind < RULE_KINDS; kind++)
		count += groups->patterns[kind].count;
	groups->kept = ARENA_NEW_ARRAY(groups->arena, struct rule_pattern, count);
#define KEEP(member, kind)                                                                         \
	for (size_t i = 0; i < list->member##_count; i++) {                                        \
		const struct rule *rule = &list->member[i].rule;                                   \
		struct map_entry *entry =                                                          \
			rule->regex ? map_find(&groups->patterns[kind], rule->resource) : NULL;    \
		struct rule_pattern *pattern = entry ? entry->value : NULL;                        \
		if (!pattern || !pattern->regex || pattern->is_kept)                               \
			continue;                                                                  \
		pattern->is_kept = true;                                                           \
		sort_flow(groups->arena, &pattern->rules);                                         \
		groups->kept[groups->kept_count++] = *pattern;                                     \
	}
	KEEP(flow, RULE_FLOW)
	KEEP(degrade, RULE_DEGRADE)
	KEEP(param, RULE_PARAM_FLOW)
	KEEP(authority, RULE_AUTHORITY)
#undef KEEP
}

void rule_groups_gather(struct rule_groups *groups, const struct rule_list *list)
{
	map_init(&groups->names, NULL);
	for (int kind = 0; kind < RULE_KINDS; kind++)
		map_init(&groups->patterns[kind], NULL);
	count_rules(groups, list);
	for (struct map_entry *e = NULL; (e = map_next(&groups->names, e));)
		make_room(groups->arena, e->value);
	make_pattern_room(groups);
	add_rules(groups, list);
	for (struct map_entry *e = NULL; (e = map_next(&groups->names, e));)
		sort_flow(groups->arena, e->value);
	keep_patterns(groups, list);
}

void rule_groups_fini(struct rule_groups *groups)
{
	for (int kind = 0; kind < RULE_KINDS; kind++)
		map_free(&groups->patterns[kind]);
	map_free(&groups->names);
}
