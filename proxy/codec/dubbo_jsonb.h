/* The little of fastjson2's binary JSON (serialization 23) that a proxy needs: strings, small
 * numbers, and the map of attachments.
 *
 *   body: [length, 4 bytes][value] [length][value] …      each value that Java writes is a block of
 *                                                         its own
 *
 * Thread: any, one at a time. */
#ifndef CODEC_DUBBO_JSONB_H
#define CODEC_DUBBO_JSONB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

/* Takes the next block off the front of *rest. STATUS_MALFORMED: cut short. */
MUST_CHECK enum status dubbo_jsonb_take_block(struct slice *rest, struct slice *block);

/* Takes one value off the front of *rest as text: strings (UTF-8), whole numbers, booleans; .data
 * NULL for null and for other numbers. STATUS_UNSUPPORTED: any other value. STATUS_MALFORMED: cut
 * short, or no UTF-16. Without an arena only null, ASCII and UTF-8 strings are supported. */
MUST_CHECK enum status dubbo_jsonb_take_text(struct slice *rest, struct slice *out,
					     struct arena *arena);

/* Takes one whole number off the front of *rest. Fails like dubbo_jsonb_take_text. */
MUST_CHECK enum status dubbo_jsonb_take_number(struct slice *rest, int64_t *value);

/* Steps over one value with all it holds: what JSON has, binaries, typed objects and references.
 * STATUS_MALFORMED: cut short; STATUS_UNSUPPORTED: a value that isn't known here; STATUS_TOO_LARGE:
 * over DUBBO_JSONB_DEPTH lists and objects within each other. */
MUST_CHECK enum status dubbo_jsonb_skip(struct slice *rest);

enum { DUBBO_JSONB_DEPTH = 64 };

/* Takes the mark that begins (ends) an object off the front of *rest, if it stands there. */
bool dubbo_jsonb_take_object(struct slice *rest);
bool dubbo_jsonb_take_object_end(struct slice *rest);

/* A block with one string. In the arena. */
struct slice dubbo_jsonb_string_block(struct slice text, struct arena *arena);

/* The body of an answer that is an exception: the blocks of its result kind, a
 * java.lang.RuntimeException with this message and an empty stack trace, and, if asked for, the
 * attachment dubbo=2.0.2. In the arena. */
struct slice dubbo_jsonb_exception_body(struct slice message, bool has_attachments,
					struct arena *arena);

#endif
