/* An immutable radix trie over byte strings: finds the longest key that a text starts (or, built
 * backward, ends) with, and through it all shorter ones.
 *
 *   keys "/", "/api", "/api/v1":     root "/"(0) ── "api"(1) ── "/v1"(2)
 *   find("/api/v2"): the node of "/api", whose `shorter` is the node of "/"
 *
 * Children of a node lie side by side, their first bytes in `leads`, so that a step is one memchr
 * over few bytes. Owner: the arena it was built in; labels point into the keys' text, which must
 * live as long. Thread: any, after the build. */
#ifndef ROUTING_LITERAL_TRIE_H
#define ROUTING_LITERAL_TRIE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum { LITERAL_TRIE_NONE = UINT32_MAX };

struct literal_trie_key {
	struct slice text;
	uint32_t value; /* not LITERAL_TRIE_NONE */
};

struct literal_trie_node {
	const char *label;
	uint32_t label_len;
	uint32_t first_child;
	uint32_t child_count;
	uint32_t value;   /* LITERAL_TRIE_NONE: no key ends here */
	uint32_t shorter; /* the nearest node above with a value, or LITERAL_TRIE_NONE */
};

struct literal_trie {
	const struct literal_trie_node *nodes; /* [0] is the root; NULL: no keys */
	const char *leads;                     /* first byte of each node's label */
	uint32_t node_count;
	uint32_t depth; /* the most keys that lie on one way down */
	bool is_backward;
};

/* Sorts keys in place. No two may be equal (a map has made them unique). */
void literal_trie_build(struct literal_trie *trie, struct literal_trie_key *keys, size_t count,
			bool is_backward, struct arena *arena);

/* The node of the longest key that text starts (ends) with, or LITERAL_TRIE_NONE. is_whole: that
 * key is all of text. */
uint32_t literal_trie_find(const struct literal_trie *trie, struct slice text, bool *is_whole);

#endif
