/* Dubbo's rules in Dubbo's YAML, as they stand in its configuration centre: nothing around them
 * says what they are.
 *
 *   tags: …                              DubboTagRule
 *   conditions: …                        DubboConditionRule; configVersion v3.1:
 *                                        DubboMultiDestinationRule
 *   kind: VirtualService, DestinationRule
 *   script: …                            DubboScriptRule, to be refused where it is used
 *
 * A text may hold several documents with --- between them. Faults have file, line, column and path.
 * Owner: the messages live in the arena. Thread: any. */
#ifndef XDS_DUBBO_YAML_H
#define XDS_DUBBO_YAML_H

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/slice.h"
#include "base/status.h"

enum {
	DUBBO_YAML_DOCUMENTS = 10000,
	DUBBO_YAML_BYTES = 16 << 20,
};

/* file may be NULL. STATUS_INVALID, _MALFORMED or _TOO_LARGE with a diag. */
MUST_CHECK enum status dubbo_yaml_read(struct slice text, const char *file, struct arena *arena,
				       const ProtobufCMessage *const **messages, size_t *count,
				       struct diag *diag);

#endif
