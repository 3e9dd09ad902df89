#include "codec/dubbo_calls.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

void dubbo_calls_fini(struct dubbo_calls *calls)
{
	free(calls->calls);
	dubbo_calls_init(calls);
}

void dubbo_calls_grow(struct dubbo_calls *calls)
{
	uint32_t old = calls->capacity, capacity = old ? old * 2 : FIRST_CAPACITY;
	struct dubbo_call *table = realloc(calls->calls, capacity * sizeof *table);

	invariant(table && calls->first_free == DUBBO_NO_CALL);
	for (uint32_t i = capacity; i-- > old;) {
		table[i] = (struct dubbo_call){.next_free = calls->first_free};
		calls->first_free = i;
	}
	calls->calls = table;
	calls->capacity = capacity;
}
