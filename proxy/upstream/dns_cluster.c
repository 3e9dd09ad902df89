#include "upstream/dns_cluster.h"

#include <stdlib.h>

#include "base/random.h"
#include "net/loop.h"
#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"
#include "upstream/dns.h"

enum { SHORTEST_TTL_S = 1 };

struct dns_name {
	struct dns_cluster *owner;
	uint32_t endpoint; /* of the cluster's assignment */
	struct dns_query *query;
	struct addr *addrs; /* latest; owned */
	uint32_t count, ttl_s;
	bool has_failed;
};

static void bump(const struct dns_cluster *dc, unsigned id)
{
	stat_inc(stats_main_shard(dc->stats), dc->cluster->stats, id);
}

/* --- what a round gives
 * ------------------------------------------------------------------------------------------ */

static const struct dns_name *name_of(const struct dns_cluster *dc, uint32_t endpoint)
{
	for (uint32_t i = 0; i < dc->count; i++)
		if (dc->names[i].endpoint == endpoint)
			return &dc->names[i];
	return NULL;
}

static uint32_t addresses_of(const struct dns_cluster *dc, const struct dns_name *name)
{
	if (!name)
		return 1;
	return dc->cluster->type == CLUSTER_LOGICAL_DNS && name->count ? 1 : name->count;
}

static struct assignment *make_assignment(const struct dns_cluster *dc)
{
	const struct assignment *from = dc->cluster->assignment;
	uint32_t total = 0, at = 0;

	for (uint32_t i = 0; i < from->endpoint_count; i++)
		total += addresses_of(dc, name_of(dc, i));
	struct assignment *to = assignment_derive(from, total);
	for (uint32_t l = 0; l < from->locality_count; l++) {
		const struct locality *locality = &from->localities[l];
		to->localities[l].first = at;
		for (uint32_t i = locality->first; i < locality->first + locality->count; i++) {
			const struct dns_name *name = name_of(dc, i);
			for (uint32_t k = 0; k < addresses_of(dc, name); k++) {
				to->endpoints[at] = from->endpoints[i];
				if (name) {
					to->endpoints[at].addr = name->addrs[k];
					to->endpoints[at].addr.port = from->endpoints[i].addr.port;
				}
				at++;
			}
		}
		to->localities[l].count = at - to->localities[l].first;
	}
	return to;
}

static uint64_t next_round_ms(const struct dns_cluster *dc)
{
	const struct dns_config *config = &dc->cluster->dns;
	uint64_t ms = config->refresh_ms;

	if (dc->failures) {
		uint32_t doublings = dc->failures > 20 ? 20 : dc->failures - 1;
		ms = (uint64_t)config->failure_base_ms << doublings;
		ms = ms < config->failure_max_ms ? ms : config->failure_max_ms;
		/* Somewhere below: clusters that failed together need not ask together. */
		ms = config->failure_max_ms > config->failure_base_ms
			     ? 1 + random_below(dc->random, (uint32_t)ms)
			     : ms;
	} else if (config->respects_ttl) {
		uint32_t ttl_s = UINT32_MAX;
		for (uint32_t i = 0; i < dc->count; i++)
			ttl_s = dc->names[i].ttl_s < ttl_s ? dc->names[i].ttl_s : ttl_s;
		if (ttl_s != UINT32_MAX)
			ms = (uint64_t)(ttl_s < SHORTEST_TTL_S ? SHORTEST_TTL_S : ttl_s) * 1000;
	}
	if (config->jitter_ms)
		ms += random_below(dc->random, config->jitter_ms);
	return ms;
}

static void round_over(struct dns_cluster *dc)
{
	bool has_failed = false;

	for (uint32_t i = 0; i < dc->count; i++)
		has_failed |= dc->names[i].has_failed;
	dc->failures = has_failed ? dc->failures + 1 : 0;
	bump(dc, has_failed ? CLUSTER_STAT_UPDATE_FAILURE : CLUSTER_STAT_UPDATE_SUCCESS);
	dc->has_answered = true;
	timer_start(&dc->loop->wheel, &dc->timer, next_round_ms(dc));
	if (dc->is_changed)
		dc->assign(dc, make_assignment(dc));
	else
		bump(dc, CLUSTER_STAT_UPDATE_NO_REBUILD);
}

/* --- asking --- */

static int compare_addrs(const void *left, const void *right)
{
	const struct addr *a = left, *b = right;
	int order = a->family - b->family;
	return order ? order : memcmp(a->ip, b->ip, sizeof a->ip);
}

