/* Whole values of Hessian2 or SOFA's grammar as a graph, refs followed: what the product never
 * builds, to be compared with what Java makes of the same bytes.
 *
 * Owner: the arena. Uses the product's own reader, value by value. */
#ifndef SUPPORT_TYPED_VALUE_H
#define SUPPORT_TYPED_VALUE_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "codec/hessian2.h"

struct typed_value {
	enum hessian2_kind kind;
	int64_t integer; /* bool, int, long, date */
	double number;
	struct slice text; /* of a string; of a binary its bytes; the class of an object; the type
			      of a list or map, .data NULL for none */
	struct slice *fields;       /* of an object, `count` names */
	struct typed_value **items; /* fields' values, elements; of a map key, value, … */
	uint32_t count;
};

/* Reads values one by one; refs and types go across them. */
struct typed_reader {
	struct hessian2_reader hessian2;
	struct typed_value **refs; /* lists, maps and objects in the order they begin */
	uint32_t ref_count, ref_capacity;
	struct slice *types;
	uint32_t type_count, type_capacity;
	bool *tags; /* 256, NULL: nobody asks; set for each tag met, but for those within strings
		       and the heads of containers */
};

void typed_reader_init(struct typed_reader *reader, struct slice bytes,
		       const struct hessian2_grammar *grammar, struct arena *arena);

/* The next value, or NULL when it is malformed, nested deeper than 200 or all is read. */
struct typed_value *typed_read(struct typed_reader *reader);

/* The object's value of that field, or NULL. */
struct typed_value *typed_field(const struct typed_value *object, const char *name);

/* What tests/interop/java's Dump makes of the value: {"t": type, "v": value}, … The caller owns it.
 */
json_t *typed_json(const struct typed_value *value, struct arena *arena);

/* Whether both are the same; the entries of maps in any order (Java's are hash maps). */
bool typed_json_equal(json_t *a, json_t *b);

#endif
