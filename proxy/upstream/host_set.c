#include "upstream/host_set.h"

#include <stdlib.h>

#include "upstream/balancer.h"
#include "upstream/cluster.h"
#include "upstream/labels.h"
#include "upstream/subset.h"

/* What a build needs and the set doesn't. */
struct build {
	const struct assignment *assignment;
	const struct cluster *cluster;
	const struct host_set *before;
	struct host_set *set;
	struct arena scratch;
	uint32_t *order;     /* endpoints in host_compare order */
	struct host **hosts; /* by endpoint; NULL: given before, and left out */
	uint32_t *taken;     /* by endpoint: its index in the set before, or UINT32_MAX */
	uint32_t *index;     /* by endpoint: its index in the set */
};

static struct host_set *set_new(uint32_t generation)
{
	struct arena arena;
	arena_init(&arena, 16384);
	struct host_set *set = ARENA_NEW(&arena, struct host_set);
	set->published = (struct published){.kind = PUBLISHED_HOST_SET,
					    .references = 1,
					    .arena = arena,
					    .free = host_set_release};
	set->generation = generation;
	return set;
}

/* --- hosts --- */

static int compare_endpoints(const void *left, const void *right, void *endpoints)
{
	const struct endpoint *all = endpoints, *a = &all[*(const uint32_t *)left],
			      *b = &all[*(const uint32_t *)right];
	int order = host_compare(&a->addr, a->hostname, &b->addr, b->hostname);
	return order ? order : (a > b) - (a < b); /* of equals the first configured stays first */
}

static void sort_endpoints(struct build *b)
{
	uint32_t n = b->assignment->endpoint_count;

	b->order = ARENA_NEW_ARRAY(&b->scratch, uint32_t, n);
	for (uint32_t i = 0; i < n; i++)
		b->order[i] = i;
	if (n)
		qsort_r(b->order, n, sizeof *b->order, compare_endpoints, b->assignment->endpoints);
}

/* An endpoint that the one before it in order equals. A static cluster may have one twice, others
 * don't. */
static bool is_given_twice(const struct build *b, uint32_t i)
{
	if (!i || b->cluster->type == CLUSTER_STATIC)
		return false;
	const struct endpoint *x = &b->assignment->endpoints[b->order[i - 1]];
	const struct endpoint *y = &b->assignment->endpoints[b->order[i]];
	return !host_compare(&x->addr, x->hostname, &y->addr, y->hostname);
}

/* One host for each endpoint, that of the set before where address and hostname agree. Both sides
 * are in the same order, so one walk finds all. */
static void match_hosts(struct build *b)
{
	uint32_t n = b->assignment->endpoint_count, old = 0,
		 old_count = b->before ? b->before->count : 0, reused = 0;

	b->hosts = ARENA_NEW_ARRAY(&b->scratch, struct host *, n);
	b->taken = ARENA_NEW_ARRAY(&b->scratch, uint32_t, n);
	for (uint32_t i = 0; i < n; i++) {
		const struct endpoint *endpoint = &b->assignment->endpoints[b->order[i]];
		int compared = 1;
		b->taken[b->order[i]] = UINT32_MAX;
		if (is_given_twice(b, i))
			continue;
		for (; old < old_count; old++) {
			const struct host *host = b->before->hosts[b->before->by_address[old]];
			compared = host_compare(&endpoint->addr, endpoint->hostname, &host->addr,
						host_hostname(host));
			if (compared <= 0)
				break;
		}
		if (compared || old == old_count) {
			b->hosts[b->order[i]] = host_new(&endpoint->addr, endpoint->hostname);
			b->set->added++;
			continue;
		}
		uint32_t at = b->before->by_address[old++];
		b->taken[b->order[i]] = at;
		b->hosts[b->order[i]] = host_take(b->before->hosts[at]);
		reused++;
	}
	b->set->removed = old_count - reused;
}

