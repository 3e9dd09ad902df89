#include <stdlib.h>

#include <envoy/config/core/v3/config_source.pb-c.h>
#include <envoy/config/route/v3/route.pb-c.h>

#include "manager/routes.h"
#include "server/server.h"
#include "telemetry/stats_server.h"

/* --- answers --- */

static enum status build(struct dynamic_routes *routes, const struct file_resource *resource,
			 struct diag *diag)
{
	struct server *server = routes->dynamic->server;
	struct config_context context;
	struct routes *built;

	server_config_context(server, &context);
	context.stat_prefix = routes->stat_prefix;
	context.scope = config_scope;
	enum status status = routes_build(
		(const Envoy__Config__Route__V3__RouteConfiguration *)resource->message, &context,
		&built, diag);
	if (status)
		return status;
	built->published.hash = resource->hash;
	publisher_add(&server->publisher, &built->published);
	return STATUS_OK;
}

static enum status routes_apply(struct subscription *sub, struct subscription_load *load,
				bool *is_changed, bool *is_empty, struct diag *diag)
{
	struct dynamic_routes *routes = sub->subject;
	const struct file_resources *resources = &load->file->resources;
	const struct file_resource *resource = resources->items;

	*is_empty = !resources->count;
	if (!resources->count)
		return STATUS_OK;
	if (resources->count != 1)
		return diag_set(diag, "there must be one RouteConfiguration, '%.*s'; there are %zu",
				SLICE_FMT(sub->name), resources->count);
	if (!slice_equal(resource->name, sub->name))
		return diag_set(diag, "expected the RouteConfiguration '%.*s', this is '%.*s'",
				SLICE_FMT(sub->name), SLICE_FMT(resource->name));
	if (routes->has_table && routes->hash == resource->hash) {
		origin_move(&routes->origin, resource->message, load->file);
		return STATUS_OK;
	}
	enum status status = build(routes, resource, diag);
	if (status) {
		file_resources_place(resources, resource, diag);
		return status;
	}
	routes->hash = resource->hash;
	routes->has_table = true;
	origin_set(&routes->origin, resource->message, load->file, sub->owner->loop->wall_ns);
	*is_changed = true;
	return STATUS_OK;
}

static const struct subscription_type routes_type = {
	.what = "routes",
	.message = &envoy__config__route__v3__route_configuration__descriptor,
	.apply = routes_apply,
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

static void routes_free(struct dynamic_routes *routes)
{
	struct dynamic *dynamic = routes->dynamic;

	subscription_close(routes->subscription);
	origin_fini(&routes->origin);
	list_remove(&routes->link);
	/* Sent with the next change: this may be in the middle of one. */
	if (routes->has_table && !dynamic->is_stopped)
		publisher_remove(&dynamic->server->publisher, PUBLISHED_ROUTES, routes->slot);
	free((char *)(uintptr_t)routes->stat_prefix.data);
	free(routes);
}

/* The listener that asked is gone. */
static void routes_drop(void *data)
{
	struct dynamic_routes *routes = data;

	if (!--routes->references)
		routes_free(routes);
}

static struct dynamic_routes *find(const struct dynamic *dynamic, uint32_t slot)
{
	for (struct list_node *n = dynamic->routes.next; n != &dynamic->routes; n = n->next) {
		struct dynamic_routes *routes = container_of(n, struct dynamic_routes, link);
		if (routes->slot == slot)
			return routes;
	}
	return NULL;
}

static enum status subscribe(struct dynamic *dynamic, const struct config_context *context,
			     const Envoy__Config__Core__V3__ConfigSource *source, struct slice name,
			     struct dynamic_routes **made, struct diag *diag)
{
	struct dynamic_routes *routes = calloc(1, sizeof *routes);
	char *scope_name = arena_printf(context->arena, "%.*srds.%.*s",
					SLICE_FMT(context->stat_prefix), SLICE_FMT(name));

	invariant(routes);
	enum status status =
		subscription_open(&dynamic->subscriptions, &routes_type, source, name, routes,
				  stat_scope_take(context->stats, &rds_stats, slice_of(scope_name)),
				  NULL, &routes->subscription, diag);
	if (status) {
		free(routes);
		return status;
	}
	routes->dynamic = dynamic;
	routes->slot = publisher_slot(&dynamic->server->publisher, PUBLISHED_ROUTES, name);
	routes->stat_prefix =
		slice_make(strndup(context->stat_prefix.data, context->stat_prefix.len),
			   context->stat_prefix.len);
	list_push_back(&dynamic->routes, &routes->link);
	subscription_load(routes->subscription);
	*made = routes;
	return STATUS_OK;
}

enum status dynamic_subscribe_routes(const struct config_context *context,
				     const Envoy__Config__Core__V3__ConfigSource *source,
				     struct slice name, struct diag *diag)
{
	struct server *server = context->owner;
	struct dynamic *dynamic = &server->dynamic;
	const char *path, *watched_directory;
	enum status status = subscription_source(source, &path, &watched_directory, diag);

	if (!status && server->options->mode == MODE_SERVE) {
		struct dynamic_routes *routes =
			find(dynamic, publisher_slot(&server->publisher, PUBLISHED_ROUTES, name));
		if (routes && !subscription_is_of(routes->subscription, source))
			return diag_at(diag, "route_config_name", "'%.*s' comes from '%s' already",
				       SLICE_FMT(name), routes->subscription->path);
		if (!routes)
			status = subscribe(dynamic, context, source, name, &routes, diag);
		if (!status) {
			routes->references++;
			arena_defer(context->arena, routes_drop, routes);
		}
	}
	if (status)
		diag_prefix(diag, "config_source");
	return status;
}
