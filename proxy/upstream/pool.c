#include "upstream/pool.h"

#include <stdlib.h>

#include "telemetry/stats_cluster.h"
#include "upstream/upstream_dialect.h"
#include "upstream/upstream_worker.h"

void pool_init(struct pool *pool, struct worker_host *host, enum stream_protocol protocol)
{
	memset(pool, 0, sizeof *pool);
	pool->host = host;
	pool->protocol = protocol;
	pool->dialect = upstream_dialects[protocol];
	invariant(pool->dialect);
	list_init(&pool->pending);
	for (int state = 0; state < UPSTREAM_CONN_STATES; state++)
		list_init(&pool->conns[state]);
}

static struct upstream_conn *newest(const struct pool *pool, enum upstream_conn_state state)
{
	if (list_is_empty(&pool->conns[state]))
		return NULL;
	return container_of(pool->conns[state].prev, struct upstream_conn, link);
}

void pool_close(struct pool *pool)
{
	pool->is_closing = true;
	for (int state = 0; state < UPSTREAM_CONN_STATES; state++)
		for (struct upstream_conn *uc;
		     (uc = newest(pool, (enum upstream_conn_state)state));)
			upstream_conn_close(uc, REPLY_CONNECTION_LOST);
	pool_connect_failed(pool, REPLY_CONNECTION_LOST, (struct slice){0});
}

static void drain_list(struct list_node *conns)
{
	for (struct list_node *n = conns->next, *next; n != conns; n = next) {
		next = n->next;
		upstream_conn_drain(container_of(n, struct upstream_conn, link));
	}
}

void pool_drain(struct pool *pool)
{
	struct upstream_conn *uc;

	pool->is_draining = true;
	while (!pool->pending_count && (uc = newest(pool, UPSTREAM_CONN_CONNECTING)))
		upstream_conn_close(uc, REPLY_CONNECTION_LOST); /* nobody waits for it */
	drain_list(&pool->conns[UPSTREAM_CONN_READY]);
	drain_list(&pool->conns[UPSTREAM_CONN_BUSY]);
	drain_list(&pool->conns[UPSTREAM_CONN_SILENT]);
}

static void pool_free(struct grave *grave)
{
	free(container_of(grave, struct pool, grave));
}

void pool_end_if_over(struct pool *pool)
{
	if (LIKELY(!pool->is_reserved) || pool->is_buried || !pool_is_empty(pool) ||
	    !(pool->is_draining || pool->is_closing))
		return;
	pool->is_buried = true;
	list_remove(&pool->in_reserve);
	list_remove(&pool->in_host);
	worker_host_count_pool(pool->host, false);
	loop_bury(pool->host->cluster->upstream->loop, &pool->grave, pool_free);
}

static void count(const struct pool *pool, unsigned id)
{
	stat_inc(pool->host->cluster->upstream->stats, pool->host->cluster->stats, id);
}

static struct upstream_request *pending_pop(struct pool *pool)
{
	struct upstream_request *request =
		container_of(pool->pending.next, struct upstream_request, link);

	list_remove(&request->link);
	pool->pending_count--;
	cluster_worker_drop(pool->host->cluster, request->priority, BREAKER_PENDING);
	stat_gauge_dec(pool->host->cluster->upstream->stats, pool->host->cluster->stats,
		       CLUSTER_STAT_UPSTREAM_RQ_PENDING_ACTIVE);
	return request;
}

static void fail(struct upstream_request *request, enum reply_reason reason, struct slice details)
{
	struct worker_host *host = request->host;

	request->state = UPSTREAM_REQUEST_OVER;
	request->events->failed(request, reason, details);
	worker_host_release(host);
}

/* Connections on their way are as many as the requests that wait for one. */
static unsigned wanted(const struct pool *pool)
{
	if (pool->dialect->is_multiplexed)
		return pool->pending_count ? 1 : 0;
	return pool->pending_count;
}

/* A connection's slot. A host without any connection gets one over the limit: requests that wait
 * for it could not go on otherwise. */
static bool take_connection(struct pool *pool, enum cluster_priority priority)
{
	struct cluster_worker *cluster = pool->host->cluster;

	if (cluster_worker_take(cluster, priority, BREAKER_CONNECTIONS))
		return true;
	count(pool, CLUSTER_STAT_UPSTREAM_CX_OVERFLOW);
	if (pool->conn_count)
		return false;
	cluster_worker_take_anyway(cluster, priority, BREAKER_CONNECTIONS);
	return true;
}

static void connect_wanted(struct pool *pool)
{
	while (pool->connecting_count < wanted(pool) && !pool->is_closing) {
		enum status why;
		enum cluster_priority priority =
			container_of(pool->pending.next, struct upstream_request, link)->priority;
		if (!take_connection(pool, priority))
			return;
		if (upstream_conn_open(pool, priority, &why))
			continue;
		cluster_worker_drop(pool->host->cluster, priority, BREAKER_CONNECTIONS);
		pool_connect_failed(pool, REPLY_CONNECT_FAILURE, slice_of(status_text(why)));
		return;
	}
}