static void set_health(const struct build *b, struct host *host, const struct endpoint *endpoint,
		       bool is_new)
{
	uint32_t all = HOST_FAILED_EDS | HOST_DEGRADED_EDS | HOST_DRAINING_EDS, set = 0;

	switch ((enum endpoint_health)endpoint->health) {
	case ENDPOINT_UNKNOWN:
	case ENDPOINT_HEALTHY:
		break;
	case ENDPOINT_UNHEALTHY:
	case ENDPOINT_TIMEOUT:
		set = HOST_FAILED_EDS;
		break;
	case ENDPOINT_DRAINING:
		set = HOST_DRAINING_EDS;
		break;
	case ENDPOINT_DEGRADED:
		set = HOST_DEGRADED_EDS;
		break;
	}
	/* A new host is bad until its first check; where so configured it doesn't even count. */
	if (is_new && b->cluster->check_count && !(endpoint->check && endpoint->check->is_disabled))
		set |= HOST_FAILED_ACTIVE_CHECK |
		       (b->cluster->ignores_new_hosts_until_checked ? HOST_PENDING_ACTIVE_CHECK
								    : 0);
	if (!b->cluster->check_count)
		all |= HOST_CHECKED; /* nobody would clear them */
	if ((host_health(host) & all) != (set & all) || set & ~all)
		host_health_set(host, set, all & ~set);
	host_note_generation(host, b->set->generation);
}

static void place_hosts(struct build *b)
{
	struct host_set *set = b->set;
	uint32_t n = b->assignment->endpoint_count, by_address = 0;

	set->hosts = ARENA_NEW_ARRAY(&set->published.arena, struct host *, n);
	set->by_address = ARENA_NEW_ARRAY(&set->published.arena, uint32_t, n);
	b->index = ARENA_NEW_ARRAY(&b->scratch, uint32_t, n);
	for (uint32_t i = 0; i < n; i++) {
		b->index[i] = set->count;
		if (!b->hosts[i])
			continue;
		set_health(b, b->hosts[i], &b->assignment->endpoints[i], b->taken[i] == UINT32_MAX);
		set->hosts[set->count++] = b->hosts[i];
	}
	for (uint32_t i = 0; i < n; i++)
		if (b->hosts[b->order[i]])
			set->by_address[by_address++] = b->index[b->order[i]];
}

static void place_weights(struct build *b)
{
	const struct endpoint *endpoints = b->assignment->endpoints;
	bool differ = false;

	for (uint32_t i = 1; i < b->assignment->endpoint_count && !differ; i++)
		differ = endpoints[i].weight != endpoints[0].weight;
	b->set->equal_weight = b->assignment->endpoint_count ? endpoints[0].weight : 1;
	if (!differ)
		return;
	b->set->weights = ARENA_NEW_ARRAY(&b->set->published.arena, uint32_t, b->set->count);
	for (uint32_t i = 0; i < b->assignment->endpoint_count; i++)
		if (b->hosts[i])
			b->set->weights[b->index[i]] = endpoints[i].weight;
}

static void place_checks(struct build *b)
{
	struct host_set *set = b->set;
	struct arena *arena = &set->published.arena;

	for (uint32_t i = 0; i < b->assignment->endpoint_count; i++) {
		const struct endpoint_check *from = b->assignment->endpoints[i].check;
		if (!from || !b->hosts[i])
			continue;
		if (!set->checks)
			set->checks = ARENA_NEW_ARRAY(arena, struct endpoint_check *, set->count);
		struct endpoint_check *check = ARENA_NEW(arena, struct endpoint_check);
		*check = *from;
		check->hostname = arena_slice(arena, from->hostname);
		if (check->addr.family == ADDR_UNIX)
			check->addr.path = arena_string(arena, slice_of(from->addr.path));
		set->checks[b->index[i]] = check;
	}
}

/* --- labels --- */

/* Equal labels become one object: an open hash table of what the set has so far. */
struct label_table {
	struct labels **slots;
	uint32_t size, used;
};

static struct labels **table_find(const struct label_table *table, const struct labels *labels)
{
	uint32_t at = (uint32_t)labels->hash & (table->size - 1);
	while (table->slots[at] && !labels_equal(table->slots[at], labels))
		at = (at + 1) & (table->size - 1);
	return &table->slots[at];
}

static void table_grow(struct label_table *table, struct arena *scratch)
{
	struct label_table grown = {.size = table->size ? table->size * 2 : 64,
				    .used = table->used};

	grown.slots = ARENA_NEW_ARRAY(scratch, struct labels *, grown.size);
	for (uint32_t i = 0; i < table->size; i++)
		if (table->slots[i])
			*table_find(&grown, table->slots[i]) = table->slots[i];
	*table = grown;
}

static struct labels *table_take(struct label_table *table, const struct labels *labels,
				 struct arena *scratch)
{
	if (table->used * 2 >= table->size)
		table_grow(table, scratch);
	struct labels **slot = table_find(table, labels);
	if (!*slot) {
		*slot = labels_take(labels);
		table->used++;
	}
	return *slot;
}

