#include <stdlib.h>

#include "upstream/balancer.h"
#include "upstream/edf.h"

enum {
	LOCALITY_SEQUENCE_MAX = 16384, /* turns of localities; finer weights are rounded */
	LOCALITY_SHARE = 10000,        /* what a locality's availability is counted in */
};

const struct balancer *balancer_of(const struct lb_config *lb)
{
	switch (lb->policy) {
	case LB_ROUND_ROBIN:
		return &round_robin_balancer;
	case LB_LEAST_REQUEST:
		return lb->is_full_scan ? &full_scan_balancer : &least_request_balancer;
	case LB_RANDOM:
		return &random_balancer;
	case LB_RING_HASH:
		return &ring_hash_balancer;
	case LB_MAGLEV:
		return &maglev_balancer;
	case LB_ORIGINAL_DST:
		break;
	}
	return &round_robin_balancer; /* of no hosts: ORIGINAL_DST chooses by address */
}

static bool is_hashing(const struct lb_config *lb)
{
	return lb->policy == LB_RING_HASH || lb->policy == LB_MAGLEV;
}

enum health_class {
	CLASS_HEALTHY,
	CLASS_DEGRADED,
	CLASS_BAD,
	CLASS_COUNT,
};

struct builder {
	const struct host_set *set;
	const struct lb_config *lb;
	struct arena *arena;
	uint32_t *cursors;
	const uint32_t *hosts; /* NULL: all, in order */
	uint8_t *classes;      /* enum health_class by position in `hosts` */
	bool *excluded;        /* by position: counts neither as host nor as healthy */
};

static uint32_t host_at(const struct builder *b, uint32_t position)
{
	return b->hosts ? b->hosts[position] : position;
}

static void classify(struct builder *b, uint32_t count, struct arena *scratch)
{
	b->classes = ARENA_NEW_ARRAY(scratch, uint8_t, count);
	b->excluded = ARENA_NEW_ARRAY(scratch, bool, count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t health = host_health(b->set->hosts[host_at(b, i)]);
		b->classes[i] = health & HOST_UNHEALTHY  ? CLASS_BAD
				: health & HOST_DEGRADED ? CLASS_DEGRADED
							 : CLASS_HEALTHY;
		b->excluded[i] = health & (HOST_PENDING_ACTIVE_CHECK | HOST_EXCLUDED);
	}
}

/* What a stretch of hosts consists of. */
struct census {
	uint32_t total, excluded, of[CLASS_COUNT];
	uint64_t weight, weight_of[CLASS_COUNT]; /* of hosts that aren't excluded */
};

static struct census count_hosts(const struct builder *b, uint32_t first, uint32_t count)
{
	struct census census = {.total = count};

	for (uint32_t i = first; i < first + count; i++) {
		uint32_t weight = host_set_weight(b->set, host_at(b, i));
		census.of[b->classes[i]]++;
		census.excluded += b->excluded[i];
		if (b->excluded[i])
			continue;
		census.weight += weight;
		census.weight_of[b->classes[i]] += weight;
	}
	return census;
}

/* --- groups --- */

static bool weights_differ(const struct builder *b, const struct host_group *group)
{
	for (uint32_t i = 1; b->set->weights && i < group->count; i++)
		if (b->set->weights[group_host(group, i)] != b->set->weights[group_host(group, 0)])
			return true;
	return false;
}

/* The hosts of a stretch which are of the class (CLASS_COUNT: all of them). */
static void collect(const struct builder *b, struct host_group *group, uint32_t first,
		    uint32_t count, enum health_class class)
{
	uint32_t n = 0;

	for (uint32_t i = first; i < first + count; i++)
		n += class == CLASS_COUNT || b->classes[i] == class;
	group->count = n;
	group->is_checked = class != CLASS_COUNT;
	group->first = count ? host_at(b, first) : 0;
	group->cursor = (*b->cursors)++;
	if (n == count &&
	    (!b->hosts || !count || host_at(b, first + count - 1) == group->first + count - 1))
		return; /* a run of neighbours needs no list */
	uint32_t *list = ARENA_NEW_ARRAY(b->arena, uint32_t, n);
	n = 0;
	for (uint32_t i = first; i < first + count; i++)
		if (class == CLASS_COUNT || b->classes[i] == class)
			list[n++] = host_at(b, i);
	group->hosts = list;
}

