/* Earliest deadline first: the order in which weighted things take turns, smoothly.
 *
 *   weights 1, 2 -> 1 0 1 | 1 0 1 …      each is due 1/weight after its last turn;
 *                                        ties go to who has waited longer
 *
 * Written down once as a sequence that repeats, so that a turn costs a load. Pure. */
#ifndef UPSTREAM_EDF_H
#define UPSTREAM_EDF_H

#include <stdint.h>

#include "base/arena.h"

/* The sequence of one period over `count` weights (0: never) in the arena; *size is its length, the
 * sum of the weights divided by what they have in common. NULL with *size 0 when no weight is above
 * 0 or the period is longer than `limit`. */
const uint32_t *edf_sequence(const uint32_t *weights, uint32_t count, uint32_t limit,
			     struct arena *arena, uint32_t *size);

#endif
