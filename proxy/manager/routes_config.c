#include <stdlib.h>

#include <envoy/config/route/v3/route.pb-c.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h>

#include "manager/routes.h"
#include "stream/filter.h"
#include "upstream/labels.h"
#include "xds/proto/any_message.h"

static uint32_t cluster_slot(void *context, struct slice name)
{
	const struct config_context *c = context;
	return c->slot(c, PUBLISHED_CLUSTER, name);
}

static bool cluster_exists(void *context, struct slice name)
{
	const struct config_context *c = context;
	return c->is_known(c, PUBLISHED_CLUSTER, name);
}

static enum status load_filter_config(void *context, struct filter_config *config,
				      const struct Google__Protobuf__Any *any, struct arena *arena,
				      struct diag *diag)
{
	struct config_context inner = *(const struct config_context *)context;
	const ProtobufCMessage *message = any_message(any);
	const struct filter_type *type = message ? inner.filter_type(message->descriptor) : NULL;

	if (!type || !type->config_load) {
		diag_set(diag,
			 "no HTTP filter of this program has the type '%s': outrigger --help lists "
			 "those there are",
			 any->type_url);
		return STATUS_UNSUPPORTED;
	}
	const ProtobufCMessageDescriptor *wanted =
		type->per_route ? type->per_route : type->message;
	if (message->descriptor != wanted)
		return diag_set(diag, "is the configuration of a chain: a route takes a %s",
				wanted->name);
	inner.arena = arena;
	config->type = type;
	return type->config_load(&config->config, message, true, &inner, diag);
}

static enum status load_metadata(void *context,
				 const struct Envoy__Config__Core__V3__Metadata *message,
				 struct arena *arena, const void **metadata, struct diag *diag)
{
	(void)context;
	(void)diag;
	*metadata = labels_load(message, arena);
	return STATUS_OK;
}

void routes_hooks(struct route_hooks *hooks, const struct config_context *context)
{
	*hooks = (struct route_hooks){
		.context = (void *)(uintptr_t)context,
		.cluster_slot = cluster_slot,
		.cluster_exists = cluster_exists,
		.load_filter_config = load_filter_config,
		.load_metadata = load_metadata,
		.runtime = context->runtime,
		.can_read_arguments = true, /* what isn't there doesn't match */
	};
}

enum status
routes_load_rds(const Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__Rds *message,
		const struct config_context *context, uint32_t *slot, struct diag *diag)
{
	struct slice name = arena_slice(context->arena, slice_of(message->route_config_name));

	*slot = context->slot(context, PUBLISHED_ROUTES, name);
	enum status status = context->subscribe_routes(context, message->config_source, name, diag);
	if (status)
		diag_prefix(diag, "rds");
	return status;
}

static void routes_free(struct published *object)
{
	struct routes *routes = container_of(object, struct routes, published);
	arena_free(&object->arena);
	free(routes);
}

enum status routes_build(const Envoy__Config__Route__V3__RouteConfiguration *message,
			 const struct config_context *outer, struct routes **built,
			 struct diag *diag)
{
	struct routes *routes = calloc(1, sizeof *routes);
	struct config_context context = *outer;
	struct config_ordinals ordinals = {0};
	struct route_hooks hooks;

	invariant(routes);
	arena_init(&routes->published.arena, 16384);
	routes->published.kind = PUBLISHED_ROUTES;
	routes->published.references = 1;
	routes->published.free = routes_free;
	context.arena = &routes->published.arena;
	context.object = &routes->published;
	ordinals.object = slice_of(arena_printf(context.arena, "routes %s", message->name));
	context.ordinals = &ordinals;
	routes_hooks(&hooks, &context);
	struct route_table_options options = {.hooks = &hooks};
	enum status status =
		route_table_load(&routes->table, message, &options, context.arena, diag);
	if (status) {
		routes_free(&routes->published);
		return status;
	}
	routes->published.name = arena_slice(context.arena, slice_of(message->name));
	routes->published.slot = outer->slot(outer, PUBLISHED_ROUTES, routes->published.name);
	*built = routes;
	return STATUS_OK;
}
