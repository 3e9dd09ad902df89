#include "routing/policy.h"

static bool has_key(const struct policy_wish *wish, struct slice key)
{
	for (uint32_t i = 0; i < wish->count; i++)
		if (slice_equal(wish->labels[i].key, key))
			return true;
	return false;
}

/* Both wishes in one; false when it would be too long. */
static bool combine(struct policy_wish *both, const struct policy_wish *first,
		    const struct policy_wish *second, struct arena *arena)
{
	struct label *labels;

	if (!first->count || !second->count) {
		*both = first->count ? *first : *second;
		return both->count <= POLICY_LABELS_MAX;
	}
	labels = ARENA_NEW_ARRAY(arena, struct label, first->count + second->count);
	memcpy(labels, first->labels, first->count * sizeof *labels);
	*both = (struct policy_wish){labels, first->count};
	for (uint32_t i = 0; i < second->count; i++)
		if (!has_key(first, second->labels[i].key))
			labels[both->count++] = second->labels[i];
	return both->count <= POLICY_LABELS_MAX;
}

bool narrowing_allows_any(const struct narrowing *narrowing)
{
	if (!narrowing || !narrowing->is_required)
		return true;
	for (uint32_t i = 0; i < narrowing->count; i++)
		if (!narrowing->wishes[i].count)
			return true;
	return false;
}

void narrowing_add(struct narrowing **narrowing, const struct policy_choice *choice,
		   struct arena *arena)
{
	static const struct policy_wish any = {NULL, 0};
	const struct narrowing *before = *narrowing;
	struct narrowing *after = ARENA_NEW(arena, struct narrowing);
	bool has_wishes = before && before->count;
	uint32_t count = has_wishes ? before->count : 1;

	if (before)
		*after = *before;
	if (choice->rule && !after->rule) {
		after->rule = choice->rule;
		after->rule_request = choice->rule_request;
	}
	after->is_required |= choice->is_required;
	*narrowing = after;
	if (!choice->wish_count || (before && !has_wishes && !before->rule))
		return;
	after->count = 0;
	for (uint32_t b = 0; b < count; b++)
		for (uint32_t c = 0; c < choice->wish_count && after->count < POLICY_WISHES_MAX;
		     c++)
			if (combine(&after->wishes[after->count],
				    has_wishes ? &before->wishes[b] : &any, &choice->wishes[c],
				    arena))
				after->count++;
}
