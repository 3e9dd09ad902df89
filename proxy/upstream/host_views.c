#include "upstream/host_views.h"

#include <stdio.h>
#include <stdlib.h>

#include "message/metadata.h"
#include "routing/host_rule.h"
#include "routing/policy.h"
#include "upstream/labels.h"

#define LABEL_SPACE SLICE("envoy.lb")

/* --- what rules ask of hosts --- */

enum { NUMBER_TEXTS = 4, NUMBER_ROOM = 32 };

struct facts_context {
	const struct host_set *set;
	char texts[NUMBER_TEXTS][NUMBER_ROOM]; /* of labels that are numbers, in turn */
	unsigned next;
};

static void fact_address(void *context, uint32_t i, struct addr *addr)
{
	const struct facts_context *facts = context;

	*addr = facts->set->hosts[i]->addr;
}

static struct slice fact_label(void *context, uint32_t i, struct slice name)
{
	struct facts_context *facts = context;
	const struct label *label = labels_find(host_set_labels(facts->set, i), LABEL_SPACE, name);

	if (!label)
		return (struct slice){0};
	if (label->kind == LABEL_STRING)
		return label->text.data ? label->text : SLICE("");
	if (label->kind == LABEL_BOOL)
		return label->truth ? SLICE("true") : SLICE("false");
	if (label->kind != LABEL_NUMBER)
		return (struct slice){0};
	char *room = facts->texts[facts->next++ % NUMBER_TEXTS];
	return slice_make(room, (size_t)snprintf(room, NUMBER_ROOM, "%.15g", label->number));
}

static struct host_facts facts_of(struct facts_context *context)
{
	return (struct host_facts){context->set->count, fact_address, fact_label, context};
}

/* --- views --- */

struct host_view {
	struct host_view *next;
	const struct host_rule_type *type;
	uint64_t id;         /* of its rule */
	uint32_t generation; /* of its host set */
	void *view;
};

static void close_view(struct host_view *view)
{
	view->type->close(view->view);
	free(view);
}

void host_views_fini(struct host_views *views)
{
	struct host_view *next;

	for (struct host_view *view = views->list; view; view = next) {
		next = view->next;
		close_view(view);
	}
	views->list = NULL;
	views->count = 0;
}

/* Takes the view out of the list, if it is there. One for another version of the hosts goes. */
static struct host_view *take_view(struct host_views *views, const struct host_rule *rule,
				   const struct host_set *set)
{
	struct host_view **at = &views->list, *view;

	while (*at && (*at)->id != rule->id && ((*at)->next || views->count < HOST_VIEWS_MAX))
		at = &(*at)->next;
	view = *at;
	if (!view)
		return NULL;
	*at = view->next;
	views->count--;
	if (view->id == rule->id && view->generation == set->generation)
		return view;
	close_view(view); /* out of date, or the last one of too many */
	return NULL;
}

static struct host_view *get_view(struct host_views *views, const struct host_rule *rule,
				  const struct host_set *set, const struct host_facts *facts,
				  struct balance_state *state)
{
	struct host_view *view = views->list;

	if (LIKELY(view && view->id == rule->id && view->generation == set->generation))
		return view;
	view = take_view(views, rule, set);
	if (!view) {
		view = malloc(sizeof *view);
		invariant(view);
		*view = (struct host_view){
			.type = rule->type, .id = rule->id, .generation = set->generation};
		view->view = rule->type->open(rule, facts, views->cluster, balance_random(state));
	}
	view->next = views->list;
	views->list = view;
	views->count++;
	return view;
}

/* --- picks --- */

/* What is attached to a choice. */
struct part {
	const struct balance *balance;
	uint32_t *cursors;
	uint32_t cursor_count;
};

static struct part *make_part(const struct host_set *set, const struct lb_config *lb,
			      const struct host_choice *choice, struct balance_state *state,
			      struct arena *arena)
{
	struct part *part = ARENA_NEW(arena, struct part);
	uint32_t *hosts = ARENA_NEW_ARRAY(arena, uint32_t, choice->count);
	uint32_t count = 0;

