#include <stdlib.h>

#include <envoy/config/core/v3/config_source.pb-c.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h>

#include "manager/message_filters.h"
#include "stream/extension.h"
#include "xds/proto/any_message.h"

typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter HttpFilter;
typedef Envoy__Config__Core__V3__ExtensionConfigSource ExtensionConfigSource;

#define CONFIG_TYPE(name)                                                                          \
	ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_##name

/* --- one filter --- */

/* Type and configuration, from what an Any holds. */
static enum status load_typed(struct chain_entry *entry, const Google__Protobuf__Any *any,
			      const struct config_context *context, struct diag *diag)
{
	const ProtobufCMessage *config = any_message(any);
	const struct filter_type *type = config ? context->filter_type(config->descriptor) : NULL;

	if (!type)
		return diag_set(diag,
				"no HTTP filter of this program has the type '%s': outrigger "
				"--help lists those there are",
				any->type_url);
	if (type->message != config->descriptor)
		return diag_set(diag, "is the configuration of a route: a chain takes a %s",
				type->message->name);
	entry->type = type;
	return type->config_load ? type->config_load(&entry->config, config, false, context, diag)
				 : STATUS_OK;
}

static enum status load_place(const HttpFilter *message, const struct filter_type *type,
			      bool is_last, struct diag *diag)
{
	if (type->is_terminal == is_last)
		return STATUS_OK;
	return diag_set(diag,
			is_last ? "'%s' must not be the last filter: the last one is terminal, as "
				  "the router is"
				: "'%s' is terminal: it must be the last filter",
			message->name);
}

/* --- those that are discovered --- */

static enum status load_types(struct discovered_filter *discovered, const HttpFilter *message,
			      bool is_last, const struct config_context *context, struct diag *diag)
{
	const ExtensionConfigSource *source = message->config_discovery;
	const struct filter_type **types =
		ARENA_NEW_ARRAY(context->arena, const struct filter_type *, source->n_type_urls);

	for (size_t i = 0; i < source->n_type_urls; i++) {
		enum status status = STATUS_OK;
		types[i] = context->filter_type_by_url(slice_of(source->type_urls[i]));
		if (!types[i])
			status = diag_set(diag,
					  "no HTTP filter of this program has the type '%s': "
					  "outrigger --help lists those there are",
					  source->type_urls[i]);
		else
			status = load_place(message, types[i], is_last, diag);
		if (status) {
			diag_prefix(diag, "type_urls[%zu]", i);
			return status;
		}
	}
	discovered->types = types;
	discovered->type_count = (unsigned)source->n_type_urls;
	return STATUS_OK;
}

static enum status load_discovered(struct chain_entry *entry, const HttpFilter *message,
				   bool is_last, const struct config_context *context,
				   struct diag *diag)
{
	const ExtensionConfigSource *source = message->config_discovery;
	struct discovered_filter *discovered = ARENA_NEW(context->arena, struct discovered_filter);
	const struct extension_ask ask = {
		.name = entry->name,
		.source = source->config_source,
		.default_config = source->default_config,
		.is_unawaited = source->apply_default_config_without_warming,
	};

	if (!context->subscribe_extension)
		return diag_set(diag, "is not supported here");
	if (!message->name[0])
		return diag_set(diag, "needs a filter with a name: it is the resource's");
	if (!source->n_type_urls)
		return diag_at(diag, "type_urls", "at least one is required");
	if (ask.is_unawaited && !ask.default_config)
		return diag_at(diag, "apply_default_config_without_warming",
			       "needs a default_config");
	enum status status = load_types(discovered, message, is_last, context, diag);
	if (!status)
		status = context->subscribe_extension(context, &ask, discovered, diag);
	entry->discovered = discovered;
	return status;
}

static void extension_free(struct published *object)
{
	struct extension *extension = extension_of(object);

	arena_free(&object->arena);
	free(extension);
}

enum status message_filter_build(const Google__Protobuf__Any *config, struct slice name,
				 const struct discovered_filter *discovered,
				 const struct config_context *outer, struct published **built,
				 struct diag *diag)
{
	struct extension *extension = calloc(1, sizeof *extension);
	struct config_context context = *outer;
	struct published *object = &extension->published;
	struct config_ordinals ordinals = {.object = SLICE("")};
	enum status status = STATUS_OK;

	invariant(extension);
	arena_init(&object->arena, 4096);
	object->kind = PUBLISHED_EXTENSION;
	object->slot = discovered->slot;
	object->references = 1;
	object->free = extension_free;
	object->name = extension->entry.name = arena_slice(&object->arena, name);
	context.arena = &object->arena;
	context.object = object;
	/* A slot is one place of one chain, so that its state is that of no other one. */
	ordinals.object = slice_of(arena_printf(context.arena, "extension %u %.*s",
						discovered->slot, SLICE_FMT(name)));
	context.ordinals = &ordinals;
	status = load_typed(&extension->entry, config, &context, diag);
	if (!status && !discovered_filter_may_be(discovered, extension->entry.type))
		status = diag_set(diag, "a %s is none of the type_urls",
				  extension->entry.type->message->name);
	if (status) {
		extension_free(object);
		return status;
	}
	*built = object;
	return STATUS_OK;
}

/* --- all of a chain --- */

static enum status load_one(struct chain_entry *entry, const HttpFilter *message, bool is_last,
			    const struct config_context *context, struct diag *diag)
{
	enum status status;

	entry->name = arena_slice(context->arena, slice_of(message->name));
	entry->is_disabled = message->disabled;
	switch ((int)message->config_type_case) {
	case CONFIG_TYPE(CONFIG_DISCOVERY):
		status = load_discovered(entry, message, is_last, context, diag);
		if (status)
			diag_prefix(diag, "config_discovery");
		return status;
	case CONFIG_TYPE(TYPED_CONFIG):
		status = load_typed(entry, message->typed_config, context, diag);
		if (status)
			diag_prefix(diag, "typed_config");
		return status ? status : load_place(message, entry->type, is_last, diag);
	default:
		return diag_at(diag, "typed_config", "is required");
	}
}

enum status message_filters_load(struct chain_config *chain, HttpFilter *const *messages,
				 size_t message_count, const struct config_context *context,
				 struct diag *diag)
{
	struct chain_entry *entries =
		ARENA_NEW_ARRAY(context->arena, struct chain_entry, message_count);
	unsigned used = 0;

	if (message_count > CHAIN_FILTERS_MAX)
		return diag_at(diag, "http_filters", "at most %d", CHAIN_FILTERS_MAX);
	for (size_t i = 0; i < message_count; i++) {
		bool is_last = i + 1 == message_count;
		enum status status = load_one(&entries[used], messages[i], is_last, context, diag);
		if (status && messages[i]->is_optional && !entries[used].type &&
		    !entries[used].discovered)
			continue;
		if (status) {
			diag_prefix(diag, "http_filters[%zu]", i);
			return status;
		}
		used++;
	}
	if (!used)
		return diag_at(diag, "http_filters", "at least the router is required");
	chain_config_init(chain, entries, used);
	return STATUS_OK;
}
