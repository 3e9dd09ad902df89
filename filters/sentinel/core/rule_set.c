#include "filters/sentinel/core/rule_set.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "base/hash.h"
#include "base/regex.h"
#include "filters/sentinel/core/rule_groups.h"
#include "filters/sentinel/core/sentinel.h"

/* The name whose rules they are; there is one at least. */
static struct slice name_of(const struct resource_rules *rules)
{
	const struct rule *rule = rules->flow_count      ? &rules->flow[0].rule->rule
				  : rules->degrade_count ? &rules->degrade[0].rule->rule
				  : rules->param_count   ? &rules->param[0].rule->rule
							 : &rules->authority[0]->rule;
	return rule->resource;
}

static struct resource_rules *find_name(const struct rule_set *set, struct slice name,
					uint64_t hash)
{
	struct resource_rules *rules;

	for (uint32_t i = (uint32_t)hash;; i++) {
		rules = set->by_name[i & set->name_mask];
		if (!rules || slice_equal(name_of(rules), name))
			return rules;
	}
}

static void keep_names(struct rule_set *set, const struct map *names)
{
	uint32_t places = 4;

	while (places / 4 * 3 <= names->count)
		places *= 2;
	set->name_mask = places - 1;
	set->by_name = calloc(places, sizeof(struct resource_rules *));
	invariant(set->by_name);
	for (struct map_entry *e = NULL; (e = map_next(names, e));) {
		uint32_t i = (uint32_t)e->hash;
		while (set->by_name[i & set->name_mask])
			i++;
		set->by_name[i & set->name_mask] = e->value;
	}
}

/* The callers that are known to rules for `other` of that pattern. */
static void note_known(struct rule_set *set, const struct rule_pattern *pattern,
		       struct pattern_flow_rule *other)
{
	const struct resource_rules *plain =
		find_name(set, pattern->text, hash_bytes(pattern->text));
	size_t room = plain ? plain->flow_count : 0;

	for (uint32_t i = 0; i < set->pattern_count; i++)
		room += set->patterns[i].rules.flow_count;
	struct slice *known = ARENA_NEW_ARRAY(&set->arena, struct slice, room);
	for (uint32_t i = 0; plain && i < plain->flow_count; i++)
		known[other->known_count++] = plain->flow[i].rule->rule.limit_app;
	for (uint32_t i = 0; i < set->pattern_count; i++) {
		const struct rule_pattern *by = &set->patterns[i];
		for (uint32_t k = 0; k < by->rules.flow_count; k++)
			if (regex_match(by->regex, pattern->text))
				known[other->known_count++] =
					by->rules.flow[k].rule->rule.limit_app;
	}
	other->known = known;
}

static void extend_flow(struct rule_set *set, const struct rule_pattern *pattern,
			struct flow_binding *flow)
{
	if (!flow_rule_is_for_other(flow->rule))
		return;
	struct pattern_flow_rule *other = ARENA_NEW(&set->arena, struct pattern_flow_rule);
	other->rule = *flow->rule;
	note_known(set, pattern, other);
	flow->rule = &other->rule;
}

/* The index that an equal rule of the version before has found, or the rule's own. */
static int32_t found_index(const struct rule_set *previous, const struct param_flow_rule *rule)
{
	for (uint32_t i = 0; previous && i < previous->pattern_count; i++) {
		const struct resource_rules *rules = &previous->patterns[i].rules;
		for (uint32_t k = 0; k < rules->param_count; k++) {
			const struct param_flow_rule *old = rules->param[k].rule;
			if (param_flow_rule_is_equal(old, rule))
				return atomic_load_explicit(
					((const struct pattern_param_rule *)(const void *)old)
						->index,
					memory_order_relaxed);
		}
	}
	return rule->param_idx;
}

static void extend_param(struct rule_set *set, const struct rule_set *previous,
			 struct param_binding *param)
{
	if (!param_flow_rule_shares_index(param->rule))
		return;
	struct pattern_param_rule *shared = ARENA_NEW(&set->arena, struct pattern_param_rule);
	shared->rule = *param->rule;
	shared->index = arena_alloc(&set->arena, sizeof(*shared->index));
	atomic_init(shared->index, found_index(previous, param->rule));
	param->rule = &shared->rule;
}

/* Gives rules of patterns what they have in common for all resources. */
static void extend_patterns(struct rule_set *set, const struct rule_set *previous)
{
	for (uint32_t i = 0; i < set->pattern_count; i++) {
		const struct rule_pattern *pattern = &set->patterns[i];
		for (uint32_t k = 0; k < pattern->rules.flow_count; k++)
			extend_flow(set, pattern, &pattern->rules.flow[k]);
		for (uint32_t k = 0; k < pattern->rules.param_count; k++)
			extend_param(set, previous, &pattern->rules.param[k]);
	}
}

