#include "filters/sentinel/application.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/answers.h"
#include "filters/sentinel/cluster_client.h"
#include "filters/sentinel/core/rule_set.h"
#include "filters/sentinel/core/sentinel.h"
#include "filters/sentinel/nacos_sources.h"
#include "filters/sentinel/names.h"
#include "filters/sentinel/operations.h"
#include "filters/sentinel/resource_stats.h"
#include "filters/sentinel/rule_sources.h"
#include "filters/sentinel/rules.h"
#include "filters/sentinel/state_section.h"

STAT_TYPE(sentinel_stats, "sentinel", SENTINEL_STAT, SENTINEL_STATS);

static struct stats_shard *shard(const struct sentinel_applications *all)
{
	return stats_main_shard(all->stats);
}

void sentinel_applications_init(struct sentinel_applications *all,
				const struct sentinel_services *services, void *owner,
				struct stats *stats, const uint64_t *wall_ns)
{
	*all = (struct sentinel_applications){
		.services = services,
		.owner = owner,
		.stats = stats,
		.wall_ns = wall_ns,
		.workers = 1,
	};
	list_init(&all->list);
	list_init(&all->files);
	list_init(&all->nacos);
}

void sentinel_applications_fini(struct sentinel_applications *all)
{
	invariant(list_is_empty(&all->list) && list_is_empty(&all->files) &&
		  list_is_empty(&all->nacos));
	section_writer_free(&all->inherited);
}

/* --- an application --- */

struct sentinel_application *sentinel_application_find(const struct sentinel_applications *all,
						       struct slice name)
{
	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		struct sentinel_application *application =
			container_of(n, struct sentinel_application, link);
		if (slice_equal(application->name, name))
			return application;
	}
	return NULL;
}

/* On the worker whose call it was. */
static void breaker_changed(void *arg, const struct breaker_change *change)
{
	const struct sentinel_application *application = arg;

	log_info_limited(SENTINEL, "application '%.*s': the breaker of '%.*s' is %s, it was %s",
			 SLICE_FMT(application->name), SLICE_FMT(change->rule->rule.resource),
			 breaker_state_name(change->to), breaker_state_name(change->from));
}

static struct sentinel_application *application_new(struct sentinel_applications *all,
						    struct slice name,
						    const struct sentinel_options *given)
{
	struct sentinel_application *application = calloc(1, sizeof *application);
	struct sentinel_options options = *given;
	struct arena arena;

	invariant(application);
	options.workers = all->workers;
	options.observer = (struct breaker_observer){breaker_changed, application};
	options.seed = sentinel_state_seed(all);
	application->all = all;
	application->name = slice_make(strndup(name.data, name.len), name.len);
	invariant(application->name.data);
	application->cluster = cluster_client_new(all, name);
	options.tokens = cluster_client_service(application->cluster);
	application->slot = all->services->slot(all->owner, name);
	application->core = sentinel_new(&options, (int64_t)(*all->wall_ns / 1000000));
	application->memos = sentinel_memos_new(all->workers);
	application->answers = answers_new(all->workers);
	list_init(&application->parts);
	arena_init(&arena, 1024);
	application->stats =
		stat_scope_take(all->stats, &sentinel_stats,
				slice_of(arena_printf(&arena, "sentinel.%.*s", SLICE_FMT(name))));
	arena_free(&arena);
	list_push_back(&all->list, &application->link);
	sentinel_state_begin(application);
	return application;
}

void sentinel_application_drop(struct sentinel_application *application)
{
	if (--application->references)
		return;
	sentinel_operations_stop(application);
	for (unsigned kind = 0; kind < RULE_KINDS; kind++)
		free((char *)(uintptr_t)application->set_rules[kind].data);
	list_remove(&application->link);
	resource_stats_free(application->resource_stats);
	sentinel_free(application->core);
	cluster_client_end(application->cluster);
	sentinel_memos_free(application->memos, application->all->workers);
	answers_free(application->answers, application->all->workers);
	stat_scope_drop(application->all->stats, application->stats);
	free((char *)(uintptr_t)application->name.data);
	free(application);
}

static void drop_configuration(void *data)
{
	struct sentinel_application *application = data;
	struct sentinel_applications *all = application->all;

	if (!--application->configurations && application->rules) {
		application->rules = NULL;
		all->services->publish(all->owner, application->slot, NULL);
	}
	sentinel_application_drop(application);
}

