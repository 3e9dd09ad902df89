/* The hosts of a cluster at one moment, with what the balancer needs to choose among them.
 *
 *   assignment + cluster + the set before ─ host_set_build ─> host set
 *     ─ published to the cluster's slot
 *
 *   hosts:   [h0][h1][h2][h3]…        by priority, then locality, as configured
 *   labels:  [l0][l0][l1][l0]…        NULL when no host has any
 *   weights: [1][1][5][1]…            NULL when all are equal
 *
 * Immutable once built. Hosts whose address and hostname were in the set before are the same
 * objects. A health flip changes a host's word at once (picks skip it), and the tables with the
 * next host_set_refresh.
 *
 * Owner: the references of `published`. Thread: built by the builder, freed on main. */
#ifndef UPSTREAM_HOST_SET_H
#define UPSTREAM_HOST_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/published.h"
#include "upstream/assignment.h"
#include "upstream/host.h"

struct balance;
struct cluster;
struct labels;
struct subset_index;

struct host_set {
	struct published published;
	uint32_t generation; /* grows from version to version of one cluster */
	uint32_t count;
	struct host **hosts;
	struct labels **labels;
	struct labels **label_list; /* each object in `labels` once, with a reference */
	uint32_t label_count;
	uint32_t *weights;
	uint32_t equal_weight;          /* what was configured for all when weights is NULL */
	struct endpoint_check **checks; /* NULL: no host has one */
	uint32_t *by_address;           /* indices in host_compare order */
	struct locality *localities;    /* first and count are of hosts */
	uint32_t locality_count, priority_count;
	uint32_t overprovisioning;
	bool is_health_weighted;
	uint32_t stale_after_ms;
	struct drop_overload *drops;
	uint32_t drop_count;
	uint32_t healthy, degraded, excluded; /* hosts that were, when the set was built */
	uint32_t added, removed;              /* against the set before */
	struct balance *balance;
	uint32_t cursor_count; /* words that a worker keeps for the groups of balance and subsets */
	struct subset_index *subsets; /* NULL: the cluster has none */
};

/* before: the latest set of the same cluster, or NULL; borrowed for the call. generation: higher
 * than any that was given to a set of this cluster, also to one that is being built. Returns owned,
 * by one reference; slot and version are the caller's to fill in. Never fails. */
struct host_set *host_set_build(const struct assignment *assignment, const struct cluster *cluster,
				const struct host_set *before, uint32_t generation);

/* The same hosts with tables for what their health is now, or for a cluster whose balancing has
 * changed. generation: as above. Returns owned. */
struct host_set *host_set_refresh(const struct host_set *before, const struct cluster *cluster,
				  uint32_t generation);

/* The published object's `free`: references to hosts and labels, the arena, the set itself. */
void host_set_release(struct published *published);

/* The same. NULL: nothing. */
void host_set_free(struct host_set *set);

static inline uint32_t host_set_weight(const struct host_set *set, uint32_t index)
{
	return set->weights ? set->weights[index] : 1;
}

uint32_t host_set_max_weight(const struct host_set *set);

/* The weight as configured, for those who look. */
static inline uint32_t host_set_shown_weight(const struct host_set *set, uint32_t index)
{
	return set->weights ? set->weights[index] : set->equal_weight;
}

/* NULL: none. Borrowed. */
static inline const struct labels *host_set_labels(const struct host_set *set, uint32_t index)
{
	return set->labels ? set->labels[index] : NULL;
}

/* The locality that the host stands in. */
const struct locality *host_set_locality(const struct host_set *set, uint32_t index);

/* The index of the host, or UINT32_MAX. */
uint32_t host_set_find(const struct host_set *set, const struct host *host);
/* Of a host with that address, or UINT32_MAX. */
uint32_t host_set_find_address(const struct host_set *set, const struct addr *addr);

#endif
