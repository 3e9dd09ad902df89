#include <envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata.pb-c.h>
#include <envoy/type/matcher/v3/regex.pb-c.h>

#include "filters/header_to_metadata/header_to_metadata.h"
#include "routing/header_match.h"
#include "routing/rewrite.h"

typedef Envoy__Extensions__Filters__Http__HeaderToMetadata__V3__Config Message;
typedef Envoy__Extensions__Filters__Http__HeaderToMetadata__V3__Config__Rule Rule;
typedef Envoy__Extensions__Filters__Http__HeaderToMetadata__V3__Config__KeyValuePair KeyValuePair;

STAT_TYPE(header_to_metadata_stats, "header_to_metadata", HEADER_TO_METADATA_STAT,
	  HEADER_TO_METADATA_STATS);

static enum status load_note(const struct metadata_note **loaded, const KeyValuePair *message,
			     struct arena *arena, struct diag *diag)
{
	if (!message)
		return STATUS_OK;
	struct metadata_note *note = ARENA_NEW(arena, struct metadata_note);
	struct slice space = slice_of(message->metadata_namespace);
	*note = (struct metadata_note){
		.space = space.len ? arena_slice(arena, space)
				   : slice_of(header_to_metadata_filter.name),
		.key = arena_slice(arena, slice_of(message->key)),
		.value = arena_slice(arena, slice_of(message->value)),
		.type = (uint8_t)message->type, /* the same order */
		.is_base64 =
			message->encode ==
			ENVOY__EXTENSIONS__FILTERS__HTTP__HEADER_TO_METADATA__V3__CONFIG__VALUE_ENCODE__BASE64,
	};
	*loaded = note;
	if (!message->regex_value_rewrite)
		return STATUS_OK;
	if (note->value.len)
		return diag_at(diag, "regex_value_rewrite", "can't be given together with value");
	enum status status = regex_rewrite_load(&note->regex, &note->substitution,
						message->regex_value_rewrite, arena, diag);
	if (status)
		diag_prefix(diag, "regex_value_rewrite");
	return status;
}

static enum status load_name(struct metadata_rule *rule, const Rule *message, struct arena *arena,
			     struct diag *diag)
{
	rule->is_cookie = message->cookie[0];
	rule->removes = message->remove;
	if (rule->is_cookie && message->header[0])
		return diag_at(diag, "cookie", "can't be given together with header");
	if (!rule->is_cookie && !message->header[0])
		return diag_at(diag, "header", "header or cookie is required");
	if (rule->is_cookie && rule->removes)
		return diag_at(diag, "remove", "a cookie can't be removed");
	rule->name = rule->is_cookie ? arena_slice(arena, slice_of(message->cookie))
				     : header_name_of_config(message->header, arena);
	if (rule->removes && rule->name.data[0] == ':')
		return diag_at(diag, "remove", "pseudo headers and host can't be removed");
	return STATUS_OK;
}

static enum status load_rule(struct metadata_rule *rule, const Rule *message, struct arena *arena,
			     struct diag *diag)
{
	enum status status = load_name(rule, message, arena, diag);

	if (status)
		return status;
	if (!message->on_header_present && !message->on_header_missing)
		return diag_at(diag, "on_header_present",
			       "on_header_present or on_header_missing is required");
	status = load_note(&rule->present, message->on_header_present, arena, diag);
	if (status) {
		diag_prefix(diag, "on_header_present");
		return status;
	}
	status = load_note(&rule->missing, message->on_header_missing, arena, diag);
	if (!status && rule->missing && !rule->missing->value.len)
		status = diag_at(diag, "value", "is required: there is no header to take it from");
	if (status)
		diag_prefix(diag, "on_header_missing");
	return status;
}

static enum status load_rules(struct metadata_rules *rules, const char *field,
			      Rule *const *messages, size_t count, struct arena *arena,
			      struct diag *diag)
{
	struct metadata_rule *items = ARENA_NEW_ARRAY(arena, struct metadata_rule, count);

	for (size_t i = 0; i < count; i++) {
		enum status status = load_rule(&items[i], messages[i], arena, diag);
		if (status) {
			diag_prefix(diag, "%s[%zu]", field, i);
			return status;
		}
	}
	*rules = (struct metadata_rules){items, (uint32_t)count};
	return STATUS_OK;
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	const Message *message = (const Message *)base;
	struct arena *arena = context->arena;
	struct header_to_metadata_config *config =
		ARENA_NEW(arena, struct header_to_metadata_config);
	enum status status;

	*loaded = config;
	if (is_per_route && !message->n_request_rules && !message->n_response_rules)
		return diag_at(diag, "request_rules",
			       "of a route: request_rules or response_rules are required");
	if ((status = load_rules(&config->request, "request_rules", message->request_rules,
				 message->n_request_rules, arena, diag)) ||
	    (status = load_rules(&config->response, "response_rules", message->response_rules,
				 message->n_response_rules, arena, diag)))
		return status;
	if (message->stat_prefix[0])
		config->stats = config_scope(
			context, &header_to_metadata_stats,
			slice_of(arena_printf(arena, "http_filter_name.%s", message->stat_prefix)));
	return STATUS_OK;
}

const struct filter_type header_to_metadata_filter = {
	.name = "envoy.filters.http.header_to_metadata",
	.message = &envoy__extensions__filters__http__header_to_metadata__v3__config__descriptor,
	.config_load = config_load,
	.request_headers = header_to_metadata_request_headers,
	.response_headers = header_to_metadata_response_headers,
};
