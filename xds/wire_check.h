/* Looks over protobuf bytes before anything is made of them: that they are well formed as a message
 * of a type, no deeper than a limit, and that strings are UTF-8 (as proto3 asks; they are shown as
 * JSON) and hold no NUL (C would cut them there). Pure; no allocation. */
#ifndef XDS_WIRE_CHECK_H
#define XDS_WIRE_CHECK_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "base/slice.h"

/* NULL, or in a few words what is wrong. What an Any holds is bytes here: it is looked over when it
 * is unpacked. */
const char *wire_check(struct slice bytes, const ProtobufCMessageDescriptor *type, size_t depth);

#endif
