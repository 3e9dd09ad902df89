/* Merges one message into another of its type, as protobuf does: scalars that are set overwrite,
 * lists append, messages merge, a oneof takes the new choice. An Any is a value: the new one
 * overwrites. */
#ifndef XDS_MESSAGE_MERGE_H
#define XDS_MESSAGE_MERGE_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

/* into shares what it takes of from; both must live as long as arena, which the longer lists come
 * from. */
void message_merge(ProtobufCMessage *into, const ProtobufCMessage *from, struct arena *arena);

#endif
