/* The forms of a request target (RFC 9112 3.2), taken apart into what the pseudo headers say.
 *
 *   /path?query          http://user@host:port/path?query          host:port (CONNECT)          *
 *
 * Pure; the slices point into the target or at constants. */
#ifndef CODEC_HTTP1_TARGET_H
#define CODEC_HTTP1_TARGET_H

#include <stdbool.h>

#include "base/slice.h"
#include "codec/http1_error.h"

struct http1_target {
	struct slice scheme, authority, path; /* .data NULL: the form has none */
};

/* is_absolute_allowed false: what isn't origin-form stands in `path` as it came. */
enum http1_error http1_target_parse(struct slice target, struct slice method,
				    bool is_absolute_allowed, struct http1_target *out);

#endif
