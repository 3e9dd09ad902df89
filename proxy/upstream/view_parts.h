/* What balances among some of a host rule's choice, made once and looked up after: those of its
 * hosts that carry certain labels.
 *
 *   choice ─ attached ─┬─ all of it ──────────── balance, cursors
 *                      ├─ [lane=gray] ─> {1 4} ─ balance, cursors
 *                      └─ [lane=base] ─> {}
 *
 * Owner: the choice's arena. Thread: the worker's. Not bounded here: the rule's view bounds what
 * its arena holds, and begins anew. */
#ifndef UPSTREAM_VIEW_PARTS_H
#define UPSTREAM_VIEW_PARTS_H

#include "upstream/balancer.h"

struct host_choice;
struct policy_wish;

struct view_part {
	const struct balance *balance; /* NULL: no hosts */
	const uint32_t *hosts;         /* ascending */
	uint32_t count;
	uint32_t cursor_count;
	uint32_t *cursors;
};

/* All of a choice's hosts. set, lb: those that every call for this choice has. */
const struct view_part *view_part_whole(struct host_choice *choice, const struct host_set *set,
					const struct lb_config *lb, struct balance_state *state,
					struct arena *arena);

/* Those with the labels of the pick's match (of the space "envoy.lb") and of a wish, which may be
 * NULL. A label that is null: hosts without it. */
const struct view_part *view_part_labelled(struct host_choice *choice, const struct host_set *set,
					   const struct lb_config *lb, const struct pick *pick,
					   const struct policy_wish *wish,
					   struct balance_state *state, struct arena *arena);

/* The index of a host, or BALANCE_NONE. */
uint32_t view_part_pick(const struct view_part *part, const struct host_set *set,
			struct balance_state *state, struct pick *pick);

#endif
