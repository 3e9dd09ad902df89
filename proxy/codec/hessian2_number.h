/* Numbers of Hessian2: what stands behind a tag, and the texts that Java has for them.
 *
 * Pure functions. Thread: any. */
#ifndef CODEC_HESSIAN2_NUMBER_H
#define CODEC_HESSIAN2_NUMBER_H

#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

/* The int (long, double) whose tag is at p; all its bytes are there. */
int32_t hessian2_int_value(const uint8_t *p);
int64_t hessian2_long_value(const uint8_t *p);
double hessian2_double_value(const uint8_t *p);

/* Double.toString: the fewest digits that read back as the same number; plain from 0.001 to 10^7,
 * else d.dddEn. In the arena, or constant. */
struct slice hessian2_double_text(double value, struct arena *arena);

#endif
