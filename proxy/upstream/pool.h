/* The connections of one worker to one host in one protocol.
 *
 *   pending: requests that wait ─┐     states: connecting  ready (LIFO)  busy  silent  draining
 *                                └─> a connection with room
 *
 * Exclusive protocols (HTTP/1.1) take the connection used last; multiplexed ones fill one
 * connection until MULTIPLEX_MARK requests are in flight, then the one with the fewest, and open
 * another when all have so many. What is too much again is drained. Owner: its worker_host. Thread:
 * its worker. Limits: circuit breakers of the cluster. */
#ifndef UPSTREAM_POOL_H
#define UPSTREAM_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/loop.h"
#include "upstream/upstream_conn.h"

struct cluster_worker;
struct upstream_dialect;
struct worker_host;

enum {
	MULTIPLEX_MARK = 1024,  /* calls in flight on a connection before another is opened */
	MULTIPLEX_GROW_MS = 50, /* between two connections that are opened beside others */
	MULTIPLEX_OUTPUT_CAP = 16 << 20, /* bytes that wait for a host that doesn't read */
	MULTIPLEX_SILENT_MS = 60000,     /* from a lost heartbeat to the connection's end */
};

struct pool {
	struct worker_host *host;
	enum stream_protocol protocol;
	const struct upstream_dialect *dialect; /* the protocol's */
	struct list_node conns[UPSTREAM_CONN_STATES];
	struct list_node pending;
	unsigned conn_count, connecting_count, pending_count;
	uint64_t grows_after_ms; /* not before is another one opened beside those that serve */
	bool is_reserved;        /* serves one client connection (reserve.h) */
	bool is_buried;          /* … which has gone, and the last connection with it */
	struct list_node in_reserve, in_host; /* of a reserve's pool: its reserve's, its host's */
	struct grave grave;
	bool is_closing;  /* by pool_close: nothing is opened any more */
	bool is_draining; /* the host has left its cluster: no new connections for new requests'
			     sake */
};

void pool_init(struct pool *pool, struct worker_host *host, enum stream_protocol protocol);
/* Closes all connections; requests on them are reset. */
void pool_close(struct pool *pool);
/* Idle connections close now, the others with their last request. */
void pool_drain(struct pool *pool);

/* Frees a reserve's pool, with the turn's end, when its reserve or its host has gone and nothing is
 * left in it. Others are their host's. */
void pool_end_if_over(struct pool *pool);

static inline bool pool_is_empty(const struct pool *pool)
{
	return !pool->conn_count && list_is_empty(&pool->pending);
}

/* A connection that takes another request now, or NULL. */
struct upstream_conn *pool_with_room(struct pool *pool);
/* Multiplexed: the others would do without one of the connections, by far. */
bool pool_has_surplus(const struct pool *pool);
/* Finds or opens a connection for the request; ready, failed, or pending. */
void pool_request(struct pool *pool, struct upstream_request *request);
/* A connection has room (or has gone): pending requests may go on. */
void pool_serve_pending(struct pool *pool);
/* A connect failed: what waits for it fails too. */
void pool_connect_failed(struct pool *pool, enum reply_reason reason, struct slice details);

#endif
