/* The metadata of one stream: what filters noted down for other filters, for routes, balancers and
 * logs. Envoy's dynamic metadata.
 *
 *   [("envoy.lb", "stage") "prod"] [("jwt", "claims") {"sub": "alice"}] …    as they arrived
 *
 * Owner: the stream's arena; stream_info points at it. What is put in must live as long. Thread:
 * the stream's worker. */
#ifndef MESSAGE_METADATA_H
#define MESSAGE_METADATA_H

#include "message/label.h"

struct metadata {
	struct label *items;
	uint32_t count, capacity;
};

/* Where a value is: a key of a namespace, then keys of the structs inside. */
struct metadata_path {
	struct slice space;
	const struct slice *keys;
	uint32_t count;
};

/* Sets the value of a key; *metadata is made if it is NULL. Copies the label, borrows what it
 * points at; its own names don't count. Pointers to items die. */
void metadata_set(struct metadata **metadata, struct slice space, struct slice key,
		  const struct label *value, struct arena *arena);

/* The value, or NULL: also for a path without keys, and for NULL metadata. Borrowed. */
const struct label *metadata_find(const struct metadata *metadata,
				  const struct metadata_path *path);

#endif
