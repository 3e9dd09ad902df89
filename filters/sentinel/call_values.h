/* Values among a call's arguments, read for hot-parameter rules: apart from the core's arguments,
 * whose names for types are those of message/argument_value.h.
 *
 * A generic call's arguments are those of the method it means. Texts live as long as the message's
 * payload. Thread: the stream's. */
#ifndef FILTERS_SENTINEL_CALL_VALUES_H
#define FILTERS_SENTINEL_CALL_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct policy_facts;

enum call_value_kind {
	CALL_VALUE_NONE, /* null, or nothing that can be compared */
	CALL_VALUE_BOOL,
	CALL_VALUE_INT,
	CALL_VALUE_LONG,
	CALL_VALUE_DOUBLE,
	CALL_VALUE_TEXT,
	CALL_VALUE_LIST,
};

struct call_value {
	enum call_value_kind kind;
	int64_t integer;
	double real;
	struct slice text;
};

/* False: there is no argument of that number. */
bool call_value_read(const struct policy_facts *facts, uint32_t argument, struct call_value *value);
/* False: its list has no such element. */
bool call_value_read_element(const struct policy_facts *facts, uint32_t argument, uint32_t element,
			     struct call_value *value);
/* The name of a parameter's type, where the call carries them. False: it doesn't, or has fewer. */
bool call_value_read_type(const struct policy_facts *facts, uint32_t argument, struct slice *type);

#endif
