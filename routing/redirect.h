/* The answer that sends a client elsewhere: a status and a location made from the request's URL.
 *
 * Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_REDIRECT_H
#define ROUTING_REDIRECT_H

#include "routing/rewrite.h"

struct Envoy__Config__Route__V3__RedirectAction;

struct redirect {
	uint16_t status;           /* 301, 302, 303, 307, 308 */
	bool strips_query;         /* not that of `path` itself */
	bool path_has_query;       /* `path` brings its own */
	struct slice scheme, host; /* "" : as in the request */
	struct slice port;         /* ":8443", "" : as in the request */
	struct slice path;         /* "" : as in the request, or rewritten */
	struct path_rewrite rewrite;
};

/* https://(same host)/(same path): what require_tls answers. */
extern const struct redirect redirect_to_https;

/* STATUS_INVALID and a diag with the path from inside `redirect` on. */
enum status MUST_CHECK redirect_load(struct redirect *redirect,
				     const struct Envoy__Config__Route__V3__RedirectAction *message,
				     struct arena *arena, struct diag *diag);

/* The value of `location`, in the arena. matcher: what the request matched (NULL: nothing, for
 * redirects without prefix rewrite). */
struct slice redirect_location(const struct redirect *redirect, const struct route_matcher *matcher,
			       const struct headers *headers, struct arena *arena);

#endif
