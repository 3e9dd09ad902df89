/* The operations of an application (ops/): started with the first configuration that wants them,
 * and how they reach its rules. */
#include "filters/sentinel/operations.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/attributes.h"
#include "filters/sentinel/application.h"
#include "filters/sentinel/cluster_client.h"
#include "filters/sentinel/core/sentinel.h"
#include "filters/sentinel/ops/ops.h"
#include "filters/sentinel/rule_sources.h"
#include "filters/sentinel/rules.h"

/* --- rules, for commands --- */

struct rules_hold {
	struct sentinel_application *application; /* a reference */
	struct sentinel_rules *rules;             /* a reference; NULL: none are in force */
};

static const struct rule_list *take(void *owner, void **hold)
{
	struct sentinel_application *application = owner;
	struct rules_hold *made = malloc(sizeof *made);

	invariant(made);
	*made = (struct rules_hold){application, application->rules};
	application->references++;
	if (made->rules)
		made->rules->published.references++;
	*hold = made;
	return made->rules ? made->rules->list : NULL;
}

static void give_back(void *data)
{
	struct rules_hold *hold = data;
	struct sentinel_application *application = hold->application;

	if (hold->rules && !--hold->rules->published.references)
		hold->rules->published.free(&hold->rules->published);
	sentinel_application_drop(application);
	free(hold);
}

/* The first file of that kind that has Java's form, which is what commands set. */
static const char *path(void *owner, enum rule_kind kind, const char **refusal)
{
	const struct sentinel_application *application = owner;
	const char *golang = NULL;

	*refusal = NULL;
	for (struct list_node *n = application->parts.next; n != &application->parts; n = n->next) {
		const struct sentinel_part *part = container_of(n, struct sentinel_part, link);
		for (uint32_t i = 0; i < part->count; i++) {
			const struct sentinel_source *source = &part->sources[i];
			if (source->kind != kind || !source->path)
				continue;
			if (source->dialect == RULE_DIALECT_JAVA)
				return source->path;
			if (!golang)
				golang = source->path;
		}
	}
	if (golang)
		*refusal = "its dialect is GOLANG";
	return golang;
}

static void set(void *owner, enum rule_kind kind, struct slice text)
{
	sentinel_application_set_rules(owner, kind, text);
}

static void cluster(void *owner, struct command_cluster *view)
{
	const struct sentinel_application *application = owner;

	cluster_client_view(application->cluster, view);
}

static void set_cluster_mode(void *owner, int32_t mode)
{
	const struct sentinel_application *application = owner;

	cluster_client_set_mode(application->cluster, mode);
}

static void set_cluster_server(void *owner, const struct command_cluster *wanted)
{
	const struct sentinel_application *application = owner;

	cluster_client_set_server(application->cluster, wanted);
}

static void change_server(void *owner, struct cluster_change *change)
{
	const struct sentinel_application *application = owner;

	cluster_client_change_server(application->cluster, change);
}

static void collect(void *owner, int64_t now_ms, struct text *lines)
{
	const struct sentinel_application *application = owner;

	cluster_client_collect(application->cluster, now_ms, lines);
}

static const struct ops_rules ops_rules = {
	take,          give_back, path, set, cluster, set_cluster_mode, set_cluster_server,
	change_server, collect,
};

/* --- the record log --- */

/* They are newest first. */
static void record_rejections(struct sentinel_ops *ops, const struct sentinel_rejection *rejection)
{
	if (!rejection)
		return;
	record_rejections(ops, rejection->next);
	sentinel_ops_record_rejection(ops, rejection->kind, rejection->source, rejection->index,
				      rejection->reason);
}

void sentinel_operations_record(const struct sentinel_application *application)
{
	struct sentinel_ops *ops = atomic_load(&application->ops);
	const struct sentinel_rules *rules = application->rules;

	if (!ops || !rules)
		return;
	record_rejections(ops, rules->rejections);
	for (unsigned kind = 0; kind < RULE_KINDS; kind++)
		sentinel_ops_record_rules(ops, (enum rule_kind)kind, rules->list);
}

void sentinel_operations_tick(const struct sentinel_application *application)
{
	struct sentinel_ops *ops = atomic_load(&application->ops);

	if (ops)
		sentinel_ops_record_overflow(
			ops,
			atomic_load_explicit(&application->core->overflows, memory_order_relaxed));
}

/* --- start and end --- */

void sentinel_operations_start(struct sentinel_application *application,
			       const struct sentinel_ops_options *given)
{
	struct sentinel_ops_options options = *given;
	struct sentinel_applications *all = application->all;

	if (!all->is_serving || atomic_load(&application->ops))
		return;
	options.application = application->name;
	if (options.writes_server_log)
		cluster_client_keep_log(application->cluster);
	struct sentinel_ops *ops =
		sentinel_ops_start(application->core, &options, &ops_rules, application);
	atomic_store(&application->ops, ops);
	sentinel_operations_record(application);
	if (options.has_command_centre)
		application->centre = all->services->open_centre(all->owner, ops);
}

uint64_t sentinel_operations_dropped(const struct sentinel_application *application)
{
	const struct sentinel_ops *ops = atomic_load(&application->ops);

	return ops ? sentinel_ops_dropped(ops) : 0;
}

void sentinel_operations_stop(struct sentinel_application *application)
{
	if (application->centre)
		application->all->services->close_centre(application->centre);
	sentinel_ops_stop(atomic_exchange(&application->ops, NULL));
}
