/* outrigger.filters.network.protocol_sniffer: one port for several protocols.
 *
 *   accepted ─ sniff ─ which? ─> the filter that serves connections of that protocol
 *
 * A protocol without a handler is OTHER's; without one of OTHER the connection is closed. Owner:
 * the configuration is the listener's. Thread: the worker's. */
#ifndef MANAGER_SNIFFER_H
#define MANAGER_SNIFFER_H

#include "manager/sniff.h"
#include "net/conn_filter.h"

struct stat_scope;

struct sniff_handler {
	const struct conn_filter_type *type; /* NULL: none */
	const void *config;
};

struct sniffer {
	struct sniff_handler handlers[SNIFFED_COUNT];
	uint64_t timeout_ms;
	struct stat_scope *stats; /* "sniffer.<stat_prefix>" */
};

extern const struct conn_filter_type protocol_sniffer_filter;

/* sniffer.c: the type's serve and adopt. */
void sniffer_serve(const void *config, const struct accepted *accepted);
bool sniffer_adopt(const void *config, const struct accepted *accepted, struct handover *handover);

#endif
