/* The map of attachments as a list of entries, each with the bytes that it came in, for changing it
 * without touching what isn't changed.
 *
 *   H [entry][entry, dropped][entry] … | additions, strings (or null) Z
 *
 * Pure functions; borrows the payload, memory from the arena. Thread: the stream's. */
#ifndef CODEC_DUBBO_MAP_H
#define CODEC_DUBBO_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/buf.h"
#include "base/slice.h"
#include "base/status.h"
#include "codec/dubbo_edits.h"

struct rpc_head;

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

/* The same of a plain map that has been read already (rpc_head.plain_map), without a look at what
 * stands before it. False: the body, whose end it was, is another one now, or its end isn't
 * contiguous. */
bool dubbo_map_take(struct dubbo_map *map, const struct buf *body, const struct rpc_head *head,
		    struct arena *arena);

/* Does all that edits of a plain map ask for which has been read already, if they only add, and
 * short texts: these come before the body's last byte. False, and nothing is changed: they are
 * others, or the body is another one now. */
bool dubbo_map_append(struct buf *body, const struct dubbo_edits *edits);

/* Drops and adds what the edits ask for. */
void dubbo_map_edit(struct dubbo_map *map, const struct dubbo_edits *edits);
void dubbo_map_add(struct dubbo_map *map, struct slice name, struct slice value);

/* Whether what stays of it can stay where it is: not if it is a ref, null or nothing, or loses its
 * type; nor in fastjson2. */
bool dubbo_map_stays(const struct dubbo_map *map, uint8_t serialization);

/* Of one that stays: what is new of it, its end included. In the arena. */
struct slice dubbo_map_additions(const struct dubbo_map *map);

/* Of one that stays: from a body that begins with it, moves what is kept, and drops the rest. */
void dubbo_map_move(const struct dubbo_map *map, struct buf *to, struct buf *body);

/* The whole map as it is now, a block of it in fastjson2. In the arena. */
struct slice dubbo_map_write(const struct dubbo_map *map, uint8_t serialization);

#endif
