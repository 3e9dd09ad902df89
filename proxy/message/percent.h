/* Percent-encoding (RFC 3986 2.1). Pure; results live in the arena, or are the input when nothing
 * changes. */
#ifndef MESSAGE_PERCENT_H
#define MESSAGE_PERCENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "message/grammar.h"

/* Whether a whole escape ("%2F") stands at i < s.len. */
static inline bool percent_is_escape(struct slice s, size_t i)
{
	return s.len - i >= 3 && s.data[i] == '%' &&
	       grammar_is((uint8_t)s.data[i + 1], GRAMMAR_HEX) &&
	       grammar_is((uint8_t)s.data[i + 2], GRAMMAR_HEX);
}

/* The byte that the escape at i stands for. */
static inline uint8_t percent_escaped_byte(struct slice s, size_t i)
{
	return (uint8_t)(grammar_hex(s.data[i + 1]) << 4 | grammar_hex(s.data[i + 2]));
}

/* Every byte that is of none of the grammar classes becomes %XX. GRAMMAR_UNRESERVED encodes a URI
 * component, GRAMMAR_MESSAGE a grpc-message. */
struct slice percent_encode(struct slice s, uint8_t classes, struct arena *arena);

/* Each %XX becomes its byte; what isn't an escape stays as it is. The result may hold any byte, NUL
 * and CR LF included: not for header values. */
struct slice percent_decode(struct slice s, struct arena *arena);

#endif
