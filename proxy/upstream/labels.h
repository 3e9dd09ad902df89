/* The metadata of a host, a locality or a cluster: values under (namespace, key), immutable and
 * shared.
 *
 *   labels: [("envoy.lb","stage") "prod"] [("envoy.lb","version") "2"] …      sorted by namespace,
 * then key
 *
 * Equal metadata is one object within a host set and its successors (labels_pool); it is counted,
 * because a picked host may outlive the set that named it.
 *
 * Owner: the references. Thread: any; immutable but for the count. */
#ifndef UPSTREAM_LABELS_H
#define UPSTREAM_LABELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

struct Envoy__Config__Core__V3__Metadata;
struct Google__Protobuf__Struct;

enum label_kind {
	LABEL_NULL,
	LABEL_NUMBER,
	LABEL_STRING,
	LABEL_BOOL,
	LABEL_LIST,
	LABEL_STRUCT,
};

struct label {
	struct slice space, key; /* key: "" inside a list */
	enum label_kind kind;
	bool truth;
	double number;
	struct slice text;         /* of a string */
	const struct label *items; /* of a list, or of a struct (sorted by key) */
	uint32_t count;
};

struct labels {
	uint64_t hash; /* equal contents have equal hashes */
	uint32_t count;
	uint32_t references; /* atomic */
	size_t size;         /* bytes of heap */
	struct label items[];
};

/* Returns owned. NULL message: no labels. */
struct labels *labels_new(const struct Envoy__Config__Core__V3__Metadata *message);
/* The same, dropped with the arena. NULL message: NULL. */
const struct labels *labels_load(const struct Envoy__Config__Core__V3__Metadata *message,
				 struct arena *arena);
/* The fields of one struct, under one namespace. */
struct labels *labels_of_struct(struct slice space, const struct Google__Protobuf__Struct *fields);
struct labels *labels_take(const struct labels *labels);
/* NULL: nothing. */
void labels_drop(const struct labels *labels);

/* The same, for arena_defer. */
void labels_drop_deferred(void *labels);

bool labels_equal(const struct labels *a, const struct labels *b);

/* Borrows; NULL if absent (or labels is NULL). */
const struct label *labels_find(const struct labels *labels, struct slice space, struct slice key);

/* True when `labels` has each of `wanted` with its value. */
bool labels_hold(const struct labels *labels, const struct labels *wanted);

/* The same kind and the same value. */
bool label_equal(const struct label *a, const struct label *b);
/* Equal values of equal kind have equal hashes; names don't count. */
uint64_t label_hash(const struct label *label);

#endif