static struct rule_states states_of(const struct rule_set *set,
				    const struct resource_rules *previous)
{
	const struct sentinel_options *options = &set->sentinel->options;

	return (struct rule_states){
		.previous = previous,
		.keeps_shaping = set->keeps_shaping,
		.keeps_breakers = true,
		.keeps_values = true,
		.workers = options->workers,
		.cold_factor = options->cold_factor,
		.seed = options->seed,
	};
}

static void bind_names(struct rule_set *set, const struct rule_set *previous,
		       const struct map *names)
{
	for (struct map_entry *e = NULL; (e = map_next(names, e));) {
		struct rule_states states =
			states_of(set, previous ? find_name(previous, e->key, e->hash) : NULL);
		resource_rules_bind(e->value, &states);
		resource_rules_note_slots(e->value);
	}
}

static bool matches(const struct rule_pattern *pattern, const struct resource *resource)
{
	return regex_match(pattern->regex, resource->entry.name);
}

static void add_counts(struct resource_rules *sum, const struct resource_rules *rules)
{
	sum->flow_count += rules->flow_count;
	sum->degrade_count += rules->degrade_count;
	sum->param_count += rules->param_count;
	sum->authority_count += rules->authority_count;
}

static struct resource_rules *allocate(const struct resource_rules *counts)
{
	size_t size = sizeof(*counts) + counts->flow_count * sizeof(struct flow_binding) +
		      counts->degrade_count * sizeof(struct degrade_binding) +
		      counts->param_count * sizeof(struct param_binding) +
		      counts->authority_count * sizeof(struct authority_rule *);
	struct resource_rules *rules = calloc(1, size);

	invariant(rules);
	rules->on_heap = true;
	rules->flow = (struct flow_binding *)(void *)(rules + 1);
	rules->degrade = (struct degrade_binding *)(void *)(rules->flow + counts->flow_count);
	rules->param = (struct param_binding *)(void *)(rules->degrade + counts->degrade_count);
	rules->authority =
		(const struct authority_rule **)(void *)(rules->param + counts->param_count);
	return rules;
}

/* Puts the rules behind those there are. */
static void append(struct resource_rules *rules, const struct resource_rules *more)
{
	for (uint32_t i = 0; i < more->flow_count; i++)
		rules->flow[rules->flow_count++] = more->flow[i];
	for (uint32_t i = 0; i < more->degrade_count; i++)
		rules->degrade[rules->degrade_count++] = more->degrade[i];
	for (uint32_t i = 0; i < more->param_count; i++)
		rules->param[rules->param_count++] = more->param[i];
	for (uint32_t i = 0; i < more->authority_count; i++)
		rules->authority[rules->authority_count++] = more->authority[i];
}

static void share_states(const struct resource_rules *rules)
{
	for (uint32_t i = 0; i < rules->flow_count; i++)
		traffic_shaping_take(rules->flow[i].shaping);
	for (uint32_t i = 0; i < rules->degrade_count; i++)
		circuit_breaker_take(rules->degrade[i].breaker);
	for (uint32_t i = 0; i < rules->param_count; i++)
		parameter_metric_take(rules->param[i].metric);
}

static bool had_defaults(const struct resource_rules *rules)
{
	for (uint32_t i = 0; rules && i < rules->degrade_count + rules->idle_count; i++)
		if (degrade_rule_is_default(rules->degrade[i].rule))
			return true;
	return false;
}

/* Keeps the breakers of default rules that don't hold while the resource has others. */
static void keep_idle(const struct rule_set *set, struct resource_rules *rules,
		      const struct resource_rules *previous)
{
	struct resource_rules idle = {.degrade = rules->degrade + rules->degrade_count};
	struct rule_states states = states_of(set, previous);

	for (uint32_t i = 0; i < set->default_count; i++)
		idle.degrade[idle.degrade_count++].rule = set->defaults[i];
	states.keeps_breakers = set->keeps_default_breakers;
	resource_rules_bind(&idle, &states);
	rules->idle_count = idle.degrade_count;
}

/* Plain rules with the states they have, and what patterns and defaults add with states of its own.
 * NULL: nothing is added. */
