/* Memory for objects of one size that come and go by the thousand: exact, and given back.
 *
 *   slab.open ─ chunk [ link, counts | object | free | object | … never used yet ] ─ chunk ─ …
 *   full chunks are in no list; an object finds its chunk by its address
 *
 * An object costs its size and nothing more; a chunk's pages are first touched when its objects
 * are. A chunk whose objects are all free goes back to the system, unless it is the last one with
 * room.
 *
 * Owner: who embeds the slab (all zero is an empty one). Thread: one. Under AddressSanitizer free
 * objects are poisoned. */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

enum { SLAB_CHUNK_SIZE = 65536 };

struct slab {
	struct list_node open; /* chunks with room */
	size_t object_size;    /* 0: nothing was taken yet */
	unsigned chunk_count;
};

/* Memory for one object, aligned to 8, not initialised; `size` (at most a quarter of a chunk) is
 * the same at each call. Never NULL. */
void *slab_take(struct slab *slab, size_t size);

/* Takes it back. */
void slab_give(struct slab *slab, void *object);

/* Gives all chunks back. Every object must have been given. */
void slab_fini(struct slab *slab);

#endif
