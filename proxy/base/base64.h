/* Base64 (RFC 4648), both alphabets. Pure. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"

enum base64_form {
	BASE64_STANDARD, /* + / with '=' to a multiple of 4 */
	BASE64_URL,      /* - _ without '=': JWTs, binary gRPC metadata may have either */
};

/* False for all but the one text of some bytes; padding may be left out of BASE64_STANDARD. Result
 * in the arena. */
bool base64_decode(struct slice text, enum base64_form form, struct arena *arena,
		   struct slice *bytes);

#endif
