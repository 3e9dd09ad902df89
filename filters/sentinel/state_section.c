#include "filters/sentinel/state_section.h"

#include <stdlib.h>
#include <sys/random.h>

#include "base/attributes.h"
#include "base/diag.h"
#include "base/log.h"
#include "base/section_fields.h"
#include "filters/sentinel/application.h"
#include "filters/sentinel/core/core_running.h"
#include "filters/sentinel/core/core_transfer.h"
#include "filters/sentinel/core/rule_set.h"
#include "filters/sentinel/core/sentinel.h"
#include "filters/sentinel/ops/ops.h"
#include "filters/sentinel/resource_stats.h"
#include "filters/sentinel/rule_sources.h"
#include "filters/sentinel/rules.h"
#include "stream/worker_context.h"

enum {
	SEED = 1,
	APPLICATION = 2,

	/* of an application */
	NAME = 1,
	SET_RULES = 2,     /* kind, text */
	CORE = 3,          /* FINAL, as the rest */
	STATS_SECOND = 4,  /* the last second that its resources' counters know */
	METRIC_SECOND = 5, /* the first second that isn't the old process's to write of */
	RUNNING = 6,       /* TAIL: calls that run */
};

/* So that something is left for the windows of the applications behind. */
enum { VALUES_END = SECTION_SIZE_MAX / 4 * 3 };

static struct instant now_of(const struct sentinel_applications *all)
{
	struct instant now = {.ms = (int64_t)(*all->wall_ns / 1000000)};

	now.ns = all->loop ? (int64_t)all->loop->now_ns : now.ms * 1000000;
	return now;
}

uint64_t sentinel_state_seed(struct sentinel_applications *all)
{
	if (!all->has_seed)
		invariant(getrandom(&all->seed, sizeof all->seed, 0) == sizeof all->seed);
	all->has_seed = true;
	return all->seed;
}

/* --- export --- */

static void write_head(const struct sentinel_application *application, struct section_writer *out)
{
	field_put_text(out, NAME, application->name);
	for (unsigned kind = 0; kind < RULE_KINDS; kind++) {
		if (!application->set_rules[kind].data)
			continue;
		size_t opened = field_open(out, SET_RULES);
		section_put_number(out, kind);
		section_put_text(out, application->set_rules[kind]);
		field_close(out, opened);
	}
}

static void export_warm(void *owner, struct section_writer *out)
{
	struct sentinel_applications *all = owner;

	field_put_fixed(out, SEED, sentinel_state_seed(all));
	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		size_t opened = field_open(out, APPLICATION);
		write_head(container_of(n, struct sentinel_application, link), out);
		field_close(out, opened);
	}
}

/* The metric log has nothing of that second and those behind it, nor have the counters of
 * resources anything that they don't yet know. */
static void end_at(struct sentinel_applications *all, bool is_told, int64_t second)
{
	all->is_told = is_told;
	all->told_second = second;
	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		struct sentinel_ops *ops =
			atomic_load(&container_of(n, struct sentinel_application, link)->ops);
		if (ops)
			sentinel_ops_end_at(ops, second);
	}
}

static void write_all(const struct sentinel_applications *all, struct instant now,
		      size_t values_end, struct section_writer *out)
{
	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		const struct sentinel_application *application =
			container_of(n, struct sentinel_application, link);
		size_t opened = field_open(out, APPLICATION);
		write_head(application, out);
		size_t core = field_open(out, CORE);
		sentinel_export(application->core,
				application->rules ? application->rules->set : NULL, now,
				values_end, out);
		field_close(out, core);
		field_put_signed(out, METRIC_SECOND, now.ms / 1000);
		if (application->resource_stats)
			field_put_signed(out, STATS_SECOND,
					 resource_stats_last(application->resource_stats));
		field_close(out, opened);
	}
}

/* What is known of values is left out before the rest is: windows, breakers. */
static void export_final(void *owner, struct section_writer *out)
{
	struct sentinel_applications *all = owner;
	struct instant now = now_of(all);
	size_t before = out->len;

	end_at(all, true, now.ms / 1000);
	write_all(all, now, before + VALUES_END, out);
	if (out->len - before <= SECTION_SIZE_MAX)
		return;
	log_warn(SENTINEL, "what is known of values is too much for the successor: left out");
	out->len = before;
	write_all(all, now, 0, out);
}

