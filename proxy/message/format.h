/* A substitution format ("%REQ(:PATH)% %RESPONSE_CODE%"), compiled once to an array of operators.
 *
 *   "GET %REQ(X-A?:PATH):20% ok"  ->  [literal "GET "] [request header x-a, else :path, 20] [" ok"]
 *
 * What there is no value for is written as "-", or not at all with FORMAT_OMIT_EMPTY. Rendering
 * takes nothing from the heap and changes nothing: operators read the stream_info and the clockless
 * facts found at compile time (host name, environment). Operators of features that this proxy does
 * not have (FILTER_STATE, UPSTREAM_METADATA, peer certificates ...) are accepted and have no value.
 *
 * Owner: the arena it was compiled into; immutable. Thread: any. Limits: FORMAT_TEXT_MAX bytes of
 * text, FORMAT_OPS_MAX operators. */
#ifndef MESSAGE_FORMAT_H
#define MESSAGE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

struct format;
struct stream_info;

enum {
	FORMAT_TEXT_MAX = 65536,
	FORMAT_OPS_MAX = 4096,
};

enum format_flags {
	FORMAT_OMIT_EMPTY = 1, /* nothing, not "-", for what has no value */
	FORMAT_RAW = 2, /* header values of calls as they are, not percent-encoded to ASCII: for
			   what becomes a header again */
};

/* Envoy's default access-log line, with its line end. */
extern const char format_default_text[];

/* Copies what it needs of text into the arena. STATUS_INVALID and a diag for an unknown operator, a
 * wrong argument or a lone '%'; STATUS_TOO_LARGE and a diag over a limit. */
enum status MUST_CHECK format_compile(struct slice text, struct arena *arena,
				      const struct format **format, struct diag *diag);
enum status MUST_CHECK format_compile_with(struct slice text, unsigned flags, struct arena *arena,
					   const struct format **format, struct diag *diag);

/* Renders. Returns the length of the whole result; when it is more than room, the first room bytes
 * of a text were written (of JSON: no meaningful ones), so the caller sees the cut. All of the room
 * may be written to. */
size_t format_write(const struct format *format, const struct stream_info *info, char *out,
		    size_t room);

#endif
