#include "upstream/assignment.h"

#include "upstream/labels.h"

struct assignment *assignment_derive(const struct assignment *from, uint32_t endpoint_count)
{
	struct arena arena;
	arena_init(&arena, 4096);
	struct assignment *a = ARENA_NEW(&arena, struct assignment);
	*a = *from;
	a->endpoints = ARENA_NEW_ARRAY(&arena, struct endpoint, endpoint_count);
	a->endpoint_count = endpoint_count;
	a->localities = ARENA_NEW_ARRAY(&arena, struct locality, from->locality_count);
	for (uint32_t i = 0; i < from->locality_count; i++)
		a->localities[i] = from->localities[i];
	a->arena = arena;
	return a;
}

void assignment_free(struct assignment *assignment)
{
	if (!assignment)
		return;
	struct arena arena = assignment->arena; /* the assignment itself stands in it */
	arena_free(&arena);
}

void assignment_free_deferred(void *assignment)
{
	assignment_free(assignment);
}