static void place_labels(struct build *b)
{
	struct host_set *set = b->set;
	struct label_table table = {0};

	for (uint32_t i = 0; i < b->assignment->endpoint_count; i++) {
		const struct labels *labels = b->assignment->endpoints[i].labels;
		if (!labels || !b->hosts[i])
			continue;
		const struct labels *old =
			b->taken[i] == UINT32_MAX ? NULL : host_set_labels(b->before, b->taken[i]);
		if (!set->labels)
			set->labels =
				ARENA_NEW_ARRAY(&set->published.arena, struct labels *, set->count);
		set->labels[b->index[i]] =
			table_take(&table, labels_equal(old, labels) ? old : labels, &b->scratch);
	}
	set->label_list = ARENA_NEW_ARRAY(&set->published.arena, struct labels *, table.used);
	for (uint32_t i = 0; i < table.size; i++)
		if (table.slots[i])
			set->label_list[set->label_count++] = table.slots[i];
}

/* --- the rest --- */

static void copy_localities(struct host_set *set, const struct locality *from, uint32_t count)
{
	struct arena *arena = &set->published.arena;

	set->localities = ARENA_NEW_ARRAY(arena, struct locality, count);
	set->locality_count = count;
	for (uint32_t i = 0; i < count; i++) {
		set->localities[i] = from[i];
		set->localities[i].region = arena_slice(arena, from[i].region);
		set->localities[i].zone = arena_slice(arena, from[i].zone);
		set->localities[i].sub_zone = arena_slice(arena, from[i].sub_zone);
		if (from[i].priority >= set->priority_count)
			set->priority_count = from[i].priority + 1;
	}
}

static void copy_policy(struct host_set *set, uint32_t overprovisioning, bool is_health_weighted,
			uint32_t stale_after_ms)
{
	set->overprovisioning = overprovisioning;
	set->is_health_weighted = is_health_weighted;
	set->stale_after_ms = stale_after_ms;
}

static void copy_drops(struct host_set *set, const struct drop_overload *from, uint32_t count)
{
	struct arena *arena = &set->published.arena;

	set->drops = ARENA_NEW_ARRAY(arena, struct drop_overload, count);
	set->drop_count = count;
	for (uint32_t i = 0; i < count; i++)
		set->drops[i] = (struct drop_overload){arena_slice(arena, from[i].category),
						       from[i].per_million};
}

static void build_tables(struct host_set *set, const struct cluster *cluster)
{
	for (uint32_t i = 0; i < set->count; i++) {
		uint32_t health = host_health(set->hosts[i]);
		set->healthy += !(health & (HOST_UNHEALTHY | HOST_DEGRADED));
		set->degraded += !(health & HOST_UNHEALTHY) && health & HOST_DEGRADED;
		set->excluded += (health & (HOST_PENDING_ACTIVE_CHECK | HOST_EXCLUDED)) != 0;
	}
	set->balance = balance_build(set, &cluster->lb, NULL, set->count, &set->cursor_count,
				     &set->published.arena);
	set->subsets = subset_index_build(set, cluster);
}

struct host_set *host_set_build(const struct assignment *assignment, const struct cluster *cluster,
				const struct host_set *before, uint32_t generation)
{
	struct build b = {.assignment = assignment,
			  .cluster = cluster,
			  .before = before,
			  .set = set_new(generation)};
	struct host_set *set = b.set;

	arena_init(&b.scratch, 65536);
	sort_endpoints(&b);
	match_hosts(&b);
	place_hosts(&b);
	place_weights(&b);
	place_checks(&b);
	place_labels(&b);
	copy_localities(set, assignment->localities, assignment->locality_count);
	for (uint32_t i = 0; i < set->locality_count; i++) {
		const struct locality *from = &assignment->localities[i];
		uint32_t end = from->first + from->count;
		set->localities[i].first = from->first < assignment->endpoint_count
						   ? b.index[from->first]
						   : set->count;
		set->localities[i].count =
			(end < assignment->endpoint_count ? b.index[end] : set->count) -
			set->localities[i].first;
	}
	copy_policy(set, assignment->overprovisioning, assignment->is_health_weighted,
		    assignment->stale_after_ms);
	copy_drops(set, assignment->drops, assignment->drop_count);
	arena_free(&b.scratch);
	build_tables(set, cluster);
	return set;
}

