#include <envoy/config/core/v3/base.pb-c.h>
#include <envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>

#include "filters/local_ratelimit/connection.h"
#include "filters/local_ratelimit/local_ratelimit.h"
#include "routing/runtime.h"
#include "telemetry/stats_network.h"

typedef Envoy__Extensions__Filters__Network__LocalRatelimit__V3__LocalRateLimit Message;

/* Its default value is required. */
static bool is_enabled(const Envoy__Config__Core__V3__RuntimeFeatureFlag *flag,
		       const struct config_context *context)
{
	return !flag || runtime_flag(context->runtime, slice_of(flag->runtime_key),
				     flag->default_value->value);
}

static enum status config_load(const void **loaded, const ProtobufCMessage *base,
			       const struct config_context *context, struct diag *diag)
{
	struct connection_ratelimit *config =
		ARENA_NEW(context->arena, struct connection_ratelimit);
	const Message *message = (const Message *)base;
	struct bucket_limits limits;

	if (!message->stat_prefix[0])
		return diag_at(diag, "stat_prefix", "must not be empty");
	if (!message->token_bucket)
		return diag_at(diag, "token_bucket", "is required");
	enum status status = bucket_limits_load(&limits, message->token_bucket, diag);
	if (status) {
		diag_prefix(diag, "token_bucket");
		return status;
	}
	struct slice name = config_state_name(
		context,
		slice_of(arena_printf(context->arena, "connections %s", message->stat_prefix)),
		bucket_limits_hash(&limits));
	config->bucket = bucket_take(context, name, &limits);
	config->is_disabled = !is_enabled(message->runtime_enabled, context);
	config->stats = config_scope(context, &network_local_ratelimit_stats,
				     slice_of(arena_printf(context->arena, "local_rate_limit.%s",
							   message->stat_prefix)));
	*loaded = config;
	return STATUS_OK;
}

const struct conn_filter_type local_ratelimit_connection_filter = {
	.name = "envoy.filters.network.local_ratelimit",
	.message =
		&envoy__extensions__filters__network__local_ratelimit__v3__local_rate_limit__descriptor,
	.config_load = config_load,
	.admit = connection_ratelimit_admit,
};
