/* Walker's alias method: drawing in proportion to weights in one step, from a table of 8 bytes an
 * item. Pure. */
#ifndef UPSTREAM_ALIAS_H
#define UPSTREAM_ALIAS_H

#include <stdint.h>

#include "base/arena.h"

/* One draw takes an index evenly, and stays there for `share` of 2^32, else goes to `other`. */
struct alias {
	uint32_t share;
	uint32_t other;
};

/* The table for `count` weights, at least one of which is above 0. */
const struct alias *alias_build(const uint32_t *weights, uint32_t count, struct arena *arena);

#endif
