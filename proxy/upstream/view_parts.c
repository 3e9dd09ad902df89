#include "upstream/view_parts.h"

#include "base/hash.h"
#include "message/metadata.h"
#include "routing/host_rule.h"
#include "routing/policy.h"
#include "upstream/labels.h"

#define LABEL_SPACE SLICE("envoy.lb")

enum {
	SLOTS = 64,      /* of one choice */
	WANTED_MAX = 32, /* labels of one pick; with more it finds nothing */
};

struct labelled {
	struct labelled *next; /* in its slot */
	uint64_t hash;
	const struct label *wanted; /* copies */
	uint32_t count;
	struct view_part part;
};

/* What is attached to a choice. */
struct parts {
	struct view_part *whole; /* NULL: not asked for yet */
	struct labelled *slots[SLOTS];
};

/* What a pick asks for. */
struct wanted {
	const struct label *items[WANTED_MAX];
	uint32_t count;
	uint64_t hash;
};

static struct parts *parts_of(struct host_choice *choice, struct arena *arena)
{
	if (!choice->attached)
		choice->attached = ARENA_NEW(arena, struct parts);
	return choice->attached;
}

/* hosts: in the arena. */
static void fill(struct view_part *part, const struct host_set *set, const struct lb_config *lb,
		 const uint32_t *hosts, uint32_t count, struct balance_state *state,
		 struct arena *arena)
{
	part->hosts = hosts;
	part->count = count;
	if (!count)
		return;
	part->balance = balance_build(set, lb, hosts, count, &part->cursor_count, arena);
	part->cursors = ARENA_NEW_ARRAY(arena, uint32_t, part->cursor_count);
	for (uint32_t i = 0; i < part->cursor_count; i++)
		part->cursors[i] = (uint32_t)balance_random(state) >> 1;
}

const struct view_part *view_part_whole(struct host_choice *choice, const struct host_set *set,
					const struct lb_config *lb, struct balance_state *state,
					struct arena *arena)
{
	struct parts *parts = parts_of(choice, arena);
	uint32_t count = 0;

	if (LIKELY(parts->whole != NULL))
		return parts->whole;
	uint32_t *hosts = ARENA_NEW_ARRAY(arena, uint32_t, choice->count);
	for (uint32_t i = 0; i < set->count; i++)
		if (host_choice_has(choice, i))
			hosts[count++] = i;
	parts->whole = ARENA_NEW(arena, struct view_part);
	fill(parts->whole, set, lb, hosts, count, state, arena);
	return parts->whole;
}

/* --- labels */

static bool add_wanted(struct wanted *wanted, const struct label *label)
{
	if (wanted->count == WANTED_MAX)
		return false;
	wanted->items[wanted->count++] = label;
	wanted->hash = hash_combine(wanted->hash, hash_bytes(label->key));
	wanted->hash = hash_combine(wanted->hash, label_hash(label));
	return true;
}

static bool read_wanted(struct wanted *wanted, const struct pick *pick,
			const struct policy_wish *wish)
{
	wanted->count = 0;
	wanted->hash = 0;
	for (uint32_t i = 0; pick->match && i < pick->match->count; i++)
		if (slice_equal(pick->match->items[i].space, LABEL_SPACE) &&
		    !add_wanted(wanted, &pick->match->items[i]))
			return false;
	for (uint32_t i = 0; wish && i < wish->count; i++)
		if (!add_wanted(wanted, &wish->labels[i]))
			return false;
	return true;
}

static bool is_wanted(const struct labelled *labelled, const struct wanted *wanted)
{
	if (labelled->hash != wanted->hash || labelled->count != wanted->count)
		return false;
	for (uint32_t i = 0; i < wanted->count; i++)
		if (!slice_equal(labelled->wanted[i].key, wanted->items[i]->key) ||
		    !label_equal(&labelled->wanted[i], wanted->items[i]))
			return false;
	return true;
}

/* At most LABEL_DEPTH_MAX deep, as every label. */
static void copy_label(struct label *to, const struct label *from, struct arena *arena)
{
	struct label *items = ARENA_NEW_ARRAY(arena, struct label, from->count);

	*to = *from;
	to->space = arena_slice(arena, from->space);
	to->key = arena_slice(arena, from->key);
	to->text = arena_slice(arena, from->text);
	to->items = items;
	for (uint32_t i = 0; i < from->count; i++)
		copy_label(&items[i], &from->items[i], arena);
}

static bool fits(const struct labels *labels, const struct wanted *wanted)
{
	for (uint32_t i = 0; i < wanted->count; i++) {
		const struct label *want = wanted->items[i];
		const struct label *label = labels_find(labels, LABEL_SPACE, want->key);
		bool is_lacking = !label || label->kind == LABEL_NULL;
		if (want->kind == LABEL_NULL ? !is_lacking : !label || !label_equal(label, want))
			return false;
	}
	return true;
}

static struct labelled *add_labelled(struct parts *parts, const struct host_choice *choice,
				     const struct host_set *set, const struct lb_config *lb,
				     const struct wanted *wanted, struct balance_state *state,
				     struct arena *arena)
{
	struct labelled *labelled = ARENA_NEW(arena, struct labelled);
	struct labelled **slot = &parts->slots[wanted->hash % SLOTS];
	struct label *copies = ARENA_NEW_ARRAY(arena, struct label, wanted->count);
	uint32_t *hosts = NULL, count = 0;

	for (uint32_t i = 0; i < wanted->count; i++)
		copy_label(&copies[i], wanted->items[i], arena);
	for (int pass = 0; pass < 2; pass++) { /* counted, then noted */
		if (pass)
			hosts = ARENA_NEW_ARRAY(arena, uint32_t, count);
		count = 0;
		for (uint32_t i = 0; i < set->count; i++) {
			if (!host_choice_has(choice, i) || !fits(host_set_labels(set, i), wanted))
				continue;
			if (pass)
				hosts[count] = i;
			count++;
		}
	}
	labelled->hash = wanted->hash;
	labelled->wanted = copies;
	labelled->count = wanted->count;
	fill(&labelled->part, set, lb, hosts, count, state, arena);
	labelled->next = *slot;
	*slot = labelled;
	return labelled;
}

const struct view_part *view_part_labelled(struct host_choice *choice, const struct host_set *set,
					   const struct lb_config *lb, const struct pick *pick,
					   const struct policy_wish *wish,
					   struct balance_state *state, struct arena *arena)
{
	static const struct view_part none;
	struct parts *parts = parts_of(choice, arena);
	struct wanted wanted;

	if (!read_wanted(&wanted, pick, wish))
		return &none;
	if (!wanted.count)
		return view_part_whole(choice, set, lb, state, arena);
	struct labelled *found = parts->slots[wanted.hash % SLOTS];
	while (found && !is_wanted(found, &wanted))
		found = found->next;
	return found ? &found->part
		     : &add_labelled(parts, choice, set, lb, &wanted, state, arena)->part;
}

/* --- picking */

/* The state stays the worker's; only the places in the tables are the part's own. */
uint32_t view_part_pick(const struct view_part *part, const struct host_set *set,
			struct balance_state *state, struct pick *pick)
{
	uint32_t *cursors = state->cursors;
	uint32_t cursor_count = state->cursor_count;

	if (!part->count)
		return BALANCE_NONE;
	state->cursors = part->cursors;
	state->cursor_count = part->cursor_count;
	uint32_t index = balance_pick(set, part->balance, state, pick);
	state->cursors = cursors;
	state->cursor_count = cursor_count;
	return index;
}
