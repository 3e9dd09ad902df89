#include <envoy/extensions/filters/http/buffer/v3/buffer.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>

#include "filters/buffer/buffer.h"

typedef Envoy__Extensions__Filters__Http__Buffer__V3__Buffer Message;
typedef Envoy__Extensions__Filters__Http__Buffer__V3__BufferPerRoute PerRoute;

static enum status config_load(const void **loaded, const ProtobufCMessage *base, bool is_per_route,
			       const struct config_context *context, struct diag *diag)
{
	struct buffer_config *config = ARENA_NEW(context->arena, struct buffer_config);
	const Message *message = (const Message *)base;

	*loaded = config;
	if (is_per_route) {
		const PerRoute *per_route = (const PerRoute *)base;
		message =
			per_route->override_case ==
					ENVOY__EXTENSIONS__FILTERS__HTTP__BUFFER__V3__BUFFER_PER_ROUTE__OVERRIDE_BUFFER
				? per_route->buffer
				: NULL;
		config->is_disabled = !message;
		if (!message)
			return STATUS_OK;
	}
	if (!message->max_request_bytes || !message->max_request_bytes->value)
		return diag_at(diag, "max_request_bytes", "must be > 0");
	config->max_bytes = message->max_request_bytes->value;
	return STATUS_OK;
}

const struct filter_type buffer_filter = {
	.name = "envoy.filters.http.buffer",
	.message = &envoy__extensions__filters__http__buffer__v3__buffer__descriptor,
	.per_route = &envoy__extensions__filters__http__buffer__v3__buffer_per_route__descriptor,
	.state_size = sizeof(struct buffer),
	.config_load = config_load,
	.request_headers = buffer_request_headers,
	.request_data = buffer_request_data,
};
