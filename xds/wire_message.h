/* Protobuf bytes (of a control plane) to a message like those of yaml_message.h: Anys decoded,
 * TypedStructs turned into what they stand for.
 *
 * Bytes are checked before they are unpacked: depth, and strings without NUL. Fields we don't know
 * are warnings, a type that isn't known leaves its Any undecoded.
 *
 * Owner: the message and all of it live in the caller's arena. Thread: any, one arena each. */
#ifndef XDS_WIRE_MESSAGE_H
#define XDS_WIRE_MESSAGE_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

enum {
	WIRE_MESSAGE_MAX_DEPTH = 100,
};

struct wire_options {
	/* Called for every warning; may be NULL. */
	void (*report)(void *context, const struct diag *diag, bool is_fault);
	void *context;
};

/* options may be NULL. STATUS_MALFORMED for bytes that aren't such a message or nest too deep,
 * STATUS_TOO_LARGE for Anys that do, STATUS_INVALID for a TypedStruct that isn't what it stands
 * for; diag has path and text. */
MUST_CHECK enum status wire_message_unpack(struct slice bytes,
					   const ProtobufCMessageDescriptor *type,
					   const struct wire_options *options, struct arena *arena,
					   ProtobufCMessage **message, struct diag *diag);

#endif
