/* Names that are only ever added: resources, contexts, origins.
 *
 *   heads: [ ]─>entry─>entry   [ ]   [ ]─>entry
 *
 * A new entry goes to the front by compare-and-swap. Entries stay where they are until the table's
 * owner frees them, so a pointer found once is good for ever. The number of heads never changes: it
 * comes from the limit on entries.
 *
 * Owner: whoever embeds it, of the heads; entries are its owner's. Thread: any. */
#ifndef SENTINEL_CORE_NAME_TABLE_H
#define SENTINEL_CORE_NAME_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct name_entry { /* the first member of what is in the table */
	struct name_entry *next;
	uint64_t hash;
	struct slice name;
};

struct name_table {
	_Atomic(struct name_entry *) *heads;
	uint32_t mask;
	uint32_t limit;
	_Atomic uint32_t count;
};

void name_table_init(struct name_table *table, uint32_t limit);
/* Calls fn for every entry, which may free it. */
void name_table_fini(struct name_table *table, void (*fn)(struct name_entry *entry));

/* The entry of a name whose hash_bytes() is known, or NULL. */
struct name_entry *name_table_find(const struct name_table *table, struct slice name,
				   uint64_t hash);

/* Whether another name has room. Names that come at the same moment may pass the limit by a few. */
static inline bool name_table_is_full(const struct name_table *table)
{
	return atomic_load_explicit(&table->count, memory_order_relaxed) >= table->limit;
}

/* Adds an entry with its name and hash set, or returns the one that another thread added before. */
struct name_entry *name_table_add(struct name_table *table, struct name_entry *entry);

/* The entry after this one (NULL: the first), in no order, or NULL. Entries added meanwhile may be
 * missed. */
struct name_entry *name_table_next(const struct name_table *table, const struct name_entry *after);

#endif
