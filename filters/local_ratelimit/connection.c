#include "filters/local_ratelimit/connection.h"

#include "base/token_bucket.h"
#include "stream/worker_context.h"
#include "telemetry/stats_network.h"

bool connection_ratelimit_admit(const void *opaque, struct accepted *accepted)
{
	const struct connection_ratelimit *config = opaque;

	if (config->is_disabled || accepted->is_adopted ||
	    token_bucket_take(config->bucket, accepted->worker->loop->now_ns, 1))
		return true;
	stat_inc(accepted->worker->stats, config->stats, NETWORK_LOCAL_RATELIMIT_STAT_RATE_LIMITED);
	return false;
}
