/* Round robin, by weight when weights differ.
 *
 * Small sums of weights become a sequence (edf.h) that is walked; others are walked by strides: a
 * host of weight w is passed over in all but w of 65,535 rounds, at places that differ from host to
 * host. Either way a worker keeps one word. */
#include "upstream/balancer.h"
#include "upstream/edf.h"

enum {
	SEQUENCE_MIN_LIMIT = 65536, /* entries that any group may have */
	SEQUENCE_PER_HOST = 8,      /* and how many more for each of its hosts */
	STRIDE_MAX = 65535,
	PASS_LIMIT = 1 << 20, /* hosts passed over before the heaviest is found: more than a round
				 always suffices */
};

static void build_strides(struct host_group *group, const struct balance_input *in,
			  const uint32_t *weights)
{
	uint16_t *strides = ARENA_NEW_ARRAY(in->arena, uint16_t, group->count);
	uint32_t most = 1;

	for (uint32_t i = 0; i < group->count; i++)
		most = weights[i] > most ? weights[i] : most;
	for (uint32_t i = 0; i < group->count; i++) {
		uint64_t scaled = ((uint64_t)weights[i] * STRIDE_MAX + most / 2) / most;
		strides[i] = scaled ? (uint16_t)scaled : 1;
	}
	group->strides = strides;
}

static void round_robin_build(struct host_group *group, const struct balance_input *in)
{
	if (!group->is_weighted)
		return;
	uint32_t limit = SEQUENCE_MIN_LIMIT + group->count * SEQUENCE_PER_HOST;
	struct arena scratch;
	arena_init(&scratch, 4096);
	uint32_t *weights = ARENA_NEW_ARRAY(&scratch, uint32_t, group->count);
	for (uint32_t i = 0; i < group->count; i++)
		weights[i] = host_set_weight(in->set, group_host(group, i));
	group->sequence = edf_sequence(weights, group->count, limit, in->arena, &group->size);
	if (!group->sequence)
		build_strides(group, in, weights);
	arena_free(&scratch);
}

/* The cursor counts visits: visit v is to host v % count in round v / count. */
static uint32_t next_by_strides(const struct host_group *group, uint32_t *cursor)
{
	for (uint32_t passed = 0; passed < PASS_LIMIT; passed++) {
		uint32_t visit = (*cursor)++, position = visit % group->count;
		uint64_t round = visit / group->count,
			 offset = (uint64_t)position * (STRIDE_MAX / 2);
		uint64_t stride = group->strides[position];
		if ((stride * round + offset) % STRIDE_MAX >= STRIDE_MAX - stride)
			return position;
	}
	return *cursor % group->count;
}

static uint32_t next(const struct host_group *group, uint32_t *cursor)
{
	if (group->strides)
		return next_by_strides(group, cursor);
	uint32_t size = group->sequence ? group->size : group->count;
	uint32_t at = *cursor < size ? *cursor : *cursor % size;
	*cursor = at + 1;
	return group->sequence ? group->sequence[at] : at;
}

static uint32_t round_robin_pick(const struct host_group *group, const struct host_set *set,
				 struct balance_state *state, uint64_t hash, unsigned attempt)
{
	uint32_t *cursor = &state->cursors[group->cursor], first = next(group, cursor),
		 position = first;
	uint32_t tries = group->count < BALANCE_SKIP_MAX ? group->count : BALANCE_SKIP_MAX;

	(void)hash;
	(void)attempt;
	while (!group_may_use(group, set, position)) {
		if (!--tries)
			return BALANCE_NONE;
		position = next(group, cursor);
	}
	return position;
}

const struct balancer round_robin_balancer = {
	.name = "round_robin",
	.build = round_robin_build,
	.pick = round_robin_pick,
};
