/* ECDS: message filters by their names, each for the place in a chain that asks for it: what a
 * filter counts under, and its state, are that place's. What is in force is the last that was
 * discovered; before any was, the newest asker's default.
 *
 *   chain entry ─ ask ─> asker ─┐                       ┌─ discovered
 *   … of the next version ──────┴─ dynamic_named ─ slot ┴─ or a default, with its asker's listener
 */
#include <inttypes.h>

#include <envoy/config/core/v3/config_source.pb-c.h>
#include <envoy/config/core/v3/extension.pb-c.h>

#include "base/hash.h"
#include "manager/message_filters.h"
#include "server/dynamic_named.h"
#include "server/server.h"
#include "stream/extension.h"
#include "stream/filter.h"

typedef Envoy__Config__Core__V3__TypedExtensionConfig TypedExtensionConfig;

/* A chain's entry, or that of an older version that still has streams. In the listener's arena. */
struct extension_asker {
	struct list_node link; /* the newest last */
	struct dynamic_named *named;
	const struct discovered_filter *discovered;
	struct published *fallback; /* a reference; NULL: none, or no more */
};

/* --- what comes --- */

static enum status build_one(const struct dynamic_named *named, const Google__Protobuf__Any *config,
			     const struct discovered_filter *discovered, struct published **built,
			     struct diag *diag)
{
	struct config_context context;

	server_config_context(named->dynamic->server, &context);
	context.stat_prefix = named->stat_prefix;
	context.router_stats = named->router_stats;
	context.is_outbound = named->is_outbound;
	return message_filter_build(config, named->subscription->name, discovered, &context, built,
				    diag);
}

/* There is an asker as long as this is wanted; the types of all are the same. */
static enum status build(const struct dynamic_named *named, const ProtobufCMessage *base,
			 struct published **built, struct diag *diag)
{
	const TypedExtensionConfig *message = (const TypedExtensionConfig *)base;
	const struct extension_asker *asker =
		container_of(named->askers.prev, struct extension_asker, link);
	enum status status;

	if (!message->typed_config)
		return diag_at(diag, "typed_config", "is required");
	status = build_one(named, message->typed_config, asker->discovered, built, diag);
	if (status)
		diag_prefix(diag, "typed_config");
	return status;
}

const struct dynamic_named_kind dynamic_extensions_kind = {
	.published = PUBLISHED_EXTENSION,
	.message = "TypedExtensionConfig",
	.field = "config_discovery",
	.stats = "extension_config_discovery.http_filter",
	.stat_type = &ecds_stats,
	.must_be_alone = true,
	.subscription = {.what = "filters",
			 .message = &envoy__config__core__v3__typed_extension_config__descriptor,
			 .apply = dynamic_named_apply,
			 .attempt = ECDS_STAT_UPDATE_ATTEMPT,
			 .success = ECDS_STAT_UPDATE_SUCCESS,
			 .failure = ECDS_STAT_UPDATE_FAILURE,
			 .version = ECDS_STAT_VERSION,
			 .rejected = ECDS_STAT_UPDATE_REJECTED,
			 .time = ECDS_STAT_UPDATE_TIME,
			 .version_text = ECDS_STAT_VERSION_TEXT,
			 .duration = ECDS_STAT_UPDATE_DURATION,
			 .counts_reloads = true,
			 .reload = ECDS_STAT_CONFIG_RELOAD,
			 .counts_fails = true,
			 .fail = ECDS_STAT_CONFIG_FAIL},
	.build = build,
};

/* --- who asks --- */

static void leave(void *data)
{
	struct extension_asker *asker = data;

	list_remove(&asker->link);
	if (asker->fallback)
		published_drop(asker->fallback);
}

/* The listener around is in force. */
static void use_fallback(void *data)
{
	struct extension_asker *asker = data;
	struct dynamic_named *named = asker->named;
	struct published *fallback = asker->fallback;

	asker->fallback = NULL;
	if (named->is_in_force)
		published_drop(fallback);
	else
		publisher_add(&named->dynamic->server->publisher, fallback);
}

/* Where nothing is served the default is only looked at. */
static enum status check_default(const struct extension_ask *ask,
				 const struct discovered_filter *discovered,
				 const struct config_context *context, struct diag *diag)
{
	struct published *built;
	enum status status = message_filter_build(ask->default_config, ask->name, discovered,
						  context, &built, diag);

	if (!status)
		published_drop(built);
	return status;
}

static enum status load_default(struct extension_asker *asker, const struct extension_ask *ask,
				const struct discovered_filter *discovered,
				const struct config_context *context, struct diag *diag)
{
	enum status status;

	if (!ask->default_config)
		return STATUS_OK;
	status = asker->named ? build_one(asker->named, ask->default_config, discovered,
					  &asker->fallback, diag)
			      : check_default(ask, discovered, context, diag);
	if (status)
		diag_prefix(diag, "default_config");
	else if (asker->fallback)
		config_when_published(context, use_fallback, asker);
	return status;
}

/* Another file, or other types, are another resource: a listener may come to ask for that. */
static struct slice place_of(const struct config_context *context, const struct extension_ask *ask,
			     const struct discovered_filter *discovered)
{
	const char *path, *watched_directory;
	struct diag diag = {.line = 0};
	uint64_t hash = 0;

	if (!subscription_source(ask->source, &path, &watched_directory, &diag))
		hash = hash_bytes(slice_of(path));
	for (unsigned i = 0; i < discovered->type_count; i++)
		hash = hash_combine(hash, hash_bytes(slice_of(discovered->types[i]->name)));
	return config_state_name(
		context,
		slice_of(arena_printf(context->arena, "%.*s %.*s %016" PRIx64,
				      SLICE_FMT(context->stat_prefix), SLICE_FMT(ask->name), hash)),
		hash);
}

enum status dynamic_subscribe_extension(const struct config_context *context,
					const struct extension_ask *wanted,
					struct discovered_filter *discovered, struct diag *diag)
{
	struct extension_asker *asker = ARENA_NEW(context->arena, struct extension_asker);
	const struct dynamic_ask ask = {
		.source = wanted->source,
		.name = wanted->name,
		.key = place_of(context, wanted, discovered),
		.is_unawaited = wanted->is_unawaited,
	};
	enum status status =
		dynamic_named_ask(&dynamic_extensions_kind, context, &ask, &asker->named, diag);

	if (status)
		return status;
	asker->discovered = discovered;
	if (asker->named) {
		discovered->slot = asker->named->slot;
		list_push_back(&asker->named->askers, &asker->link);
		arena_defer(context->arena, leave, asker);
	}
	return load_default(asker, wanted, discovered, context, diag);
}
