/* The types that an Any may hold, by name; and the form in which a decoded Any is kept
 * (proto/any_message.h).
 *
 * Pure: a constant table. */
#ifndef XDS_ANY_H
#define XDS_ANY_H

#include "base/slice.h"
#include "xds/proto/any_message.h"

/* "type.googleapis.com/a.b.C" gives "a.b.C": what stands behind the last slash. */
struct slice any_type_name(struct slice type_url);

/* The type of that full name ("envoy.config.cluster.v3.Cluster"), or NULL if no Any may hold such a
 * message. */
const ProtobufCMessageDescriptor *any_type_find(struct slice name);

/* The type whose name was probably meant: of those whose last part is the name's, or near to it,
 * the one with the most in common; NULL if there is none. */
const ProtobufCMessageDescriptor *any_type_suggest(struct slice name);

/* The types in the order of their names, NULL behind the last. */
const ProtobufCMessageDescriptor *any_type_at(size_t index);

/* Makes any a decoded one that holds message. Both live as long as the caller's arena. */
void any_set(Google__Protobuf__Any *any, char *type_url, const ProtobufCMessage *message);

#endif