static void build_tables(const struct builder *b, struct host_group *group, const double *shares)
{
	if (!group->count)
		return;
	struct balance_input in = {.set = b->set, .lb = b->lb, .arena = b->arena, .shares = shares};
	group->is_weighted = weights_differ(b, group);
	balancer_of(b->lb)->build(group, &in);
}

/* --- localities --- */

/* The part of a locality's hosts in this stretch of the balance's list. */
struct stretch {
	uint32_t first, count;
};

static struct stretch locality_stretch(const struct builder *b,
				       const struct balance_priority *priority,
				       const struct locality *locality)
{
	uint32_t first = priority->first, end = priority->first + priority->count;

	if (!b->hosts)
		return (struct stretch){locality->first, locality->count};
	while (first < end && host_at(b, first) < locality->first)
		first++;
	uint32_t last = first;
	while (last < end && host_at(b, last) < locality->first + locality->count)
		last++;
	return (struct stretch){first, last - first};
}

/* A locality's weight, less when too few of its hosts can serve. */
static uint32_t effective_weight(const struct builder *b, const struct locality *locality,
				 struct stretch s, enum health_class class, uint64_t scale)
{
	struct census census = count_hosts(b, s.first, s.count);
	uint32_t hosts = census.total - census.excluded;

	if (!hosts || !locality->weight)
		return 0;
	uint64_t share = (uint64_t)b->set->overprovisioning * census.of[class] *
			 (LOCALITY_SHARE / 100) / hosts;
	share = share > LOCALITY_SHARE ? LOCALITY_SHARE : share;
	uint64_t weight = locality->weight * share / scale;
	return weight ? (uint32_t)(weight > UINT32_MAX ? UINT32_MAX : weight) : share ? 1 : 0;
}

static void build_localities(const struct builder *b, struct locality_choice *choice,
			     const struct balance_priority *priority, uint32_t number,
			     enum health_class class)
{
	const struct host_set *set = b->set;
	struct host_group *groups =
		ARENA_NEW_ARRAY(b->arena, struct host_group, set->locality_count);
	struct arena scratch;
	uint64_t scale = 1; /* brings weights times share into 32 bits */

	arena_init(&scratch, 4096);
	uint32_t *weights = ARENA_NEW_ARRAY(&scratch, uint32_t, set->locality_count);
	for (uint32_t i = 0; i < set->locality_count; i++) {
		uint64_t needed =
			(uint64_t)set->localities[i].weight * LOCALITY_SHARE / UINT32_MAX + 1;
		scale = needed > scale ? needed : scale;
	}
	for (uint32_t i = 0; i < set->locality_count; i++) {
		if (set->localities[i].priority != number)
			continue;
		struct stretch s = locality_stretch(b, priority, &set->localities[i]);
		weights[i] = effective_weight(b, &set->localities[i], s, class, scale);
		if (!weights[i])
			continue;
		collect(b, &groups[i], s.first, s.count, class);
		build_tables(b, &groups[i], NULL);
	}
	/* Weights whose turns would fill too long a sequence are made coarser, none of them 0. */
	while (!(choice->sequence = edf_sequence(weights, set->locality_count,
						 LOCALITY_SEQUENCE_MAX, b->arena, &choice->size))) {
		bool is_any = false;
		for (uint32_t i = 0; i < set->locality_count; i++) {
			is_any |= weights[i] > 1;
			weights[i] = weights[i] > 1 ? weights[i] / 2 : weights[i];
		}
		if (!is_any)
			break;
	}
	choice->groups = groups;
	choice->cursor = (*b->cursors)++;
	arena_free(&scratch);
}

/* Ring and Maglev know localities by the shares of their hosts. */
static const double *locality_shares(const struct builder *b, const struct host_group *group,
				     struct arena *scratch)
{
	const struct host_set *set = b->set;
	bool is_weighted = false;
	uint32_t at = 0;

