/* Writes the few values that the proxy's own answers and edits are made of, in Hessian2 or in
 * SOFA's grammar (codec/sofa_hessian.h).
 *
 *   hessian2_writer_init, hessian2_write_…, then hessian2_written
 *
 * An object: its class once (hessian2_write_class, numbered from 0 as they are written), then
 * hessian2_write_object and as many values as it has fields.
 *
 * The bytes live in the arena. Thread: one at a time. Nothing fails; texts are capped by who gives
 * them. */
#ifndef CODEC_HESSIAN2_WRITE_H
#define CODEC_HESSIAN2_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

struct hessian2_grammar;

struct hessian2_writer {
	struct arena *arena;
	const struct hessian2_grammar *grammar;
	uint32_t class_count;
	char *data;
	size_t len, capacity;
};

void hessian2_writer_init(struct hessian2_writer *writer, struct arena *arena);

static inline struct slice hessian2_written(const struct hessian2_writer *writer)
{
	return (struct slice){writer->data, writer->len};
}

void hessian2_write_null(struct hessian2_writer *writer);
void hessian2_write_bool(struct hessian2_writer *writer, bool value);
void hessian2_write_int(struct hessian2_writer *writer, int32_t value);
void hessian2_write_long(struct hessian2_writer *writer, int64_t value);

/* UTF-8 in, with '?' for what isn't; .data NULL writes null. */
void hessian2_write_string(struct hessian2_writer *writer, struct slice text);

/* An untyped map: begin, then key and value by turns, then end. */
void hessian2_write_map_begin(struct hessian2_writer *writer);
void hessian2_write_map_end(struct hessian2_writer *writer);

/* The definition of a class with these fields. Returns its number. */
uint32_t hessian2_write_class(struct hessian2_writer *writer, struct slice name,
			      const char *const *fields, uint32_t field_count);
/* Begins an object of a class; its fields' values follow. */
void hessian2_write_object(struct hessian2_writer *writer, uint32_t class_number);

/* A list of a type ("[java.lang.String") and no elements. */
void hessian2_write_empty_list(struct hessian2_writer *writer, struct slice type);

/* Values that are encoded already. */
void hessian2_write_raw(struct hessian2_writer *writer, struct slice bytes);

/* A java.lang.RuntimeException with this message, no cause, and an empty stack trace (an absent one
 * makes Dubbo 2.7 fill in a false trace). */
void hessian2_write_runtime_exception(struct hessian2_writer *writer, struct slice message);

#endif
