/* Which providers Dubbo's rules leave for a call, found by walking a tree of what was found before.
 *
 *   all ─ tag "gray" ─> {1 4} ─ condition 3 ─> {4}
 *    │                        └ condition 7, destination 0 (70) ─> {1}
 *    │                                       destination 1 (30) ─> {4}
 *    └─── no tag ────> {0 2 3} …
 *
 * A call takes one step for each rule that speaks of it: the tag it asks for, the conditions whose
 * first side it fulfils, the mesh route it matches. What a step leaves depends on the step before
 * and on no call, so it is worked out once, over all providers, and kept; later calls only look it
 * up, without heap. The order is Dubbo's: mesh, tag, conditions of the service, of the providers'
 * application, of the consumer's application. Nothing left ends the walk.
 *
 * A view is for one version of a host set and one of the rules. Owner: a worker. Thread: its.
 * Limits: DUBBO_STEPS_MAX steps and DUBBO_VIEW_BYTES are kept; then it begins anew. */
#ifndef ROUTING_DUBBO_CHOICE_H
#define ROUTING_DUBBO_CHOICE_H

#include "base/arena.h"
#include "routing/dubbo_index.h"
#include "routing/dubbo_rules.h"

enum {
	DUBBO_STEPS_MAX = 4096,
	DUBBO_VIEW_BYTES = 8 << 20,
	DUBBO_APPLICATIONS_MAX = 16, /* of a view's providers that mesh rules look at */
};

/* What is left after some steps. */
struct dubbo_choice {
	struct host_choice hosts;
	const uint64_t *base; /* within mesh rules: what they began with; else NULL */
};

struct dubbo_view {
	struct arena arena; /* what holds for its whole life */
	struct arena kept;  /* choices; emptied when there are too many */
	uint32_t count, words;
	uint64_t seed;
	struct slice application; /* the providers', of the first that has one; "" : none */
	struct slice applications[DUBBO_APPLICATIONS_MAX];
	uint32_t application_count;
	const uint64_t *everyone;
	const struct dubbo_tag_rule *tag_rule;         /* of its application; NULL: none */
	uint64_t **tagged;                             /* by the rule: for each of its tags */
	struct map tag_numbers;                        /* of the rule's tags that have providers */
	uint64_t *by_rule;                             /* has any of the rule's tags */
	struct map statics;                            /* tag -> providers that carry it */
	uint64_t *untagged;                            /* carry none */
	const struct dubbo_condition_rule *conditions; /* of its application */
	struct dubbo_index
		*indexes; /* of keys that are compared with a $param; made when asked for */
	struct dubbo_choice *root;
	struct dubbo_step **slots; /* by hash: DUBBO_STEPS_MAX */
	uint32_t step_count;
};

/* The label that names a provider's application, when "remote.application" doesn't. Falls back to
 * `application`, which may be "". seed: a random number. Returns owned. */
struct dubbo_view *dubbo_view_new(const struct dubbo_rules *rules,
				  const struct host_facts *providers, struct slice application,
				  uint64_t seed);
/* NULL: nothing. */
void dubbo_view_free(struct dubbo_view *view);

/* What the rules leave. Rules and providers are those that the view was made for. Borrowed, until
 * the next call of this function. */
struct dubbo_choice *dubbo_view_choose(struct dubbo_view *view, const struct dubbo_rules *rules,
				       const struct dubbo_call *call,
				       const struct host_facts *providers);

#endif
