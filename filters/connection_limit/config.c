#include <envoy/extensions/filters/network/connection_limit/v3/connection_limit.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>

#include "base/shared.h"
#include "base/shared_count.h"
#include "filters/connection_limit/connection_limit.h"
#include "stream/config_context.h"
#include "telemetry/stats_network.h"

typedef Envoy__Extensions__Filters__Network__ConnectionLimit__V3__ConnectionLimit Message;

static const struct shared_type count_type = {.name = "connection_limit",
					      .init = shared_count_init};

static enum status config_load(const void **loaded, const ProtobufCMessage *base,
			       const struct config_context *context, struct diag *diag)
{
	struct connection_limit_config *config =
		ARENA_NEW(context->arena, struct connection_limit_config);
	const Message *message = (const Message *)base;

	if (!message->stat_prefix[0])
		return diag_at(diag, "stat_prefix", "must not be empty");
	if (!message->max_connections || !message->max_connections->value)
		return diag_at(diag, "max_connections", "must be > 0");
	config->max = message->max_connections->value < UINT32_MAX
			      ? (uint32_t)message->max_connections->value
			      : UINT32_MAX;
	/* A new limit goes on with the connections that are counted already. */
	config->count =
		shared_take_for(context->arena, &count_type,
				config_state_name(context, slice_of(message->stat_prefix), 0), 0,
				sizeof(struct shared_count), NULL);
	config->stats = config_scope(context, &connection_limit_stats,
				     slice_of(arena_printf(context->arena, "connection_limit.%s",
							   message->stat_prefix)));
	*loaded = config;
	return STATUS_OK;
}

const struct conn_filter_type connection_limit_filter = {
	.name = "envoy.filters.network.connection_limit",
	.message =
		&envoy__extensions__filters__network__connection_limit__v3__connection_limit__descriptor,
	.config_load = config_load,
	.admit = connection_limit_admit,
};
