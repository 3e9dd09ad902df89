/* Choosing a host: what is built once for a host set, and what a pick does with it.
 *
 *   balance ─ priorities[p] ─ healthy / degraded / all ─┬─ host_group ─ tables of the policy
 *                                                       │               (balancer)
 *                                                       └─ localities (locality weighted):
 *                                                          a sequence of them, a group for each
 *
 * The tables are built for the hosts that are healthy then, and are immutable. Between a health
 * flip and the next set a pick skips the host. A worker's own state is a word for each group (round
 * robin's place) and a random state.
 *
 * Owner: the host set's arena. Thread: built by the builder; picks are the worker's, with its own
 * state. */
#ifndef UPSTREAM_BALANCER_H
#define UPSTREAM_BALANCER_H

#include <stdbool.h>
#include <stdint.h>

#include "upstream/alias.h"
#include "upstream/cluster.h"
#include "upstream/host_set.h"

#define BALANCE_NONE UINT32_MAX /* no host */

struct balancer;
struct narrowing;
struct host_views;

enum { BALANCE_SKIP_MAX = 128 }; /* hosts gone bad that one pick passes over before it gives up */

/* Hosts that a policy chooses among. */
struct host_group {
	const uint32_t *hosts; /* indices into the set; NULL: first, first + 1, … */
	uint32_t first, count;
	uint32_t cursor;  /* number of its word among a worker's cursors */
	bool is_checked;  /* hosts that went bad since are skipped (not in panic) */
	bool is_weighted; /* weights differ */
	uint32_t size;    /* of the tables below */
	const uint32_t
		*sequence; /* round robin: positions in the group; NULL: unweighted, or strides */
	const uint16_t *strides;           /* round robin of many weights */
	const struct alias *aliases;       /* least request with weights */
	const uint64_t *ring;              /* ring hash: sorted hashes … */
	const uint32_t *slots;             /* … and their hosts; Maglev: the table */
	uint64_t min_entries, max_entries; /* of a host, in the ring or table */
};

/* Localities by weight: entry i of the sequence is an index into groups. */
struct locality_choice {
	const uint32_t *sequence;
	uint32_t size; /* 0: localities aren't weighted */
	uint32_t cursor;
	const struct host_group *groups;
};

struct balance_priority {
	uint32_t first, count;               /* of its hosts in the balance's list */
	uint8_t healthy_load, degraded_load; /* percent of the requests */
	uint8_t able; /* percent that its healthy hosts could take, at most 100 */
	bool is_panic;
	struct host_group healthy, degraded; /* in panic: healthy is all */
	struct locality_choice healthy_localities, degraded_localities;
};

struct balance {
	const struct balancer *balancer;
	bool is_hashing;       /* the pick's hash chooses, not only chance */
	bool can_panic;        /* the panic threshold isn't 0 */
	bool fails_on_panic;   /* then no host is chosen */
	const uint32_t *hosts; /* NULL: the whole set */
	uint32_t count;
	struct balance_priority *priorities;
	uint32_t priority_count;
	bool is_single; /* all load is on the first priority's healthy hosts */
	bool is_plain;  /* and nothing but their turn decides: no hash, no localities, no panic */
};

/* A worker's place in the tables. */
struct balance_state {
	uint64_t random;
	uint32_t *cursors; /* one a group, of cursor_count */
	uint32_t cursor_count;
	/* Requests in flight to the host from this worker. */
	uint32_t (*active)(const struct balance_state *state, const struct host *host);
};

/* Where a host came from, in a set with subsets. */
enum pick_subset {
	PICK_WHOLE, /* the whole set, or no host at all */
	PICK_SUBSET,
	PICK_FALLBACK,
	PICK_FALLBACK_PANIC,
};

