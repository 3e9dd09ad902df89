/* Writes the few Hessian2 values that the proxy's own answers are made of.
 *
 *   hessian2_writer_init, hessian2_write_…, then hessian2_written
 *
 * The bytes live in the arena. Thread: one at a time. Nothing fails; texts are capped by who gives
 * them. */
#ifndef CODEC_HESSIAN2_WRITE_H
#define CODEC_HESSIAN2_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

struct hessian2_writer {
	struct arena *arena;
	char *data;
	size_t len, capacity;
};

void hessian2_writer_init(struct hessian2_writer *writer, struct arena *arena);

static inline struct slice hessian2_written(const struct hessian2_writer *writer)
{
	return (struct slice){writer->data, writer->len};
}

void hessian2_write_null(struct hessian2_writer *writer);
void hessian2_write_int(struct hessian2_writer *writer, int32_t value);

/* UTF-8 in, with '?' for what isn't; .data NULL writes null. */
void hessian2_write_string(struct hessian2_writer *writer, struct slice text);

/* An untyped map: begin, then key and value by turns, then end. */
void hessian2_write_map_begin(struct hessian2_writer *writer);
void hessian2_write_map_end(struct hessian2_writer *writer);

/* A java.lang.RuntimeException with this message, no cause, and an empty stack trace (an absent one
 * makes Dubbo 2.7 fill in a false trace). */
void hessian2_write_runtime_exception(struct hessian2_writer *writer, struct slice message);

#endif