	for (uint32_t i = 0; i < set->count; i++)
		if (host_choice_has(choice, i))
			hosts[count++] = i;
	part->balance = balance_build(set, lb, hosts, count, &part->cursor_count, arena);
	part->cursors = ARENA_NEW_ARRAY(arena, uint32_t, part->cursor_count);
	for (uint32_t i = 0; i < part->cursor_count; i++)
		part->cursors[i] = (uint32_t)balance_random(state) >> 1;
	return part;
}

/* The state stays the worker's; only the places in the tables are the part's own. */
static uint32_t pick_of_part(const struct host_set *set, const struct part *part,
			     struct balance_state *state, struct pick *pick)
{
	uint32_t *cursors = state->cursors;
	uint32_t cursor_count = state->cursor_count;

	state->cursors = part->cursors;
	state->cursor_count = part->cursor_count;
	uint32_t index = balance_pick(set, part->balance, state, pick);
	state->cursors = cursors;
	state->cursor_count = cursor_count;
	return index;
}

static bool has_label(const struct labels *labels, const struct label *wanted)
{
	const struct label *label = labels_find(labels, LABEL_SPACE, wanted->key);

	return wanted->kind == LABEL_NULL ? !label || label->kind == LABEL_NULL
					  : label && label_equal(label, wanted);
}

static bool fits(const struct host_set *set, uint32_t i, const struct pick *pick,
		 const struct policy_wish *wish)
{
	const struct labels *labels = host_set_labels(set, i);

	for (uint32_t k = 0; pick->match && k < pick->match->count; k++)
		if (slice_equal(pick->match->items[k].space, LABEL_SPACE) &&
		    !has_label(labels, &pick->match->items[k]))
			return false;
	for (uint32_t k = 0; wish && k < wish->count; k++)
		if (!has_label(labels, &wish->labels[k]))
			return false;
	return true;
}

/* One of the choice's hosts that fit, each as likely; healthy ones before others. */
static uint32_t pick_fitting(const struct host_set *set, const struct host_choice *choice,
			     struct balance_state *state, const struct pick *pick,
			     const struct policy_wish *wish, bool is_ill)
{
	uint32_t index = BALANCE_NONE, seen = 0;

	for (uint32_t i = 0; i < set->count; i++) {
		if (!host_choice_has(choice, i) || host_is_unhealthy(set->hosts[i]) != is_ill ||
		    !fits(set, i, pick, wish) ||
		    (pick->is_refused && pick->is_refused(pick->owner, set, i)))
			continue;
		if (!balance_random_below(state, ++seen))
			index = i;
	}
	return index;
}

static uint32_t pick_by_labels(const struct host_set *set, const struct host_choice *choice,
			       struct balance_state *state, struct pick *pick)
{
	const struct narrowing *narrowing = pick->narrowing;
	uint32_t count = narrowing->count ? narrowing->count : 1;

	for (int is_ill = 0; is_ill < 2; is_ill++)
		for (uint32_t w = 0; w < count; w++) {
			const struct policy_wish *wish =
				narrowing->count ? &narrowing->wishes[w] : NULL;
			uint32_t index = pick_fitting(set, choice, state, pick, wish, is_ill);
			if (index == BALANCE_NONE)
				continue;
			pick->was_panic = is_ill;
			pick->subset = w ? PICK_FALLBACK : PICK_SUBSET;
			return index;
		}
	return BALANCE_NONE;
}

uint32_t host_views_pick(struct host_views *views, const struct host_set *set,
			 struct balance_state *state, struct pick *pick)
{
	const struct narrowing *narrowing = pick->narrowing;
	struct facts_context context = {.set = set};
	struct host_facts facts = facts_of(&context);
	struct host_view *view = get_view(views, narrowing->rule, set, &facts, state);
	struct arena *arena;
	struct host_choice *choice = view->type->choose(view->view, narrowing->rule,
							narrowing->rule_request, &facts, &arena);

	pick->subset = PICK_WHOLE;
	pick->was_panic = false;
	if (!choice->count)
		return BALANCE_NONE;
	if (UNLIKELY(narrowing->count || pick->match))
		return pick_by_labels(set, choice, state, pick);
	if (choice->count == set->count)
		return balance_pick(set, set->balance, state, pick);
	pick->subset = PICK_SUBSET;
	if (!choice->attached)
		choice->attached = make_part(set, views->lb, choice, state, arena);
	return pick_of_part(set, choice->attached, state, pick);
}
