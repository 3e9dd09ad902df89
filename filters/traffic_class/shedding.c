#include "filters/traffic_class/shedding.h"

/* The most important class that this pressure sheds. */
static uint32_t first_shed(const struct shedding *shedding, uint32_t pressure)
{
	for (uint32_t i = 0; i < shedding->count; i++)
		if (shedding->enter[i] != SHEDDING_NEVER && pressure >= shedding->enter[i])
			return i;
	return SHEDDING_NONE;
}

uint32_t shedding_next(const struct shedding *shedding, uint32_t shed_from, uint32_t pressure,
		       uint64_t since_ms)
{
	uint32_t first = first_shed(shedding, pressure);

	if (first < shed_from)
		return first;
	/* classes that another version of the configuration had */
	if (shed_from >= shedding->count || shedding->enter[shed_from] == SHEDDING_NEVER)
		return first;
	if (pressure >= shedding->leave[shed_from] || since_ms < shedding->hold_ms)
		return shed_from;
	return shed_from + 1 < shedding->count ? shed_from + 1 : SHEDDING_NONE;
}