static void *copy_array(struct arena *arena, const void *from, size_t count, size_t size)
{
	if (!from)
		return NULL;
	void *to = arena_zalloc_array(arena, count, size);
	memcpy(to, from, count * size);
	return to;
}

static void copy_checks(struct host_set *set, const struct host_set *from)
{
	struct arena *arena = &set->published.arena;

	set->checks = copy_array(arena, from->checks, from->count, sizeof *from->checks);
	for (uint32_t i = 0; set->checks && i < set->count; i++) {
		if (!set->checks[i])
			continue;
		struct endpoint_check *check = ARENA_NEW(arena, struct endpoint_check);
		*check = *from->checks[i];
		check->hostname = arena_slice(arena, check->hostname);
		if (check->addr.family == ADDR_UNIX)
			check->addr.path = arena_string(arena, slice_of(check->addr.path));
		set->checks[i] = check;
	}
}

struct host_set *host_set_refresh(const struct host_set *before, const struct cluster *cluster,
				  uint32_t generation)
{
	struct host_set *set = set_new(generation);
	struct arena *arena = &set->published.arena;

	set->count = before->count;
	set->hosts = copy_array(arena, before->hosts, before->count, sizeof *before->hosts);
	set->labels = copy_array(arena, before->labels, before->count, sizeof *before->labels);
	set->weights = copy_array(arena, before->weights, before->count, sizeof *before->weights);
	set->equal_weight = before->equal_weight;
	set->by_address =
		copy_array(arena, before->by_address, before->count, sizeof *before->by_address);
	set->label_list = copy_array(arena, before->label_list, before->label_count,
				     sizeof *before->label_list);
	set->label_count = before->label_count;
	for (uint32_t i = 0; i < set->label_count; i++)
		labels_take(set->label_list[i]);
	for (uint32_t i = 0; i < set->count; i++) {
		host_take(set->hosts[i]);
		host_note_generation(set->hosts[i], generation);
	}
	copy_checks(set, before);
	copy_localities(set, before->localities, before->locality_count);
	copy_policy(set, before->overprovisioning, before->is_health_weighted,
		    before->stale_after_ms);
	copy_drops(set, before->drops, before->drop_count);
	build_tables(set, cluster);
	return set;
}

void host_set_release(struct published *published)
{
	struct host_set *set = container_of(published, struct host_set, published);
	struct arena arena = published->arena; /* the set itself stands in it */

	for (uint32_t i = 0; i < set->count; i++)
		host_drop(set->hosts[i]);
	for (uint32_t i = 0; i < set->label_count; i++)
		labels_drop(set->label_list[i]);
	arena_free(&arena);
}

void host_set_free(struct host_set *set)
{
	if (set)
		host_set_release(&set->published);
}

const struct locality *host_set_locality(const struct host_set *set, uint32_t index)
{
	static const struct locality nowhere = {
		.region = {"", 0}, .zone = {"", 0}, .sub_zone = {"", 0}};
	uint32_t low = 0, high = set->locality_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct locality *locality = &set->localities[middle];
		if (index >= locality->first + locality->count)
			low = middle + 1;
		else if (index < locality->first)
			high = middle;
		else
			return locality;
	}
	return &nowhere;
}

uint32_t host_set_max_weight(const struct host_set *set)
{
	uint32_t most = set->count ? 1 : 0;
	for (uint32_t i = 0; set->weights && i < set->count; i++)
		most = set->weights[i] > most ? set->weights[i] : most;
	return most;
}

/* The first place in host_compare order whose host isn't before these. */
static uint32_t find_place(const struct host_set *set, const struct addr *addr,
			   struct slice hostname)
{
	uint32_t low = 0, high = set->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct host *other = set->hosts[set->by_address[middle]];
		if (host_compare(&other->addr, host_hostname(other), addr, hostname) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t host_set_find(const struct host_set *set, const struct host *host)
{
	for (uint32_t at = find_place(set, &host->addr, host_hostname(host)); at < set->count;
	     at++) {
		const struct host *other = set->hosts[set->by_address[at]];
		if (other == host)
			return set->by_address[at];
		if (host_compare(&other->addr, host_hostname(other), &host->addr,
				 host_hostname(host)))
			break;
	}
	return UINT32_MAX;
}

uint32_t host_set_find_address(const struct host_set *set, const struct addr *addr)
{
	uint32_t at = find_place(set, addr, SLICE(""));

	if (at == set->count || !addr_equal(&set->hosts[set->by_address[at]]->addr, addr))
		return UINT32_MAX;
	return set->by_address[at];
}
