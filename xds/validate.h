/* Checks a message, whatever it came from (a file, a control plane), before anything is built of
 * it: the constraints of constraints.h, enum values that have a name, and that nothing is asked
 * which we don't do (unsupported.h). Decoded Anys are checked with the rest.
 *
 * Pure. Goes on after a fault, up to VALIDATE_MAX_FAULTS. */
#ifndef XDS_VALIDATE_H
#define XDS_VALIDATE_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

#include "base/diag.h"
#include "base/status.h"

enum {
	VALIDATE_MAX_FAULTS = 20,
};

struct validate_options {
	bool allow_unsupported; /* a warning instead of a fault */
	/* Called for every warning, and every fault but the first (which is in the diag); may be
	 * NULL. */
	void (*report)(void *context, const struct diag *diag, bool is_fault);
	void *context;
};

/* path is what stands in front in messages ("resources[2]", ""). options may be NULL. diag gets
 * path and text of the first fault: document_place adds file and line. STATUS_INVALID. */
MUST_CHECK enum status message_validate(const ProtobufCMessage *message, const char *path,
					const struct validate_options *options, struct diag *diag);

#endif
