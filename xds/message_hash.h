/* A number that tells whether two messages of a type say the same. Fields at their defaults, the
 * order of a map's entries and whether an Any is decoded don't count (of an undecoded one, its
 * bytes do). Pure. */
#ifndef XDS_MESSAGE_HASH_H
#define XDS_MESSAGE_HASH_H

#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

uint64_t message_hash(const ProtobufCMessage *message);

#endif
