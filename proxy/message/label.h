/* One value of metadata under its names: what protobuf calls a google.protobuf.Value.
 *
 *   ("envoy.lb", "stage") "prod"     ("envoy.lb", "ports") [80, {"tls": true}]
 *
 * Labels of a host or cluster are in upstream/labels.h, those of a stream in message/metadata.h.
 * Owner: whoever holds the label holds its texts and items; immutable. Thread: any. */
#ifndef MESSAGE_LABEL_H
#define MESSAGE_LABEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

enum { LABEL_DEPTH_MAX = 16 }; /* lists and structs within each other */

enum label_kind {
	LABEL_NULL,
	LABEL_NUMBER,
	LABEL_STRING,
	LABEL_BOOL,
	LABEL_LIST,
	LABEL_STRUCT,
};

struct label {
	struct slice space, key; /* space: "" inside another; key: "" inside a list */
	enum label_kind kind;
	bool truth;
	double number;
	struct slice text;         /* of a string */
	const struct label *items; /* of a list, or of a struct (sorted by key) */
	uint32_t count;
};

/* The same kind and the same value; names don't count. */
bool label_equal(const struct label *a, const struct label *b);
/* As many items with the same names and values, in the same order. */
bool label_items_equal(const struct label *a, const struct label *b, uint32_t count);
/* Equal values of equal kind have equal hashes; names don't count. */
uint64_t label_hash(const struct label *label);

/* The item of a struct, or NULL. Borrowed. */
const struct label *label_item(const struct label *label, struct slice key);

/* Reads a serialised google.protobuf.Value; of a key that comes twice the last value holds. Texts
 * are borrowed from wire, items are in the arena; the label's own names are left alone. False for
 * what is malformed, not UTF-8, or nested deeper than LABEL_DEPTH_MAX. Nothing at all is null. */
bool label_read(struct label *label, struct slice wire, struct arena *arena);

#endif
