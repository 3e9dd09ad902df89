/* One rule of constraints.h against one field. Pure. */
#ifndef XDS_CONSTRAINT_CHECK_H
#define XDS_CONSTRAINT_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "constraints.h"

enum {
	CONSTRAINT_TEXT = 256,
};

/* Where the fault is, below the field. */
struct constraint_fault {
	size_t index; /* of the value in a repeated field, or SIZE_MAX: the field as a whole */
	bool is_of_message; /* the message as a whole: no field of a oneof is set */
	char text[CONSTRAINT_TEXT];
};

/* True if the field keeps the rule; else fault says how not. */
bool constraint_holds(const struct constraint *constraint, const ProtobufCMessage *message,
		      const ProtobufCFieldDescriptor *field, struct constraint_fault *fault);

#endif
