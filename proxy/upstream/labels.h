/* The metadata of a host, a locality or a cluster: values under (namespace, key), immutable and
 * shared.
 *
 *   labels: [("envoy.lb","stage") "prod"] [("envoy.lb","version") "2"] …
 *           sorted by namespace, then key
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
#include "message/label.h"

struct Envoy__Config__Core__V3__Metadata;
struct Google__Protobuf__Struct;

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

#endif
