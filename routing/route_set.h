/* Routes in their order, with an index that finds the first that matches without trying all.
 *
 *   few routes: one after the other
 *   many:       trie over literal paths ─> short lists of candidates, merged by position, tried in
 *                                          order
 *
 * A candidate list holds the routes that may match when a key does; routes that no key can tell
 * (regex, CONNECT, calls) are candidates always. Merging by position keeps "first match wins".
 * Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_ROUTE_SET_H
#define ROUTING_ROUTE_SET_H

#include "routing/literal_trie.h"
#include "routing/matcher.h"
#include "routing/name_map.h"

struct route;

struct route_index;

struct route_set {
	const struct route *routes;
	const struct route_matcher *matchers; /* of the same index */
	uint32_t count;
	const struct route_index *index; /* NULL: few, or not worth it */
};

/* Makes the index of a set of HTTP routes, if it pays. */
void route_set_index_paths(struct route_set *set, struct arena *arena);

/* The first route that matches, or NULL. looked_at collects bits of enum route_looked_at. */
const struct route *route_set_match(const struct route_set *set,
				    const struct route_match_input *input, unsigned *looked_at);

#endif