	for (uint32_t i = 0; i < set->locality_count; i++)
		is_weighted |= set->localities[i].weight > 0;
	if (!b->lb->is_locality_weighted || !is_weighted)
		return NULL;
	double *shares = ARENA_NEW_ARRAY(scratch, double, group->count);
	for (uint32_t i = 0; i < set->locality_count; i++) {
		const struct locality *locality = &set->localities[i];
		uint32_t first = at;
		double sum = 0;
		for (;
		     at < group->count && group_host(group, at) < locality->first + locality->count;
		     at++)
			sum += shares[at] = host_set_weight(set, group_host(group, at));
		for (uint32_t k = first; k < at; k++)
			shares[k] = shares[k] / sum * locality->weight;
	}
	return shares;
}

/* --- priorities --- */

struct availability {
	uint32_t healthy, degraded; /* percent, overprovisioned, at most 100 */
	bool is_short;              /* below the panic threshold */
	uint32_t hosts;
};

static uint32_t percent_of(uint64_t part, uint64_t whole, uint32_t overprovisioning)
{
	uint64_t percent = whole ? overprovisioning * part / whole : 0;
	return percent > 100 ? 100 : (uint32_t)percent;
}

static struct availability availability_of(const struct builder *b, const struct census *census)
{
	uint32_t hosts = census->total > census->excluded ? census->total - census->excluded : 0;
	uint32_t factor = b->set->overprovisioning;
	struct availability a = {.hosts = census->total};

	if (b->set->is_health_weighted) {
		a.healthy = percent_of(census->weight_of[CLASS_HEALTHY], census->weight, factor);
		a.degraded = percent_of(census->weight_of[CLASS_DEGRADED], census->weight, factor);
	} else {
		a.healthy = percent_of(census->of[CLASS_HEALTHY], hosts, factor);
		a.degraded = percent_of(census->of[CLASS_DEGRADED], hosts, factor);
	}
	double able =
		hosts ? 100.0 * (census->of[CLASS_HEALTHY] + census->of[CLASS_DEGRADED]) / hosts
		      : 0.0;
	a.is_short = able < b->lb->panic_threshold;
	return a;
}

/* Gives each priority as much of `load` as it can take, in order; answers what is left. *first: the
 * first that can take any. */
static uint32_t distribute(struct balance *balance, const struct availability *all,
			   bool is_degraded, uint32_t load, uint32_t total, uint32_t *first)
{
	*first = UINT32_MAX;
	for (uint32_t i = 0; i < balance->priority_count; i++) {
		uint32_t able = is_degraded ? all[i].degraded : all[i].healthy,
			 share = able * 100 / total;
		if (*first == UINT32_MAX && able)
			*first = i;
		share = share < load ? share : load;
		load -= share;
		if (is_degraded)
			balance->priorities[i].degraded_load = (uint8_t)share;
		else
			balance->priorities[i].healthy_load = (uint8_t)share;
	}
	return load;
}

/* Every priority is short of hosts: load goes by their numbers, whatever their health. */
static void distribute_in_panic(struct balance *balance, const struct availability *all)
{
	uint64_t hosts = 0;
	uint32_t left = 100, first = 0;

	for (uint32_t i = 0; i < balance->priority_count; i++)
		hosts += all[i].hosts;
	for (uint32_t i = balance->priority_count; i-- > 0;)
		first = all[i].hosts ? i : first;
	for (uint32_t i = 0; i < balance->priority_count && hosts; i++) {
		uint32_t share = (uint32_t)(UINT64_C(100) * all[i].hosts / hosts);
		balance->priorities[i].healthy_load = (uint8_t)share;
		balance->priorities[i].degraded_load = 0;
		left -= share;
	}
	balance->priorities[first].healthy_load =
		(uint8_t)(balance->priorities[first].healthy_load + left);
}

static void distribute_load(struct balance *balance, const struct availability *all,
			    const struct lb_config *lb)
{
	uint32_t total = 0, first_healthy, first_degraded;
	bool is_total_panic = true;

	for (uint32_t i = 0; i < balance->priority_count; i++)
		total += all[i].healthy + all[i].degraded;
	total = total > 100 ? 100 : total;
	if (total) {
		uint32_t left = distribute(balance, all, false, 100, total, &first_healthy);
		left = distribute(balance, all, true, left, total, &first_degraded);
		/* What is left is rounding. */
		if (first_healthy != UINT32_MAX)
			balance->priorities[first_healthy].healthy_load += (uint8_t)left;
		else
			balance->priorities[first_degraded].degraded_load += (uint8_t)left;
	} else if (!(lb->panic_threshold > 0)) {
		balance->priorities[0].healthy_load =
			100; /* nobody is there, and panic is off: a pick finds none */
		return;
	}
	for (uint32_t i = 0; i < balance->priority_count; i++) {
		balance->priorities[i].is_panic = total < 100 && all[i].is_short;
		is_total_panic &= balance->priorities[i].is_panic;
	}
	if (is_total_panic)
		distribute_in_panic(balance, all);
}

