#include "manager/sniffer.h"

#include "stream/worker_context.h"
#include "telemetry/stats_network.h"

static bool found(const void *config, enum sniffed protocol, const struct accepted *accepted)
{
	const struct sniffer *sniffer = config;
	const struct sniff_handler *handler = &sniffer->handlers[protocol];
	struct stats_shard *shard = accepted->worker->stats;

	if (!handler->type)
		handler = &sniffer->handlers[SNIFFED_OTHER];
	stat_inc(shard, sniffer->stats, SNIFFER_STAT_OTHER + (unsigned)protocol);
	if (!handler->type) {
		stat_inc(shard, sniffer->stats, SNIFFER_STAT_REFUSED);
		return false;
	}
	handler->type->serve(handler->config, accepted);
	return true;
}

void sniffer_serve(const void *config, const struct accepted *accepted)
{
	const struct sniffer *sniffer = config;
	sniff_start(accepted, sniffer->timeout_ms, found, sniffer);
}

/* Whatever serves it knows its own. */
bool sniffer_adopt(const void *config, const struct accepted *accepted, struct handover *handover)
{
	const struct sniffer *sniffer = config;

	if (sniff_takes(handover)) {
		sniffer_serve(config, accepted);
		return true;
	}
	for (int i = 0; i < SNIFFED_COUNT; i++) {
		const struct sniff_handler *handler = &sniffer->handlers[i];
		if (handler->type && handler->type->adopt &&
		    handler->type->adopt(handler->config, accepted, handover))
			return true;
	}
	return false;
}
