/* Finds a value in others by the steps of an argument's path (message/argument_path.h), in either
 * grammar.
 *
 * What stands before the value is stepped over, nothing else is decoded. A step into a map looks at
 * all of its entries: of equal keys the last holds, as in Java. A ref is followed by reading again
 * from the reader's first byte; HESSIAN2_RESCAN and the length bound how much, the reader's items
 * count on. Thread: any, one at a time. */
#ifndef CODEC_HESSIAN2_PATH_H
#define CODEC_HESSIAN2_PATH_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/status.h"

struct argument_step;
struct argument_value;
struct hessian2_reader;

/* Steps over class definitions, and goes where a ref at pos leads to: then hessian2_kind is that of
 * the value itself. Fails as hessian2_skip. */
MUST_CHECK enum status hessian2_settle(struct hessian2_reader *reader);

/* Goes from the value at pos down to the one that the steps lead to; *found is false when there is
 * none (then pos means nothing). Needs the reader's arena. Fails as hessian2_skip. */
MUST_CHECK enum status hessian2_descend(struct hessian2_reader *reader,
					const struct argument_step *steps, unsigned count,
					bool *found);

/* What stands at pos, which isn't stepped over (pos means nothing then). Of lists, maps and objects
 * the kind only; an object whose one field is a string `name` is an enum. */
MUST_CHECK enum status hessian2_read_value(struct hessian2_reader *reader,
					   struct argument_value *value);

/* Both: what the steps lead to, ARGUMENT_ABSENT if there is nothing. */
MUST_CHECK enum status hessian2_read_at(struct hessian2_reader *reader,
					const struct argument_step *steps, unsigned count,
					struct argument_value *value);

#endif
