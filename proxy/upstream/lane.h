/* The upstream connections that one client connection has for itself.
 *
 *   client connection ─ lane ─ pools, one for each host and protocol it has called
 *     ─ one connection each, if the protocol is multiplexed
 *
 * Asked for by the listener (`shared: false`) or the cluster
 * (connection_pool_per_downstream_connection). Owner: who serves the client connection. Thread: its
 * worker. */
#ifndef UPSTREAM_LANE_H
#define UPSTREAM_LANE_H

#include <stdint.h>

#include "base/list.h"
#include "message/stream_info.h"

struct pool;
struct upstream_worker;
struct worker_host;

struct lane {
	struct list_node pools; /* pool->in_lane */
	uint64_t client;        /* the client connection's id: its key in upstream_worker.lanes */
};

static inline void lane_init(struct lane *lane)
{
	list_init(&lane->pools);
}

/* The client has gone, and its requests are over: closes the connections. */
void lane_end(struct lane *lane);

/* The lane of a client connection, made if new; borrowed. */
struct lane *upstream_lane(struct upstream_worker *upstream, uint64_t client);
/* Ends and frees it. */
void upstream_lane_end(struct upstream_worker *upstream, uint64_t client);

/* Its pool for the host, made if new. */
struct pool *lane_pool(struct lane *lane, struct worker_host *host, enum stream_protocol protocol);

#endif
