/* Where a resource in force came from: what /config_dump shows of it.
 *
 * Owner: the record of the resource, which embeds it. Thread: main. */
#ifndef SERVER_DYNAMIC_ORIGIN_H
#define SERVER_DYNAMIC_ORIGIN_H

#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/slice.h"

struct resource_file;

struct origin {
	const ProtobufCMessage *message; /* in `file`, or in the bootstrap. NULL: nothing yet */
	struct resource_file *file;      /* a reference. NULL: the bootstrap */
	char *version_info;              /* heap; NULL: none */
	uint64_t updated_wall_ns;
};

/* A new version is in force. file NULL: from the bootstrap. */
void origin_set(struct origin *origin, const ProtobufCMessage *message, struct resource_file *file,
		uint64_t now_wall_ns);
/* A newer file says the same: the older one may go. */
void origin_move(struct origin *origin, const ProtobufCMessage *message,
		 struct resource_file *file);
void origin_fini(struct origin *origin);

#endif
