#include "upstream/upstream_worker.h"

#include <stdlib.h>

#include "routing/policy.h"
#include "telemetry/stats_cluster.h"

enum {
	FIRST_BUCKETS = 16,
	PICK_WRITEABLE_ATTEMPTS = 16,
	PICK_WRITEABLE_ATTEMPTS_OF_SUBSET = 64,
	PICK_SEARCHED_HOSTS = 4096,
	SWEEP_BUCKETS = 1024, /* in one turn: 0.1 ms or so */
	SWEEP_MS = 1,
};

/* --- hosts --- */

static uint32_t bucket_of(const struct cluster_worker *cluster, const struct host *host)
{
	uint64_t h = (uint64_t)(uintptr_t)host * UINT64_C(0x9E3779B97F4A7C15);
	return (uint32_t)(h >> 32) & (cluster->bucket_count - 1);
}

static void buckets_grow(struct cluster_worker *cluster)
{
	struct worker_host **old = cluster->buckets;
	uint32_t old_count = cluster->bucket_count;

	cluster->bucket_count = old_count ? old_count * 2 : FIRST_BUCKETS;
	cluster->buckets = calloc(cluster->bucket_count, sizeof *cluster->buckets);
	invariant(cluster->buckets);
	for (uint32_t i = 0; i < old_count; i++) {
		while (old[i]) {
			struct worker_host *wh = old[i];
			old[i] = wh->next;
			uint32_t b = bucket_of(cluster, wh->host);
			wh->next = cluster->buckets[b];
			cluster->buckets[b] = wh;
		}
	}
	free(old);
	cluster->swept = 0; /* they are in other buckets */
}

struct worker_host *worker_host_get(struct cluster_worker *cluster, struct host *host)
{
	if (cluster->bucket_count) {
		struct worker_host *wh = cluster->buckets[bucket_of(cluster, host)];
		for (; wh; wh = wh->next)
			if (wh->host == host)
				return wh;
	}
	if (cluster->host_count >= cluster->bucket_count)
		buckets_grow(cluster);

	struct worker_host *wh = calloc(1, sizeof *wh);
	invariant(wh);
	wh->host = host_take(host);
	wh->cluster = cluster;
	list_init(&wh->reserved_pools);
	uint32_t b = bucket_of(cluster, host);
	wh->next = cluster->buckets[b];
	cluster->buckets[b] = wh;
	cluster->host_count++;
	return wh;
}

static void host_unlink(struct worker_host *wh)
{
	struct worker_host **at = &wh->cluster->buckets[bucket_of(wh->cluster, wh->host)];

	while (*at != wh)
		at = &(*at)->next;
	*at = wh->next;
	wh->cluster->host_count--;
}

static bool has_connections(const struct worker_host *wh)
{
	for (int i = 0; i < UPSTREAM_PROTOCOLS; i++)
		if (wh->pools[i] && !pool_is_empty(wh->pools[i]))
			return true;
	return !list_is_empty(&wh->reserved_pools);
}

static void cluster_free_if_over(struct cluster_worker *cluster);

/* Pools aren't limited, only shown. */
void worker_host_count_pool(const struct worker_host *wh, bool is_new)
{
	const struct cluster_worker *cluster = wh->cluster;
	const struct stat_scope *scope =
		cluster_worker_config(cluster)->remaining_stats[CLUSTER_PRIORITY_DEFAULT];
	unsigned id = CLUSTER_REMAINING_STAT_REMAINING_CX_POOLS;

	if (scope && is_new)
		stat_gauge_dec(cluster->upstream->stats, scope, id);
	else if (scope)
		stat_gauge_inc(cluster->upstream->stats, scope, id);
}

static void host_free_if_over(struct worker_host *wh)
{
	struct cluster_worker *cluster = wh->cluster;

	if (!wh->is_removed || wh->holds || has_connections(wh))
		return;
	host_unlink(wh);
	for (int i = 0; i < UPSTREAM_PROTOCOLS; i++) {
		if (wh->pools[i])
			worker_host_count_pool(wh, false);
		free(wh->pools[i]);
	}
	host_drop(wh->host);
	free(wh);
	cluster_free_if_over(cluster);
}

void worker_host_release(struct worker_host *wh)
{
	if (!--wh->holds && UNLIKELY(wh->is_removed))
		host_free_if_over(wh);
}

