#include <stdlib.h>

#include <envoy/config/core/v3/config_source.pb-c.h>
#include <outrigger/config/route/v1/dubbo_rules.pb-c.h>

#include "filters/dubbo_rules/rule_set.h"
#include "server/server.h"
#include "telemetry/stats_server.h"

/* --- answers --- */

static enum status build(struct dynamic_rules *rules, const struct file_resource *resource,
			 struct slice name, struct diag *diag)
{
	struct server *server = rules->dynamic->server;
	struct config_context context;
	struct published *built;

	server_config_context(server, &context);
	enum status status = dubbo_rule_set_build(
		(const Outrigger__Config__Route__V1__DubboRules *)resource->message, name, &context,
		&built, diag);
	if (status)
		return status;
	built->hash = resource->hash;
	publisher_add(&server->publisher, built);
	return STATUS_OK;
}

/* The rules of that name; or those of a file that has nothing but rules, in Dubbo's own YAML. */
static const struct file_resource *find_resource(const struct file_resources *resources,
						 struct slice name)
{
	if (resources->count == 1 && !resources->items[0].name.len)
		return &resources->items[0];
	return file_resources_find(resources, name);
}

static enum status rules_apply(struct subscription *sub, struct subscription_load *load,
			       bool *is_changed, bool *is_empty, struct diag *diag)
{
	struct dynamic_rules *rules = sub->subject;
	const struct file_resources *resources = &load->file->resources;
	const struct file_resource *resource = find_resource(resources, sub->name);

	*is_empty = !resources->count;
	if (!resources->count)
		return STATUS_OK;
	if (!resource)
		return diag_set(diag, "there is no DubboRules '%.*s'", SLICE_FMT(sub->name));
	if (rules->has_rules && rules->hash == resource->hash) {
		origin_move(&rules->origin, resource->message, load->file);
		return STATUS_OK;
	}
	enum status status = build(rules, resource, sub->name, diag);
	if (status) {
		file_resources_place(resources, resource, diag);
		return status;
	}
	rules->hash = resource->hash;
	rules->has_rules = true;
	origin_set(&rules->origin, resource->message, load->file, sub->owner->loop->wall_ns);
	*is_changed = true;
	return STATUS_OK;
}

static const struct subscription_type rules_type = {
	.what = "rules",
	.message = &outrigger__config__route__v1__dubbo_rules__descriptor,
	.apply = rules_apply,
	.attempt = RDS_STAT_UPDATE_ATTEMPT,
	.success = RDS_STAT_UPDATE_SUCCESS,
	.failure = RDS_STAT_UPDATE_FAILURE,
	.version = RDS_STAT_VERSION,
	.rejected = RDS_STAT_UPDATE_REJECTED,
	.time = RDS_STAT_UPDATE_TIME,
	.version_text = RDS_STAT_VERSION_TEXT,
	.duration = RDS_STAT_UPDATE_DURATION,
	.counts_reloads = true,
	.reload = RDS_STAT_CONFIG_RELOAD,
	.reload_time = RDS_STAT_CONFIG_RELOAD_TIME_MS,
	.counts_empty = true,
	.empty = RDS_STAT_UPDATE_EMPTY,
};

/* --- who asks --- */

/* A configuration that asked is gone. */
static void rules_drop(void *data)
{
	struct dynamic_rules *rules = data;
	struct dynamic *dynamic = rules->dynamic;

	if (--rules->references)
		return;
	subscription_close(rules->subscription);
	origin_fini(&rules->origin);
	list_remove(&rules->link);
	/* Sent with the next change: this may be in the middle of one. */
	if (rules->has_rules && !dynamic->is_stopped)
		publisher_remove(&dynamic->server->publisher, PUBLISHED_RULES, rules->slot);
	free(rules);
}

static struct dynamic_rules *find(const struct dynamic *dynamic, uint32_t slot)
{
	for (struct list_node *n = dynamic->rules.next; n != &dynamic->rules; n = n->next) {
		struct dynamic_rules *rules = container_of(n, struct dynamic_rules, link);
		if (rules->slot == slot)
			return rules;
	}
	return NULL;
}

static enum status subscribe(struct dynamic *dynamic, const struct config_context *context,
			     const Envoy__Config__Core__V3__ConfigSource *source, struct slice name,
			     struct dynamic_rules **made, struct diag *diag)
{
	struct dynamic_rules *rules = calloc(1, sizeof *rules);
	char *scope_name = arena_printf(context->arena, "dubbo_rules.%.*s", SLICE_FMT(name));

	invariant(rules);
	enum status status =
		subscription_open(&dynamic->subscriptions, &rules_type, source, name, rules,
				  stat_scope_take(context->stats, &rds_stats, slice_of(scope_name)),
				  NULL, &rules->subscription, diag);
	if (status) {
		free(rules);
		return status;
	}
	rules->dynamic = dynamic;
	rules->slot = publisher_slot(&dynamic->server->publisher, PUBLISHED_RULES, name);
	list_push_back(&dynamic->rules, &rules->link);
	subscription_load(rules->subscription);
	*made = rules;
	return STATUS_OK;
}

enum status dynamic_subscribe_rules(const struct config_context *context,
				    const Envoy__Config__Core__V3__ConfigSource *source,
				    struct slice name, struct diag *diag)
{
	struct server *server = context->owner;
	struct dynamic *dynamic = &server->dynamic;
	const char *path, *watched_directory;
	enum status status = subscription_source(source, &path, &watched_directory, diag);

	if (!status && server->options->mode == MODE_SERVE) {
		struct dynamic_rules *rules =
			find(dynamic, publisher_slot(&server->publisher, PUBLISHED_RULES, name));
		if (rules && !subscription_is_of(rules->subscription, source))
			return diag_at(diag, "rules_name", "'%.*s' comes from '%s' already",
				       SLICE_FMT(name), rules->subscription->path);
		if (!rules)
			status = subscribe(dynamic, context, source, name, &rules, diag);
		if (!status) {
			rules->references++;
			arena_defer(context->arena, rules_drop, rules);
		}
	}
	if (status)
		diag_prefix(diag, "config_source");
	return status;
}
