/* Where a value stands in the arguments of an RPC call, compiled from a text.
 *
 *   0                 the first argument
 *   0.user.id         the field `id` of its field `user`
 *   1["a key"]        the entry of a map; \" and \\ stand for " and \ in the key
 *   2[3].name         the field `name` of the fourth element of a list
 *
 * A `.name` names a field of an object, or the entry of a map under that string (generic calls
 * carry their objects as maps). A ["key"] names an entry of a map whose key has that text
 * (argument_value.h), so ["5"] finds the int 5 too. What reads a value by its path:
 * codec/dubbo_arguments.h and the like.
 *
 * Owner: an arena. Immutable. Thread: any. Limits: the first ones below; a longer or wider path is
 * refused. */
#ifndef MESSAGE_ARGUMENT_PATH_H
#define MESSAGE_ARGUMENT_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attributes.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

enum {
	ARGUMENT_PATH_STEPS = 16,        /* behind the argument's number */
	ARGUMENT_PATH_LENGTH = 1024,     /* of the text */
	ARGUMENT_PATH_ARGUMENT = 254,    /* the greatest number: a Java method has 255 parameters */
	ARGUMENT_PATH_INDEX = INT32_MAX, /* the greatest index into a list */
	/* In place of an argument's number: the list of its parameters' types by name, where the
	 * call carries one (generic calls of Dubbo, SOFA's). No text leads there. */
	ARGUMENT_PATH_TYPES = ARGUMENT_PATH_ARGUMENT + 1,
};

enum argument_step_kind {
	ARGUMENT_STEP_FIELD, /* .name */
	ARGUMENT_STEP_KEY,   /* ["key"] */
	ARGUMENT_STEP_INDEX, /* [3] */
};

struct argument_step {
	enum argument_step_kind kind;
	uint32_t index;    /* of ARGUMENT_STEP_INDEX */
	struct slice name; /* of the others, without escapes; "" may be a key */
};

struct argument_path {
	uint32_t argument; /* from 0 */
	uint32_t step_count;
	const struct argument_step *steps;
	struct slice text; /* as it was written, for messages */
};

/* Compiles the text into *path; the arena holds what it points at. STATUS_INVALID: no path; diag
 * says what and at which byte. */
MUST_CHECK enum status argument_path_parse(struct argument_path *path, struct slice text,
					   struct arena *arena, struct diag *diag);

/* Whether both lead to the same place, however they are written. */
bool argument_path_equal(const struct argument_path *a, const struct argument_path *b);

#endif
