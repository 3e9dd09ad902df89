/* What all parts of a routing table are built with.
 *
 * Owner: the call that builds. Thread: the builder's. */
#ifndef ROUTING_ROUTE_BUILD_H
#define ROUTING_ROUTE_BUILD_H

#include "routing/route_hooks.h"

struct text_pool;

struct route_build {
	const struct route_hooks *hooks; /* may be NULL */
	struct arena *arena;
	/* Rows that many routes have alike, as bytes, each kept once. */
	struct text_pool *rows;
	bool validates_clusters;
	bool most_specific_wins; /* header mutations: the route's come last */
	size_t body_max;         /* of direct responses */
};

/* How many different rows are looked for again: beyond that each is kept by itself. */
enum { ROUTE_BUILD_ROWS = 256 };

/* Texts are copied, but "" is none. */
static inline struct slice route_build_text(const struct route_build *build, const char *text)
{
	return text[0] ? arena_slice(build->arena, slice_of(text)) : SLICE("");
}

#endif
