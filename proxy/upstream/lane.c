#include "upstream/lane.h"

#include <stdlib.h>

#include "upstream/upstream_worker.h"

struct pool *lane_pool(struct lane *lane, struct worker_host *host, enum stream_protocol protocol)
{
	for (struct list_node *n = lane->pools.next; n != &lane->pools; n = n->next) {
		struct pool *pool = container_of(n, struct pool, in_lane);
		if (pool->host == host && pool->protocol == protocol)
			return pool;
	}
	struct pool *pool = malloc(sizeof *pool);
	invariant(pool);
	pool_init(pool, host, protocol);
	pool->is_of_lane = true;
	list_push_back(&lane->pools, &pool->in_lane);
	list_push_back(&host->lane_pools, &pool->in_host);
	worker_host_count_pool(host, true);
	return pool;
}

void lane_end(struct lane *lane)
{
	while (!list_is_empty(&lane->pools)) {
		struct pool *pool = container_of(lane->pools.next, struct pool, in_lane);
		struct worker_host *host = worker_host_hold(pool->host);
		list_remove(&pool->in_lane);
		list_init(&pool->in_lane);
		pool_drain(pool);
		pool_end_if_over(pool);
		worker_host_release(host);
	}
}

static struct slice key_of(const uint64_t *client)
{
	return slice_make((const char *)client, sizeof *client);
}

struct lane *upstream_lane(struct upstream_worker *upstream, uint64_t client)
{
	struct lane *lane = map_get(&upstream->lanes, key_of(&client));

	if (lane)
		return lane;
	lane = malloc(sizeof *lane);
	invariant(lane);
	lane_init(lane);
	lane->client = client;
	map_set(&upstream->lanes, key_of(&lane->client), lane);
	return lane;
}

void upstream_lane_end(struct upstream_worker *upstream, uint64_t client)
{
	struct lane *lane = map_remove(&upstream->lanes, key_of(&client));

	lane_end(lane);
	free(lane);
}
