#include "filters/sentinel/rules.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "base/hash.h"
#include "base/log.h"
#include "filters/sentinel/application.h"
#include "filters/sentinel/core/rule_json.h"
#include "filters/sentinel/core/rule_set.h"
#include "filters/sentinel/core/sentinel.h"
#include "filters/sentinel/resource_stats.h"
#include "filters/sentinel/rule_sources.h"

enum {
	REJECTIONS_KEPT = 100,
	REJECTIONS_LOGGED = 10, /* of one version */
	ARENA_BLOCK = 64 * 1024,
};

struct building {
	struct sentinel_application *application;
	struct sentinel_rules *rules;
	struct arena arena;    /* becomes the rule set's */
	struct rule_list list; /* all of it */
	const char *source;    /* that is being read */
	const struct sentinel_source **seen;
	uint32_t seen_count;
};

static void reject(void *arg, enum rule_kind kind, uint32_t index, const char *reason)
{
	struct building *building = arg;
	struct sentinel_rules *rules = building->rules;
	struct arena *arena = &rules->published.arena;

	if (rules->rejected++ < REJECTIONS_LOGGED)
		log_warn(SENTINEL, "application '%.*s': rule %u of %s (%s) is left out: %s",
			 SLICE_FMT(building->application->name), index, rule_kind_name(kind),
			 building->source, reason);
	if (rules->rejected > REJECTIONS_KEPT)
		return;
	struct sentinel_rejection *rejection = ARENA_NEW(arena, struct sentinel_rejection);
	*rejection = (struct sentinel_rejection){
		.next = rules->rejections,
		.kind = kind,
		.index = index,
		.source = arena_string(arena, slice_of(building->source)),
		.reason = arena_string(arena, slice_of(reason)),
	};
	rules->rejections = rejection;
}

struct array {
	const void *items;
	size_t count;
};

/* One array of both. */
static const void *join(struct arena *arena, struct array a, struct array b, size_t size)
{
	char *joined;

	if (!a.count || !b.count)
		return a.count ? a.items : b.items;
	joined = arena_zalloc_array(arena, a.count + b.count, size);
	memcpy(joined, a.items, a.count * size);
	memcpy(joined + a.count * size, b.items, b.count * size);
	return joined;
}

