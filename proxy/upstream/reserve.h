/* The upstream connections that one client connection has for itself.
 *
 *   client connection ─ reserve ─ pools, one for each host and protocol it has called
 *     ─ one connection each, if the protocol is multiplexed
 *
 * Asked for by the listener (`shared: false`) or the cluster
 * (connection_pool_per_downstream_connection). Owner: who serves the client connection. Thread: its
 * worker. */
#ifndef UPSTREAM_RESERVE_H
#define UPSTREAM_RESERVE_H

#include <stdint.h>

#include "base/list.h"
#include "message/stream_info.h"

struct pool;
struct upstream_worker;
struct worker_host;

struct reserve {
	struct list_node pools; /* pool->in_reserve */
	uint64_t client; /* the client connection's id: its key in upstream_worker.reserves */
};

static inline void reserve_init(struct reserve *reserve)
{
	list_init(&reserve->pools);
}

/* The client has gone, and its requests are over: closes the connections. */
void reserve_end(struct reserve *reserve);

/* The reserve of a client connection, made if new; borrowed. */
struct reserve *upstream_reserve(struct upstream_worker *upstream, uint64_t client);
/* Ends and frees it. */
void upstream_reserve_end(struct upstream_worker *upstream, uint64_t client);

/* Its pool for the host, made if new. */
struct pool *reserve_pool(struct reserve *reserve, struct worker_host *host,
			  enum stream_protocol protocol);

#endif
