#include "filters/sentinel/rule_stats.h"

#include <inttypes.h>
#include <math.h>

#include "base/map.h"
#include "filters/sentinel/core/rule_list.h"
#include "filters/sentinel/ops/metric_collector.h"
#include "filters/sentinel/resource_stats.h"

STAT_TYPE(sentinel_rule_stats, "sentinel_rule", RULE_STAT, RULE_STATS);

struct taking {
	struct rule_stats *own;
	const struct rule_stats_options *options;
	struct arena names;
};

/* What of a resource's name would look like another stat's, or like a line's end. */
static void clean(char *name)
{
	for (char *c = name; (c = strstr(c, ".rule."));)
		*c = '_';
	resource_stats_clean(name);
}

static const struct stat_scope *take(struct taking *t, struct slice resource, const char *rule)
{
	const struct rule_stats_options *options = t->options;
	size_t before = sizeof "sentinel." + options->application.len;

	if (t->own->count == options->limit || resource.len > RESOURCE_STATS_NAME_MAX)
		return NULL;
	char *name = arena_printf(&t->names, "sentinel.%.*s.rule.%.*s.%s",
				  SLICE_FMT(options->application), SLICE_FMT(resource), rule);
	clean(name + before + sizeof "rule." - 1);
	struct stat_scope *scope =
		stat_scope_take(options->stats, &sentinel_rule_stats, slice_of(name));
	t->own->scopes[t->own->count++] = scope;
	return scope;
}

static void take_rule(struct taking *t, enum rule_kind kind, struct map *places, struct rule *rule)
{
	const char *name;

	if (rule->id)
		name = arena_printf(&t->names, "%s_%" PRId64, rule_kind_name(kind), rule->id);
	else
		name = arena_printf(&t->names, "%s_at_%" PRIu64, rule_kind_name(kind),
				    map_at(places, rule->resource, NULL)->number++);
	rule->scope = take(t, rule->resource, name);
}

static void take_kind(struct taking *t, enum rule_kind kind, const struct rule_list *list)
{
	struct rule_array array = rule_list_of(list, kind);
	struct map places;

	map_init(&places, NULL);
	for (size_t i = 0; i < array.count && t->own->count < t->options->limit; i++)
		take_rule(t, kind, &places, (struct rule *)(uintptr_t)rule_array_at(&array, i));
	map_free(&places);
}

static void take_limits(struct taking *t, const struct rule_list *list)
{
	struct system_limits limits = rule_list_limits(list);

	for (unsigned i = SYSTEM_LIMIT_NONE + 1; i < SYSTEM_LIMITS; i++) {
		enum system_limit limit = (enum system_limit)i;
		if (system_limits_value(&limits, limit) < HUGE_VAL)
			t->own->limits[i] =
				take(t, METRIC_INBOUND_NAME,
				     arena_printf(&t->names, "%s_%s", rule_kind_name(RULE_SYSTEM),
						  system_limit_name(limit)));
	}
}

void rule_stats_take(struct rule_stats *own, const struct rule_stats_options *options,
		     const struct rule_list *list)
{
	struct taking t = {.own = own, .options = options};
	size_t room = SYSTEM_LIMITS;

	for (unsigned kind = 0; kind < RULE_KINDS; kind++)
		room += rule_list_of(list, (enum rule_kind)kind).count;
	room = room < options->limit ? room : options->limit;
	if (!room)
		return;
	own->scopes = ARENA_NEW_ARRAY(options->arena, struct stat_scope *, room);
	arena_init(&t.names, 4096);
	take_limits(&t, list);
	for (unsigned kind = 0; kind < RULE_KINDS; kind++)
		take_kind(&t, (enum rule_kind)kind, list);
	arena_free(&t.names);
}

void rule_stats_drop(struct rule_stats *own, struct stats *stats)
{
	for (uint32_t i = 0; i < own->count; i++)
		stat_scope_drop(stats, own->scopes[i]);
}
