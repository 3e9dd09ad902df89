/* A document's nodes to a protobuf message, by walking its descriptor: names in snake_case or
 * lowerCamelCase, enums by name or number, wrappers, Duration, Struct and Any in their JSON forms
 * (well_known.c). null is a field that isn't there; in a list or a map, an empty value.
 *
 * It goes on after a fault to find the next ones, up to READER_MAX_FAULTS. Owner: the caller of
 * yaml_message.h. */
#ifndef XDS_MESSAGE_READER_H
#define XDS_MESSAGE_READER_H

#include <protobuf-c/protobuf-c.h>

#include "document.h"
#include "field_path.h"
#include "yaml_message.h"

enum {
	READER_MAX_FAULTS = 20,
};

struct reader {
	const struct document *document;
	const struct yaml_options *options;
	struct arena *arena;
	struct diag *diag; /* of the first fault */
	size_t faults;
	size_t budget; /* nodes still to be read: an alias counts each time */
	size_t depth;  /* of messages still allowed: aliases nest deeper than the text */
};

/* A message of the type from a map. NULL if there was a fault. */
ProtobufCMessage *reader_message(struct reader *reader, const ProtobufCMessageDescriptor *type,
				 const struct node *node, const struct field_path *path);

/* The same without the key "@type", which says the type of what an Any holds. */
ProtobufCMessage *reader_any_content(struct reader *reader, const ProtobufCMessageDescriptor *type,
				     const struct node *node, const struct field_path *path);

/* True if type's JSON form is its own; then *message is the message, or NULL after a fault. */
bool reader_well_known(struct reader *reader, const ProtobufCMessageDescriptor *type,
		       const struct node *node, const struct field_path *path,
		       ProtobufCMessage **message);

/* Writes a scalar to its place in a message. False after a fault. */
bool reader_scalar(struct reader *reader, const ProtobufCFieldDescriptor *field,
		   const struct node *node, const struct field_path *path, void *slot);

/* A zeroed message with its defaults. */
ProtobufCMessage *reader_new(struct reader *reader, const ProtobufCMessageDescriptor *type);

/* False, and a fault, when what is to be read is over the limits. */
bool reader_spend(struct reader *reader, const struct node *node, const struct field_path *path);

/* Adds a fault at a node. */
PRINTF_LIKE(4, 5)
void reader_fault(struct reader *reader, const struct node *node, const struct field_path *path,
		  const char *format, ...);

/* Says it, and goes on. */
PRINTF_LIKE(4, 5)
void reader_warn(struct reader *reader, const struct node *node, const struct field_path *path,
		 const char *format, ...);

#endif
