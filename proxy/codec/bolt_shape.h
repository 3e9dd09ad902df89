/* What the requests of one method have in common before their content: class name and header map,
 * byte for byte, but for the values of some entries (trace ids …) that differ from call to call.
 *
 *   class name [name][value] [name][value] … [name][value]
 *   ███████████████████████████████·······████████·····███       ·: a value that varies
 *   stretch 0                       stretch 1      stretch 2
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

/* Of the text. All but the last end with the length of a value that varies. */
struct bolt_stretch {
	uint16_t at, len;
};

struct bolt_shape {
	uint32_t varying; /* bits: which entries' values do */
	uint16_t class_len, headers_len;
	uint16_t misses, patience; /* before another shape takes its place */
	uint8_t count;             /* stretches; 0: nothing has this shape */
	struct bolt_stretch stretches[BOLT_SHAPE_STRETCHES];
	char text[BOLT_SHAPE_LIMIT]; /* class name and header map of the message learned last */
};

/* The same where the values that vary may have other lengths. */
bool bolt_shape_fits_loosely(const struct bolt_shape *shape, const char *payload, size_t class_len,
			     size_t headers_len);

/* Whether a payload with a class name and a header map of these lengths begins so. */
static inline bool bolt_shape_fits(const struct bolt_shape *shape, const char *payload,
				   size_t class_len, size_t headers_len)
{
	const struct bolt_stretch *s = shape->stretches, *end = s + shape->count;

	if (UNLIKELY(headers_len != shape->headers_len || class_len != shape->class_len))
		return bolt_shape_fits_loosely(shape, payload, class_len, headers_len);
	for (; s < end; s++)
		if (memcmp(payload + s->at, shape->text + s->at, s->len))
			return bolt_shape_fits_loosely(shape, payload, class_len, headers_len);
	return LIKELY(shape->count);
}

/* A message with the same service and method didn't fit: what differs varies from now on; one with
 * other entries takes the shape's place, unless that has happened too often of late. */
void bolt_shape_learn(struct bolt_shape *shape, struct slice payload,
		      const struct bolt_frame *frame);

#endif
