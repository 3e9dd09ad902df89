/* How an object was written last, so that more of its class are stepped over by a comparison.
 *
 *   object   60 | 03  s  k  u | 91 | c8 07     fields that are null, flags, numbers, dates and
 *   kept     ff | ff 80 80 80 | c0 | f0 00     short texts: the first ones, as there is room
 *
 * Another object has the shape when the kept bits of its bytes are as they were: its tags say the
 * same sizes and its texts are ASCII, so its first fields end as far behind its tag. That holds for
 * any class of as many fields: a shape says nothing but that of bytes. What is stepped over is the
 * same as without shapes.
 *
 * Owner: a known class (hessian2_known.h), or the reader's arena for each of its first
 * HESSIAN2_SHAPED classes. One whose objects differ is given up after HESSIAN2_SHAPE_CHANCES.
 * Thread: its reader's. */
#ifndef CODEC_HESSIAN2_SHAPE_H
#define CODEC_HESSIAN2_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hessian2_class;
struct hessian2_run;

enum {
	HESSIAN2_SHAPED = 16,
	HESSIAN2_SHAPE_CHANCES = 4,
	HESSIAN2_SHAPE_SIZE = 128, /* bytes of an object that may count */
	HESSIAN2_SHAPE_LEAST = 64, /* that a comparison reads */
	HESSIAN2_SHAPE_FLAGS = 4,  /* bools that may be either; more are as they were */
	HESSIAN2_SHAPE_FIELDS = 3, /* it has as many, or all: less isn't worth it */
	HESSIAN2_SHAPE_WORTH = 4,  /* objects after which a shape has paid */
};

struct hessian2_shape {
	uint8_t kept[HESSIAN2_SHAPE_SIZE];
	uint8_t bits[HESSIAN2_SHAPE_SIZE]; /* within kept */
	uint32_t span; /* that a comparison reads: size, in blocks; UINT32_MAX: it has none yet */
	uint32_t size; /* of tag and fields */
	uint32_t fields;
	uint32_t shaped; /* objects that had it */
	uint8_t chances; /* to have another one */
	uint8_t flag_count;
	uint8_t flags[HESSIAN2_SHAPE_FLAGS]; /* where bools stand */
};

/* Gives the class, which has a chance left, the shape of its object at p, whose tag and class take
 * `head` bytes. False: it has none. */
bool hessian2_reshape(struct hessian2_run *run, struct hessian2_class *class, const uint8_t *p,
		      size_t head);

/* Whether the bools are bools; the rest has been compared. */
static inline bool hessian2_shape_flags(const struct hessian2_shape *shape, const uint8_t *p)
{
	for (unsigned i = 0; i < shape->flag_count; i++)
		if (p[shape->flags[i]] != 'T' && p[shape->flags[i]] != 'F')
			return false;
	return true;
}

#endif
