/* Scalars of a document as values of proto fields, by the rules of proto3's JSON mapping and those
 * that Envoy adds for YAML: an unquoted scalar is a boolean if it looks like one (y, no, On …),
 * then an integer (0x10 and 010 too), else a string. A number may be quoted; a string that looks
 * like a boolean or an integer must be.
 *
 * Each function returns NULL, or in a few words what is wrong. Pure. */
#ifndef XDS_SCALAR_H
#define XDS_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "document.h"

const char *scalar_to_bool(const struct node *node, bool *value);
const char *scalar_to_int64(const struct node *node, int64_t min, int64_t max, int64_t *value);
const char *scalar_to_uint64(const struct node *node, uint64_t max, uint64_t *value);
const char *scalar_to_double(const struct node *node, double *value);

/* Borrows the node's text. */
const char *scalar_to_text(const struct node *node, struct slice *value);

/* Base64 in either alphabet, padded or not. The bytes are the arena's. */
const char *scalar_to_bytes(const struct node *node, struct arena *arena, struct slice *value);

/* "1.5s": up to nine digits behind the point; nanos has the sign of seconds. */
const char *scalar_to_duration(const struct node *node, int64_t *seconds, int32_t *nanos);

/* Seconds of a Duration: 10,000 years, as protobuf has it. */
#define SCALAR_DURATION_MAX INT64_C(315576000000)

/* What an unquoted scalar is taken for. */
enum scalar_form {
	SCALAR_TEXT,
	SCALAR_BOOL,
	SCALAR_INT,
};

/* Sets *truth or *number if it is one. */
enum scalar_form scalar_form(const struct node *node, bool *truth, int64_t *number);

#endif
