/* Least request: of some hosts drawn by chance, the one with the fewest requests in flight from
 * this worker.
 *
 * With weights, hosts are drawn in proportion to them and compared by requests per weight; of
 * equals the first drawn stays, so an idle cluster is loaded exactly by weight. */
#include <stdlib.h>

#include "upstream/alias.h"
#include "upstream/balancer.h"

static void least_request_build(struct host_group *group, const struct balance_input *in)
{
	group->size = in->lb->choice_count;
	if (!group->is_weighted)
		return;
	struct arena scratch;
	arena_init(&scratch, 4096);
	uint32_t *weights = ARENA_NEW_ARRAY(&scratch, uint32_t, group->count);
	for (uint32_t i = 0; i < group->count; i++)
		weights[i] = host_set_weight(in->set, group_host(group, i));
	group->aliases = alias_build(weights, group->count, in->arena);
	arena_free(&scratch);
}

static uint32_t draw(const struct host_group *group, struct balance_state *state)
{
	uint64_t chance = balance_random(state);
	uint32_t position = (uint32_t)(((chance >> 32) * group->count) >> 32);

	if (group->aliases && (uint32_t)chance >= group->aliases[position].share)
		position = group->aliases[position].other;
	return position;
}

/* A host that may be used: some draws, then the next one in order. */
static uint32_t draw_usable(const struct host_group *group, const struct host_set *set,
			    struct balance_state *state)
{
	uint32_t position = draw(group, state);

	for (unsigned i = 0; i < 4; i++) {
		if (group_may_use(group, set, position))
			return position;
		position = draw(group, state);
	}
	for (uint32_t i = 0; i < group->count && i < BALANCE_SKIP_MAX; i++) {
		if (group_may_use(group, set, position))
			return position;
		position = position + 1 < group->count ? position + 1 : 0;
	}
	return BALANCE_NONE;
}

static uint32_t least_request_pick(const struct host_group *group, const struct host_set *set,
				   struct balance_state *state, uint64_t hash, unsigned attempt)
{
	uint32_t best = draw_usable(group, set, state);

	(void)hash;
	(void)attempt;
	if (best == BALANCE_NONE || group->count == 1)
		return best;
	uint64_t best_active = state->active(state, set->hosts[group_host(group, best)]);
	for (uint32_t i = 1; i < group->size; i++) {
		uint32_t other = draw_usable(group, set, state);
		if (other == BALANCE_NONE || other == best)
			continue;
		uint64_t active = state->active(state, set->hosts[group_host(group, other)]);
		uint64_t weight = host_set_weight(set, group_host(group, other));
		uint64_t best_weight = host_set_weight(set, group_host(group, best));
		if (active * best_weight < best_active * weight) {
			best = other;
			best_active = active;
		}
	}
	return best;
}

static void full_scan_build(struct host_group *group, const struct balance_input *in)
{
	(void)group;
	(void)in;
}

/* Equals are drawn among by chance. */
static uint32_t full_scan_pick(const struct host_group *group, const struct host_set *set,
			       struct balance_state *state, uint64_t hash, unsigned attempt)
{
	uint32_t best = BALANCE_NONE, equals = 0;
	uint64_t best_active = 0, best_weight = 1;

	(void)hash;
	(void)attempt;
	for (uint32_t i = 0; i < group->count; i++) {
		if (!group_may_use(group, set, i))
			continue;
		uint64_t active = state->active(state, set->hosts[group_host(group, i)]);
		uint64_t weight = host_set_weight(set, group_host(group, i));
		if (best != BALANCE_NONE && active * best_weight > best_active * weight)
			continue;
		bool is_equal =
			best != BALANCE_NONE && active * best_weight == best_active * weight;
		equals = is_equal ? equals + 1 : 1;
		if (is_equal && balance_random_below(state, equals))
			continue;
		best = i;
		best_active = active;
		best_weight = weight;
	}
	return best;
}

static void random_build(struct host_group *group, const struct balance_input *in)
{
	(void)group;
	(void)in;
}

static uint32_t random_pick(const struct host_group *group, const struct host_set *set,
			    struct balance_state *state, uint64_t hash, unsigned attempt)
{
	(void)hash;
	(void)attempt;
	return draw_usable(group, set, state);
}

const struct balancer least_request_balancer = {
	.name = "least_request",
	.build = least_request_build,
	.pick = least_request_pick,
};
const struct balancer full_scan_balancer = {
	.name = "least_request",
	.build = full_scan_build,
	.pick = full_scan_pick,
};
const struct balancer random_balancer = {
	.name = "random",
	.build = random_build,
	.pick = random_pick,
};
