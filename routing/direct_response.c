#include "routing/direct_response.h"

#include <stdlib.h>

#include "envoy/config/route/v3/route_components.pb-c.h"
#include "message/format_config.h"

#define SOURCE(kind) ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_##kind

static enum status load_source(struct slice *text,
			       const Envoy__Config__Core__V3__DataSource *source, size_t max,
			       const struct route_hooks *hooks, struct arena *arena,
			       struct diag *diag)
{
	const char *value;

	*text = SLICE("");
	switch ((int)source->specifier_case) {
	case SOURCE(FILENAME):
		if (!hooks || !hooks->read_file)
			return diag_at(diag, "filename", "files can't be read here");
		if (!hooks->read_file(hooks->context, slice_of(source->filename), max, arena, text,
				      diag))
			return STATUS_OK;
		diag_prefix(diag, "filename");
		return STATUS_INVALID;
	case SOURCE(INLINE_BYTES):
		*text = slice_make(source->inline_bytes.data, source->inline_bytes.len);
		break;
	case SOURCE(INLINE_STRING):
		*text = slice_of(source->inline_string);
		break;
	case SOURCE(ENVIRONMENT_VARIABLE):
		value = getenv(source->environment_variable);
		if (!value)
			return diag_at(diag, "environment_variable", "\"%s\" is not set",
				       source->environment_variable);
		*text = slice_of(value);
		break;
	default:
		return diag_set(diag, "one of filename, inline_bytes, inline_string, "
				      "environment_variable is required");
	}
	if (text->len > max)
		return diag_set(diag, "response body of %zu bytes is larger than %zu", text->len,
				max);
	*text = arena_slice(arena, *text);
	return STATUS_OK;
}

enum status direct_response_load(struct direct_response *response,
				 const Envoy__Config__Route__V3__DirectResponseAction *message,
				 size_t body_max, const struct route_hooks *hooks,
				 struct arena *arena, struct diag *diag)
{
	enum status status = STATUS_OK;

	if (message->status < 200 || message->status >= 600)
		return diag_at(diag, "status", "must be 200 to 599");
	*response = (struct direct_response){
		.status = (uint16_t)message->status,
		.body = SLICE(""),
		.content_type = SLICE(""),
	};
	if (message->body) {
		status = load_source(&response->body, message->body, body_max, hooks, arena, diag);
		if (status)
			diag_prefix(diag, "body");
	}
	if (!status && message->body_format) {
		status = format_load(message->body_format, arena, &response->body_format, diag);
		response->content_type =
			arena_slice(arena, slice_of(message->body_format->content_type));
		if (status)
			diag_prefix(diag, "body_format");
	}
	return status;
}