static void export_tail(void *owner, struct section_writer *out)
{
	const struct sentinel_applications *all = owner;

	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		const struct sentinel_application *application =
			container_of(n, struct sentinel_application, link);
		size_t opened = field_open(out, APPLICATION);
		field_put_text(out, NAME, application->name);
		size_t running = field_open(out, RUNNING);
		sentinel_export_running(application->core,
					application->rules ? application->rules->set : NULL, out);
		field_close(out, running);
		field_close(out, opened);
	}
}

/* --- import --- */

struct application_state {
	struct slice name, set_rules[RULE_KINDS], core, running;
	int64_t stats_second, metric_second;
	bool has_stats_second;
};

static bool read_set_rules(const struct field *field, struct application_state *state)
{
	struct section_reader in = field_reader(field);
	uint64_t kind = section_get_number(&in);
	struct slice text = section_get_text(&in);

	if (kind < RULE_KINDS) /* another release may have more */
		state->set_rules[kind] = text;
	return !in.is_bad && text.len;
}

static const char *read_application(const struct field *given, struct application_state *state)
{
	struct section_reader in = field_reader(given);
	struct field field;

	*state = (struct application_state){.metric_second = INT64_MAX};
	while (field_next(&in, &field))
		switch (field.number) {
		case NAME:
			state->name = field.bytes;
			break;
		case SET_RULES:
			if (!read_set_rules(&field, state))
				return "no rules of an application";
			break;
		case CORE:
			state->core = field.bytes;
			break;
		case RUNNING:
			state->running = field.bytes;
			break;
		case STATS_SECOND:
			state->stats_second = field_signed(&field);
			state->has_stats_second = true;
			break;
		case METRIC_SECOND:
			state->metric_second = field_signed(&field);
			break;
		default:
			break;
		}
	return in.is_bad || !state->name.len ? "no application" : NULL;
}

void sentinel_state_begin(struct sentinel_application *application)
{
	struct section_reader in;
	struct application_state state;
	struct field field;

	section_reader_init(
		&in, slice_make(application->all->inherited.data, application->all->inherited.len));
	while (field_next(&in, &field)) {
		if (field.number != APPLICATION || read_application(&field, &state) ||
		    !slice_equal(state.name, application->name))
			continue;
		for (unsigned kind = 0; kind < RULE_KINDS; kind++)
			if (state.set_rules[kind].len && !application->set_rules[kind].data)
				application->set_rules[kind] =
					sentinel_text_copy(state.set_rules[kind]);
	}
}

/* What commands have set between WARM and FINAL. */
static void set_rules(struct sentinel_application *application,
		      const struct application_state *state)
{
	for (unsigned kind = 0; kind < RULE_KINDS; kind++)
		if (state->set_rules[kind].len &&
		    !slice_equal(state->set_rules[kind], application->set_rules[kind]))
			sentinel_application_set_rules(application, (enum rule_kind)kind,
						       state->set_rules[kind]);
}

/* The core first: it takes over all or nothing. What it then knows of the seconds before isn't for
 * the metric log. */
static const char *take_over(struct sentinel_application *application,
			     const struct application_state *state)
{
	struct sentinel_ops *ops = atomic_load(&application->ops);
	int64_t second = now_of(application->all).ms / 1000;

	set_rules(application, state);
	if (ops && state->metric_second <= second)
		sentinel_ops_begin_at(ops, state->metric_second);
	const char *fault =
		state->core.data
			? sentinel_import(application->core,
					  application->rules ? application->rules->set : NULL,
					  now_of(application->all), state->core)
			: NULL;
	if (fault)
		return fault;
	if (application->rules)
		sentinel_import_probes(application->rules->set);
	if (application->resource_stats && state->has_stats_second && state->stats_second <= second)
		resource_stats_resume(application->resource_stats, state->stats_second);
	return NULL;
}

static const char *import_warm(struct sentinel_applications *all, struct slice bytes)
{
	struct section_reader in;
	struct application_state state;
	struct field field;
	uint64_t seed = 0;
	bool has_seed = false;

	section_reader_init(&in, bytes);
	while (field_next(&in, &field))
		if (field.number == SEED) {
			seed = field.value;
			has_seed = true;
		} else if (field.number == APPLICATION && read_application(&field, &state)) {
			return "no application";
		}
	if (in.is_bad)
		return "no fields";
	if (has_seed && list_is_empty(&all->list)) {
		all->seed = seed;
		all->has_seed = true;
	}
	section_writer_free(&all->inherited);
	section_put_bytes(&all->inherited, bytes.data, bytes.len);
	return NULL;
}

