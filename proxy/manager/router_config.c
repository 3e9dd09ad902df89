#include <envoy/extensions/filters/http/router/v3/router.pb-c.h>

#include "manager/router_private.h"
#include "upstream/config_values.h"

static enum status router_config_load(const void **loaded, const ProtobufCMessage *base,
				      bool is_per_route, const struct config_context *context,
				      struct diag *diag)
{
	const Envoy__Extensions__Filters__Http__Router__V3__Router *message =
		(const Envoy__Extensions__Filters__Http__Router__V3__Router *)base;
	struct router_config *config = ARENA_NEW(context->arena, struct router_config);

	if (is_per_route)
		return diag_set(diag, "the router has no per-route configuration");
	config->suppresses_envoy_headers = message->suppress_envoy_headers;
	config->respects_expected_timeout = message->respect_expected_rq_timeout;
	config->stats = context->router_stats;
	*loaded = config;
	return STATUS_OK;
}

const struct filter_type router_filter = {
	.name = "envoy.filters.http.router",
	.message = &envoy__extensions__filters__http__router__v3__router__descriptor,
	.state_size = sizeof(struct router),
	.is_terminal = true,
	.config_load = router_config_load,
	.open = router_open,
	.request_headers = router_request_headers,
	.request_data = router_request_data,
	.request_trailers = router_request_trailers,
	.close = router_close,
};
