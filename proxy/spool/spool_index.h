/* The requests of a spool that aren't over: which one is next, and whether one with the same key is
 * among them.
 *
 *   by due time:  heap, the earliest first; equal times in the order of the ids
 *   by key:       chains
 *   WAITING (in the heap) ── spool_index_take ──> OUT ─┬─ spool_index_retry ──> WAITING
 *                                                      └─ spool_index_remove ─> gone
 *
 * Times are the caller's, in milliseconds of the wall clock: they hold across a restart.
 *
 * Owner: the spool; entries are the index's. Thread: the spool's. Pure but for the heap's memory.
 * Limit: the caller's. */
#ifndef SPOOL_SPOOL_INDEX_H
#define SPOOL_SPOOL_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/spool_record.h"

/* Where a record stands. */
struct spool_place {
	uint32_t segment;
	uint32_t len;
	uint64_t at;
};

struct spool_entry {
	struct spool_entry *next; /* of the same chain */
	uint64_t id;
	struct spool_key key;
	uint64_t due_ms, created_ms;
	struct spool_place place;
	uint32_t heap_at;  /* SPOOL_OUT: it is in no heap */
	uint32_t attempts; /* that were begun */
};

enum { SPOOL_OUT = UINT32_MAX };

struct spool_index {
	struct spool_entry **heap;
	uint32_t waiting, heap_size;
	struct spool_entry **chains;
	uint32_t chain_count; /* a power of 2, or 0 */
	uint32_t count;       /* waiting and out */
};

void spool_index_init(struct spool_index *index);
/* Frees all entries. */
void spool_index_fini(struct spool_index *index);

/* A new one that waits, due when it was created. Copies what the record and place say. */
struct spool_entry *spool_index_add(struct spool_index *index, const struct spool_record *record,
				    struct spool_place place);
/* One that has this key, waiting or out; NULL: there is none, or the key is none. */
struct spool_entry *spool_index_find(const struct spool_index *index, struct spool_key key);

/* The one that is due first, or NULL. It stays. */
struct spool_entry *spool_index_first(const struct spool_index *index);
/* It is no longer waiting. */
void spool_index_take(struct spool_index *index, struct spool_entry *entry);
/* One that is out waits again. */
void spool_index_retry(struct spool_index *index, struct spool_entry *entry, uint64_t due_ms);
/* Waiting or out: it is over, and freed. */
void spool_index_remove(struct spool_index *index, struct spool_entry *entry);

#endif
