/* The :path of a request: its parts, and the one form under which routes and rules see it.
 *
 *   /a/%2e%2e/b//c?x=1   ─ escaped slashes ─ normalize ─ merge ─>   /b/c?x=1
 *
 * Normalising is what Envoy's HttpConnectionManager does (tried against 1.40): dot segments go,
 * escaped unreserved characters are decoded (once), '\' becomes '/', characters that no URI has are
 * escaped, the query stays as it is. Parameters of dot segments ("/..;x/") go with them. Stricter
 * than Envoy in two places: those dots may be escaped, and no decoding makes a new escape
 * ("%2%65"), so that a result is a fixed point.
 *
 * Pure. Results are borrowed from the input, or live in the arena when they differ from it. */
#ifndef MESSAGE_PATH_H
#define MESSAGE_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum path_escaped_slashes { /* what to do with %2F and %5C */
			    PATH_SLASHES_KEEP,
			    PATH_SLASHES_REJECT,
			    PATH_SLASHES_REDIRECT, /* unescape, and send the client there */
			    PATH_SLASHES_UNESCAPE,
};

struct path_options {
	bool normalize;
	bool merge_slashes;
	uint8_t escaped_slashes; /* enum path_escaped_slashes */
};

enum path_answer {
	PATH_OK,
	PATH_REJECTED, /* 400 */
	PATH_REDIRECT, /* 307 to the result */
};

/* The path by the options. What doesn't begin with '/' ("*", "") stays as it is. */
enum path_answer path_normalize(struct slice path, const struct path_options *options,
				struct arena *arena, struct slice *result);

/* Without query and fragment. */
static inline struct slice path_without_query(struct slice path)
{
	for (size_t i = 0; i < path.len; i++)
		if (path.data[i] == '?' || path.data[i] == '#')
			return slice_sub(path, 0, i);
	return path;
}

/* What stands behind '?', up to a fragment; .data NULL if there is no '?'. */
struct slice path_query(struct slice path);

/* The first value of a query parameter, as it is written; "" if it has no '='; .data NULL if it
 * isn't there. */
struct slice path_query_find(struct slice path, struct slice name);

#endif