/* Cuts the balance's hosts into priorities. */
static void find_priorities(const struct builder *b, struct balance *balance)
{
	const struct host_set *set = b->set;
	uint32_t at = 0;

	for (uint32_t i = 0; i < set->locality_count; i++) {
		struct balance_priority *priority =
			&balance->priorities[set->localities[i].priority];
		uint32_t end = set->localities[i].first + set->localities[i].count, first = at;
		if (!b->hosts)
			at = end;
		else
			while (at < balance->count && host_at(b, at) < end)
				at++;
		if (!priority->count)
			priority->first = first;
		priority->count += at - first;
	}
}

static void build_group(const struct builder *b, struct host_group *group,
			const struct balance_priority *priority, enum health_class class)
{
	struct arena scratch;

	arena_init(&scratch, 4096);
	collect(b, group, priority->first, priority->count, class);
	build_tables(b, group, is_hashing(b->lb) ? locality_shares(b, group, &scratch) : NULL);
	arena_free(&scratch);
}

static void build_priority(const struct builder *b, struct balance_priority *priority,
			   uint32_t number)
{
	bool has_weights = false;

	for (uint32_t i = 0; i < b->set->locality_count; i++)
		has_weights |=
			b->set->localities[i].priority == number && b->set->localities[i].weight;
	build_group(b, &priority->healthy, priority,
		    priority->is_panic ? CLASS_COUNT : CLASS_HEALTHY);
	if (priority->is_panic)
		return;
	build_group(b, &priority->degraded, priority, CLASS_DEGRADED);
	if (!b->lb->is_locality_weighted || !has_weights || is_hashing(b->lb))
		return;
	build_localities(b, &priority->healthy_localities, priority, number, CLASS_HEALTHY);
	if (priority->degraded.count)
		build_localities(b, &priority->degraded_localities, priority, number,
				 CLASS_DEGRADED);
}

struct balance *balance_build(const struct host_set *set, const struct lb_config *lb,
			      const uint32_t *hosts, uint32_t count, uint32_t *cursors,
			      struct arena *arena)
{
	struct builder b = {
		.set = set, .lb = lb, .arena = arena, .cursors = cursors, .hosts = hosts};
	struct balance *balance = ARENA_NEW(arena, struct balance);
	struct arena scratch;

	arena_init(&scratch, 4096);
	classify(&b, count, &scratch);
	balance->balancer = balancer_of(lb);
	balance->is_hashing = is_hashing(lb);
	balance->can_panic = lb->panic_threshold > 0;
	balance->fails_on_panic = lb->fails_on_panic;
	balance->hosts = hosts;
	balance->count = count;
	balance->priority_count = set->priority_count ? set->priority_count : 1;
	balance->priorities =
		ARENA_NEW_ARRAY(arena, struct balance_priority, balance->priority_count);
	find_priorities(&b, balance);
	struct availability *all =
		ARENA_NEW_ARRAY(&scratch, struct availability, balance->priority_count);
	for (uint32_t i = 0; i < balance->priority_count; i++) {
		struct census census =
			count_hosts(&b, balance->priorities[i].first, balance->priorities[i].count);
		all[i] = availability_of(&b, &census);
	}
	for (uint32_t i = 0; i < balance->priority_count; i++)
		balance->priorities[i].able = (uint8_t)all[i].healthy;
	distribute_load(balance, all, lb);
	for (uint32_t i = 0; i < balance->priority_count; i++)
		build_priority(&b, &balance->priorities[i], i);
	balance->is_single = balance->priorities[0].healthy_load == 100;
	balance->is_plain = balance->is_single && !balance->is_hashing &&
			    !balance->priorities[0].is_panic &&
			    !balance->priorities[0].healthy_localities.size &&
			    balance->priorities[0].healthy.count;
	arena_free(&scratch);
	return balance;
}