struct pool *worker_host_pool(struct worker_host *wh, enum stream_protocol protocol)
{
	if (!wh->pools[protocol]) {
		wh->pools[protocol] = malloc(sizeof(struct pool));
		invariant(wh->pools[protocol]);
		pool_init(wh->pools[protocol], wh, protocol);
		worker_host_count_pool(wh, true);
	}
	return wh->pools[protocol];
}

void worker_host_remove(struct worker_host *wh)
{
	wh->holds++;
	wh->is_removed = true;
	for (int i = 0; i < UPSTREAM_PROTOCOLS; i++)
		if (wh->pools[i])
			pool_drain(wh->pools[i]);
	for (struct list_node *n = wh->reserved_pools.next, *next; n != &wh->reserved_pools;
	     n = next) {
		struct pool *pool = container_of(n, struct pool, in_host);
		next = n->next;
		pool_drain(pool);
		pool_end_if_over(pool);
	}
	worker_host_release(wh);
}

static void remove_bucket(struct cluster_worker *cluster, uint32_t bucket, bool all)
{
	const struct host_set *set = cluster_worker_hosts(cluster);

	for (struct worker_host *wh = cluster->buckets[bucket], *next; wh; wh = next) {
		next = wh->next;
		if (!wh->is_removed && (all || !set || !host_is_in(wh->host, set->generation)))
			worker_host_remove(wh);
	}
}

/* Hosts that have left the set, or whose cluster is removed: nobody picks them any more, so there
 * is time. A removed cluster may go with the last of them. */
static void sweep(struct cluster_worker *cluster)
{
	bool all = cluster->is_removed;

	cluster->host_count++; /* not freed while its hosts are gone through */
	for (unsigned i = 0; i < SWEEP_BUCKETS && cluster->swept < cluster->bucket_count; i++)
		remove_bucket(cluster, cluster->swept++, all);
	cluster->host_count--;
	if (cluster->swept < cluster->bucket_count)
		timer_start(&cluster->upstream->loop->wheel, &cluster->sweep_timer, SWEEP_MS);
	cluster_free_if_over(cluster);
}

static void on_sweep(struct timer *timer)
{
	sweep(container_of(timer, struct cluster_worker, sweep_timer));
}

static void sweep_anew(struct cluster_worker *cluster)
{
	timer_cancel(&cluster->upstream->loop->wheel, &cluster->sweep_timer);
	cluster->swept = 0;
	sweep(cluster);
}

/* --- clusters --- */

static void settle_leases(struct cluster_worker *cluster)
{
	struct breakers *breakers = cluster_worker_config(cluster)->shared_breakers;

	for (int i = 0; breakers && i < CLUSTER_PRIORITIES; i++)
		breaker_settle(&breakers->priorities[i], &cluster->leases[i]);
}

/* Breakers are others only if the cluster was removed and added anew between two looks. */
static void move_leases(struct cluster_worker *cluster, struct breakers *to, struct breakers *from)
{
	for (int i = 0; from && to && from != to && i < CLUSTER_PRIORITIES; i++)
		breaker_move(&to->priorities[i], &from->priorities[i], &cluster->leases[i]);
}

static void set_config(struct cluster_worker *cluster, struct pin *config)
{
	struct pin *old = cluster->cluster;
	struct breakers *from = old ? cluster_worker_config(cluster)->shared_breakers : NULL;

	cluster->cluster = pin_take(config);
	cluster->only = NULL;
	for (int i = 0; i < CLUSTER_PRIORITIES; i++)
		breaker_lease_forget(&cluster->leases[i]);
	move_leases(cluster, cluster_worker_config(cluster)->shared_breakers, from);
	cluster_worker_tell(cluster);
	if (old)
		pin_drop(old);
}

static void cluster_free_if_over(struct cluster_worker *cluster)
{
	if (!cluster->is_removed || cluster->host_count || cluster->holds)
		return;
	timer_cancel(&cluster->upstream->loop->wheel, &cluster->sweep_timer);
	list_remove(&cluster->removed);
	settle_leases(cluster);
	pin_drop(cluster->cluster);
	if (cluster->hosts)
		pin_drop(cluster->hosts);
	free(cluster->buckets);
	balance_state_fini(&cluster->balance);
	host_views_fini(&cluster->views);
	free(cluster);
}

void cluster_worker_release(struct cluster_worker *cluster)
{
	if (!--cluster->holds)
		cluster_free_if_over(cluster);
}