/* The addresses, in an order of their own, so that a server that turns its answers round changes
 * nothing. A LOGICAL_DNS cluster takes the first as it comes, unless the one it has is still among
 * them. True when they are others than before. */
static bool keep_answer(struct dns_name *name, const struct dns_answer *answer)
{
	bool is_logical = name->owner->cluster->type == CLUSTER_LOGICAL_DNS;
	struct addr *addrs = malloc(answer->count * sizeof *addrs);
	uint32_t count = is_logical ? 1 : answer->count;

	invariant(addrs);
	memcpy(addrs, answer->addrs, answer->count * sizeof *addrs);
	if (!is_logical)
		qsort(addrs, count, sizeof *addrs, compare_addrs);
	for (uint32_t i = 0; is_logical && i < answer->count; i++)
		if (name->count && !compare_addrs(&addrs[i], &name->addrs[0]))
			addrs[0] = name->addrs[0];
	bool is_same = name->count == count;
	for (uint32_t i = 0; is_same && i < count; i++)
		is_same = !compare_addrs(&name->addrs[i], &addrs[i]);
	free(name->addrs);
	name->addrs = addrs;
	name->count = count;
	return !is_same;
}

static void on_answer(void *owner, const struct dns_answer *answer)
{
	struct dns_name *name = owner;
	struct dns_cluster *dc = name->owner;

	name->query = NULL;
	name->has_failed = answer->status != STATUS_OK;
	if (!name->has_failed) {
		name->ttl_s = answer->ttl_s;
		dc->is_changed |= keep_answer(name, answer);
	}
	if (!--dc->pending)
		round_over(dc);
}

static void on_timer(struct timer *timer)
{
	struct dns_cluster *dc = container_of(timer, struct dns_cluster, timer);
	struct dns *dns = dc->own ? dc->own : dc->shared;

	bump(dc, CLUSTER_STAT_UPDATE_ATTEMPT);
	dc->is_changed = !dc->has_answered;
	dc->pending = dc->count + 1; /* the round isn't over while it is being started */
	for (uint32_t i = 0; i < dc->count; i++) {
		const struct endpoint *endpoint =
			&dc->cluster->assignment->endpoints[dc->names[i].endpoint];
		dc->names[i].query = dns_resolve(dns, endpoint->name, dc->cluster->dns.family,
						 on_answer, &dc->names[i]);
	}
	if (!--dc->pending)
		round_over(dc);
}

/* --- life --- */

static void forget_names(struct dns_cluster *dc)
{
	timer_cancel(&dc->loop->wheel, &dc->timer);
	for (uint32_t i = 0; i < dc->count; i++) {
		if (dc->names[i].query)
			dns_cancel(dc->names[i].query);
		free(dc->names[i].addrs);
	}
	free(dc->names);
	dc->names = NULL;
	dc->count = dc->pending = dc->failures = 0;
	dc->has_answered = false;
}

static void find_names(struct dns_cluster *dc)
{
	const struct assignment *from = dc->cluster->assignment;

	dc->names = calloc(from->endpoint_count + 1, sizeof *dc->names);
	invariant(dc->names);
	for (uint32_t i = 0; i < from->endpoint_count; i++)
		if (from->endpoints[i].addr.family == ADDR_NONE)
			dc->names[dc->count++] =
				(struct dns_name){.owner = dc, .endpoint = i, .ttl_s = UINT32_MAX};
}

void dns_cluster_init(struct dns_cluster *dc, struct loop *loop, struct random *random,
		      struct stats *stats, struct dns *shared,
		      void (*assign)(struct dns_cluster *dc, struct assignment *assignment))
{
	*dc = (struct dns_cluster){
		.loop = loop, .random = random, .stats = stats, .shared = shared, .assign = assign};
	timer_init(&dc->timer, on_timer);
}

void dns_cluster_configure(struct dns_cluster *dc, const struct cluster *cluster)
{
	forget_names(dc);
	dns_close(dc->own);
	dc->own = NULL;
	dc->cluster = cluster;
	if (!cluster ||
	    (cluster->type != CLUSTER_STRICT_DNS && cluster->type != CLUSTER_LOGICAL_DNS))
		return;
	bool is_own = cluster->dns.resolver_count || cluster->dns.uses_tcp || !dc->shared;
	if (is_own && dns_open(&dc->own, dc->loop, dc->stats, &cluster->dns) && !dc->shared)
		return; /* no resolver at all: the cluster stays without hosts */
	find_names(dc);
	timer_start(&dc->loop->wheel, &dc->timer, 0);
}

void dns_cluster_fini(struct dns_cluster *dc)
{
	dns_cluster_configure(dc, NULL);
}
