#include <stdlib.h>

#include "routing/policy.h"
#include "upstream/balancer.h"
#include "upstream/host_views.h"
#include "upstream/subset.h"

/* The priority that serves a number of 1 to 100, and whether its degraded hosts do. */
static const struct balance_priority *choose_priority(const struct balance *balance,
						      const uint8_t *loads, uint64_t chance,
						      bool *is_degraded)
{
	uint32_t wanted = (uint32_t)(chance % 100) + 1, sum = 0;

	*is_degraded = false;
	for (uint32_t i = 0; i < balance->priority_count; i++) {
		sum += loads ? loads[i] : balance->priorities[i].healthy_load;
		if (wanted <= sum)
			return &balance->priorities[i];
	}
	*is_degraded = true;
	for (uint32_t i = 0; i < balance->priority_count; i++) {
		sum += balance->priorities[i].degraded_load;
		if (wanted <= sum)
			return &balance->priorities[i];
	}
	*is_degraded = false;
	return &balance->priorities[0];
}

static const struct host_group *choose_locality(const struct locality_choice *choice,
						struct balance_state *state)
{
	uint32_t *cursor = &state->cursors[choice->cursor];
	uint32_t at = *cursor < choice->size ? *cursor : *cursor % choice->size;

	*cursor = at + 1;
	return &choice->groups[choice->sequence[at]];
}

static const struct host_group *choose_group(const struct balance *balance,
					     struct balance_state *state, struct pick *pick,
					     uint64_t hash)
{
	bool is_degraded = false;
	const struct balance_priority *priority = &balance->priorities[0];

	if (!balance->is_single || pick->priority_loads)
		priority = choose_priority(balance, pick->priority_loads, hash, &is_degraded);
	if (priority->is_panic) {
		pick->was_panic = true;
		return balance->fails_on_panic ? NULL : &priority->healthy;
	}
	const struct locality_choice *choice =
		is_degraded ? &priority->degraded_localities : &priority->healthy_localities;
	if (choice->size)
		return choose_locality(choice, state);
	return is_degraded ? &priority->degraded : &priority->healthy;
}

/* Every host of the group went bad since it was built. The next set will be in panic, unless panic
 * is off. */
static uint32_t pick_in_haste(const struct balance *balance, const struct host_group *group,
			      struct balance_state *state, struct pick *pick)
{
	if (!balance->can_panic)
		return BALANCE_NONE;
	pick->was_panic = true;
	return balance->fails_on_panic ? BALANCE_NONE : balance_random_below(state, group->count);
}

static uint32_t pick_once(const struct host_set *set, const struct balance *balance,
			  struct balance_state *state, struct pick *pick, unsigned attempt)
{
	uint64_t hash = 0;

	if (balance->is_hashing && pick->has_hash)
		hash = pick->hash;
	else if (balance->is_hashing || !balance->is_single || pick->priority_loads)
		hash = balance_random(state);
	const struct host_group *group = choose_group(balance, state, pick, hash);
	if (!group || !group->count)
		return BALANCE_NONE;
	uint32_t position = balance->balancer->pick(group, set, state, hash, attempt);
	if (UNLIKELY(position == BALANCE_NONE)) {
		position = pick_in_haste(balance, group, state, pick);
		if (position == BALANCE_NONE)
			return BALANCE_NONE;
	}
	return group_host(group, position);
}

uint32_t balance_pick(const struct host_set *set, const struct balance *balance,
		      struct balance_state *state, struct pick *pick)
{
	if (LIKELY(balance->is_plain && !pick->is_refused && !pick->priority_loads)) {
		const struct host_group *group = &balance->priorities[0].healthy;
		uint32_t position = balance->balancer->pick(group, set, state, 0, 0);
		pick->was_panic = false;
		if (LIKELY(position != BALANCE_NONE))
			return group_host(group, position);
	}
	unsigned attempts = pick->attempts ? pick->attempts : 1;
	uint32_t index = BALANCE_NONE;

	pick->was_panic = false;
	for (unsigned i = 0; i < attempts; i++) {
		index = pick_once(set, balance, state, pick, i);
		if (index == BALANCE_NONE || !pick->is_refused ||
		    !pick->is_refused(pick->owner, set, index))
			break;
	}
	return index;
}

static uint32_t able_of(const struct balance *balance, uint64_t excluded, uint32_t priority)
{
	return priority < 64 && excluded >> priority & 1 ? 0 : balance->priorities[priority].able;
}

bool balance_exclude(const struct balance *balance, uint64_t excluded, uint8_t *loads)
{
	uint32_t total = 0, left = 100, first = UINT32_MAX;

	for (uint32_t i = 0; i < balance->priority_count; i++)
		total += able_of(balance, excluded, i);
	if (!total)
		return false;
	total = total < 100 ? total : 100;
	for (uint32_t i = 0; i < balance->priority_count; i++) {
		uint32_t able = able_of(balance, excluded, i), share = able * 100 / total;
		first = able && first == UINT32_MAX ? i : first;
		share = share < left ? share : left;
		loads[i] = (uint8_t)share;
		left -= share;
	}
	loads[first] = (uint8_t)(loads[first] + left); /* what is left is rounding */
	return true;
}

uint32_t host_set_pick(const struct host_set *set, struct balance_state *state, struct pick *pick)
{
	if (UNLIKELY(pick->narrowing && pick->narrowing->rule && pick->views))
		return host_views_pick(pick->views, set, state, pick);
	if (set->subsets)
		return subset_pick(set, state, pick);
	if (UNLIKELY(pick->narrowing && !narrowing_allows_any(pick->narrowing)))
		return BALANCE_NONE;
	return balance_pick(set, set->balance, state, pick);
}

void balance_state_reset(struct balance_state *state, const struct host_set *set)
{
	uint32_t count = set ? set->cursor_count : 0;

	if (count <= state->cursor_count)
		return;
	state->cursors = realloc(state->cursors, count * sizeof *state->cursors);
	invariant(state->cursors);
	for (uint32_t i = state->cursor_count; i < count; i++)
		state->cursors[i] = (uint32_t)balance_random(state) >> 1;
	state->cursor_count = count;
}

void balance_state_fini(struct balance_state *state)
{
	free(state->cursors);
	state->cursors = NULL;
	state->cursor_count = 0;
}