static void cluster_remove(struct cluster_worker *cluster)
{
	cluster->upstream->clusters[cluster->slot] = NULL;
	map_remove(&cluster->upstream->names, cluster->cluster->object->name);
	list_push_back(&cluster->upstream->removed, &cluster->removed);
	destinations_fini(&cluster->destinations);
	cluster->is_removed = true;
	cluster->only = NULL;
	cluster_worker_tell(cluster);
	sweep_anew(cluster);
}

static void swap_pin(struct pin **held, struct pin *current)
{
	struct pin *old = *held;
	*held = current ? pin_take(current) : NULL;
	if (old)
		pin_drop(old);
}

static uint32_t active_of(const struct balance_state *state, const struct host *host)
{
	struct cluster_worker *cluster = container_of(state, struct cluster_worker, balance);

	if (!cluster->bucket_count)
		return 0;
	for (struct worker_host *wh = cluster->buckets[bucket_of(cluster, host)]; wh; wh = wh->next)
		if (wh->host == host)
			return wh->active;
	return 0;
}

static struct cluster_worker **place(struct upstream_worker *upstream, uint32_t slot)
{
	if (slot >= upstream->cluster_size) {
		uint32_t size = upstream->cluster_size ? upstream->cluster_size : 16;
		while (size <= slot)
			size *= 2;
		upstream->clusters = realloc(upstream->clusters, size * sizeof *upstream->clusters);
		invariant(upstream->clusters);
		while (upstream->cluster_size < size)
			upstream->clusters[upstream->cluster_size++] = NULL;
	}
	return &upstream->clusters[slot];
}

static struct cluster_worker *cluster_new(struct upstream_worker *upstream, uint32_t slot)
{
	struct cluster_worker *cluster = calloc(1, sizeof *cluster);

	invariant(cluster);
	cluster->upstream = upstream;
	cluster->slot = slot;
	cluster->balance.random = random_next(upstream->random);
	cluster->balance.active = active_of;
	cluster->destinations.cluster = cluster;
	timer_init(&cluster->sweep_timer, on_sweep);
	return cluster;
}

static bool is_plain(const struct cluster_worker *cluster)
{
	const struct host_set *set = cluster_worker_hosts(cluster);

	return set && cluster_worker_config(cluster)->type != CLUSTER_ORIGINAL_DST &&
	       !set->subsets && !set->drop_count && set->balance->is_plain;
}

void upstream_worker_changed(struct upstream_worker *upstream, enum published_kind kind,
			     uint32_t slot)
{
	struct cluster_worker **at = place(upstream, slot);
	struct pin *config = pin_find(upstream->pins, PUBLISHED_CLUSTER, slot);
	struct pin *hosts = pin_find(upstream->pins, PUBLISHED_HOST_SET, slot);

	(void)kind;
	if (!config) { /* a host set alone waits for its cluster */
		if (*at)
			cluster_remove(*at);
		return;
	}
	if (!*at)
		*at = cluster_new(upstream, slot);
	struct cluster_worker *cluster = *at;
	if (cluster->cluster != config) {
		if (cluster->cluster)
			map_remove(&upstream->names, cluster->cluster->object->name);
		set_config(cluster, config);
		map_set(&upstream->names, config->object->name, cluster);
		cluster->stats = cluster_worker_config(cluster)->stats;
		cluster_http1_options(cluster_worker_config(cluster), &cluster->http1_options);
	}
	if (cluster->hosts != hosts) {
		swap_pin(&cluster->hosts, hosts);
		cluster->only = NULL;
		balance_state_reset(&cluster->balance, cluster_worker_hosts(cluster));
		sweep_anew(cluster);
	}
	cluster->is_plain = is_plain(cluster);
}

struct host_counts worker_host_counts(const struct worker_host *wh)
{
	struct host_counts counts = wh->counts;

	counts.rq_active = wh->active;
	for (const struct list_node *n = wh->reserved_pools.next; n != &wh->reserved_pools;
	     n = n->next) {
		const struct pool *pool = container_of(n, struct pool, in_host);
		counts.cx_active += pool->conn_count;
		counts.rq_pending += pool->pending_count;
	}
	for (int i = 0; i < UPSTREAM_PROTOCOLS; i++) {
		if (!wh->pools[i])
			continue;
		counts.cx_active += wh->pools[i]->conn_count;
		counts.rq_pending += wh->pools[i]->pending_count;
	}
	return counts;
}

