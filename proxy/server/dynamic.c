#include "server/dynamic.h"

#include <stdlib.h>

#include <envoy/config/bootstrap/v3/bootstrap.pb-c.h>
#include <envoy/config/core/v3/config_source.pb-c.h>
#include <envoy/config/listener/v3/listener.pb-c.h>

#include "base/log.h"
#include "server/server.h"
#include "telemetry/stats_server.h"

typedef Envoy__Config__Core__V3__ConfigSource ConfigSource;
typedef Envoy__Config__Listener__V3__Listener Listener;

void dynamic_gather(struct diag *all, const struct diag *one, size_t *count)
{
	char text[1400];

	if (!(*count)++)
		*all = *one;
	else
		log_warn(CONFIG, "refused: %s", diag_format(one, text, sizeof text));
}

/* --- listeners --- */

enum status dynamic_put_listener(struct dynamic *dynamic, const Listener *message, uint64_t hash,
				 struct resource_file *file, bool opens, bool *is_changed,
				 struct diag *diag)
{
	struct server *server = dynamic->server;
	struct listener_manager *manager = &server->listeners;
	struct listener_record *record = map_get(&manager->by_name, slice_of(message->name));
	struct config_context context;

	*is_changed = !record || record->hash != hash;
	if (file && !message->name[0])
		return diag_at(diag, "name", "must not be empty: it tells versions apart");
	server_config_context(server, &context);
	enum status status =
		listener_manager_put(manager, message, &context, hash, !file, opens, diag);
	if (status)
		return status;
	/* What has no name in the configuration was added last. */
	record = message->name[0]
			 ? map_get(&manager->by_name, slice_of(message->name))
			 : container_of(manager->records.prev, struct listener_record, link);
	if (*is_changed)
		origin_set(&record->origin, &message->base, file, server->loop.wall_ns);
	else
		origin_move(&record->origin, &message->base, file);
	return STATUS_OK;
}

static void remove_listeners(struct dynamic *dynamic, const struct file_resources *resources)
{
	struct listener_manager *manager = &dynamic->server->listeners;
	struct list_node *node = manager->records.next;

	while (node != &manager->records) {
		struct listener_record *record = container_of(node, struct listener_record, link);
		node = node->next;
		if (record->is_static || file_resources_find(resources, record->name))
			continue;
		listener_manager_remove(manager, record->name);
	}
}

static void forget_refusals(struct dynamic *dynamic)
{
	while (!list_is_empty(&dynamic->refusals)) {
		struct dynamic_refusal *refusal =
			container_of(dynamic->refusals.next, struct dynamic_refusal, link);
		list_remove(&refusal->link);
		origin_fini(&refusal->origin);
		free(refusal->name);
		free(refusal->details);
		free(refusal);
	}
}

static void note_refusal(struct dynamic *dynamic, const struct file_resource *resource,
			 struct resource_file *file, const struct diag *diag)
{
	struct dynamic_refusal *refusal = calloc(1, sizeof *refusal);
	char text[1400];

	invariant(refusal);
	origin_set(&refusal->origin, resource->message, file, dynamic->server->loop.wall_ns);
	refusal->name = strndup(resource->name.data, resource->name.len);
	refusal->details = strdup(diag_format(diag, text, sizeof text));
	invariant(refusal->name && refusal->details);
	list_push_back(&dynamic->refusals, &refusal->link);
}

static enum status put_listeners(struct dynamic *dynamic, struct resource_file *file,
				 bool *is_changed, struct diag *diag)
{
	const struct file_resources *resources = &file->resources;
	size_t refused = 0;

	for (size_t i = 0; i < resources->count; i++) {
		const struct file_resource *resource = &resources->items[i];
		struct diag one = {0};
		bool is_new;
		enum status status =
			dynamic_put_listener(dynamic, (const Listener *)resource->message,
					     resource->hash, file, true, &is_new, &one);
		if (status == STATUS_EXISTS)
			continue;
		if (status) {
			file_resources_place(resources, resource, &one);
			note_refusal(dynamic, resource, file, &one);
			dynamic_gather(diag, &one, &refused);
		} else {
			*is_changed |= is_new;
		}
	}
	return refused ? STATUS_INVALID : STATUS_OK;
}

/* Removed ones first: others may want their addresses. */
static enum status listeners_apply(struct subscription *sub, struct subscription_load *load,
				   bool *is_changed, bool *is_empty, struct diag *diag)
{
	struct dynamic *dynamic = sub->subject;

	*is_empty = !load->file->resources.count;
	forget_refusals(dynamic);
	remove_listeners(dynamic, &load->file->resources);
	return put_listeners(dynamic, load->file, is_changed, diag);
}

