/* Which classes are let in, by pressure: strictly in their order, with hysteresis.
 *
 *   pressure  1.0 ┤
 *          enter  ┤ ─ ─ ─ ─ ─ ╭──────╮ ─ ─ ─ ─ ─     the class is shed from here …
 *                 │         ╭─╯      ╰──╮
 *          leave  ┤ ─ ─ ─ ─╭╯─ ─ ─ ─ ─ ─╰──────     … to here, and `hold` longer
 *
 *   shed_from:  let in are classes 0 … shed_from - 1, the others are shed
 *
 * As one number says it, no class is shed while a less important one is let in. It falls at once
 * to the most important class whose `enter` is reached, and rises by one class at a time.
 *
 * Pure. Pressures are in thousandths. */
#ifndef FILTERS_TRAFFIC_CLASS_SHEDDING_H
#define FILTERS_TRAFFIC_CLASS_SHEDDING_H

#include <stdint.h>

enum {
	SHEDDING_CLASSES_MAX = 8,
	SHEDDING_NONE = SHEDDING_CLASSES_MAX, /* shed_from: all are let in */
	SHEDDING_NEVER = UINT32_MAX,          /* enter: the class is never shed */
};

struct shedding {
	uint32_t count; /* of classes */
	/* Neither grows from a class to the next; leave <= enter. */
	uint32_t enter[SHEDDING_CLASSES_MAX], leave[SHEDDING_CLASSES_MAX];
	uint32_t hold_ms;
};

/* The new shed_from, since_ms after it changed last. */
uint32_t shedding_next(const struct shedding *shedding, uint32_t shed_from, uint32_t pressure,
		       uint64_t since_ms);

#endif
