/* A hash map with string keys: filled while something is built, then read.
 *
 *   entries: [ ][k v][k v][ ][k v] …      open addressing, linear probing,
 *                                         at most 3/4 full, no tombstones
 *
 * Keys are borrowed and compare by bytes. Hashes are hash_bytes(), so iteration order is the same
 * in every run. Keys come from configuration: nothing guards against chosen collisions.
 *
 * Owner: whoever embeds it; entries in the arena given, or on the heap (map_free). Thread: one at a
 * time; any number once nobody writes. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/slice.h"

struct map_entry {
	struct slice key; /* key.data NULL: free */
	uint64_t hash;
	union {
		void *value;
		uint64_t number;
	};
};

struct map {
	struct map_entry *entries;
	uint32_t capacity; /* 0 or a power of 2 */
	uint32_t count;
	struct arena *arena; /* NULL: heap */
};

/* Empty. arena NULL: entries live on the heap until map_free. */
void map_init(struct map *map, struct arena *arena);
void map_free(struct map *map);

/* The entry of a key whose hash_bytes() is known, or NULL. Valid until the map changes. */
struct map_entry *map_find_hashed(const struct map *map, struct slice key, uint64_t hash);

static inline struct map_entry *map_find(const struct map *map, struct slice key)
{
	return map->count ? map_find_hashed(map, key, hash_bytes(key)) : NULL;
}

/* The value, or NULL. */
static inline void *map_get(const struct map *map, struct slice key)
{
	const struct map_entry *entry = map_find(map, key);
	return entry ? entry->value : NULL;
}

/* The key's entry, made with value NULL when there was none (*is_new, which may be NULL). Borrows
 * key. */
struct map_entry *map_at(struct map *map, struct slice key, bool *is_new);

/* Borrows key. Replaces the value there was (the key stays the one of the first time). */
static inline void map_set(struct map *map, struct slice key, void *value)
{
	map_at(map, key, NULL)->value = value;
}

/* Returns the value that was there, or NULL. */
void *map_remove(struct map *map, struct slice key);

/* for (struct map_entry *e = NULL; (e = map_next(map, e));) Don't change keys meanwhile. */
struct map_entry *map_next(const struct map *map, struct map_entry *after);

#endif
