#include "filters/connection_limit/connection_limit.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "base/shared_count.h"
#include "stream/worker_context.h"
#include "telemetry/stats_network.h"

/* A connection that counts, with who else hears of its end. The pin keeps the configuration. */
struct counted {
	const struct connection_limit_config *config;
	struct worker_context *worker;
	struct pin *listener;
	void (*ended)(void *listener_state, uint64_t lived_ms);
	void *listener_state;
};

static void on_ended(void *state, uint64_t lived_ms)
{
	struct counted *counted = state;

	shared_count_drop(counted->config->count);
	stat_gauge_dec(counted->worker->stats, counted->config->stats,
		       CONNECTION_LIMIT_STAT_ACTIVE_CONNECTIONS);
	counted->ended(counted->listener_state, lived_ms);
	pin_drop(counted->listener);
	free(counted);
}

bool connection_limit_admit(const void *opaque, struct accepted *accepted)
{
	const struct connection_limit_config *config = opaque;
	struct stats_shard *shard = accepted->worker->stats;

	if (!shared_count_take(config->count, config->max)) {
		stat_inc(shard, config->stats, CONNECTION_LIMIT_STAT_LIMITED_CONNECTIONS);
		return false;
	}
	struct counted *counted = malloc(sizeof *counted);
	invariant(counted);
	*counted = (struct counted){.config = config,
				    .worker = accepted->worker,
				    .listener = pin_take(accepted->listener),
				    .ended = accepted->ended,
				    .listener_state = accepted->listener_state};
	accepted->ended = on_ended;
	accepted->listener_state = counted;
	stat_gauge_inc(shard, config->stats, CONNECTION_LIMIT_STAT_ACTIVE_CONNECTIONS);
	return true;
}
