/* What a message may not say although each of its fields may: rules over several fields of one
 * resource, as Envoy has them when it builds it. Rules over several resources (an unknown cluster)
 * belong to who holds them all.
 *
 * Pure. Stops at the first fault. */
#ifndef XDS_SEMANTICS_H
#define XDS_SEMANTICS_H

#include <protobuf-c/protobuf-c.h>

#include "base/diag.h"
#include "base/status.h"

/* Checks a message and all inside it. path stands in front in diag->path. STATUS_INVALID. */
MUST_CHECK enum status semantics_check(const ProtobufCMessage *message, const char *path,
				       struct diag *diag);

#endif