static const struct subscription_type listeners_type = {
	.what = "listeners",
	.message = &envoy__config__listener__v3__listener__descriptor,
	.apply = listeners_apply,
	.attempt = SUBSCRIPTION_STAT_UPDATE_ATTEMPT,
	.success = SUBSCRIPTION_STAT_UPDATE_SUCCESS,
	.failure = SUBSCRIPTION_STAT_UPDATE_FAILURE,
	.version = SUBSCRIPTION_STAT_VERSION,
	.rejected = SUBSCRIPTION_STAT_UPDATE_REJECTED,
	.time = SUBSCRIPTION_STAT_UPDATE_TIME,
	.version_text = SUBSCRIPTION_STAT_VERSION_TEXT,
	.duration = SUBSCRIPTION_STAT_UPDATE_DURATION,
};

/* --- the order of things --- */

static void on_settled(struct subscriptions *subscriptions)
{
	dynamic_settle(subscriptions->owner);
}

void dynamic_settle(struct dynamic *dynamic)
{
	struct server *server = dynamic->server;

	if (server->state == SERVER_PRE_INITIALIZING || server->state == SERVER_INITIALIZING) {
		server_advance(server);
		return;
	}
	server->publisher.is_held = dynamic->subscriptions.due || server->clusters.due;
	publisher_send(&server->publisher);
}

bool dynamic_is_ready(struct dynamic *dynamic)
{
	if (dynamic->subscriptions.due)
		return false;
	if (dynamic->listeners && !dynamic->listeners->is_started)
		subscription_load(dynamic->listeners);
	return !dynamic->subscriptions.due;
}

static enum status open_source(struct dynamic *dynamic, const struct subscription_type *type,
			       const ConfigSource *source, bool serves,
			       const struct stat_type *stats, struct slice scope_name,
			       struct subscription **subscription, struct diag *diag)
{
	const char *path, *watched_directory;

	if (!source)
		return STATUS_OK;
	if (!serves)
		return subscription_source(source, &path, &watched_directory, diag);
	const struct subscription_config config = {
		.type = type,
		.source = source,
		.name = SLICE(""),
		.subject = dynamic,
		.scope = stat_scope_take(dynamic->server->stats, stats, scope_name),
	};
	return subscription_open(&dynamic->subscriptions, &config, subscription, diag);
}

enum status dynamic_start(struct dynamic *dynamic, bool serves, struct diag *diag)
{
	const Envoy__Config__Bootstrap__V3__Bootstrap__DynamicResources *message =
		dynamic->server->bootstrap.message->dynamic_resources;

	if (!message)
		return STATUS_OK;
	if (message->ads_config)
		return diag_at(diag, "dynamic_resources.ads_config",
			       "is not supported yet: name files");
	if (open_source(dynamic, &dynamic_clusters_type, message->cds_config, serves, &cds_stats,
			SLICE("cluster_manager.cds"), &dynamic->clusters, diag)) {
		diag_prefix(diag, "dynamic_resources.cds_config");
		return STATUS_INVALID;
	}
	if (open_source(dynamic, &listeners_type, message->lds_config, serves, &subscription_stats,
			SLICE("listener_manager.lds"), &dynamic->listeners, diag)) {
		diag_prefix(diag, "dynamic_resources.lds_config");
		return STATUS_INVALID;
	}
	if (dynamic->clusters)
		subscription_load(dynamic->clusters);
	return STATUS_OK;
}

void dynamic_init(struct dynamic *dynamic, struct server *server)
{
	*dynamic = (struct dynamic){.server = server};
	list_init(&dynamic->named);
	list_init(&dynamic->refusals);
	subscriptions_init(&dynamic->subscriptions, &server->loop, &server->mailbox, server->stats);
	dynamic->subscriptions.owner = dynamic;
	dynamic->subscriptions.settled = on_settled;
	dynamic->subscriptions.refuses_unknown = server->options->rejects_unknown_dynamic;
	dynamic->subscriptions.hides_unknown = server->options->ignores_unknown_dynamic;
}

void dynamic_stop(struct dynamic *dynamic)
{
	dynamic->is_stopped = true;
	subscriptions_stop(&dynamic->subscriptions);
	subscription_close(dynamic->clusters);
	subscription_close(dynamic->listeners);
	dynamic->clusters = dynamic->listeners = NULL;
	forget_refusals(dynamic);
}

void dynamic_fini(struct dynamic *dynamic)
{
	invariant(list_is_empty(&dynamic->named));
	subscriptions_fini(&dynamic->subscriptions);
}
