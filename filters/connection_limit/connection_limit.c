#include "filters/connection_limit/connection_limit.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "base/shared_count.h"
#include "stream/worker_context.h"
#include "telemetry/stats_network.h"

/* A connection that counts, with who else hears of its end. The pin keeps the configuration. */
struct counted {
	struct accepted_end end, *next;
	const struct connection_limit_config *config;
	struct worker_context *worker;
	struct pin *listener;
};

static void on_ended(struct accepted_end *end, uint64_t lived_ms)
{
	struct counted *counted = container_of(end, struct counted, end);

	shared_count_drop(counted->config->count);
	stat_gauge_dec(counted->worker->stats, counted->config->stats,
		       CONNECTION_LIMIT_STAT_ACTIVE_CONNECTIONS);
	accepted_ended(counted->next, lived_ms);
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
	*counted = (struct counted){.end = {on_ended},
				    .next = accepted->end,
				    .config = config,
				    .worker = accepted->worker,
				    .listener = pin_take(accepted->listener)};
	accepted->end = &counted->end;
	stat_gauge_inc(shard, config->stats, CONNECTION_LIMIT_STAT_ACTIVE_CONNECTIONS);
	return true;
}
