#include "codec/open_calls.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

void open_calls_fini(struct open_calls *calls)
{
	free(calls->calls);
	open_calls_init(calls);
}

void open_calls_grow(struct open_calls *calls)
{
	uint32_t old = calls->capacity, capacity = old ? old * 2 : FIRST_CAPACITY;
	struct open_call *table = realloc(calls->calls, capacity * sizeof *table);

	invariant(table && calls->first_free == OPEN_CALLS_NONE);
	for (uint32_t i = old; i < capacity; i++)
		table[i] = (struct open_call){.next_free = i + 1};
	table[capacity - 1].next_free = OPEN_CALLS_NONE;
	calls->first_free = old;
	calls->last_free = capacity - 1;
	calls->calls = table;
	calls->capacity = capacity;
}
