/* Memory that is freed all at once.
 *
 *   blocks: current -> older -> …      a big request gets a block of its own behind the current
 *           [ used | room ]            one; arena_reset keeps one block
 *
 * A round that took some blocks makes the next ones larger, up to ARENA_GROWTH times the first, so
 * that rounds which are alike end up in one block, and take nothing from the heap.
 *
 * Owner: whoever embeds the struct arena; what it hands out lives until reset or free. Thread: one
 * at a time. Allocation never fails (it aborts). Not for sizes from the wire that no limit has
 * capped. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/slice.h"

enum { ARENA_GROWTH = 4 };

struct arena_block;
struct arena_defer;

struct arena {
	char *next, *end;           /* room in the current block */
	struct arena_block *blocks; /* newest first */
	struct arena_defer *defers; /* newest first */
	size_t block_size, block_most;
	size_t allocated; /* bytes taken from the heap */
};

/* No memory is taken before the first allocation. block_size: what each block holds at least. */
void arena_init(struct arena *arena, size_t block_size);

/* Runs the deferred calls, newest first; keeps one block of the usual size for reuse, frees the
 * others; all, if the usual size grows by what was used. */
void arena_reset(struct arena *arena);

/* Runs the deferred calls and frees all. The arena may be used again. */
void arena_free(struct arena *arena);

void *arena_alloc_slow(struct arena *arena, size_t size);

/* Uninitialised bytes, aligned to 8. Never NULL, not even for none. */
static inline void *arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded = (size + 7) & ~(size_t)7;
	if (!UNDER_ASAN &&
	    LIKELY((size_t)(arena->end - arena->next) >= rounded && rounded >= size)) {
		char *p = arena->next;
		arena->next += rounded;
		return p;
	}
	return arena_alloc_slow(arena, size);
}

/* Uninitialised bytes for what is looked up at random places: aligned to a line of the cache, and
 * many of them in huge pages where the system has some, so that a look costs no walk through page
 * tables. */
void *arena_alloc_table(struct arena *arena, size_t size);

/* NULL for none. */
void *arena_zalloc(struct arena *arena, size_t size);

/* count * size zeroed bytes; aborts on overflow. */
void *arena_zalloc_array(struct arena *arena, size_t count, size_t size);

#define ARENA_NEW(arena, type) ((type *)arena_zalloc(arena, sizeof(type)))
#define ARENA_NEW_ARRAY(arena, type, count) ((type *)arena_zalloc_array(arena, count, sizeof(type)))

/* A copy, with a 0 behind it that is not counted. */
struct slice arena_slice(struct arena *arena, struct slice s);
char *arena_string(struct arena *arena, struct slice s);
/* A number in decimal digits. */
struct slice arena_number(struct arena *arena, uint64_t n);
PRINTF_LIKE(2, 3) char *arena_printf(struct arena *arena, const char *format, ...);

/* Calls fn(ptr) at reset or free: for what an arena can't free. */
void arena_defer(struct arena *arena, void (*fn)(void *ptr), void *ptr);

#endif
