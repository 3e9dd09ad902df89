/* What an Any holds, already decoded.
 *
 * Everything that comes out of xds/ (a file, an answer of a control plane) has its Anys decoded
 * once, there: `value` is empty and its data points at the message (xds/any.c writes it so). A
 * reader needs this header only.
 *
 * Owner: the arena of the message around the Any. Immutable. */
#ifndef XDS_PROTO_ANY_MESSAGE_H
#define XDS_PROTO_ANY_MESSAGE_H

#include <stdbool.h>

#include "google/protobuf/any.pb-c.h"

/* The message inside, or NULL: no Any, or its type isn't known to this program (its name is in
 * any->type_url). Look at
 * ->descriptor before the cast, or use any_message_of. A TypedStruct is shown as the message it
 * stands for; it is itself only when that type isn't known. Borrowed. */
static inline const ProtobufCMessage *any_message(const Google__Protobuf__Any *any)
{
	return any && !any->value.len ? (const ProtobufCMessage *)(const void *)any->value.data
				      : NULL;
}

/* The message inside if it is of this type, else NULL. */
static inline const void *any_message_of(const Google__Protobuf__Any *any,
					 const ProtobufCMessageDescriptor *type)
{
	const ProtobufCMessage *message = any_message(any);
	return message && message->descriptor == type ? message : NULL;
}

#endif
