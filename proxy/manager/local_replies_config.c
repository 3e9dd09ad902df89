#include <envoy/config/core/v3/substitution_format_string.pb-c.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h>

#include "manager/local_replies.h"
#include "message/data_source_config.h"
#include "message/format_config.h"
#include "telemetry/access_log_filter.h"
#include "upstream/config_values.h"

enum { BODY_MAX = 1 << 20 };

typedef Envoy__Config__Core__V3__SubstitutionFormatString FormatString;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__ResponseMapper Mapper;
typedef Envoy__Extensions__Filters__Network__HttpConnectionManager__V3__LocalReplyConfig Message;

static enum status load_format(struct body_format *format, const FormatString *message,
			       struct arena *arena, struct diag *diag)
{
	if (!message)
		return STATUS_OK;
	bool is_json = message->format_case ==
		       ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_JSON_FORMAT;
	if (message->content_type[0])
		format->content_type = config_text(arena, message->content_type);
	else
		format->content_type = is_json ? SLICE("application/json") : SLICE("text/plain");
	return format_load(message, arena, &format->format, diag);
}

static enum status load_headers(struct header_mutations *headers, const Mapper *message,
				struct arena *arena, struct diag *diag)
{
	struct header_add *adds =
		ARENA_NEW_ARRAY(arena, struct header_add, message->n_headers_to_add);

	for (size_t i = 0; i < message->n_headers_to_add; i++) {
		enum status status =
			header_add_load(&adds[i], message->headers_to_add[i], arena, diag);
		if (status) {
			diag_prefix(diag, "headers_to_add[%zu]", i);
			return status;
		}
	}
	*headers = (struct header_mutations){.adds = adds,
					     .add_count = (uint32_t)message->n_headers_to_add};
	return STATUS_OK;
}

static enum status load_mapper(struct reply_mapper *mapper, const Mapper *message,
			       const struct config_context *context, struct diag *diag)
{
	uint32_t code = config_u32(message->status_code, 0);
	enum status status;

	if (message->status_code && (code < 200 || code >= 600))
		return diag_at(diag, "status_code", "must be in [200, 600)");
	mapper->status = (uint16_t)code;
	if (!message->filter)
		return diag_at(diag, "filter", "is required");
	if ((status = access_log_filter_load(message->filter, context->runtime, context->arena,
					     &mapper->filter, diag))) {
		diag_prefix(diag, "filter");
		return status;
	}
	mapper->has_body = message->body;
	if (message->body && (status = data_source_load(&mapper->body, message->body, BODY_MAX,
							context->arena, diag))) {
		diag_prefix(diag, "body");
		return status;
	}
	if ((status = load_format(&mapper->format, message->body_format_override, context->arena,
				  diag))) {
		diag_prefix(diag, "body_format_override");
		return status;
	}
	return load_headers(&mapper->headers, message, context->arena, diag);
}

enum status local_replies_load(const struct local_replies **loaded, const Message *message,
			       const struct config_context *context, struct diag *diag)
{
	*loaded = NULL;
	if (!message)
		return STATUS_OK;
	struct local_replies *replies = ARENA_NEW(context->arena, struct local_replies);
	struct reply_mapper *mappers =
		ARENA_NEW_ARRAY(context->arena, struct reply_mapper, message->n_mappers);
	enum status status = STATUS_OK;

	for (size_t i = 0; i < message->n_mappers && !status; i++) {
		status = load_mapper(&mappers[i], message->mappers[i], context, diag);
		if (status)
			diag_prefix(diag, "mappers[%zu]", i);
	}
	if (!status) {
		status = load_format(&replies->format, message->body_format, context->arena, diag);
		if (status)
			diag_prefix(diag, "body_format");
	}
	if (status)
		diag_prefix(diag, "local_reply_config");
	replies->mappers = mappers;
	replies->mapper_count = (unsigned)message->n_mappers;
	*loaded = replies;
	return status;
}