void upstream_worker_each_host(const struct upstream_worker *upstream,
			       void (*fn)(void *context, const struct worker_host *wh),
			       void *context)
{
	for (uint32_t slot = 0; slot < upstream->cluster_size; slot++) {
		const struct cluster_worker *cluster = upstream->clusters[slot];
		for (uint32_t i = 0; cluster && i < cluster->bucket_count; i++)
			for (const struct worker_host *wh = cluster->buckets[i]; wh; wh = wh->next)
				if (!wh->is_removed)
					fn(context, wh);
	}
}

struct cluster_worker *cluster_worker_find_name(const struct upstream_worker *upstream,
						struct slice name)
{
	return map_get(&upstream->names, name);
}

static void count_pick(const struct cluster_worker *cluster, const struct pick *pick)
{
	struct stats_shard *shard = cluster->upstream->stats;

	if (pick->was_panic)
		stat_inc(shard, cluster->stats, CLUSTER_STAT_LB_HEALTHY_PANIC);
	switch (pick->subset) {
	case PICK_WHOLE:
		break;
	case PICK_SUBSET:
		stat_inc(shard, cluster->stats, CLUSTER_STAT_LB_SUBSETS_SELECTED);
		break;
	case PICK_FALLBACK:
		stat_inc(shard, cluster->stats, CLUSTER_STAT_LB_SUBSETS_FALLBACK);
		break;
	case PICK_FALLBACK_PANIC:
		stat_inc(shard, cluster->stats, CLUSTER_STAT_LB_SUBSETS_FALLBACK_PANIC);
		break;
	}
}

/* A pick that passes over hosts that said READONLY, and over what the caller refuses. */
struct writeable_pick {
	const struct pick *asked;
	uint64_t now_ms;
};

static bool is_refused_or_readonly(void *owner, const struct host_set *set, uint32_t index)
{
	const struct writeable_pick *writeable = owner;
	const struct pick *asked = writeable->asked;

	return (asked->is_refused && asked->is_refused(asked->owner, set, index)) ||
	       host_is_readonly(set->hosts[index], writeable->now_ms);
}

/* The balancer's attempts have all met such hosts: when a group is stopped host by host, most of it
 * may be READONLY. The next one of the same priority that isn't, from anywhere on. */
static uint32_t search_writeable(struct cluster_worker *cluster, struct writeable_pick *writeable,
				 uint32_t met)
{
	const struct host_set *set = cluster_worker_hosts(cluster);
	uint32_t priority = host_set_locality(set, met)->priority;
	uint32_t start = random_below(cluster->upstream->random, set->count);

	for (uint32_t i = 0; i < set->count && i < PICK_SEARCHED_HOSTS; i++) {
		uint32_t index = (start + i) % set->count;
		if (host_set_locality(set, index)->priority == priority &&
		    !host_is_unhealthy(set->hosts[index]) &&
		    !is_refused_or_readonly(writeable, set, index))
			return index;
	}
	return BALANCE_NONE;
}

/* BALANCE_NONE: there is none, so a READONLY one has to do, as with Java's consumers. */
static COLD uint32_t pick_writeable(struct cluster_worker *cluster, const struct pick *asked)
{
	const struct host_set *set = cluster_worker_hosts(cluster);
	struct writeable_pick writeable = {asked, loop_now_ms(cluster->upstream->loop)};
	struct pick pick = *asked;

	pick.attempts = set->subsets || asked->narrowing ? PICK_WRITEABLE_ATTEMPTS_OF_SUBSET
							 : PICK_WRITEABLE_ATTEMPTS;
	pick.is_refused = is_refused_or_readonly;
	pick.owner = &writeable;
	uint32_t index = host_set_pick(set, &cluster->balance, &pick);
	if (index == BALANCE_NONE || !is_refused_or_readonly(&writeable, set, index))
		return index;
	return set->subsets || asked->narrowing ? BALANCE_NONE
						: search_writeable(cluster, &writeable, index);
}

static bool has_no_choice(const struct host_set *set, const struct pick *pick)
{
	return set->count == 1 && !set->drop_count && !set->subsets && set->balance->is_plain &&
	       !pick->is_refused && !pick->priority_loads;
}

/* Where a rule of the narrowing finds what it knows of these hosts. */
static void note_views(struct cluster_worker *cluster, struct pick *pick)
{
	const struct cluster *config = cluster_worker_config(cluster);

	cluster->views.lb = &config->lb;
	cluster->views.cluster = config->published.name;
	pick->views = &cluster->views;
}

