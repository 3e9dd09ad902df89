/* A message as JSON text, in the form of Envoy's /config_dump: snake_case names in the order of
 * field numbers, what has its default left out, 64-bit integers and Durations as strings, keys of
 * maps sorted, Anys with @type.
 *
 * Pure. The text lives in the caller's arena. */
#ifndef XDS_MESSAGE_JSON_H
#define XDS_MESSAGE_JSON_H

#include <stdbool.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/slice.h"

struct message_json_options {
	unsigned indent; /* spaces a level; 0: all on one line */
	unsigned depth; /* levels that the text will stand in: lines after the first begin so far in
			 */
	bool with_type; /* "@type" first, as if it stood in an Any */
};

/* The text of a message, without a line end behind it. */
struct slice message_json(const ProtobufCMessage *message,
			  const struct message_json_options *options, struct arena *arena);

#endif
