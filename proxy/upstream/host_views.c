#include "upstream/host_views.h"

#include <stdio.h>
#include <stdlib.h>

#include "message/metadata.h"
#include "routing/host_rule.h"
#include "routing/policy.h"
#include "upstream/labels.h"
#include "upstream/view_parts.h"

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

/* A host of the part that isn't well, when nothing better is found; a healthy one if there is. */
static uint32_t find_any(const struct host_set *set, const struct view_part *part,
			 struct balance_state *state, const struct pick *pick, bool is_healthy)
{
	uint32_t at = part->count ? balance_random_below(state, part->count) : 0;

	for (uint32_t i = 0; i < part->count && i < BALANCE_SKIP_MAX; i++) {
		uint32_t index = part->hosts[(at + i) % part->count];
		bool is_taken = !is_healthy || !host_is_unhealthy(set->hosts[index]);
		if (is_taken && !(pick->is_refused && pick->is_refused(pick->owner, set, index)))
			return index;
	}
	return BALANCE_NONE;
}

/* The first wish with a healthy host; else a host of the first wish that any has. */
static uint32_t pick_by_labels(struct host_views *views, const struct host_set *set,
			       struct host_choice *choice, struct balance_state *state,
			       struct pick *pick, struct arena *arena)
{
	const struct narrowing *narrowing = pick->narrowing;
	uint32_t count = narrowing->count ? narrowing->count : 1;
	uint32_t spare = BALANCE_NONE, spare_wish = 0;

	for (uint32_t w = 0; w < count; w++) {
		const struct policy_wish *wish = narrowing->count ? &narrowing->wishes[w] : NULL;
		const struct view_part *part =
			view_part_labelled(choice, set, views->lb, pick, wish, state, arena);
		uint32_t index = view_part_pick(part, set, state, pick);
		if (index != BALANCE_NONE && pick->was_panic &&
		    host_is_unhealthy(set->hosts[index]))
			index = find_any(set, part, state, pick, true);
		if (index != BALANCE_NONE) {
			pick->subset = w ? PICK_FALLBACK : PICK_SUBSET;
			return index;
		}
		if (spare == BALANCE_NONE) {
			spare = find_any(set, part, state, pick, false);
			spare_wish = w;
		}
	}
	if (spare == BALANCE_NONE)
		return spare;
	pick->was_panic = true;
	pick->subset = spare_wish ? PICK_FALLBACK : PICK_SUBSET;
	return spare;
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
		return pick_by_labels(views, set, choice, state, pick, arena);
	if (choice->count == set->count)
		return balance_pick(set, set->balance, state, pick);
	pick->subset = PICK_SUBSET;
	return view_part_pick(view_part_whole(choice, set, views->lb, state, arena), set, state,
			      pick);
}
