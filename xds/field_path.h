/* Where in a message something is, as a chain of frames on the stack of who walks it.
 *
 *   static_resources.listeners[0].filter_chains[0].typed_per_filter_config["envoy.filters.http.fault"].abort
 *
 * Costs nothing until it is printed. */
#ifndef XDS_FIELD_PATH_H
#define XDS_FIELD_PATH_H

#include <stddef.h>

#include "base/slice.h"

enum field_path_kind {
	FIELD_PATH_FIELD,
	FIELD_PATH_INDEX,
	FIELD_PATH_KEY,
};

struct field_path {
	const struct field_path *outer; /* NULL: the outermost */
	enum field_path_kind kind;
	union {
		const char *field;
		size_t index;
		struct slice key;
	};
};

#define FIELD_PATH_OF_FIELD(outer, name)                                                           \
	((struct field_path){(outer), FIELD_PATH_FIELD, {.field = (name)}})
#define FIELD_PATH_OF_INDEX(outer, number)                                                         \
	((struct field_path){(outer), FIELD_PATH_INDEX, {.index = (number)}})
#define FIELD_PATH_OF_KEY(outer, name)                                                             \
	((struct field_path){(outer), FIELD_PATH_KEY, {.key = (name)}})

/* Writes the path, cut to size, with a 0 behind it. A NULL path is "". Returns out. */
char *field_path_print(const struct field_path *path, char *out, size_t size);

#endif
