/* The proxy's own answers, as a stock SOFA consumer reads them.
 *
 *   status 0:     a SofaResponse that is an error, with the text: thrown at once, not tried again
 *   other status: nothing but the status; stock consumers try elsewhere after status 4
 *
 * Pure functions; memory from the arena. */
#ifndef CODEC_BOLT_REPLY_H
#define CODEC_BOLT_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum { BOLT_REPLY_TEXT = 16384 }; /* bytes; longer texts are cut */

struct bolt_reply {
	struct slice payload; /* class name, header map, content */
	uint16_t status, class_len, headers_len;
};

/* The reply of that status in the request's serialization (Bolt's codec byte). A status 0 that the
 * caller can't read (no SOFA request, a serialization that isn't known here) becomes
 * BOLT_SERVER_EXCEPTION, which isn't tried again either. */
void bolt_reply_make(struct bolt_reply *reply, uint8_t status, uint8_t serialization, bool is_sofa,
		     struct slice text, struct arena *arena);

#endif
