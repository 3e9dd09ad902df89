#include <stdlib.h>

#include <envoy/config/core/v3/base.pb-c.h>
#include <envoy/extensions/filters/network/direct_response/v3/config.pb-c.h>
#include <envoy/extensions/filters/network/echo/v3/echo.pb-c.h>

#include "filters/local_service/local_service.h"
#include "stream/config_context.h"

enum { TEXT_MAX = 1 << 20 };

typedef Envoy__Extensions__Filters__Network__DirectResponse__V3__Config Message;
typedef Envoy__Config__Core__V3__DataSource DataSource;

#define SOURCE(kind) ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_##kind

static enum status load_text(struct slice *text, const DataSource *source,
			     const struct config_context *context, struct diag *diag)
{
	const char *value;

	switch (source->specifier_case) {
	case SOURCE(FILENAME):
		return context->read_file(context, slice_of(source->filename), TEXT_MAX, text,
					  diag);
	case SOURCE(INLINE_BYTES):
		*text = arena_slice(context->arena, slice_make(source->inline_bytes.data,
							       source->inline_bytes.len));
		return STATUS_OK;
	case SOURCE(INLINE_STRING):
		*text = arena_slice(context->arena, slice_of(source->inline_string));
		return STATUS_OK;
	case SOURCE(ENVIRONMENT_VARIABLE):
		value = getenv(source->environment_variable);
		if (!value)
			return diag_at(diag, "environment_variable", "'%s' is not set",
				       source->environment_variable);
		*text = arena_slice(context->arena, slice_of(value));
		return STATUS_OK;
	case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER__NOT_SET:
	case _ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER__CASE_IS_INT_SIZE:
		break;
	}
	return diag_set(diag, "a source is required");
}

static enum status direct_response_load(const void **loaded, const ProtobufCMessage *base,
					const struct config_context *context, struct diag *diag)
{
	struct local_service_config *config =
		ARENA_NEW(context->arena, struct local_service_config);
	const Message *message = (const Message *)base;

	*loaded = config;
	if (!message->response)
		return STATUS_OK;
	enum status status = load_text(&config->text, message->response, context, diag);
	if (status)
		diag_prefix(diag, "response");
	return status;
}

static enum status echo_load(const void **loaded, const ProtobufCMessage *message,
			     const struct config_context *context, struct diag *diag)
{
	struct local_service_config *config =
		ARENA_NEW(context->arena, struct local_service_config);

	(void)message, (void)diag;
	config->is_echo = true;
	*loaded = config;
	return STATUS_OK;
}

const struct conn_filter_type direct_response_filter = {
	.name = "envoy.filters.network.direct_response",
	.message = &envoy__extensions__filters__network__direct_response__v3__config__descriptor,
	.config_load = direct_response_load,
	.serve = local_service_serve,
};

const struct conn_filter_type echo_filter = {
	.name = "envoy.filters.network.echo",
	.message = &envoy__extensions__filters__network__echo__v3__echo__descriptor,
	.config_load = echo_load,
	.serve = local_service_serve,
};
