/* YAML or JSON text to a protobuf message.
 *
 * Unknown fields and types, wrong values and unknown enum names are faults with file, line, column,
 * path and, where one is near, the name that was meant. Anys are decoded (proto/any_message.h); a
 * TypedStruct becomes the message that it stands for if its type is known. Nothing is checked here
 * that the types don't say: see validate.h.
 *
 * Owner: the message and all of it live in the caller's arena. Thread: any, one arena each. Limits:
 * document.h. */
#ifndef XDS_YAML_MESSAGE_H
#define XDS_YAML_MESSAGE_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"
#include "document.h"

struct yaml_options {
	bool allow_unknown; /* fields and types: a warning instead of a fault */
	/* Called for every warning, and every fault but the first (which is in the diag); may be
	 * NULL. */
	void (*report)(void *context, const struct diag *diag, bool is_fault);
	void *context;
};

/* Reads the message of a document. options may be NULL. On failure diag has the first fault, the
 * others were reported. STATUS_INVALID, STATUS_TOO_LARGE. */
MUST_CHECK enum status yaml_message_read(const struct document *document,
					 const ProtobufCMessageDescriptor *type,
					 const struct yaml_options *options, struct arena *arena,
					 ProtobufCMessage **message, struct diag *diag);

/* The same for one node of the document, which has the path `path` ("resources[3]"). */
MUST_CHECK enum status
yaml_message_read_node(const struct document *document, const struct node *node, const char *path,
		       const ProtobufCMessageDescriptor *type, const struct yaml_options *options,
		       struct arena *arena, ProtobufCMessage **message, struct diag *diag);

/* Parses and reads a text at once. The format follows file's name (document_format_of); file may be
 * NULL. */
MUST_CHECK enum status yaml_message_parse(struct slice text, const char *file,
					  const ProtobufCMessageDescriptor *type,
					  const struct yaml_options *options, struct arena *arena,
					  ProtobufCMessage **message, struct diag *diag);

#endif