static struct resource_rules *combine(const struct rule_set *set, const struct resource *resource,
				      const struct resource_rules *plain,
				      const struct resource_rules *previous)
{
	struct resource_rules counts = {0}, *rules, added;
	bool plain_counts = plain->has_thread_params;

	for (uint32_t i = 0; i < set->pattern_count; i++)
		if (matches(&set->patterns[i], resource))
			add_counts(&counts, &set->patterns[i].rules);
	bool takes_defaults = set->default_count && !plain->degrade_count && !counts.degrade_count;
	bool keeps_idle = set->default_count && !takes_defaults && had_defaults(previous);
	if (takes_defaults || keeps_idle)
		counts.degrade_count += set->default_count;
	if (!(counts.flow_count | counts.degrade_count | counts.param_count |
	      counts.authority_count))
		return NULL;
	add_counts(&counts, plain);
	rules = allocate(&counts);
	append(rules, plain);
	share_states(rules);
	added = (struct resource_rules){
		.flow = rules->flow + rules->flow_count,
		.degrade = rules->degrade + rules->degrade_count,
		.param = rules->param + rules->param_count,
		.authority = rules->authority + rules->authority_count,
	};
	for (uint32_t i = 0; i < set->pattern_count; i++)
		if (matches(&set->patterns[i], resource))
			append(&added, &set->patterns[i].rules);
	for (uint32_t i = 0; takes_defaults && i < set->default_count; i++)
		added.degrade[added.degrade_count++].rule = set->defaults[i];
	struct rule_states states = states_of(set, previous);
	states.keeps_breakers =
		takes_defaults ? set->keeps_default_breakers : set->keeps_pattern_breakers;
	states.keeps_values = set->keeps_pattern_values || plain->param_count || !previous ||
			      !resource_rules_has_own_params(previous);
	resource_rules_bind(&added, &states);
	add_counts(rules, &added);
	if (keeps_idle)
		keep_idle(set, rules, previous);
	rules->has_thread_params = plain_counts || added.has_thread_params;
	resource_rules_note_slots(rules);
	return rules;
}

static struct resource_rules *find(struct rule_set *set, const struct resource *resource,
				   const struct resource_rules *previous)
{
	struct resource_rules *named = find_name(set, resource->entry.name, resource->entry.hash);
	struct resource_rules *plain = named ? named : &set->none;
	struct resource_rules *combined = set->pattern_count || set->default_count
						  ? combine(set, resource, plain, previous)
						  : NULL;
	return combined ? combined : plain;
}

static void free_found(struct resource_rules *rules)
{
	if (!rules || !rules->on_heap)
		return;
	resource_rules_unbind(rules);
	free(rules);
}

COLD const struct resource_rules *rule_set_look_up(struct rule_set *set,
						   const struct resource *resource)
{
	struct resource_rules *none = NULL, *rules = find(set, resource, NULL);

	if (atomic_compare_exchange_strong_explicit(&set->by_id[resource->id], &none, rules,
						    memory_order_acq_rel, memory_order_acquire))
		return rules;
	free_found(rules);
	return none;
}

/* Resources with states that no name leads to take them along. */
static void bind_found(struct rule_set *set, const struct rule_set *previous)
{
	for (struct name_entry *e = NULL; (e = name_table_next(&set->sentinel->resources, e));) {
		const struct resource *resource = (const struct resource *)(const void *)e;
		const struct resource_rules *old =
			atomic_load_explicit(&previous->by_id[resource->id], memory_order_acquire);
		if (old && old->on_heap)
			atomic_store_explicit(&set->by_id[resource->id], find(set, resource, old),
					      memory_order_release);
	}
}

void rule_set_each(const struct rule_set *set,
		   void (*fn)(void *arg, struct slice name, const struct resource_rules *rules),
		   void *arg)
{
	for (uint32_t i = 0; i <= set->name_mask; i++) {
		const struct resource_rules *named = set->by_name[i];
		const struct resource *resource =
			named ? sentinel_find_resource(set->sentinel, name_of(named)) : NULL;
		const struct resource_rules *found =
			resource ? atomic_load_explicit(&set->by_id[resource->id],
							memory_order_acquire)
				 : NULL;
		if (named && (!found || !found->on_heap))
			fn(arg, name_of(named), named);
	}
	for (struct name_entry *e = NULL; (e = name_table_next(&set->sentinel->resources, e));) {
		const struct resource *resource = (const struct resource *)(const void *)e;
		const struct resource_rules *found =
			atomic_load_explicit(&set->by_id[resource->id], memory_order_acquire);
		if (found && found->on_heap)
			fn(arg, e->name, found);
	}
}

