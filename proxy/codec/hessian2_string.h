/* Text as Hessian2 has it: UTF-16 units, each written like UTF-8, so that a character beyond U+FFFF
 * is two surrogates of three bytes each (CESU-8).
 *
 * Pure functions. Thread: any. */
#ifndef CODEC_HESSIAN2_STRING_H
#define CODEC_HESSIAN2_STRING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/slice.h"
#include "base/status.h"

/* How many bytes the first `units` units of `bytes` take, or SIZE_MAX when they are cut short or a
 * byte can't begin a unit. Continuation bytes aren't looked at (Java doesn't either). ORs the bytes
 * looked at into *seen: below 0x80 when all is ASCII. */
size_t hessian2_units_size(struct slice bytes, size_t units, unsigned *seen);

/* Checks each unit, and turns surrogate pairs into UTF-8 (a copy in the arena if there are any;
 * else *out is `bytes`). A lone surrogate stays as it is. STATUS_MALFORMED: overlong or broken
 * units; STATUS_UNSUPPORTED: a copy is needed and arena is NULL. */
MUST_CHECK enum status hessian2_to_utf8(struct slice bytes, struct slice *out, struct arena *arena);

/* The units of a UTF-8 text and their number; a copy in the arena unless it is ASCII. Bytes that
 * are no UTF-8 become '?'. */
struct slice hessian2_from_utf8(struct slice text, size_t *units, struct arena *arena);

/* True when the last unit's pair is still to come. */
bool hessian2_ends_with_high_surrogate(struct slice bytes);

#endif