/* One more connection, while the others go on serving. Not to a host that stops. */
static void grow(struct pool *pool)
{
	struct cluster_worker *cluster = pool->host->cluster;
	uint64_t now_ms = loop_now_ms(cluster->upstream->loop);
	enum status why;

	if (pool->connecting_count || now_ms < pool->grows_after_ms || pool->is_draining ||
	    pool->is_closing || host_is_readonly(pool->host->host, now_ms))
		return;
	pool->grows_after_ms = now_ms + MULTIPLEX_GROW_MS;
	if (!cluster_worker_take(cluster, CLUSTER_PRIORITY_DEFAULT, BREAKER_CONNECTIONS))
		count(pool, CLUSTER_STAT_UPSTREAM_CX_OVERFLOW);
	else if (!upstream_conn_open(pool, CLUSTER_PRIORITY_DEFAULT, &why))
		cluster_worker_drop(cluster, CLUSTER_PRIORITY_DEFAULT, BREAKER_CONNECTIONS);
}

static struct upstream_conn *least_loaded(struct pool *pool)
{
	const struct list_node *ready = &pool->conns[UPSTREAM_CONN_READY];
	struct upstream_conn *least = NULL;

	for (const struct list_node *n = ready->next; n != ready; n = n->next) {
		struct upstream_conn *uc = container_of(n, struct upstream_conn, link);
		if (!least || uc->active < least->active)
			least = uc;
	}
	if (least->active >= MULTIPLEX_MARK)
		grow(pool);
	return least;
}

struct upstream_conn *pool_with_room(struct pool *pool)
{
	struct upstream_conn *uc = newest(pool, UPSTREAM_CONN_READY);

	if (LIKELY(!pool->dialect->is_multiplexed || pool->host->active < MULTIPLEX_MARK) || !uc ||
	    pool->is_reserved)
		return uc;
	return least_loaded(pool);
}

bool pool_has_surplus(const struct pool *pool)
{
	const struct list_node *ready = &pool->conns[UPSTREAM_CONN_READY];
	unsigned spare = 0;

	for (const struct list_node *n = ready->next; n != ready; n = n->next)
		spare++;
	return spare > 1 && pool->host->active <= (spare - 1) * (MULTIPLEX_MARK / 2);
}

/* A request that a breaker refuses: the cluster's fault, not the host's. */
static void overflow(struct pool *pool, struct upstream_request *request, unsigned stat)
{
	count(pool, stat);
	fail(request, REPLY_OVERFLOW, (struct slice){0});
}

static void attach(struct pool *pool, struct upstream_conn *uc, struct upstream_request *request)
{
	if (UNLIKELY(uc->conn.out.len > MULTIPLEX_OUTPUT_CAP))
		overflow(pool, request, CLUSTER_STAT_UPSTREAM_RQ_ACTIVE_OVERFLOW);
	else if (LIKELY(cluster_worker_take(pool->host->cluster, request->priority,
					    BREAKER_REQUESTS)))
		upstream_conn_attach(uc, request);
	else
		overflow(pool, request, CLUSTER_STAT_UPSTREAM_RQ_ACTIVE_OVERFLOW);
}

void pool_request(struct pool *pool, struct upstream_request *request)
{
	struct upstream_conn *uc = pool_with_room(pool);

	if (LIKELY(uc != NULL)) {
		attach(pool, uc, request);
		return;
	}
	if (!cluster_worker_take(pool->host->cluster, request->priority, BREAKER_PENDING)) {
		overflow(pool, request, CLUSTER_STAT_UPSTREAM_RQ_PENDING_OVERFLOW);
		return;
	}
	request->state = UPSTREAM_REQUEST_PENDING;
	list_push_back(&pool->pending, &request->link);
	pool->pending_count++;
	count(pool, CLUSTER_STAT_UPSTREAM_RQ_PENDING_TOTAL);
	stat_gauge_inc(pool->host->cluster->upstream->stats, pool->host->cluster->stats,
		       CLUSTER_STAT_UPSTREAM_RQ_PENDING_ACTIVE);
	connect_wanted(pool);
}

void pool_serve_pending(struct pool *pool)
{
	struct upstream_conn *uc;

	while (pool->pending_count && (uc = pool_with_room(pool)))
		attach(pool, uc, pending_pop(pool));
	connect_wanted(pool);
}

/* An HTTP/1.1 connect stands for one request, the one that waits longest; a multiplexed one for
 * all. */
void pool_connect_failed(struct pool *pool, enum reply_reason reason, struct slice details)
{
	unsigned fails = pool->pending_count;

	if (!pool->dialect->is_multiplexed && fails > pool->connecting_count)
		fails -= pool->connecting_count;
	else if (!pool->dialect->is_multiplexed)
		fails = 0;
	while (fails-- && pool->pending_count) {
		count(pool, CLUSTER_STAT_UPSTREAM_RQ_PENDING_FAILURE_EJECT);
		worker_host_note(pool->host, OUTLIER_LOCAL_FAILURE);
		fail(pending_pop(pool), reason, details);
	}
}
