/* A scenario: rules and a list of calls in virtual time, and what came of them.
 *
 * Owner: the program. */
#ifndef TESTS_SENTINEL_SCENARIO_H
#define TESTS_SENTINEL_SCENARIO_H

#include <jansson.h>

#include "base/arena.h"
#include "filters/sentinel/core/rule_json.h"
#include "filters/sentinel/core/sph.h"

struct rule_version {
	struct rule_version *older; /* kept to the end: a call may wait in it */
	struct rule_set *set;
	struct rule_list list;
	bool is_last[RULE_KINDS];
};

struct scenario {
	const json_t *json;
	struct arena arena; /* arguments */
	struct sentinel *sentinel;
	struct rule_version *version;     /* the one that holds */
	const json_t *loaded[RULE_KINDS]; /* the rules of each kind last loaded */
	size_t loads;                     /* of rules, so far */
	unsigned entries;                 /* so far: they take turns on the workers */
	int64_t base_ms;
	int64_t now_ns;
	json_t *results, *breakers, *snapshots, *timeline;
};

/* "paramFlow": the member of `rules` that has them. */
const char *scenario_kind_name(enum rule_kind kind);

static inline struct instant scenario_now(const struct scenario *scenario)
{
	return (struct instant){scenario->now_ns / 1000000, scenario->now_ns};
}

/* Since the beginning. */
static inline int64_t scenario_t_ms(const struct scenario *scenario)
{
	return scenario->now_ns / 1000000 - scenario->base_ms;
}

/* Loads the kinds of rules that the object names; the others stay. is_last: for each kind, whether
 * no later event loads it, so that the recorded order of checks is of these rules. */
void scenario_load_rules(struct scenario *scenario, const json_t *rules,
			 const bool is_last[RULE_KINDS]);

/* Goes on with another core, made for this, as a process does that takes over from one before it:
 * with the same rules, read again, and what the old core exports. The old ones stay in *sentinel
 * and *version, to be freed. */
void scenario_hand_over(struct scenario *scenario, struct sentinel **sentinel,
			struct rule_version **version);
void rule_versions_free(struct rule_version *newest);

/* The place of the rule, or of an equal one, in the list last loaded; -1: none. */
int scenario_rule_index(const struct scenario *scenario, const struct block *block);

/* Adds what all nodes say. */
void scenario_snapshot(struct scenario *scenario, size_t event);

/* The arguments of an entry event, in the arena. Returns how many. */
uint32_t scenario_arguments(struct scenario *scenario, const json_t *args,
			    const struct argument **out);

#endif
