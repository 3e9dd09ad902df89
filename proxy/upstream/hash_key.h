/* What a host is known by in rings and tables, and the shares that the hosts of a group have of
 * them: as Envoy's, so that both send a key to the same host. Pure. */
#ifndef UPSTREAM_HASH_KEY_H
#define UPSTREAM_HASH_KEY_H

#include "upstream/balancer.h"

/* The label hash_key of "envoy.lb", or the hostname (if configured), or the address. In the arena,
 * or borrowed from the set. */
struct slice hash_key(const struct host_set *set, uint32_t index, const struct lb_config *lb,
		      struct arena *arena);

/* Each position's part of the whole, which is 1; the smallest and the greatest part. In the arena.
 */
const double *hash_shares(const struct host_group *group, const struct balance_input *in,
			  struct arena *arena, double *smallest, double *greatest);

/* MurmurHash64A with the seed of the C++ library of GNU, which is what "MURMUR_HASH_2" means. */
uint64_t hash_murmur2(struct slice bytes);

#endif