struct sentinel_application *sentinel_application_for(struct arena *arena,
						      struct sentinel_applications *all,
						      struct slice name,
						      const struct sentinel_options *options)
{
	struct sentinel_application *application = sentinel_application_find(all, name);

	if (!application)
		application = application_new(all, name, options);
	application->references++;
	application->configurations++;
	arena_defer(arena, drop_configuration, application);
	return application;
}

/* --- its rules --- */

static void rules_free(struct published *object)
{
	struct sentinel_rules *rules = sentinel_rules_of(object);
	struct sentinel_application *application = rules->application;

	if (application->rules == rules)
		application->rules = NULL;
	rule_stats_drop(&rules->stats, application->all->stats);
	rule_set_free(rules->set);
	arena_free(&object->arena);
	free(rules);
	sentinel_application_drop(application);
}

static void show(const struct sentinel_application *application)
{
	const struct sentinel_rules *rules = application->rules;
	struct stats_shard *stats = shard(application->all);

	stat_gauge_set(stats, application->stats, SENTINEL_STAT_RULES_LOADED, rules->loaded);
	stat_gauge_set(stats, application->stats, SENTINEL_STAT_RULES_REJECTED, rules->rejected);
	stat_inc(stats, application->stats, SENTINEL_STAT_RULES_UPDATE);
	sentinel_operations_record(application);
}

/* Main. False: the version in force says the same. */
static bool renew(struct sentinel_application *application)
{
	struct sentinel_applications *all = application->all;
	struct sentinel_rules *rules = sentinel_rules_build(application);

	application->is_stale = false;
	if (!rules)
		return false;
	application->references++;
	rules->application = application;
	rules->published.kind = PUBLISHED_RULES;
	rules->published.slot = application->slot;
	rules->published.references = 1;
	rules->published.free = rules_free;
	rules->published.hash = rules->hash;
	rules->published.name = arena_slice(&rules->published.arena, application->name);
	application->rules = rules;
	show(application);
	all->services->publish(all->owner, application->slot, &rules->published);
	return true;
}

/* --- parts --- */

/* The newest that speaks of the cluster says how. */
static void configure_cluster(struct sentinel_application *application)
{
	const struct cluster_client_options *options = NULL;
	const struct cluster_server_options *server = NULL;

	for (struct list_node *n = application->parts.next; n != &application->parts; n = n->next) {
		const struct sentinel_part *part = container_of(n, struct sentinel_part, link);
		if (part->cluster)
			options = part->cluster;
		if (part->cluster_server)
			server = part->cluster_server;
	}
	cluster_client_configure(application->cluster, options, server);
}

static void unload(struct sentinel_part *part)
{
	list_remove(&part->link);
	part->is_in_force = false;
	for (uint32_t i = 0; i < part->count; i++) {
		struct sentinel_source *source = &part->sources[i];
		if (source->file)
			sentinel_file_drop(source->file);
		if (source->pushed)
			sentinel_nacos_drop(source->pushed);
		source->file = NULL;
		source->pushed = NULL;
		source->live = NULL;
	}
}

static void take_source(struct sentinel_source *source, struct sentinel_applications *all)
{
	if (source->path) {
		source->file = sentinel_file_take(all, source->path);
		source->live = &source->file->text;
	} else if (source->nacos) {
		source->pushed = sentinel_nacos_take(all, source->nacos);
		source->live = &source->pushed->text;
	}
}

void sentinel_part_adopt(struct sentinel_part *part)
{
	struct sentinel_application *application = part->application;
	struct sentinel_part *before = NULL;

	for (struct list_node *n = application->parts.next; n != &application->parts; n = n->next)
		if (slice_equal(container_of(n, struct sentinel_part, link)->key, part->key))
			before = container_of(n, struct sentinel_part, link);
	for (uint32_t i = 0; i < part->count; i++)
		take_source(&part->sources[i], application->all);
	if (before)
		unload(before);
	list_push_back(&application->parts, &part->link);
	part->is_in_force = true;
	if (!application->resource_stats && part->resource_stats_max)
		application->resource_stats = resource_stats_new(
			application->all->stats, application->name, part->resource_stats_max,
			(int64_t)(*application->all->wall_ns / 1000000));
	renew(application);
	configure_cluster(application);
	if (part->operations)
		sentinel_operations_start(application, part->operations);
}

void sentinel_part_leave(void *data)
{
	struct sentinel_part *part = data;

	if (!part->is_in_force)
		return;
	unload(part);
	part->application->is_stale = true; /* this may be in the middle of a publication */
}

