#include "upstream/edf.h"

#include <stdlib.h>

#include "base/attributes.h"

struct turn {
	double deadline;
	uint64_t order; /* of equal deadlines the older turn comes first */
	uint32_t index;
};

static bool is_before(const struct turn *a, const struct turn *b)
{
	return a->deadline < b->deadline || (!(a->deadline > b->deadline) && a->order < b->order);
}

static void sift_down(struct turn *heap, uint32_t count, uint32_t at)
{
	struct turn turn = heap[at];
	for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
			child++;
		if (!is_before(&heap[child], &turn))
			break;
		heap[at] = heap[child];
	}
	heap[at] = turn;
}

static uint32_t greatest_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

const uint32_t *edf_sequence(const uint32_t *weights, uint32_t count, uint32_t limit,
			     struct arena *arena, uint32_t *size)
{
	uint32_t common = 0, kept = 0;
	uint64_t sum = 0;

	*size = 0;
	for (uint32_t i = 0; i < count; i++) {
		common = greatest_divisor(common, weights[i]);
		sum += weights[i];
		kept += weights[i] > 0;
	}
	if (!common || sum / common > limit)
		return NULL;

	uint32_t period = (uint32_t)(sum / common);
	struct turn *heap = malloc(kept * sizeof *heap);
	uint32_t *sequence = ARENA_NEW_ARRAY(arena, uint32_t, period);
	uint64_t order = 0;
	invariant(heap);
	kept = 0;
	for (uint32_t i = 0; i < count; i++)
		if (weights[i])
			heap[kept++] = (struct turn){1.0 / weights[i], order++, i};
	for (uint32_t i = kept / 2; i-- > 0;)
		sift_down(heap, kept, i);
	for (uint32_t i = 0; i < period; i++) {
		sequence[i] = heap[0].index;
		heap[0].deadline += 1.0 / weights[heap[0].index];
		heap[0].order = order++;
		sift_down(heap, kept, 0);
	}
	free(heap);
	*size = period;
	return sequence;
}
