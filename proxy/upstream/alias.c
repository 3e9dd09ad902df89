#include "upstream/alias.h"

#include <stdlib.h>

#include "base/attributes.h"

/* Vose's two stacks: those with less than the mean are filled up by those with more. */
const struct alias *alias_build(const uint32_t *weights, uint32_t count, struct arena *arena)
{
	struct alias *table = ARENA_NEW_ARRAY(arena, struct alias, count);
	double *scaled = malloc(count * sizeof *scaled);
	uint32_t *stack = malloc(
		count * sizeof *stack); /* small ones from the left, large ones from the right */
	uint32_t small = 0, large = count;
	double sum = 0;

	invariant(scaled && stack);
	for (uint32_t i = 0; i < count; i++)
		sum += weights[i];
	invariant(sum > 0);
	for (uint32_t i = 0; i < count; i++) {
		scaled[i] = weights[i] * count / sum;
		if (scaled[i] < 1.0)
			stack[small++] = i;
		else
			stack[--large] = i;
	}
	while (small && large < count) {
		uint32_t less = stack[--small], more = stack[large];
		table[less] = (struct alias){(uint32_t)(scaled[less] * 4294967295.0), more};
		scaled[more] -= 1.0 - scaled[less];
		if (scaled[more] < 1.0) {
			large++;
			stack[small++] = more;
		}
	}
	/* What is left is 1 but for rounding. */
	while (small) {
		uint32_t i = stack[--small];
		table[i] = (struct alias){UINT32_MAX, i};
	}
	for (; large < count; large++)
		table[stack[large]] = (struct alias){UINT32_MAX, stack[large]};
	free(scaled);
	free(stack);
	return table;
}