struct worker_host *cluster_worker_pick(struct cluster_worker *cluster, struct pick *pick)
{
	struct worker_host *only = cluster_worker_only(cluster);

	if (only && !pick->is_refused && !pick->priority_loads && !pick->narrowing) {
		pick->was_panic = false;
		pick->index = 0;
		return only;
	}
	const struct host_set *set = cluster_worker_hosts(cluster);
	if (UNLIKELY(cluster_worker_config(cluster)->type == CLUSTER_ORIGINAL_DST))
		return pick->address && narrowing_allows_any(pick->narrowing)
			       ? destination_pick(&cluster->destinations, pick->address)
			       : NULL;
	if (!set)
		return NULL;
	if (UNLIKELY(pick->narrowing != NULL))
		note_views(cluster, pick);
	uint32_t index = pick->index = host_set_pick(set, &cluster->balance, pick);
	if (UNLIKELY(pick->was_panic || pick->subset != PICK_WHOLE))
		count_pick(cluster, pick);
	if (index == BALANCE_NONE)
		return NULL;
	if (host_is_readonly(set->hosts[index], loop_now_ms(cluster->upstream->loop))) {
		uint32_t other = pick_writeable(cluster, pick);
		index = pick->index = other == BALANCE_NONE ? index : other;
	}
	struct worker_host *wh = worker_host_get(cluster, set->hosts[index]);
	if (UNLIKELY(has_no_choice(set, pick)))
		cluster->only = wh;
	return wh;
}

struct worker_host *cluster_worker_pick_next(struct cluster_worker *cluster)
{
	const struct host_set *set = cluster_worker_hosts(cluster);
	const struct host_group *group = &set->balance->priorities[0].healthy;
	uint32_t position = set->balance->balancer->pick(group, set, &cluster->balance, 0, 0);

	if (UNLIKELY(position == BALANCE_NONE))
		return NULL;
	struct host *host = set->hosts[group_host(group, position)];
	if (host_is_readonly(host, loop_now_ms(cluster->upstream->loop)))
		return NULL;
	return worker_host_get(cluster, host);
}

/* --- life --- */

struct upstream_worker *upstream_worker_new(struct loop *loop, struct pin_table *pins,
					    struct stats_shard *stats, struct random *random)
{
	struct upstream_worker *upstream = calloc(1, sizeof *upstream);

	invariant(upstream);
	upstream->loop = loop;
	upstream->pins = pins;
	upstream->stats = stats;
	upstream->random = random;
	scope_init(&upstream->fired);
	list_init(&upstream->removed);
	map_init(&upstream->names, NULL);
	map_init(&upstream->reserves, NULL);
	upstream_dialects_init(upstream);
	return upstream;
}

/* A host that has left the set goes with its last connection. */
static void close_bucket(struct cluster_worker *cluster, uint32_t bucket)
{
	for (struct worker_host *wh = cluster->buckets[bucket], *next; wh; wh = next) {
		worker_host_hold(wh);
		for (int p = 0; p < UPSTREAM_PROTOCOLS; p++)
			if (wh->pools[p])
				pool_close(wh->pools[p]);
		while (!list_is_empty(&wh->reserved_pools)) {
			struct pool *pool =
				container_of(wh->reserved_pools.next, struct pool, in_host);
			pool_close(pool);
			pool_end_if_over(pool);
		}
		next = wh->next;
		worker_host_release(wh);
	}
}

/* All at once; nobody holds it. */
static void cluster_end(struct cluster_worker *cluster)
{
	cluster->host_count++;
	for (uint32_t i = 0; i < cluster->bucket_count; i++)
		close_bucket(cluster, i);
	while (cluster->swept < cluster->bucket_count)
		sweep(cluster);
	cluster->host_count--;
	invariant(!cluster->host_count && !cluster->holds);
	cluster_free_if_over(cluster);
}

void upstream_worker_free(struct upstream_worker *upstream)
{
	scope_cancel(&upstream->fired);
	for (uint32_t slot = 0; slot < upstream->cluster_size; slot++)
		if (upstream->clusters[slot])
			cluster_remove(upstream->clusters[slot]);
	while (!list_is_empty(&upstream->removed))
		cluster_end(container_of(upstream->removed.next, struct cluster_worker, removed));
	free(upstream->clusters);
	map_free(&upstream->names);
	map_free(&upstream->reserves);
	free(upstream);
}
