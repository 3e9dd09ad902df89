/* Who was blocked, and by what: counted by the second, for sentinel-block.log (LogSlot,
 * StatLogger).
 *
 *   worker: block_log_note ─ takes its table, counts, puts it back ─┐
 *                                  full: handed over, a new one ────┴─> block_log_collect ─> lines
 *
 *   2026-11-22 00:41:47|1|resource,FlowException,default,origin,4711|12,0
 *   └ second            │ └ keys: rule's limitApp, caller, rule id  └ calls, 0
 *                       └ kind: counts
 *
 * A table is in one hand at a time, by an exchange of its pointer: no lock, and no memory taken
 * while blocks keep coming, as tables come back empty. A key with more than BLOCK_KEY_MAX bytes is
 * cut. What can't be counted because BLOCK_TABLES_WAITING tables of a worker wait is dropped and
 * told.
 *
 * Owner: who made it. Thread: as the functions say. */
#ifndef SENTINEL_OPS_BLOCK_LOG_H
#define SENTINEL_OPS_BLOCK_LOG_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/slice.h"
#include "telemetry/text.h"

enum {
	BLOCK_KEY_MAX = 2048,
	BLOCK_TABLE_ENTRIES = 512,
	BLOCK_TABLE_BYTES = 48 * 1024, /* of keys */
	BLOCK_TABLES_WAITING = 12,     /* of a worker: as many entries as Java has of a second */
};

struct block_note {
	struct slice resource, exception, limit_app, origin;
	int64_t rule_id; /* 0: none */
	uint32_t count;
};

struct block_table;

struct block_shard { /* a worker's */
	_Alignas(64) _Atomic(struct block_table *) table;
	_Atomic(struct block_table *) spare;
	_Atomic uint32_t waiting; /* full ones that weren't collected yet */
};

struct block_pending;

struct block_log {
	unsigned workers;
	_Atomic(struct block_table *) full; /* newest first */
	_Atomic uint64_t dropped;           /* calls */
	struct block_pending *pending;      /* the collector's */
	struct block_shard shards[];
};

/* Returns owned. */
struct block_log *block_log_new(unsigned workers);
/* Nobody notes any more. NULL is fine. */
void block_log_free(struct block_log *log);

/* Counts a block. That worker alone. */
void block_log_note(struct block_log *log, unsigned worker, const struct block_note *note,
		    int64_t now_ms);

/* The same of a key that is made already: for other logs of this form. */
void block_log_count(struct block_log *log, unsigned worker, struct slice key, uint32_t count,
		     int64_t now_ms);

/* Appends the lines of all seconds before that of now_ms. One thread, not a worker's. */
void block_log_collect(struct block_log *log, int64_t now_ms, struct text *lines);

/* Calls that weren't counted. Any thread. */
static inline uint64_t block_log_dropped(const struct block_log *log)
{
	return atomic_load_explicit(&log->dropped, memory_order_relaxed);
}

#endif
