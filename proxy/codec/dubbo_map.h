/* The map of attachments as a list of entries, each with the bytes that it came in, for changing it
 * without touching what isn't changed.
 *
 *   [entry][entry, dropped][entry] … | additions, strings (or null)
 *
 * Pure functions; borrows the payload, memory from the arena. Thread: the stream's. */
#ifndef CODEC_DUBBO_MAP_H
#define CODEC_DUBBO_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"
#include "codec/dubbo_edits.h"

struct dubbo_map_entry {
	struct slice name;  /* .data NULL: its key is no string */
	struct slice bytes; /* key and value */
	bool takes_place;   /* it holds what refs, classes or types count in (Hessian2) */
	bool is_dropped;
};

struct dubbo_addition {
	struct slice name, value; /* .data of the value NULL: null */
};

struct dubbo_map {
	size_t at, to;     /* its place in the payload: the map, a ref or null; empty: nothing */
	struct slice head; /* kept when it is written again: the map's type; empty: none */
	struct dubbo_map_entry *entries;
	struct dubbo_addition *additions;
	uint32_t count, capacity, addition_count, addition_capacity;
	uint32_t counting; /* entries up to here count in what those before them hold: 0: none */
	bool is_changed;
	struct arena *arena;
};

/* Reads the map behind `count` values, the first of them at `from`. STATUS_MALFORMED,
 * STATUS_TOO_LARGE, STATUS_UNSUPPORTED: as dubbo_rewrite.h has it. */
MUST_CHECK enum status dubbo_map_read(struct dubbo_map *map, struct slice payload,
				      uint8_t serialization, size_t from, int count,
				      struct arena *arena);

/* Drops and adds what the edits ask for. */
void dubbo_map_edit(struct dubbo_map *map, const struct dubbo_edits *edits);
void dubbo_map_add(struct dubbo_map *map, struct slice name, struct slice value);

/* The whole map as it is now, a block of it in fastjson2. In the arena. */
struct slice dubbo_map_write(const struct dubbo_map *map, uint8_t serialization);

#endif
