/* Which bytes may stand where: the character classes that the codecs and rules share.
 *
 * Constant tables. RFC 9110 5.5 and 5.6.2 (field values, tokens), RFC 3986 2.3 (unreserved). */
#ifndef MESSAGE_GRAMMAR_H
#define MESSAGE_GRAMMAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum grammar_class {
	GRAMMAR_TOKEN = 1, /* methods, field names */
	GRAMMAR_VALUE = 2, /* field values: all but control characters, HTAB allowed */
	GRAMMAR_DIGIT = 4,
	GRAMMAR_HEX = 8,
	GRAMMAR_UNRESERVED = 16,   /* never needs percent-encoding in a URI */
	GRAMMAR_TARGET = 32,       /* request targets: visible ASCII */
	GRAMMAR_MESSAGE = 64,      /* stands for itself in grpc-message: printable ASCII but '%' */
	GRAMMAR_LOWER_TOKEN = 128, /* field names on HTTP/2: a token without capitals */
};

extern const uint8_t grammar_classes[256];

/* A token's byte in lower case; 0 for what may not stand in a token. */
extern const uint8_t grammar_lower[256];

/* True if the byte is of one of the classes. */
static inline bool grammar_is(uint8_t byte, uint8_t classes)
{
	return grammar_classes[byte] & classes;
}

/* True if every byte is. True for nothing. */
bool grammar_all(struct slice s, uint8_t classes);

static inline bool grammar_is_token(struct slice s)
{
	return s.len && grammar_all(s, GRAMMAR_TOKEN);
}

static inline bool grammar_is_value(struct slice s)
{
	return grammar_all(s, GRAMMAR_VALUE);
}

/* The value of a hex digit. */
static inline unsigned grammar_hex(char digit)
{
	unsigned c = (uint8_t)digit;
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* True for well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates. */
bool grammar_is_utf8(struct slice s);

#endif
