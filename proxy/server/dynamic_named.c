#include "server/dynamic_named.h"

#include <stdlib.h>

#include <envoy/config/core/v3/config_source.pb-c.h>

#include "server/server.h"

/* --- answers --- */

static const struct file_resource *find_resource(const struct dynamic_named *named,
						 const struct file_resources *resources,
						 struct diag *diag)
{
	const struct dynamic_named_kind *kind = named->kind;
	struct slice name = named->subscription->name;
	const struct file_resource *found = file_resources_find(resources, name);

	if (kind->must_be_alone && resources->count != 1) {
		diag_set(diag, "there must be one %s, '%.*s'; there are %zu", kind->message,
			 SLICE_FMT(name), resources->count);
		return NULL;
	}
	if (kind->must_be_alone && !found) {
		diag_set(diag, "expected the %s '%.*s', this is '%.*s'", kind->message,
			 SLICE_FMT(name), SLICE_FMT(resources->items[0].name));
		return NULL;
	}
	if (kind->may_be_nameless && resources->count == 1 && !resources->items[0].name.len)
		return &resources->items[0];
	if (!found)
		diag_set(diag, "there is no %s '%.*s'", kind->message, SLICE_FMT(name));
	return found;
}

static enum status build(struct dynamic_named *named, const struct file_resource *resource,
			 struct diag *diag)
{
	struct published *built;
	enum status status = named->kind->build(named, resource->message, &built, diag);

	if (status)
		return status;
	built->hash = resource->hash;
	publisher_add(&named->dynamic->server->publisher, built);
	return STATUS_OK;
}

enum status dynamic_named_apply(struct subscription *sub, struct subscription_load *load,
				bool *is_changed, bool *is_empty, struct diag *diag)
{
	struct dynamic_named *named = sub->subject;
	const struct file_resources *resources = &load->file->resources;

	*is_empty = !resources->count;
	if (!resources->count && sub->type->counts_empty)
		return STATUS_OK;
	const struct file_resource *resource = find_resource(named, resources, diag);
	if (!resource)
		return STATUS_INVALID;
	if (named->is_in_force && named->hash == resource->hash) {
		origin_move(&named->origin, resource->message, load->file);
		return STATUS_OK;
	}
	enum status status = build(named, resource, diag);
	if (status) {
		file_resources_place(resources, resource, diag);
		return status;
	}
	named->hash = resource->hash;
	named->is_in_force = true;
	origin_set(&named->origin, resource->message, load->file, sub->owner->loop->wall_ns);
	*is_changed = true;
	return STATUS_OK;
}

/* --- who asks --- */

/* A configuration that asked is gone. */
static void drop(void *data)
{
	struct dynamic_named *named = data;
	struct dynamic *dynamic = named->dynamic;

	if (--named->references)
		return;
	invariant(list_is_empty(&named->askers));
	subscription_close(named->subscription);
	origin_fini(&named->origin);
	list_remove(&named->link);
	/* Sent with the next change: this may be in the middle of one. */
	struct publisher *publisher = &dynamic->server->publisher;
	if (!dynamic->is_stopped &&
	    publisher_current(publisher, named->kind->published, named->slot))
		publisher_remove(publisher, named->kind->published, named->slot);
	if (named->router_stats)
		stat_scope_drop(dynamic->server->stats, named->router_stats);
	free((char *)(uintptr_t)named->stat_prefix.data);
	free(named);
}

static struct dynamic_named *find(const struct dynamic *dynamic,
				  const struct dynamic_named_kind *kind, uint32_t slot)
{
	for (struct list_node *n = dynamic->named.next; n != &dynamic->named; n = n->next) {
		struct dynamic_named *named = container_of(n, struct dynamic_named, link);
		if (named->kind == kind && named->slot == slot)
			return named;
	}
	return NULL;
}

static enum status subscribe(const struct dynamic_named_kind *kind, struct dynamic *dynamic,
			     const struct config_context *context, const struct dynamic_ask *ask,
			     struct dynamic_named **made, struct diag *diag)
{
	struct dynamic_named *named = calloc(1, sizeof *named);
	struct slice prefix = context->stat_prefix;
	char *scope_name = arena_printf(context->arena, "%.*s%s.%.*s",
					SLICE_FMT(kind->is_asker_s ? prefix : SLICE("")),
					kind->stats, SLICE_FMT(ask->name));

	invariant(named);
	const struct subscription_config config = {
		.type = &kind->subscription,
		.source = ask->source,
		.name = ask->name,
		.subject = named,
		.scope = stat_scope_take(context->stats, kind->stat_type, slice_of(scope_name)),
		.is_unawaited = ask->is_unawaited,
	};
	enum status status =
		subscription_open(&dynamic->subscriptions, &config, &named->subscription, diag);
	if (status) {
		free(named);
		return status;
	}
	named->kind = kind;
	named->dynamic = dynamic;
	named->slot = publisher_slot(&dynamic->server->publisher, kind->published, ask->key);
	named->stat_prefix = slice_make(strndup(prefix.data, prefix.len), prefix.len);
	named->is_outbound = context->is_outbound;
	if (context->router_stats)
		named->router_stats = stat_scope_hold(context->router_stats);
	list_init(&named->askers);
	list_push_back(&dynamic->named, &named->link);
	subscription_load(named->subscription);
	*made = named;
	return STATUS_OK;
}

enum status dynamic_named_ask(const struct dynamic_named_kind *kind,
			      const struct config_context *context, const struct dynamic_ask *ask,
			      struct dynamic_named **asked, struct diag *diag)
{
	struct server *server = context->owner;
	struct dynamic *dynamic = &server->dynamic;
	const char *path, *watched_directory;
	enum status status = subscription_source(ask->source, &path, &watched_directory, diag);

	*asked = NULL;
	if (!status && server->options->mode == MODE_SERVE) {
		struct dynamic_named *named =
			find(dynamic, kind,
			     publisher_slot(&server->publisher, kind->published, ask->key));
		if (named && !subscription_is_of(named->subscription, ask->source))
			return diag_at(diag, kind->field, "'%.*s' comes from '%s' already",
				       SLICE_FMT(ask->name), named->subscription->path);
		if (!named)
			status = subscribe(kind, dynamic, context, ask, &named, diag);
		if (!status) {
			named->references++;
			arena_defer(context->arena, drop, named);
			*asked = named;
		}
	}
	if (status)
		diag_prefix(diag, "config_source");
	return status;
}

enum status dynamic_named_subscribe(const struct dynamic_named_kind *kind,
				    const struct config_context *context,
				    const Envoy__Config__Core__V3__ConfigSource *source,
				    struct slice name, struct diag *diag)
{
	const struct dynamic_ask ask = {.source = source, .name = name, .key = name};
	struct dynamic_named *named;

	return dynamic_named_ask(kind, context, &ask, &named, diag);
}
