#include "base/map.h"

#include <stdlib.h>

void map_init(struct map *map, struct arena *arena)
{
	*map = (struct map){.arena = arena};
}

void map_free(struct map *map)
{
	if (!map->arena)
		free(map->entries);
	map_init(map, map->arena);
}

/* The entry of the key, or the free one where it belongs. There is always a free one. */
static struct map_entry *probe(const struct map *map, struct slice key, uint64_t hash)
{
	uint32_t mask = map->capacity - 1;

	for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
		struct map_entry *entry = &map->entries[i];
		if (!entry->key.data || (entry->hash == hash && slice_equal(entry->key, key)))
			return entry;
	}
}

struct map_entry *map_find_hashed(const struct map *map, struct slice key, uint64_t hash)
{
	if (!map->count)
		return NULL;
	struct map_entry *entry = probe(map, key, hash);
	return entry->key.data ? entry : NULL;
}

static void grow(struct map *map)
{
	struct map old = *map;

	invariant(old.capacity <= UINT32_MAX / 2);
	map->capacity = old.capacity ? old.capacity * 2 : 8;
	if (map->arena) {
		map->entries = ARENA_NEW_ARRAY(map->arena, struct map_entry, map->capacity);
	} else {
		map->entries = calloc(map->capacity, sizeof *map->entries);
		invariant(map->entries);
	}
	for (uint32_t i = 0; i < old.capacity; i++)
		if (old.entries[i].key.data)
			*probe(map, old.entries[i].key, old.entries[i].hash) = old.entries[i];
	if (!map->arena)
		free(old.entries);
}

struct map_entry *map_at(struct map *map, struct slice key, bool *is_new)
{
	uint64_t hash = hash_bytes(key);
	struct map_entry *entry = map_find_hashed(map, key, hash);

	if (is_new)
		*is_new = !entry;
	if (entry)
		return entry;
	if (map->count >= map->capacity / 4 * 3)
		grow(map);
	if (!key.data)
		key.data = "";
	entry = probe(map, key, hash);
	*entry = (struct map_entry){.key = key, .hash = hash};
	map->count++;
	return entry;
}

void *map_remove(struct map *map, struct slice key)
{
	struct map_entry *entry = map_find(map, key);

	if (!entry)
		return NULL;
	void *value = entry->value;
	uint32_t mask = map->capacity - 1, hole = (uint32_t)(entry - map->entries);

	/* What was pushed on by the removed entry moves back, so that no search ends early. */
	for (uint32_t i = (hole + 1) & mask; map->entries[i].key.data; i = (i + 1) & mask) {
		uint32_t home = (uint32_t)map->entries[i].hash & mask;
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->entries[hole] = map->entries[i];
			hole = i;
		}
	}
	map->entries[hole] = (struct map_entry){0};
	map->count--;
	return value;
}

struct map_entry *map_next(const struct map *map, struct map_entry *after)
{
	uint32_t i = after ? (uint32_t)(after - map->entries) + 1 : 0;

	for (; i < map->capacity; i++)
		if (map->entries[i].key.data)
			return &map->entries[i];
	return NULL;
}
