/* Providers by what they say for one key: who may fit `key=$param`, without a look at all of them.
 *
 *   hash of the value ─> first ─> next ─> …      the hash tells apart most of them, not all: who is
 *                                                found is to be asked
 *
 * For one version of a host set. Owner: the arena it is made in. Thread: a worker's. Size: 12 bytes
 * a provider. */
#ifndef ROUTING_DUBBO_INDEX_H
#define ROUTING_DUBBO_INDEX_H

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "routing/host_rule.h"

struct dubbo_index {
	struct dubbo_index *next; /* of the view's: of another key */
	struct slice key;
	uint64_t seed;
	uint32_t mask;
	uint32_t *firsts; /* by hash: number + 1; 0: nobody */
	uint32_t *nexts;  /* by number, likewise */
};

/* Looks at every provider once. Borrows the key. Who doesn't say anything for it isn't in it. */
struct dubbo_index *dubbo_index_make(const struct host_facts *providers, struct slice key,
				     uint64_t seed, struct arena *arena);

/* The number of the first that may say this, + 1; 0: nobody does. */
uint32_t dubbo_index_first(const struct dubbo_index *index, struct slice value);

/* Behind `at`, which is such a number, + 1. */
static inline uint32_t dubbo_index_next(const struct dubbo_index *index, uint32_t at)
{
	return index->nexts[at - 1];
}

#endif
