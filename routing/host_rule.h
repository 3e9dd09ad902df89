/* A host rule: says of each host of a cluster whether a request may go to it. What route policies
 * use when labels alone don't say it (routing/policy.h): Dubbo's rules are one.
 *
 *   host set ─ open ─> view ─ choose(request) ─> choice: the hosts that are left
 *                                                 └─ attached: what balances among them
 *
 * A view is a worker's, for one version of a host set; it keeps what it found, so that a request in
 * steady state looks it up. The cluster's balancing holds among the hosts that are left.
 *
 * Owner: the rule its published object's arena; views the worker's cluster. Thread: the worker's.
 */
#ifndef ROUTING_HOST_RULE_H
#define ROUTING_HOST_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/slice.h"

/* The hosts of one version of a host set, by index. */
struct host_facts {
	uint32_t count;
	/* Where the i-th listens. */
	void (*address)(void *context, uint32_t i, struct addr *addr);
	/* The i-th's label "envoy.lb" of a name, as text; .data NULL: it has none. Holds until the
	 * next but three calls. */
	struct slice (*label)(void *context, uint32_t i, struct slice name);
	void *context;
};

/* Some of the hosts. */
struct host_choice {
	const uint64_t *left; /* bit i: the i-th */
	uint32_t count;       /* of bits */
	void *attached;       /* who picks keeps here what it picks by, in the arena of `choose` */
};

static inline bool host_choice_has(const struct host_choice *choice, uint32_t i)
{
	return choice->left[i >> 6] >> (i & 63) & 1;
}

struct host_rule;

struct host_rule_type {
	/* seed: a random number. cluster: its name. Returns owned. */
	void *(*open)(const struct host_rule *rule, const struct host_facts *facts,
		      struct slice cluster, uint64_t seed);
	void (*close)(void *view);
	/* request: as the policy gave it. Borrowed until the view's next choose. *arena: where what
	 * lives as long as the choice is to be allocated. */
	struct host_choice *(*choose)(void *view, const struct host_rule *rule, void *request,
				      const struct host_facts *facts, struct arena **arena);
};

/* Embedded in the rule's own struct. */
struct host_rule {
	const struct host_rule_type *type;
	uint64_t id; /* random: no two rules that were loaded have the same */
};

#endif