/* Patterns take over the indices that calls of any of their resources have settled. */
static void take_over_indices(struct rule_set *set, const struct resource_rules *previous)
{
	for (uint32_t i = 0; i < set->pattern_count; i++) {
		const struct resource_rules *rules = &set->patterns[i].rules;
		for (uint32_t k = 0; k < rules->param_count * previous->param_count; k++) {
			const struct param_flow_rule *rule =
				rules->param[k / previous->param_count].rule;
			const struct param_binding *old =
				&previous->param[k % previous->param_count];
			if (!param_flow_rule_shares_index(rule) ||
			    !param_flow_rule_is_equal(rule, old->rule))
				continue;
			atomic_store_explicit(
				((const struct pattern_param_rule *)(const void *)rule)->index,
				parameter_metric_settled_index(old->metric, old->rule),
				memory_order_relaxed);
		}
	}
}

void rule_set_take_over(struct rule_set *set, struct slice name,
			const struct resource_rules *previous)
{
	struct resource_rules *named = find_name(set, name, hash_bytes(name));
	const struct resource *resource = sentinel_find_resource(set->sentinel, name);
	struct rule_states states = states_of(set, previous);

	if (named) {
		resource_rules_unbind(named);
		resource_rules_bind(named, &states);
	}
	take_over_indices(set, previous);
	if (resource)
		free_found(atomic_exchange_explicit(&set->by_id[resource->id],
						    find(set, resource, previous),
						    memory_order_acq_rel));
}

static bool has_params(const struct rule_set *set)
{
	for (uint32_t i = 0; i <= set->name_mask; i++)
		if (set->by_name[i] && set->by_name[i]->param_count)
			return true;
	for (uint32_t i = 0; i < set->pattern_count; i++)
		if (set->patterns[i].rules.param_count)
			return true;
	return false;
}

/* Calls that wait are still asked by the version before. */
static void forget_values(const struct rule_set *set, const struct rule_set *previous)
{
	bool all_gone = !has_params(set);

	for (uint32_t i = 0; i <= previous->name_mask; i++) {
		const struct resource_rules *old = previous->by_name[i];
		if (!old)
			continue;
		struct slice name = name_of(old);
		resource_rules_forget_values(old, find_name(set, name, hash_bytes(name)), all_gone);
	}
	for (uint32_t i = 0; i < previous->by_id_count; i++) {
		const struct resource_rules *old =
			atomic_load_explicit(&previous->by_id[i], memory_order_acquire);
		if (old && old->on_heap)
			resource_rules_forget_values(
				old, atomic_load_explicit(&set->by_id[i], memory_order_acquire),
				all_gone);
	}
}

struct rule_set *rule_set_new(struct sentinel *sentinel, struct arena *arena,
			      const struct rule_list *list, const struct rule_set_options *options,
			      void (*dropped)(void *arg, enum rule_kind kind, uint32_t index,
					      const char *reason),
			      void *arg)
{
	struct rule_set *set = calloc(1, sizeof(*set));
	struct rule_groups groups = {.arena = &set->arena, .dropped = dropped, .arg = arg};

	invariant(set);
	set->sentinel = sentinel;
	set->arena = *arena;
	arena_init(arena, arena->block_size);
	set->keeps_shaping = !options->forgets_shaping;
	set->keeps_pattern_breakers = !options->forgets_pattern_breakers;
	set->keeps_default_breakers = !options->forgets_default_breakers;
	set->keeps_pattern_values = !options->forgets_pattern_values;
	set->by_id_count = sentinel->options.resources_max;
	set->by_id = calloc(set->by_id_count, sizeof(*set->by_id));
	invariant(set->by_id);
	rule_groups_gather(&groups, list);
	set->patterns = groups.kept;
	set->pattern_count = groups.kept_count;
	set->defaults = groups.defaults;
	set->default_count = groups.default_count;
	system_limits_init(&set->system);
	for (size_t i = 0; i < list->system_count; i++)
		system_limits_add(&set->system, &list->system[i]);
	keep_names(set, &groups.names);
	extend_patterns(set, options->previous);
	bind_names(set, options->previous, &groups.names);
	rule_groups_fini(&groups);
	if (options->previous)
		bind_found(set, options->previous);
	if (options->previous && options->forgets_values)
		forget_values(set, options->previous);
	return set;
}

void rule_set_free(struct rule_set *set)
{
	if (!set)
		return;
	for (uint32_t i = 0; i < set->by_id_count; i++)
		free_found(atomic_load_explicit(&set->by_id[i], memory_order_acquire));
	for (uint32_t i = 0; i <= set->name_mask; i++)
		if (set->by_name[i])
			resource_rules_unbind(set->by_name[i]);
	free(set->by_name);
	free(set->by_id);
	arena_free(&set->arena);
	free(set);
}
