/* One version of all rules, ready to be asked (the RuleManagers together).
 *
 *   by name:  "r" ─> resource_rules         plain names, bound when the version is made
 *   patterns: [regex, rules of one kind] …  matched when a resource is first seen
 *   default:  degrade rules of "*"          for resources without a degrade rule
 *   by id:    [resource 0][resource 1] …    what a resource was found to have; NULL: not asked yet
 *
 * A version is made beside the one it follows, and takes over the states of rules that didn't
 * change. Only the first entry of a resource in a version looks anything up; where there are
 * patterns or default rules it takes memory, too.
 *
 * Owner: whoever made it, until no entry uses it any more. Thread: made and freed on one; asked on
 * any. Immutable but for `by id`, which fills up by compare-and-swap. */
#ifndef SENTINEL_CORE_RULE_SET_H
#define SENTINEL_CORE_RULE_SET_H

#include <stdatomic.h>

#include "base/arena.h"
#include "filters/sentinel/core/resource.h"
#include "filters/sentinel/core/resource_rules.h"

struct sentinel;

struct rule_set {
	struct sentinel *sentinel;
	struct arena arena;              /* the rules and what was bound at first */
	struct resource_rules **by_name; /* a hash table with free places */
	uint32_t name_mask;
	struct resource_rules none;
	struct rule_pattern *patterns;
	const struct degrade_rule **defaults;
	uint32_t pattern_count, default_count;
	bool keeps_shaping, keeps_pattern_breakers, keeps_default_breakers, keeps_pattern_values;
	struct system_limits system;
	uint32_t by_id_count;
	_Atomic(struct resource_rules *) *by_id;
};

struct rule_set_options {
	const struct rule_set *previous; /* NULL: none */
	/* Equal rules begin anew, as in Java; else they keep their states. */
	bool forgets_shaping;          /* flow rules */
	bool forgets_pattern_breakers; /* degrade rules whose resource is a pattern */
	bool forgets_default_breakers; /* those of "*" */
	/* Hot-parameter rules with a pattern, for a resource whose own such rules are gone. */
	bool forgets_pattern_values;
	/* What calls that wait at hot-parameter rules that are gone would be asked by. */
	bool forgets_values;
};

/* Takes the arena with what is in it, list included. Rules whose pattern is no regular expression
 * are left out, and told to `dropped` (which may be NULL). Returns owned. */
struct rule_set *rule_set_new(struct sentinel *sentinel, struct arena *arena,
			      const struct rule_list *list, const struct rule_set_options *options,
			      void (*dropped)(void *arg, enum rule_kind kind, uint32_t index,
					      const char *reason),
			      void *arg);

/* NULL is fine. */
void rule_set_free(struct rule_set *set);

const struct resource_rules *rule_set_look_up(struct rule_set *set,
					      const struct resource *resource);

/* Calls fn for every resource whose rules may have states: those that a name leads to, and those
 * found with a pattern or by default. */
void rule_set_each(const struct rule_set *set,
		   void (*fn)(void *arg, struct slice name, const struct resource_rules *rules),
		   void *arg);

/* Rules of that resource take over the states of equal ones of `previous`, as if that was what they
 * were in the version before: of another process. Nobody asks the set meanwhile. */
void rule_set_take_over(struct rule_set *set, struct slice name,
			const struct resource_rules *previous);

/* The rules of a resource: never NULL, perhaps empty. */
static inline const struct resource_rules *rule_set_of(struct rule_set *set,
						       const struct resource *resource)
{
	const struct resource_rules *rules =
		atomic_load_explicit(&set->by_id[resource->id], memory_order_acquire);
	return rules ? rules : rule_set_look_up(set, resource);
}

#endif
