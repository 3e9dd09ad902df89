#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h>

#include "manager/message_filters.h"
#include "xds/proto/any_message.h"

typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__HttpFilter HttpFilter;

static enum status load_one(struct chain_entry *entry, const HttpFilter *message,
			    const struct config_context *context, struct diag *diag)
{
	if (message->config_type_case !=
	    ENVOY__EXTENSIONS__FILTERS__NETWORK__HTTP_CONNECTION_MANAGER__V3__HTTP_FILTER__CONFIG_TYPE_TYPED_CONFIG)
		return diag_at(diag, "typed_config", "is required");
	const ProtobufCMessage *config = any_message(message->typed_config);
	const struct filter_type *type = config ? context->filter_type(config->descriptor) : NULL;
	if (!type)
		return diag_at(diag, "typed_config",
			       "no HTTP filter of this program has the type '%s': outrigger --help "
			       "lists those there are",
			       message->typed_config->type_url);
	if (type->message != config->descriptor)
		return diag_at(diag, "typed_config",
			       "is the configuration of a route: a chain takes a %s",
			       type->message->name);
	entry->type = type;
	entry->name = arena_slice(context->arena, slice_of(message->name));
	entry->is_disabled = message->disabled;
	if (!type->config_load)
		return STATUS_OK;
	enum status status = type->config_load(&entry->config, config, false, context, diag);
	if (status)
		diag_prefix(diag, "typed_config");
	return status;
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
		enum status status = load_one(&entries[used], messages[i], context, diag);
		if (status && messages[i]->is_optional && !entries[used].type)
			continue;
		if (status) {
			diag_prefix(diag, "http_filters[%zu]", i);
			return status;
		}
		bool is_last = i + 1 == message_count;
		if (entries[used].type->is_terminal != is_last) {
			diag_set(diag,
				 is_last ? "'%s' must not be the last filter: the last one is "
					   "terminal, as the router is"
					 : "'%s' is terminal: it must be the last filter",
				 messages[i]->name);
			diag_prefix(diag, "http_filters[%zu]", i);
			return STATUS_INVALID;
		}
		used++;
	}
	if (!used)
		return diag_at(diag, "http_filters", "at least the router is required");
	chain_config_init(chain, entries, used);
	return STATUS_OK;
}
