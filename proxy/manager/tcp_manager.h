/* envoy.filters.network.tcp_proxy: serves a connection by moving its bytes to and from a host of a
 * cluster.
 *
 *   CONNECTING (downstream isn't read) ─> FLOWING ─ both ends have ended, or either broke ─> gone
 *
 * Each direction ends by itself (half close). What one side doesn't take pauses the other's
 * reading. Owner: a session owns both connections; freed at the end of the turn. Thread: its
 * worker. Timers: connect (upstream conn's), idle, duration. */
#ifndef MANAGER_TCP_MANAGER_H
#define MANAGER_TCP_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "net/conn_filter.h"

struct access_log;
struct labels;
struct stat_scope;

struct tcp_cluster {
	struct slice name;
	uint32_t slot;
	const struct labels *metadata_match; /* what hosts must hold; NULL: nothing */
	uint32_t weight_below; /* chosen when the draw is below: running sum of weights */
};

struct tcp_config {
	struct slice stat_prefix;
	const struct tcp_cluster *clusters;
	unsigned cluster_count;
	uint32_t weight_sum;
	uint32_t max_connect_attempts;
	uint32_t idle_timeout_ms, max_duration_ms; /* 0: none */
	bool hashes_source_ip;
	const struct access_log *access_log; /* NULL: none */
	struct stat_scope *stats;
};

extern const struct conn_filter_type tcp_proxy_filter;

/* The type's config_load (tcp_config.c). */
enum status tcp_config_load(const void **config, const struct ProtobufCMessage *message,
			    const struct config_context *context, struct diag *diag);
/* The type's serve (tcp_manager.c). */
void tcp_serve(const void *config, const struct accepted *accepted);
/* The type's adopt (tcp_handover.c). */
bool tcp_adopt(const void *config, const struct accepted *accepted, struct handover *handover);

#endif
