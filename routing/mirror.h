/* Further clusters that get a copy of a share of the requests, whose answers nobody reads.
 *
 * Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_MIRROR_H
#define ROUTING_MIRROR_H

#include "message/headers.h"
#include "routing/fraction.h"
#include "routing/route_hooks.h"

struct Envoy__Config__Route__V3__RouteAction__RequestMirrorPolicy;

/* Of a route: bits of one word say which get a copy. */
enum { MIRRORS_MAX = 64 };

struct mirror {
	struct slice cluster; /* "" : named by a header */
	uint32_t slot;        /* CLUSTER_SLOT_NONE: find it by name */
	struct slice from_header;
	struct fraction fraction;
	bool keeps_host;           /* no "-shadow" behind the host */
	struct slice host_rewrite; /* "" : none */
};

struct mirrors {
	const struct mirror *items;
	uint32_t count;
};

/* Checks clusters through the hooks when `validates`. Diag's path begins with
 * "request_mirror_policies[i]". */
enum status MUST_CHECK
mirrors_load(struct mirrors *mirrors,
	     struct Envoy__Config__Route__V3__RouteAction__RequestMirrorPolicy *const *messages,
	     size_t count, bool validates, const struct route_hooks *hooks, struct arena *arena,
	     struct diag *diag);

#endif
