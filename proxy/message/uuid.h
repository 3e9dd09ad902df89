/* Random UUIDs (RFC 9562, version 4) in text: what x-request-id holds. Pure.
 *
 *   f47ac10b-58cc-4372-a567-0e02b2c3d479 */
#ifndef MESSAGE_UUID_H
#define MESSAGE_UUID_H

#include <stdint.h>

#include "base/random.h"

enum { UUID_LEN = 36 };

/* Writes UUID_LEN bytes, no 0 behind. */
void uuid_make(struct random *random, char *out);

#endif