static void add_list(struct building *building, const struct rule_list *more)
{
	struct rule_list *list = &building->list;

#define ADD(member)                                                                                \
	do {                                                                                       \
		struct array before = {list->member, list->member##_count};                        \
		struct array behind = {more->member, more->member##_count};                        \
		list->member = join(&building->arena, before, behind, sizeof *list->member);       \
		list->member##_count += more->member##_count;                                      \
	} while (0)
	ADD(flow);
	ADD(degrade);
	ADD(system);
	ADD(authority);
	ADD(param);
#undef ADD
}

static enum status read_text(struct building *building, const struct sentinel_source *source,
			     struct slice text)
{
	const struct rule_json_reader reader = {
		.arena = &building->arena,
		.seed = building->application->core->options.seed,
		.dropped = reject,
		.arg = building,
		.dialect = source->dialect,
	};
	struct rule_list list = {0};
	enum status status = rule_json_parse(&reader, source->kind, text, &list);

	if (!status)
		add_list(building, &list);
	return status;
}

/* A text that is no list is as it was when it was one. */
static void read_live(struct building *building, const struct sentinel_source *source)
{
	const struct sentinel_application *application = building->application;
	struct sentinel_text *text = source->live;
	enum status status = text->now.data ? read_text(building, source, text->now) : STATUS_OK;

	if (!status) {
		if (text->now.data)
			sentinel_text_accept(text);
		return;
	}
	stat_inc(stats_main_shard(application->all->stats), application->stats,
		 SENTINEL_STAT_SOURCE_REJECTED);
	log_warn(SENTINEL, "application '%.*s': %s rules of %s are refused: %s",
		 SLICE_FMT(application->name), rule_kind_name(source->kind), text->name,
		 status == STATUS_MALFORMED ? "no JSON" : "no JSON array");
	if (text->taken.data && read_text(building, source, text->taken))
		log_warn(SENTINEL, "rules of %s: none", text->name);
}

static bool is_same(const struct sentinel_source *a, const struct sentinel_source *b)
{
	return a->kind == b->kind && a->dialect == b->dialect && a->live == b->live &&
	       slice_equal(a->text, b->text);
}

/* What several listeners have alike is there once. */
static bool is_new(struct building *building, const struct sentinel_source *source)
{
	for (uint32_t i = 0; i < building->seen_count; i++)
		if (is_same(building->seen[i], source))
			return false;
	building->seen[building->seen_count++] = source;
	return true;
}

static void read_part(struct building *building, const struct sentinel_part *part)
{
	for (uint32_t i = 0; i < part->count; i++) {
		const struct sentinel_source *source = &part->sources[i];
		if (building->application->set_rules[source->kind].data ||
		    !is_new(building, source))
			continue;
		building->source = source->live ? source->live->name : "inline";
		if (source->live)
			read_live(building, source);
		else if (read_text(building, source, source->text))
			log_warn(SENTINEL, "inline rules of kind %s: none",
				 rule_kind_name(source->kind)); /* config_load has looked */
	}
}

static void read_set_rules(struct building *building)
{
	building->source = "setRules";
	for (unsigned kind = 0; kind < RULE_KINDS; kind++) {
		const struct sentinel_source source = {.kind = (enum rule_kind)kind}; /* Java's */
		struct slice text = building->application->set_rules[kind];
		if (text.data && read_text(building, &source, text))
			log_warn(SENTINEL, "rules of kind %s that were set: none",
				 rule_kind_name(kind)); /* the command has looked */
	}
}

/* --- whether there is anything new --- */

static uint64_t hash_part(uint64_t hash, const struct sentinel_part *part)
{
	for (uint32_t i = 0; i < part->count; i++) {
		const struct sentinel_source *source = &part->sources[i];
		struct slice text = source->live ? source->live->now : source->text;
		hash = hash_combine(hash,
				    (uint64_t)source->dialect * RULE_KINDS + source->kind + 1);
		hash = hash_combine(hash, hash_bytes(text));
	}
	return hash;
}

static uint64_t hash_texts(const struct sentinel_application *application, uint32_t *sources)
{
	uint64_t hash = 1;

	*sources = 0;
	for (struct list_node *n = application->parts.next; n != &application->parts; n = n->next) {
		const struct sentinel_part *part = container_of(n, struct sentinel_part, link);
		hash = hash_part(hash, part);
		*sources += part->count;
	}
	for (unsigned kind = 0; kind < RULE_KINDS; kind++)
		if (application->set_rules[kind].data)
			hash = hash_combine(hash, hash_bytes(application->set_rules[kind]) + kind);
	return hash;
}

static size_t rule_count(const struct rule_list *list)
{
	return list->flow_count + list->degrade_count + list->system_count + list->authority_count +
	       list->param_count;
}

struct sentinel_rules *sentinel_rules_build(struct sentinel_application *application)
{
	struct building building = {.application = application, .source = "all"};
	const struct rule_set *previous = application->rules ? application->rules->set : NULL;
	uint32_t sources;
	uint64_t hash = hash_texts(application, &sources);

	if (application->rules && application->rules->hash == hash)
		return NULL;
	struct sentinel_rules *rules = building.rules = calloc(1, sizeof *rules);
	invariant(rules);
	arena_init(&rules->published.arena, 1024);
	arena_init(&building.arena, ARENA_BLOCK);
	building.seen = ARENA_NEW_ARRAY(&rules->published.arena, const struct sentinel_source *,
					sources + 1);
	for (struct list_node *n = application->parts.next; n != &application->parts; n = n->next)
		read_part(&building, container_of(n, struct sentinel_part, link));
	read_set_rules(&building);
	building.source = "all";
	rule_stats_take(&rules->stats,
			&(struct rule_stats_options){
				.stats = application->all->stats,
				.application = application->name,
				.limit = resource_stats_limit(application->resource_stats),
				.arena = &rules->published.arena,
			},
			&building.list);
	uint32_t unread = rules->rejected;
	rules->set =
		rule_set_new(application->core, &building.arena, &building.list,
			     &(struct rule_set_options){.previous = previous}, reject, &building);
	struct rule_list *list = ARENA_NEW(&rules->published.arena, struct rule_list);
	*list = building.list;
	rules->list = list;
	rules->hash = hash;
	rules->loaded = (uint32_t)rule_count(&building.list) - (rules->rejected - unread);
	log_info(SENTINEL, "application '%.*s': %u rules, %u left out",
		 SLICE_FMT(application->name), rules->loaded, rules->rejected);
	return rules;
}
