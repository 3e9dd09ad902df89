#include "server/dynamic_origin.h"

#include <stdlib.h>
#include <string.h>

#include "server/subscriptions.h"

void origin_move(struct origin *origin, const ProtobufCMessage *message, struct resource_file *file)
{
	struct resource_file *old = origin->file;

	origin->message = message;
	origin->file = file ? resource_file_take(file) : NULL;
	resource_file_drop(old);
}

void origin_set(struct origin *origin, const ProtobufCMessage *message, struct resource_file *file,
		uint64_t now_wall_ns)
{
	origin_move(origin, message, file);
	origin->updated_wall_ns = now_wall_ns;
	free(origin->version_info);
	origin->version_info = NULL;
	if (!file)
		return;
	struct slice version = file->resources.version_info;
	origin->version_info = strndup(version.data, version.len);
	invariant(origin->version_info);
}

void origin_fini(struct origin *origin)
{
	resource_file_drop(origin->file);
	free(origin->version_info);
	*origin = (struct origin){0};
}
