/* One arena for all tests of a program: arena_open and arena_close are its group's. To be
 * included last, as many headers have an `arena` of theirs. */
#ifndef TEST_ARENA_H
#define TEST_ARENA_H

#include "base/arena.h"

static struct arena arena;

static inline int arena_open(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	return 0;
}

static inline int arena_close(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

#endif
