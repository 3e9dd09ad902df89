#include <envoy/extensions/filters/network/direct_response/v3/config.pb-c.h>
#include <envoy/extensions/filters/network/echo/v3/echo.pb-c.h>

#include "filters/local_service/local_service.h"
#include "message/data_source_config.h"
#include "stream/config_context.h"

enum { TEXT_MAX = 1 << 20 };

typedef Envoy__Extensions__Filters__Network__DirectResponse__V3__Config Message;

static enum status direct_response_load(const void **loaded, const ProtobufCMessage *base,
					const struct config_context *context, struct diag *diag)
{
	struct local_service_config *config =
		ARENA_NEW(context->arena, struct local_service_config);
	const Message *message = (const Message *)base;

	*loaded = config;
	if (!message->response)
		return STATUS_OK;
	enum status status =
		data_source_load(&config->text, message->response, TEXT_MAX, context->arena, diag);
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
