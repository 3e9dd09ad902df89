/* Percent-encoding (RFC 3986 2.1). Pure; results live in the arena, or are the input when nothing
 * changes. */
#ifndef MESSAGE_PERCENT_H
#define MESSAGE_PERCENT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

/* Every byte that is of none of the grammar classes becomes %XX. GRAMMAR_UNRESERVED encodes a URI
 * component, GRAMMAR_MESSAGE a grpc-message. */
struct slice percent_encode(struct slice s, uint8_t classes, struct arena *arena);

/* Each %XX becomes its byte; what isn't an escape stays as it is. The result may hold any byte, NUL
 * and CR LF included: not for header values. */
struct slice percent_decode(struct slice s, struct arena *arena);

#endif
