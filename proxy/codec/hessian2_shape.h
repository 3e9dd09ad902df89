/* How an object was written last, so that more of its class are stepped over by comparisons.
 *
 *   object   60 | 03  s  k  u | 91 | c8 07     fields that are null, flags, numbers, dates and
 *   kept     ff | ff 80 80 80 | c0 | f0 00     short texts: the first ones, as there is room
 *
 * Another object has the shape when the kept bits of its bytes are as they were: its tags say the
 * same sizes and its texts are ASCII, so its first fields end as far behind its tag. That holds for
 * any class of as many fields: a shape says nothing but that of bytes. What is stepped over is the
 * same as without shapes.
 *
 *   parts    | 91 c8 07, text | T, text | ...     texts of any length, and what stands between
 *
 * A class whose objects didn't keep to a shape gets one in parts: each some values of fixed size,
 * whose tags are compared, and the text behind them, or none. Where an object is a text and few
 * bytes behind it, that the next one stands behind those is seen by the same comparison: such
 * objects are a row.
 *
 * Owner: a known class (hessian2_known.h), or the reader's arena for each of its first
 * HESSIAN2_SHAPED classes. One whose objects differ is given up after HESSIAN2_SHAPE_CHANCES of
 * both sorts.
 * Thread: its reader's. */
#ifndef CODEC_HESSIAN2_SHAPE_H
#define CODEC_HESSIAN2_SHAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/hessian2_string.h"

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
	HESSIAN2_SHAPE_PARTS = 7,
	HESSIAN2_PART_SIZE = 16, /* bytes in which tags are compared */
};

/* The parts of a row: a text, what is behind it, and that before another object. */
enum { HESSIAN2_ROW_END = 1, HESSIAN2_ROW_NEXT = 2, HESSIAN2_ROW_PARTS = 2 };

struct hessian2_part {
	uint8_t kept[HESSIAN2_PART_SIZE];
	uint8_t bits[HESSIAN2_PART_SIZE]; /* within kept */
	uint8_t size;                     /* of the values; all tags are within those */
	uint8_t flag_end;                 /* of the bool among them; 0: none */
	bool has_text;                    /* behind them, or null in its place */
};

struct hessian2_shape {
	union {
		struct {
			uint8_t kept[HESSIAN2_SHAPE_SIZE];
			uint8_t bits[HESSIAN2_SHAPE_SIZE]; /* within kept */
		};
		struct hessian2_part parts[HESSIAN2_SHAPE_PARTS];
	};
	uint32_t room; /* bytes that a comparison reads, unless texts are long: size, in blocks;
			  UINT32_MAX: it has none (yet) */
	uint32_t size; /* of tag and fields, unless it is in parts */
	uint32_t fields;
	uint32_t shaped; /* objects that had it */
	uint8_t chances; /* to have another one */
	bool is_loose;   /* another one is in parts */
	uint8_t part_count;
	bool is_row; /* parts[ROW_NEXT] is the last one with the head of another object behind it */
	uint8_t flag_count;
	uint8_t flags[HESSIAN2_SHAPE_FLAGS]; /* where bools stand */
};

static inline void hessian2_shape_init(struct hessian2_shape *shape)
{
	shape->room = UINT32_MAX;
	shape->shaped = 0;
	shape->chances = HESSIAN2_SHAPE_CHANCES;
	shape->is_loose = false;
	shape->part_count = 0;
	shape->is_row = false;
}

/* None will be taken. */
static inline bool hessian2_is_given_up(const struct hessian2_shape *shape)
{
	return !shape->part_count && !shape->chances && shape->is_loose;
}

/* Gives the class, which isn't given up, the shape of its object at p, whose tag and class take
 * `head` bytes, if it may have one. */
void hessian2_reshape(struct hessian2_run *run, struct hessian2_class *class, const uint8_t *p,
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
