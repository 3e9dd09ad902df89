/* An argument of a call, as hot-parameter rules see it: a value with its Java type.
 *
 * Values are equal when type and value are: the Long 1 isn't the Integer 1. Rules know values by a
 * fingerprint of 64 bits over both.
 *
 * Owner: the caller, until the entry is over. */
#ifndef SENTINEL_CORE_ARGUMENT_H
#define SENTINEL_CORE_ARGUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum argument_type {
	ARGUMENT_NULL,
	ARGUMENT_BOOLEAN,
	ARGUMENT_BYTE,
	ARGUMENT_SHORT,
	ARGUMENT_INTEGER,
	ARGUMENT_LONG,
	ARGUMENT_FLOAT,
	ARGUMENT_DOUBLE,
	ARGUMENT_CHARACTER,
	ARGUMENT_STRING,
	ARGUMENT_LIST, /* a collection or an array: each of its elements is checked */
};

struct argument {
	enum argument_type type;
	uint32_t count; /* of a list */
	union {
		int64_t integer; /* boolean to long, and character */
		double real;     /* float and double */
		struct slice string;
		const struct argument *items;
	};
};

enum { ARGUMENT_DEPTH_MAX = 16 }; /* lists in lists; deeper ones are equal */

/* Never 0 or 1. */
uint64_t argument_fingerprint(const struct argument *argument, uint64_t seed);

/* What String.valueOf gives, cut to size - 1 bytes and ended by 0. Returns its length. */
size_t argument_format(const struct argument *argument, char *out, size_t size);

/* A value of the Java type named ("int", "java.lang.Long"; blank or another: a string) from its
 * text. False if the text is none. */
bool argument_parse(struct slice text, struct slice class_type, struct argument *argument);

#endif
