#include "routing/name_map.h"

#include "base/hash.h"

void name_map_init(struct name_map *map, size_t capacity, struct arena *arena)
{
	size_t size = 4;

	invariant(capacity < UINT32_MAX / 4);
	while (size < 2 * capacity)
		size *= 2;
	*map = (struct name_map){
		.slots = ARENA_NEW_ARRAY(arena, struct name_map_slot, size),
		.mask = (uint32_t)size - 1,
	};
}

/* The name's slot, or the empty one where it would be. */
static struct name_map_slot *slot_of(const struct name_map *map, struct slice name, uint32_t hash)
{
	for (uint32_t at = hash & map->mask;; at = (at + 1) & map->mask) {
		struct name_map_slot *slot = &map->slots[at];
		if (!slot->name)
			return slot;
		if (slot->hash == hash && slice_equal(slice_make(slot->name, slot->len), name))
			return slot;
	}
}

uint32_t name_map_add(struct name_map *map, struct slice name, uint32_t value)
{
	uint32_t hash = (uint32_t)hash_bytes(name);
	struct name_map_slot *slot = slot_of(map, name, hash);

	if (!slot->name) {
		invariant(map->count < map->mask);
		map->count++;
		*slot = (struct name_map_slot){hash, (uint32_t)name.len, name.len ? name.data : "",
					       value};
	}
	return slot->value;
}

uint32_t name_map_find(const struct name_map *map, struct slice name)
{
	if (!map->count)
		return NAME_MAP_NONE;
	const struct name_map_slot *slot = slot_of(map, name, (uint32_t)hash_bytes(name));
	return slot->name ? slot->value : NAME_MAP_NONE;
}
