/* Texts of a configuration, each kept once: tables of many rules say the same few again and again,
 * and what is kept once stays in the caches. Rows of bytes may be texts, too: copies are aligned to
 * 8.
 *
 * Owner: the call that builds a table; the texts are the arena's. Thread: the builder's. */
#ifndef ROUTING_TEXT_POOL_H
#define ROUTING_TEXT_POOL_H

#include "routing/name_map.h"

struct text_pool {
	struct arena *arena; /* of the texts */
	struct name_map map; /* to places in texts */
	struct slice *texts;
	uint32_t count, capacity;
};

/* scratch: lives as long as the pool. Capacity 0: nothing is shared. */
void text_pool_init(struct text_pool *pool, size_t capacity, struct arena *arena,
		    struct arena *scratch);

/* A copy of the text, or the one there is: with a 0 behind it that isn't counted. *place, if not
 * NULL, is its number, UINT32_MAX when the pool is full. */
struct slice text_pool_take(struct text_pool *pool, struct slice text, uint32_t *place);

#endif
