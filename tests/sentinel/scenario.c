#include "scenario.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "filters/sentinel/core/core_transfer.h"

const char *scenario_kind_name(enum rule_kind kind)
{
	static const char *const names[RULE_KINDS] = {"flow", "degrade", "system", "authority",
						      "paramFlow"};
	return names[kind];
}

/* The rules in the order of the checks that was recorded; those it doesn't name come last. */
#define SORT(type, member)                                                                         \
	{                                                                                          \
		type *sorted = ARENA_NEW_ARRAY(arena, type, list->member##_count);                 \
		size_t count = 0;                                                                  \
		bool *taken = ARENA_NEW_ARRAY(arena, bool, list->member##_count);                  \
		json_array_foreach(order, i, value)                                                \
		{                                                                                  \
			for (size_t k = 0; k < list->member##_count; k++)                          \
				if (!taken[k] && list->member[k].rule.index ==                     \
							 (uint32_t)json_integer_value(value)) {    \
					taken[k] = true;                                           \
					sorted[count++] = list->member[k];                         \
				}                                                                  \
		}                                                                                  \
		for (size_t k = 0; k < list->member##_count; k++)                                  \
			if (!taken[k])                                                             \
				sorted[count++] = list->member[k];                                 \
		list->member = sorted;                                                             \
		break;                                                                             \
	}

static void sort(const json_t *order, enum rule_kind kind, struct rule_list *list,
		 struct arena *arena)
{
	size_t i;
	const json_t *value;

	switch (kind) {
	case RULE_FLOW:
		SORT(struct flow_rule, flow)
	case RULE_PARAM_FLOW:
		SORT(struct param_flow_rule, param)
	case RULE_DEGRADE:
		SORT(struct degrade_rule, degrade)
	case RULE_AUTHORITY:
		SORT(struct authority_rule, authority)
	case RULE_SYSTEM:
	case RULE_KINDS:
		break;
	}
}

static void tell_dropped(void *arg, enum rule_kind kind, uint32_t index, const char *reason)
{
	(void)arg;
	fprintf(stderr, "%s[%u] left out: %s\n", scenario_kind_name(kind), index, reason);
}

/* The recorded order of the rules that are loaded now. Older files have that of the rules loaded
 * last only, and of degrade rules that of a listing, not of the checks. */
static const json_t *recorded_order(struct scenario *scenario, enum rule_kind kind, bool is_last)
{
	const json_t *expected = json_object_get(scenario->json, "expected");
	const json_t *all = json_object_get(expected, "rule_check_orders");
	const json_t *last = json_object_get(expected, "rule_check_order");
	const char *name = scenario_kind_name(kind);

	if (all)
		return json_object_get(json_array_get(all, scenario->loads), name);
	return is_last && kind != RULE_DEGRADE ? json_object_get(last, name) : NULL;
}

/* Whether Java would load the list: not if it equals the one before, of which ids are no part. */
static bool is_changed(const json_t *before, const json_t *now)
{
	json_t *a = json_deep_copy(before), *b = json_deep_copy(now), *rule;
	size_t i;

	json_array_foreach(a, i, rule) json_object_del(rule, "id");
	json_array_foreach(b, i, rule) json_object_del(rule, "id");
	bool is_equal = a && json_equal(a, b);
	json_decref(a);
	json_decref(b);
	return !is_equal;
}

/* The degrade rules of "*" alone, or the others. Returns owned. */
static json_t *degrade_part(const json_t *list, bool defaults)
{
	json_t *part = json_array(), *rule;
	size_t i;

	json_array_foreach(list, i, rule)
	{
		const char *resource = json_string_value(json_object_get(rule, "resource"));
		bool is_default = resource && !strcmp(resource, "*") &&
				  !json_is_true(json_object_get(rule, "regex"));
		if (is_default == defaults)
			json_array_append(part, rule);
	}
	return part;
}

static bool degrade_is_changed(const json_t *before, const json_t *now, bool defaults)
{
	json_t *a = degrade_part(before, defaults), *b = degrade_part(now, defaults);
	bool changed = is_changed(a, b);

	json_decref(a);
	json_decref(b);
	return changed;
}

/* What Java forgets when it loads the rules. */
static struct rule_set_options options_of(const struct scenario *scenario, const json_t *rules)
{
	const json_t *flow = json_object_get(rules, "flow");
	const json_t *degrade = json_object_get(rules, "degrade");
	const json_t *before = scenario->loaded[RULE_DEGRADE];

	return (struct rule_set_options){
		.previous = scenario->version ? scenario->version->set : NULL,
		.forgets_shaping = flow && is_changed(scenario->loaded[RULE_FLOW], flow),
		.forgets_pattern_breakers = degrade && degrade_is_changed(before, degrade, false),
		.forgets_default_breakers = degrade && degrade_is_changed(before, degrade, true),
		.forgets_pattern_values = true,
		.forgets_values = true,
	};
}

/* Of the rules that are loaded now, in the order that was recorded for the load of that number. */
static struct rule_version *make_version(struct scenario *scenario,
					 const struct rule_set_options *options,
					 const bool is_last[RULE_KINDS])
{
	struct rule_version *version = calloc(1, sizeof(*version));
	struct arena arena;

	invariant(version);
	arena_init(&arena, 4096);
	struct rule_json_reader reader = {
		.arena = &arena,
		.seed = scenario->sentinel->options.seed,
		.dropped = tell_dropped,
	};
	for (int i = 0; i < RULE_KINDS; i++) {
		enum rule_kind kind = (enum rule_kind)i;
		version->is_last[i] = is_last[i];
		if (!scenario->loaded[i])
			continue;
		if (rule_json_read(&reader, kind, scenario->loaded[i], &version->list))
			fprintf(stderr, "%s: must be a list\n", scenario_kind_name(kind));
		sort(recorded_order(scenario, kind, is_last[i]), kind, &version->list, &arena);
	}
	version->set = rule_set_new(scenario->sentinel, &arena, &version->list, options,
				    tell_dropped, NULL);
	return version;
}

void scenario_load_rules(struct scenario *scenario, const json_t *rules,
			 const bool is_last[RULE_KINDS])
{
	struct rule_set_options options = options_of(scenario, rules);

	for (int i = 0; i < RULE_KINDS; i++) {
		const json_t *given = json_object_get(rules, scenario_kind_name((enum rule_kind)i));
		if (given)
			scenario->loaded[i] = given;
	}
	struct rule_version *version = make_version(scenario, &options, is_last);
	scenario->loads++;
	version->older = scenario->version;
	scenario->version = version;
}

void scenario_hand_over(struct scenario *scenario, struct sentinel **sentinel,
			struct rule_version **version)
{
	struct sentinel_options options = scenario->sentinel->options;
	struct section_writer out = {0};

	*sentinel = scenario->sentinel;
	*version = scenario->version;
	sentinel_export(*sentinel, (*version)->set, scenario_now(scenario), SIZE_MAX, &out);
	options.workers = options.workers * 5 % 7 + 1;
	scenario->sentinel = sentinel_new(&options, scenario_now(scenario).ms);
	scenario->loads--;
	scenario->version =
		make_version(scenario, &(struct rule_set_options){0}, (*version)->is_last);
	scenario->loads++;
	const char *fault = sentinel_import(scenario->sentinel, scenario->version->set,
					    scenario_now(scenario), slice_make(out.data, out.len));
	if (fault)
		fprintf(stderr, "handed over: %s\n", fault);
	invariant(!fault);
	section_writer_free(&out);
}

void rule_versions_free(struct rule_version *version)
{
	for (struct rule_version *older; version; version = older) {
		older = version->older;
		rule_set_free(version->set);
		free(version);
	}
}

#define INDEX(type, member, is_equal)                                                              \
	{                                                                                          \
		const type *rule = (const type *)(const void *)block->rule;                        \
		for (size_t i = 0; i < list->member##_count; i++)                                  \
			if (&list->member[i] == rule)                                              \
				return (int)rule->rule.index;                                      \
		for (size_t i = 0; i < list->member##_count; i++)                                  \
			if (is_equal(&list->member[i], rule))                                      \
				return (int)list->member[i].rule.index;                            \
		return -1;                                                                         \
	}

int scenario_rule_index(const struct scenario *scenario, const struct block *block)
{
	const struct rule_list *list = &scenario->version->list;

	switch (block->exception) {
	case BLOCK_FLOW:
		INDEX(struct flow_rule, flow, flow_rule_is_equal)
	case BLOCK_PARAM_FLOW:
		INDEX(struct param_flow_rule, param, param_flow_rule_is_equal)
	case BLOCK_DEGRADE:
		INDEX(struct degrade_rule, degrade, degrade_rule_is_equal)
	case BLOCK_AUTHORITY:
		return (int)block->rule->index;
	case BLOCK_SYSTEM:
	case BLOCK_NONE:
		break;
	}
	return -1;
}

static json_t *node_json(struct scenario *scenario, struct node *node)
{
	struct node_view v;

	node_view(node, scenario_now(scenario).ms, &v);
	return json_pack(
		"{s:f,s:f,s:f,s:f,s:f,s:f,s:f,s:I,s:f,s:f,s:I,s:f,s:f,s:I,s:I,s:I,s:I,s:I}",
		"passQps", v.pass_qps, "blockQps", v.block_qps, "totalQps", v.total_qps,
		"successQps", v.success_qps, "exceptionQps", v.exception_qps, "avgRt", v.avg_rt,
		"minRt", v.min_rt, "curThreadNum", (json_int_t)v.threads, "maxSuccessQps",
		v.max_success_qps, "occupiedPassQps", v.occupied_pass_qps, "waiting",
		(json_int_t)v.waiting, "previousPassQps", v.previous_pass_qps, "previousBlockQps",
		v.previous_block_qps, "minute_totalPass", (json_int_t)v.minute_pass,
		"minute_totalRequest", (json_int_t)(v.minute_pass + v.minute_block),
		"minute_blockRequest", (json_int_t)v.minute_block, "minute_totalSuccess",
		(json_int_t)v.minute_success, "minute_totalException",
		(json_int_t)v.minute_exception);
}

static void add_node(struct scenario *scenario, json_t *nodes, struct slice name,
		     struct slice origin, struct node *node)
{
	char *key = origin.data ? arena_printf(&scenario->arena, "%.*s origin=%.*s",
					       SLICE_FMT(name), SLICE_FMT(origin))
				: arena_printf(&scenario->arena, "%.*s", SLICE_FMT(name));

	json_object_set_new(nodes, key, node_json(scenario, node));
}

void scenario_snapshot(struct scenario *scenario, size_t event)
{
	json_t *nodes = json_object();

	for (struct name_entry *e = NULL;
	     (e = name_table_next(&scenario->sentinel->resources, e));) {
		struct resource *resource = (struct resource *)(void *)e;
		struct name_table *origins = resource->origins;
		add_node(scenario, nodes, e->name, (struct slice){0}, resource->cluster);
		for (struct name_entry *o = NULL; origins && (o = name_table_next(origins, o));)
			add_node(scenario, nodes, e->name, o->name,
				 ((struct origin_node *)(void *)o)->node);
	}
	add_node(scenario, nodes, SLICE("__total_inbound_traffic__"), (struct slice){0},
		 scenario->sentinel->entrance);
	json_array_append_new(scenario->snapshots,
			      json_pack("{s:I,s:I,s:o}", "event", (json_int_t)event, "t_ms",
					(json_int_t)scenario_t_ms(scenario), "nodes", nodes));
}

static struct argument argument_of(struct scenario *scenario, const json_t *json)
{
	struct argument argument = {0};

	if (json_is_array(json)) {
		argument.type = ARGUMENT_LIST;
		argument.count = scenario_arguments(scenario, json, &argument.items);
	} else if (json_is_string(json)) {
		argument.type = ARGUMENT_STRING;
		argument.string = slice_make(json_string_value(json), json_string_length(json));
		if (slice_starts_with(argument.string, SLICE("L:"))) {
			argument.type = ARGUMENT_LONG;
			argument.integer = strtoll(json_string_value(json) + 2, NULL, 10);
		}
	} else if (json_is_boolean(json)) {
		argument.type = ARGUMENT_BOOLEAN;
		argument.integer = json_is_true(json);
	} else if (json_is_integer(json)) {
		argument.type = ARGUMENT_INTEGER;
		argument.integer = json_integer_value(json);
	} else if (json_is_real(json)) {
		argument.type = ARGUMENT_DOUBLE;
		argument.real = json_real_value(json);
	}
	return argument;
}

uint32_t scenario_arguments(struct scenario *scenario, const json_t *args,
			    const struct argument **out)
{
	struct argument *arguments =
		ARENA_NEW_ARRAY(&scenario->arena, struct argument, json_array_size(args));
	size_t i;
	const json_t *value;

	json_array_foreach(args, i, value) arguments[i] = argument_of(scenario, value);
	*out = arguments;
	return (uint32_t)json_array_size(args);
}
