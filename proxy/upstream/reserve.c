#include "upstream/reserve.h"

#include <stdlib.h>

#include "upstream/upstream_worker.h"

struct pool *reserve_pool(struct reserve *reserve, struct worker_host *host,
			  enum stream_protocol protocol)
{
	for (struct list_node *n = reserve->pools.next; n != &reserve->pools; n = n->next) {
		struct pool *pool = container_of(n, struct pool, in_reserve);
		if (pool->host == host && pool->protocol == protocol)
			return pool;
	}
	struct pool *pool = malloc(sizeof *pool);
	invariant(pool);
	pool_init(pool, host, protocol);
	pool->is_reserved = true;
	list_push_back(&reserve->pools, &pool->in_reserve);
	list_push_back(&host->reserved_pools, &pool->in_host);
	worker_host_count_pool(host, true);
	return pool;
}

void reserve_end(struct reserve *reserve)
{
	while (!list_is_empty(&reserve->pools)) {
		struct pool *pool = container_of(reserve->pools.next, struct pool, in_reserve);
		struct worker_host *host = worker_host_hold(pool->host);
		list_remove(&pool->in_reserve);
		list_init(&pool->in_reserve);
		pool_drain(pool);
		pool_end_if_over(pool);
		worker_host_release(host);
	}
}

static struct slice key_of(const uint64_t *client)
{
	return slice_make((const char *)client, sizeof *client);
}

struct reserve *upstream_reserve(struct upstream_worker *upstream, uint64_t client)
{
	struct reserve *reserve = map_get(&upstream->reserves, key_of(&client));

	if (reserve)
		return reserve;
	reserve = malloc(sizeof *reserve);
	invariant(reserve);
	reserve_init(reserve);
	reserve->client = client;
	map_set(&upstream->reserves, key_of(&reserve->client), reserve);
	return reserve;
}

void upstream_reserve_end(struct upstream_worker *upstream, uint64_t client)
{
	struct reserve *reserve = map_remove(&upstream->reserves, key_of(&client));

	reserve_end(reserve);
	free(reserve);
}
