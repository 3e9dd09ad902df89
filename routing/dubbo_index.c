#include "routing/dubbo_index.h"

#include "base/hash.h"
#include "routing/dubbo_call.h"

struct dubbo_index *dubbo_index_make(const struct host_facts *providers, struct slice key,
				     uint64_t seed, struct arena *arena)
{
	struct dubbo_index *index = ARENA_NEW(arena, struct dubbo_index);
	char room[DUBBO_PARAMETER_ROOM];
	uint32_t size = 1;

	while (size < providers->count)
		size *= 2;
	*index = (struct dubbo_index){.key = key, .seed = seed, .mask = size - 1};
	index->firsts = ARENA_NEW_ARRAY(arena, uint32_t, size);
	index->nexts = ARENA_NEW_ARRAY(arena, uint32_t, providers->count ? providers->count : 1);
	for (uint32_t i = 0; i < providers->count; i++) {
		struct slice value = dubbo_provider_parameter(providers, i, key, room);
		if (!value.data)
			continue;
		uint32_t *first = &index->firsts[hash_seeded(value, seed) & index->mask];
		index->nexts[i] = *first;
		*first = i + 1;
	}
	return index;
}

uint32_t dubbo_index_first(const struct dubbo_index *index, struct slice value)
{
	return index->firsts[hash_seeded(value, index->seed) & index->mask];
}
