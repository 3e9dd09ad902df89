/* Numbers of Hessian2: what stands behind a tag.
 *
 * Pure functions. `p` is at the tag, whose `size` bytes are all there. Thread: any. */
#ifndef CODEC_HESSIAN2_NUMBER_H
#define CODEC_HESSIAN2_NUMBER_H

#include <stdint.h>

#include "codec/hessian2_grammar.h"

/* Of a bool (0, 1), int or long, of a chunk (its length), of what has its number in the tag. */
int64_t hessian2_integer(const struct hessian2_tag *tag, const uint8_t *p);

double hessian2_double(const struct hessian2_tag *tag, const uint8_t *p);

/* Milliseconds since 1970. */
int64_t hessian2_date(const struct hessian2_tag *tag, const uint8_t *p);

#endif