void sentinel_applications_close(struct sentinel_applications *all)
{
	for (struct list_node *n = all->list.next; n != &all->list; n = n->next)
		cluster_client_close(container_of(n, struct sentinel_application, link)->cluster);
	sentinel_nacos_close(all);
}

void sentinel_applications_leave(struct sentinel_applications *all)
{
	for (struct list_node *n = all->list.next; n != &all->list; n = n->next)
		cluster_client_leave(container_of(n, struct sentinel_application, link)->cluster);
}

/* Texts of it that are as they were when their Nacos server last answered. */
static uint64_t count_unreachable(const struct sentinel_application *application)
{
	uint64_t count = 0;

	for (struct list_node *n = application->parts.next; n != &application->parts; n = n->next) {
		const struct sentinel_part *part = container_of(n, struct sentinel_part, link);
		for (uint32_t i = 0; i < part->count; i++)
			count += part->sources[i].pushed &&
				 !sentinel_nacos_is_connected(part->sources[i].pushed);
	}
	return count;
}

void sentinel_applications_tick(struct sentinel_applications *all)
{
	struct system_status status;
	bool is_changed = all->is_send_due;

	if (list_is_empty(&all->list))
		return;
	all->is_send_due = false;
	is_changed |= sentinel_nacos_tick(all);
	status = system_sampler_read(&all->sampler, *all->wall_ns);
	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		struct sentinel_application *application =
			container_of(n, struct sentinel_application, link);
		const struct sentinel *core = application->core;
		sentinel_set_status(application->core, status);
		stat_gauge_set(shard(all), application->stats, SENTINEL_STAT_RESOURCES,
			       atomic_load_explicit(&core->resources.count, memory_order_relaxed));
		stat_gauge_set(shard(all), application->stats, SENTINEL_STAT_RESOURCE_OVERFLOW,
			       atomic_load_explicit(&core->overflows, memory_order_relaxed));
		stat_gauge_set(shard(all), application->stats, SENTINEL_STAT_BLOCK_LOG_DROPPED,
			       sentinel_operations_dropped(application));
		if (!all->is_told)
			resource_stats_collect(application->resource_stats, core,
					       (int64_t)(*all->wall_ns / 1000000));
		cluster_client_show(application->cluster, shard(all), application->stats);
		sentinel_operations_tick(application);
		stat_gauge_set(shard(all), application->stats, SENTINEL_STAT_NACOS_UNREACHABLE,
			       count_unreachable(application));
		if (application->is_stale && application->configurations) {
			is_changed |= renew(application);
			configure_cluster(application);
		}
	}
	if (is_changed)
		all->services->send(all->owner);
}

/* --- rules that were set by a command --- */

void sentinel_application_set_rules(struct sentinel_application *application, enum rule_kind kind,
				    struct slice text)
{
	struct slice *own = &application->set_rules[kind];

	free((char *)(uintptr_t)own->data);
	*own = (struct slice){0};
	if (text.data)
		*own = sentinel_text_copy(text);
	if (application->configurations && renew(application))
		application->all->services->send(application->all->owner);
}

/* What somebody writes to a file, or pushes, later than rules were set holds; what the command
 * itself has written there is what was set. */
static void forget_set_rules(struct sentinel_application *application,
			     const struct sentinel_text *text)
{
	for (struct list_node *n = application->parts.next; n != &application->parts; n = n->next) {
		const struct sentinel_part *part = container_of(n, struct sentinel_part, link);
		for (uint32_t i = 0; i < part->count; i++) {
			struct slice *set = &application->set_rules[part->sources[i].kind];
			if (part->sources[i].live != text || !set->data ||
			    slice_equal(*set, text->now))
				continue;
			free((char *)(uintptr_t)set->data);
			*set = (struct slice){0};
		}
	}
}

static bool has_text(const struct sentinel_application *application,
		     const struct sentinel_text *text)
{
	for (struct list_node *n = application->parts.next; n != &application->parts; n = n->next) {
		const struct sentinel_part *part = container_of(n, struct sentinel_part, link);
		for (uint32_t i = 0; i < part->count; i++)
			if (part->sources[i].live == text)
				return true;
	}
	return false;
}

void sentinel_text_changed(struct sentinel_applications *all, const struct sentinel_text *text)
{
	bool is_changed = false;

	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		struct sentinel_application *application =
			container_of(n, struct sentinel_application, link);
		forget_set_rules(application, text);
		if (has_text(application, text))
			is_changed |= renew(application);
	}
	if (is_changed)
		all->services->send(all->owner);
}
