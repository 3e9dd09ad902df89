/* What the requests of one method have in common before their content: class name and header map,
 * byte for byte, but for the values of some entries (trace ids …) that differ from call to call.
 *
 *   class name [name][value] [name][value] … [name][value]
 *   ███████████████████████████████·······████████·····███       ·: a value that varies, with its
 *   stretch 0                       stretch 1      stretch 2        length
 *
 * A message that has the stretches, and any values between them, has the same entries: what a look
 * at the one has found (service, method) is true of the other, at the cost of comparing the
 * stretches. Values that say where a request goes never vary. Which ones do is learned from
 * messages that were looked at.
 *
 * Pure functions. Owner: who embeds it, zeroed at first. Thread: any. Limits: BOLT_SHAPE_LIMIT,
 * BOLT_SHAPE_STRETCHES; a message beyond them has no shape. */
#ifndef CODEC_BOLT_SHAPE_H
#define CODEC_BOLT_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/bolt_frame.h"

enum {
	BOLT_SHAPE_LIMIT = 1024, /* bytes of class name and header map */
	BOLT_SHAPE_ENTRIES = 32,
	BOLT_SHAPE_STRETCHES = 8,
};

struct bolt_shape {
	uint32_t varying; /* bits: which entries' values do */
	uint16_t class_len, headers_len;
	uint16_t misses, patience; /* before another shape takes its place */
	uint8_t count;             /* stretches; 0: nothing has this shape */
	struct {
		uint16_t at, len;
	} stretches[BOLT_SHAPE_STRETCHES];
	char text[BOLT_SHAPE_LIMIT]; /* class name and header map of the message learned last */
};

/* Whether the payload with that header begins so. */
static inline bool bolt_shape_fits(const struct bolt_shape *shape, struct slice payload,
				   const struct bolt_frame *frame)
{
	const char *p = payload.data, *end = p + frame->class_len + frame->headers_len;

	if (UNLIKELY(frame->class_len != shape->class_len || !shape->count))
		return false;
	for (unsigned i = 0;; p += bolt_get_u32(p) + 4) {
		size_t len = shape->stretches[i].len;
		if (UNLIKELY((size_t)(end - p) < len ||
			     memcmp(p, shape->text + shape->stretches[i].at, len)))
			return false;
		p += len;
		if (++i == shape->count)
			return p == end;
		if (UNLIKELY(end - p < 4 || bolt_get_u32(p) > (size_t)(end - p - 4))) /* or null */
			return false;
	}
}

/* A message with the same service and method didn't fit: what differs varies from now on; one with
 * other entries takes the shape's place, unless that has happened too often of late. */
void bolt_shape_learn(struct bolt_shape *shape, struct slice payload,
		      const struct bolt_frame *frame);

#endif
