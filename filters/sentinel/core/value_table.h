/* A word for each value that was seen lately: tokens, times or threads of a hot parameter.
 *
 *   blocks: [ ][*][ ] … -> 4 sets of 8 places      a value has 16 places: two sets
 *
 * Up to its capacity every value has a place: there are twice as many, and of two sets both are
 * hardly ever full. Beyond it a new value takes the place of the one of its 16 that was used the
 * longest ago. Blocks come with the first value that needs them; finding one takes no heap.
 *
 * A place that changes hands while another thread holds its word gives that thread one call's
 * tokens of the wrong value; nothing worse.
 *
 * Size: 8 bytes for each 16 values of the capacity, and 768 a block in use. Owner: whoever made it.
 * Thread: any, without locks. */
#ifndef SENTINEL_CORE_VALUE_TABLE_H
#define SENTINEL_CORE_VALUE_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct value_block;

struct value_table {
	_Atomic(struct value_block *) *blocks;
	uint32_t set_mask;
	uint32_t capacity;
	_Atomic uint32_t count;
};

void value_table_init(struct value_table *table, uint32_t capacity);
void value_table_fini(struct value_table *table);

/* Makes every word 0. */
void value_table_zero(struct value_table *table);

/* The value's word, or NULL. */
_Atomic uint64_t *value_table_find(const struct value_table *table, uint64_t fingerprint);

/* The value's word; 0 when it wasn't there. now_ms: what counts as the time of use. */
_Atomic uint64_t *value_table_at(struct value_table *table, uint64_t fingerprint, int64_t now_ms);

/* Calls fn for every value: its place (from 0, below value_table_places), its word, and when it was
 * used (the low 32 bits of the ms). */
struct value_at {
	uint32_t place, used_ms;
	uint64_t fingerprint, word;
};
void value_table_each(const struct value_table *table,
		      void (*fn)(void *arg, const struct value_at *value), void *arg);

static inline uint64_t value_table_places(const struct value_table *table)
{
	return ((uint64_t)table->set_mask + 1) * 8;
}

/* Puts a value where value_table_each has found it in a table of as many places: none that equals
 * it is there, and nobody else uses the table. False if that is no place for it, or another value
 * has it. */
bool value_table_put(struct value_table *table, const struct value_at *value);

#endif
