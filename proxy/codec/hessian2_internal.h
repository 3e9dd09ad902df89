/* What the files of the Hessian2 reader share. */
#ifndef CODEC_HESSIAN2_INTERNAL_H
#define CODEC_HESSIAN2_INTERNAL_H

#include "codec/hessian2.h"

static inline size_t hessian2_bytes_left(const struct hessian2_reader *reader)
{
	return reader->len - reader->pos;
}

/* HESSIAN2_STEP_LONG_TEXT: its length. */
static inline size_t hessian2_long_text(const uint8_t *p)
{
	return (size_t)(p[0] & 3) << 8 | p[1];
}

/* The bytes of the tag at pos, which is stepped over; NULL when they are cut short. */
const uint8_t *hessian2_take_tag(struct hessian2_reader *reader, const struct hessian2_tag *tag);

/* Steps over the bytes of so many UTF-16 units, and ORs them into *seen. False when they are cut
 * short or broken. */
bool hessian2_take_units(struct hessian2_reader *reader, size_t units, unsigned *seen);

/* What stands at pos must be one: else STATUS_MALFORMED. */
MUST_CHECK enum status hessian2_skip_string(struct hessian2_reader *reader);
MUST_CHECK enum status hessian2_skip_binary(struct hessian2_reader *reader);

#endif
