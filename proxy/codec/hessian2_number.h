/* Numbers of Hessian2: what stands behind a tag.
 *
 * Pure functions. Thread: any. */
#ifndef CODEC_HESSIAN2_NUMBER_H
#define CODEC_HESSIAN2_NUMBER_H

#include <stdint.h>

/* The int (long, double) whose tag is at p; all its bytes are there. */
int32_t hessian2_int_value(const uint8_t *p);
int64_t hessian2_long_value(const uint8_t *p);
double hessian2_double_value(const uint8_t *p);

#endif
