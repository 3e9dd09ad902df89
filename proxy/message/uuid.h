/* Random UUIDs (RFC 9562, version 4) in text: what x-request-id holds.
 *
 *   f47ac10b-58cc-4372-a567-0e02b2c3d479
 *   ^^^^^^^^ uuid_number   ^ UUID_TRACE_AT: Envoy keeps there why a request is traced
 *
 * Pure. */
#ifndef MESSAGE_UUID_H
#define MESSAGE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "base/slice.h"

enum {
	UUID_LEN = 36,
	UUID_TRACE_AT = 14,
};

/* The character at UUID_TRACE_AT. */
enum uuid_trace {
	UUID_TRACE_NONE = '4',
	UUID_TRACE_SAMPLED = '9',
	UUID_TRACE_FORCED = 'a',
	UUID_TRACE_CLIENT = 'b',
};

/* Writes UUID_LEN bytes, no 0 behind. */
void uuid_make(struct random *random, char *out);

/* True for the 8-4-4-4-12 form, of any version, in either case. */
bool uuid_is_valid(struct slice text);

/* The first 8 digits as a number: what percentages are taken of, so that all proxies on a request's
 * way decide alike. False if they are no digits. */
bool uuid_number(struct slice text, uint32_t *number);

#endif
