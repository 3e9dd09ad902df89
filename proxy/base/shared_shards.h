/* Which unit owns each shard, as the whole process knows it: versions of a rule, and the writes
 * under way.
 *
 *   version 7    shard  0   1   2   3        a word: an owner's number, even
 *                      [A] [A] [B] [B*]      *: fenced (the low bit): no write of it enters
 *
 *   writes       slot   5    6 <- current    a slot begins with a version: when those before it are
 *                      [2]  [9]              empty, no write is under way from before that version
 *
 * A version that is adopted is in force for all threads at once, whatever configuration they work
 * with: its words are written where nobody looks, then one store says which version is in force and
 * where its words are. A write enters by what was in force when it was decided, or not at all, so
 * none enters a shard from the moment on that it is fenced, or somebody else's. One that entered
 * before is still counted where it did. (Enter counts first and looks then, adopt makes it known
 * first and lets count then: one of them sees the other.)
 *
 * Owner: a state of base/shared.h. Thread: any; adopt one at a time (main). Sequentially
 * consistent.
 */
#ifndef BASE_SHARED_SHARDS_H
#define BASE_SHARED_SHARDS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/shared.h"

enum {
	SHARED_SHARDS_MAX = 65536,
	SHARED_SHARDS_SLOTS = 16,
	SHARED_SHARD_FENCED = 1, /* bit of a word */
};

struct shared_shards_slot {
	_Atomic uint64_t since;     /* the version it began with */
	_Atomic uint64_t under_way; /* writes that entered and haven't left */
};

struct shared_shards {
	uint32_t count;
	_Atomic uint32_t current; /* slot */
	_Atomic uint64_t now; /* version * 2 + which half of words; 0: none was adopted, every shard
				 is nobody's */
	_Atomic uint64_t told; /* the drained version that shared_shards_news gave last */
	struct shared_shards_slot slots[SHARED_SHARDS_SLOTS];
	_Atomic uint64_t words[]; /* two halves */
};

/* config: a uint32_t, how many shards. Saves the version and the words, where they fit. */
extern const struct shared_type shared_shards_type;

size_t shared_shards_size(uint32_t count);

/* A number for an owner's name: a word without fence. Never 0. */
uint64_t shared_shard_owner(struct slice name);

enum shared_shards_adopted {
	SHARED_SHARDS_NEWER,    /* it is in force */
	SHARED_SHARDS_SAME,     /* it was */
	SHARED_SHARDS_OLDER,    /* a newer one stays in force */
	SHARED_SHARDS_DIFFERENT /* the version in force says something else: it stays */
};

/* version > 0, and so small that twice of it is a uint64_t. */
enum shared_shards_adopted shared_shards_adopt(struct shared_shards *shards, uint64_t version,
					       const uint64_t *words);

/* What is in force now: for the calls below. */
static inline uint64_t shared_shards_now(const struct shared_shards *shards)
{
	return atomic_load(&shards->now);
}

static inline uint64_t shared_shards_version(uint64_t now)
{
	return now >> 1;
}

/* shard < count. */
static inline uint64_t shared_shards_word(const struct shared_shards *shards, uint64_t now,
					  uint32_t shard)
{
	return atomic_load(&shards->words[(now & 1) * shards->count + shard]);
}

/* A write that was decided by `now` is under way from now on, until shared_shards_leave(*slot).
 * False: something else is in force by now, decide again. */
bool shared_shards_enter(struct shared_shards *shards, uint64_t now, unsigned *slot);
void shared_shards_leave(struct shared_shards *shards, unsigned slot);

/* The version than which no write under way is older. */
uint64_t shared_shards_drained(const struct shared_shards *shards);
/* How much that has grown since somebody was told last: who is told adds it to a gauge. */
uint64_t shared_shards_news(struct shared_shards *shards);

#endif
