/* State that is one for the whole process: rate limit buckets, windows, breakers. It outlives the
 * versions of the configuration that refer to it.
 *
 *   version 7 ─┐
 *              ├─> (type, name, configuration hash) ─> words of relaxed atomics,
 *   version 8 ─┘                                       shared by all workers
 *
 * A new version of an object that asks for the same name with the same configuration finds the
 * state it had; with another configuration it gets a new one, and the old one dies with its last
 * reference. A successor in a hot upgrade begins with the words that the predecessor saved.
 *
 * Owner: the process; counted by references. Thread: take and drop on any (a lock, never on a
 * request's way); what lies in the words is the type's affair. */
#ifndef BASE_SHARED_H
#define BASE_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;

enum { SHARED_WORDS_MAX = 8192 }; /* what one state may save: 64 KiB */

struct shared_type {
	const char *name; /* "local_ratelimit": part of what the successor looks for */
	/* Fills `size` zeroed bytes, aligned to a cache line. */
	void (*init)(void *state, const void *config);
	/* For a hot upgrade; NULL: begins anew. Writes at most `max` words, returns how many. */
	size_t (*save)(const void *state, uint64_t *words, size_t max);
	/* Words of a predecessor, perhaps of another release: what doesn't fit is ignored. */
	void (*restore)(void *state, const uint64_t *words, size_t count);
};

/* A state of `size` bytes with one more reference. config is passed to init when it is new. */
void *shared_take(const struct shared_type *type, struct slice name, uint64_t config_hash,
		  size_t size, const void *config);

/* The same, dropped when the arena is reset or freed: what config_load does. */
void *shared_take_for(struct arena *arena, const struct shared_type *type, struct slice name,
		      uint64_t config_hash, size_t size, const void *config);

/* Frees it with the last reference. NULL is fine. */
void shared_drop(void *state);

/* Calls fn for every state whose type saves, until it returns false. words live during the call. */
void shared_save_all(bool (*fn)(void *arg, struct slice type, struct slice name,
				uint64_t config_hash, const uint64_t *words, size_t count),
		     void *arg);

/* Words that a predecessor saved: given to the state at once if it exists, and else kept for the
 * first that asks for it. */
void shared_restore(struct slice type, struct slice name, uint64_t config_hash,
		    const uint64_t *words, size_t count);

/* Forgets the words nobody asked for. */
void shared_restore_end(void);

/* How many states there are. */
size_t shared_count(void);

#endif
