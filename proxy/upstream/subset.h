/* Subsets: the hosts of a set that share values of certain labels, each with a balance of its own.
 *
 *   selector {stage, version}     hosts ─> (prod,1): [0 3]   (prod,2): [1]   (dev,1): [2]
 *                                 found by the hash of the values
 *
 * A pick that wants labels goes to the subset that has exactly those; else the selector's fallback
 * decides, then the cluster's. A pick that policies have narrowed goes to the first of their wishes
 * that has a healthy host, and knows no other fallback. Hosts without a label that others have
 * stand in the subset of its value null. Labels are those of the namespace "envoy.lb". Built with
 * the host set and immutable like it; owner: its arena. Thread: built by the builder, read by
 * workers. */
#ifndef UPSTREAM_SUBSET_H
#define UPSTREAM_SUBSET_H

#include <stdint.h>

#include "upstream/balancer.h"

struct subset_index;

/* NULL when the cluster has no subsets. Adds to set->cursor_count. */
struct subset_index *subset_index_build(struct host_set *set, const struct cluster *cluster);

/* The host for a pick, in a set with subsets. */
uint32_t subset_pick(const struct host_set *set, struct balance_state *state, struct pick *pick);

/* How many subsets there are, but for those of hosts without a label. */
uint32_t subset_index_count(const struct subset_index *index);

#endif