static const char *import_final(struct sentinel_applications *all, struct slice bytes)
{
	struct section_reader in;
	struct application_state state;
	struct field field;
	const char *fault = NULL;

	section_reader_init(&in, bytes);
	while (!fault && field_next(&in, &field)) {
		if (field.number != APPLICATION)
			continue;
		fault = read_application(&field, &state);
		struct sentinel_application *application =
			fault ? NULL : sentinel_application_find(all, state.name);
		if (application)
			fault = take_over(application, &state);
	}
	return fault ? fault : in.is_bad ? "no fields" : NULL;
}

/* --- the old process leaves, or doesn't --- */

/* Applications that came after FINAL end there, too. */
static void left(void *owner)
{
	struct sentinel_applications *all = owner;

	end_at(all, true, all->is_told ? all->told_second : now_of(all).ms / 1000);
}

static void taken_back(void *owner)
{
	end_at(owner, false, SENTINEL_OPS_NO_END);
}

/* --- what worker 0 is told of the old process --- */

/* News of an application's predecessor. */
struct news {
	struct news *next;
	struct sentinel_application *application; /* a reference */
	struct sentinel_rules *rules;             /* those in force: a reference, or NULL */
	struct section_writer running;            /* calls that run there */
	bool is_over;                             /* it has gone */
};

static void take_news(void *arg, unsigned worker, struct loop *loop)
{
	(void)loop;
	for (struct news *news = arg; !worker && news; news = news->next) {
		struct slice running = slice_make(news->running.data, news->running.len);
		struct rule_set *rules = news->rules ? news->rules->set : NULL;
		const char *fault = news->is_over ? NULL
						  : sentinel_import_running(news->application->core,
									    rules, running);
		if (fault)
			log_warn_limited(SENTINEL, "application '%.*s': of its predecessor: %s",
					 SLICE_FMT(news->application->name), fault);
		if (news->is_over)
			sentinel_import_end(news->application->core, rules);
	}
}

static void news_free(void *arg)
{
	for (struct news *news = arg, *next; news; news = next) {
		next = news->next;
		if (news->rules && !--news->rules->published.references)
			news->rules->published.free(&news->rules->published);
		sentinel_application_drop(news->application);
		section_writer_free(&news->running);
		free(news);
	}
}

static struct news *add_news(struct news *news, struct sentinel_application *application)
{
	struct news *made = calloc(1, sizeof *made);

	invariant(made);
	made->next = news;
	made->application = application;
	application->references++;
	made->rules = application->rules;
	if (made->rules)
		made->rules->published.references++;
	return made;
}

static void tell(struct sentinel_applications *all, struct news *news)
{
	if (news)
		all->services->on_workers(all->owner, take_news, news_free, news);
}

static const char *import_tail(struct sentinel_applications *all, struct slice bytes)
{
	struct application_state state;
	struct section_reader in;
	struct news *news = NULL;
	const char *fault = NULL;
	struct field field;

	section_reader_init(&in, bytes);
	while (!fault && field_next(&in, &field)) {
		if (field.number != APPLICATION)
			continue;
		fault = read_application(&field, &state);
		struct sentinel_application *application =
			fault ? NULL : sentinel_application_find(all, state.name);
		if (!application)
			continue;
		news = add_news(news, application);
		section_put_bytes(&news->running, state.running.data, state.running.len);
	}
	fault = fault ? fault : in.is_bad ? "no fields" : NULL;
	if (fault)
		news_free(news);
	else
		tell(all, news);
	return fault;
}

static void predecessor_gone(void *owner)
{
	struct sentinel_applications *all = owner;
	struct news *news = NULL;

	section_writer_free(&all->inherited);
	for (struct list_node *n = all->list.next; n != &all->list; n = n->next) {
		news = add_news(news, container_of(n, struct sentinel_application, link));
		news->is_over = true;
	}
	tell(all, news);
}

static enum status import_part(void *owner, enum section_part part, uint32_t version,
			       struct slice bytes, struct diag *diag)
{
	const char *fault = part == SECTION_WARM    ? import_warm(owner, bytes)
			    : part == SECTION_FINAL ? import_final(owner, bytes)
						    : import_tail(owner, bytes);

	(void)version;
	return fault ? diag_set(diag, "%s", fault) : STATUS_OK;
}

const struct section_type sentinel_section = {
	.name = "sentinel",
	.version = 1,
	.oldest = 1,
	.export = {export_warm, export_final, export_tail},
	.import = import_part,
	.left = left,
	.taken_back = taken_back,
	.predecessor_gone = predecessor_gone,
};