/* What is asked of one pick. Zeroed: nothing special. */
struct pick {
	bool has_hash;
	uint64_t hash;
	unsigned attempts; /* how many hosts may be refused, plus one; 0 counts as 1 */
	/* True: choose another, if attempts are left. NULL: none is refused. */
	bool (*is_refused)(void *owner, const struct host_set *set, uint32_t index);
	void *owner;
	const uint8_t *priority_loads;   /* percent by priority, instead of the balance's; NULL: the
					    balance's */
	const struct addr *address;      /* ORIGINAL_DST: where it wants to go; NULL: nowhere */
	const struct labels *match;      /* subset; NULL: none */
	const struct metadata *metadata; /* of the stream: wins over match; NULL: none */
	const struct narrowing *narrowing; /* of policies: wins over both; NULL: none */
	struct host_views *views; /* for a narrowing with a host rule; NULL: none is applied */
	bool was_panic;           /* out: chosen among all, healthy or not */
	enum pick_subset subset;  /* out */
	uint32_t index;           /* out: of the host in the set */
};

/* What a policy builds its tables from. */
struct balance_input {
	const struct host_set *set;
	const struct lb_config *lb;
	struct arena *arena;
	const double
		*shares; /* of the group's hosts by locality weight; NULL: by their weights alone */
};

/* One policy. */
struct balancer {
	const char *name;
	/* Fills the group's tables. */
	void (*build)(struct host_group *group, const struct balance_input *in);
	/* A position in the group, which isn't empty; BALANCE_NONE when every host looked at went
	 * bad. attempt counts from 0. */
	uint32_t (*pick)(const struct host_group *group, const struct host_set *set,
			 struct balance_state *state, uint64_t hash, unsigned attempt);
};

extern const struct balancer round_robin_balancer, least_request_balancer, full_scan_balancer,
	random_balancer, ring_hash_balancer, maglev_balancer;

/* The policy's balancer. */
const struct balancer *balancer_of(const struct lb_config *lb);

/* Priorities, localities, panic and tables for `count` hosts of the set (hosts NULL: all of it),
 * which keep the set's order. *cursors counts the groups made. */
struct balance *balance_build(const struct host_set *set, const struct lb_config *lb,
			      const uint32_t *hosts, uint32_t count, uint32_t *cursors,
			      struct arena *arena);

/* The index of a host in the set, or BALANCE_NONE. */
uint32_t balance_pick(const struct host_set *set, const struct balance *balance,
		      struct balance_state *state, struct pick *pick);

/* Shares the load out to the priorities that aren't excluded (bits by number), as their health
 * allows: loads[priority_count] for pick.priority_loads. False when no priority is left that has a
 * healthy host. */
bool balance_exclude(const struct balance *balance, uint64_t excluded, uint8_t *loads);

/* The same among the hosts of the subset that the pick asks for, or among all. */
uint32_t host_set_pick(const struct host_set *set, struct balance_state *state, struct pick *pick);

/* The state is for this set from now on (NULL: for none): places are kept, new ones begin anywhere.
 */
void balance_state_reset(struct balance_state *state, const struct host_set *set);
void balance_state_fini(struct balance_state *state);

/* The next number of the state: splitmix64. */
static inline uint64_t balance_random(struct balance_state *state)
{
	uint64_t n = state->random += UINT64_C(0x9e3779b97f4a7c15);
	n = (n ^ (n >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ (n >> 27)) * UINT64_C(0x94d049bb133111eb);
	return n ^ (n >> 31);
}

/* A number below n, n > 0. */
static inline uint32_t balance_random_below(struct balance_state *state, uint32_t n)
{
	return (uint32_t)(((balance_random(state) >> 32) * n) >> 32);
}

/* The set's index of the host at a position of the group. */
static inline uint32_t group_host(const struct host_group *group, uint32_t position)
{
	return group->hosts ? group->hosts[position] : group->first + position;
}

/* Whether a pick may choose it: false when it went bad after the tables were built. */
static inline bool group_may_use(const struct host_group *group, const struct host_set *set,
				 uint32_t position)
{
	return !group->is_checked || !host_is_unhealthy(set->hosts[group_host(group, position)]);
}

#endif
