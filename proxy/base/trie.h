/* Which of many strings are prefixes (or suffixes) of a text: for prefix routes and domains.
 *
 *   keys "/api/a" "/api/ab" "/x":     ""─┬─ "/api/a" [0] ── "b" [1]
 *                                        └─ … "x" [2]              a chain of single children is
 * one node
 *
 * Built once from all keys, then constant. The children of a node lie side by side, and their first
 * bytes do too, so that a step is one memchr in one cache line and one memcmp.
 *
 * Owner: the arena. Thread: any, once built. */
#ifndef BASE_TRIE_H
#define BASE_TRIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum { TRIE_NONE = UINT32_MAX >> 1 }; /* no value */

enum trie_flags {
	TRIE_SUFFIX = 1, /* keys are matched at the end of the text, read backwards */
	TRIE_NOCASE = 2, /* ASCII letters compare without case */
};

struct trie_entry {
	struct slice key;
	uint32_t value; /* < TRIE_NONE; usually an index of the caller's */
};

struct trie {
	struct trie_node *nodes;    /* [0] is the root */
	const uint8_t *first_bytes; /* of each node's label */
	uint32_t count;
	unsigned flags;
};

/* Copies what it keeps. Of equal keys the first counts. No keys is fine. */
void trie_build(struct trie *trie, struct arena *arena, const struct trie_entry *entries,
		size_t count, unsigned flags);

/* Walks the keys that match, the shortest first:
 *     struct trie_cursor c = trie_begin(trie, text);
 *     while (trie_next(&c, &value)) … */
struct trie_cursor {
	const struct trie *trie;
	struct slice text;
	size_t at;     /* bytes matched */
	uint32_t node; /* to look at next, TRIE_NONE: at the end */
};

static inline struct trie_cursor trie_begin(const struct trie *trie, struct slice text)
{
	return (struct trie_cursor){trie, text, 0, trie->count ? 0 : TRIE_NONE};
}

bool trie_next(struct trie_cursor *cursor, uint32_t *value);

/* The value of the longest key that matches, or TRIE_NONE. */
uint32_t trie_find_longest(const struct trie *trie, struct slice text);

/* The smallest value of the keys that match, or TRIE_NONE: "the first route wins". */
uint32_t trie_find_lowest(const struct trie *trie, struct slice text);

#endif
