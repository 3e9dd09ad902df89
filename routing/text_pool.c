#include "routing/text_pool.h"

void text_pool_init(struct text_pool *pool, size_t capacity, struct arena *arena,
		    struct arena *scratch)
{
	*pool = (struct text_pool){.arena = arena, .capacity = (uint32_t)capacity};
	if (!capacity)
		return;
	name_map_init(&pool->map, capacity, scratch);
	pool->texts = ARENA_NEW_ARRAY(scratch, struct slice, capacity);
}

struct slice text_pool_take(struct text_pool *pool, struct slice text, uint32_t *place)
{
	uint32_t at = pool->count ? name_map_find(&pool->map, text) : NAME_MAP_NONE;

	if (at == NAME_MAP_NONE && pool->count < pool->capacity) {
		at = pool->count++;
		pool->texts[at] = arena_slice(pool->arena, text);
		name_map_add(&pool->map, pool->texts[at], at);
	}
	if (place)
		*place = at;
	return at == NAME_MAP_NONE ? arena_slice(pool->arena, text) : pool->texts[at];
}
