/* An immutable hash map from names to small numbers, made once for a routing table: open
 * addressing, at most half full, so a miss costs one probe most of the time.
 *
 * Owner: the arena it was built in; it borrows the names. Thread: any, after the build. */
#ifndef ROUTING_NAME_MAP_H
#define ROUTING_NAME_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum { NAME_MAP_NONE = UINT32_MAX };

struct name_map_slot {
	uint32_t hash;
	uint32_t len;
	const char *name; /* NULL: an empty slot */
	uint32_t value;
};

struct name_map {
	struct name_map_slot *slots;
	uint32_t mask; /* slots - 1 */
	uint32_t count;
};

/* Room for at most `capacity` names. */
void name_map_init(struct name_map *map, size_t capacity, struct arena *arena);

/* Returns the value that the name has now: `value`, or the older one if it was there (nothing
 * changes then). */
uint32_t name_map_add(struct name_map *map, struct slice name, uint32_t value);

/* The name's value, or NAME_MAP_NONE. */
uint32_t name_map_find(const struct name_map *map, struct slice name);

/* The same by a hash that name_hash or name_hash_lower gave. */
uint32_t name_map_find_hashed(const struct name_map *map, struct slice name, uint32_t hash);

/* The maps' own hash, a few instructions for eight bytes. Maps are made of configuration, so nobody
 * can crowd a slot from outside. */
uint32_t name_hash(struct slice name);

/* Whether two names of this length are the same. */
bool name_equal(const char *a, const char *b, size_t len);

/* Copies name to out[name.len] in lower case, and hashes the copy. */
uint32_t name_hash_lower(char *out, struct slice name);

#endif
