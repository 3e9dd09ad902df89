/* Where a route sends its requests.
 *
 *   a name  |  named by a request header  |  one of several, by weight
 *
 * Clusters are names with slot numbers (route_hooks.cluster_slot); one that doesn't exist is found
 * out when a request comes. Owner: the table's arena; immutable. Thread: any. */
#ifndef ROUTING_CLUSTER_CHOICE_H
#define ROUTING_CLUSTER_CHOICE_H

#include "message/headers.h"
#include "routing/filter_configs.h"
#include "routing/header_mutation.h"
#include "routing/route_build.h"

struct Envoy__Config__Core__V3__Metadata;
struct Envoy__Config__Route__V3__RouteAction;
struct Envoy__Config__Route__V3__WeightedCluster;

enum cluster_choice_kind {
	CLUSTER_NAMED,
	CLUSTER_FROM_HEADER,
	CLUSTER_WEIGHTED,
};

struct weighted_cluster {
	struct slice name;        /* "" : from_header */
	struct slice from_header; /* names the cluster */
	uint32_t slot;
	uint32_t weight;
	struct slice host_rewrite; /* "" : the route's */
	const struct header_mutations *request, *response;
	struct filter_configs filter_configs;
	const void *metadata_match; /* the route's and its own together */
};

struct weighted_clusters {
	const struct weighted_cluster *items;
	uint32_t count, total_weight;
	struct slice header; /* its number decides; "" : chance */
	bool by_hash;        /* the hash policy's number decides */
};

struct cluster_choice {
	uint8_t kind;  /* enum cluster_choice_kind */
	uint32_t slot; /* NAMED */
	union {
		struct slice name; /* NAMED: its; FROM_HEADER: the header's */
		const struct weighted_clusters *weighted; /* WEIGHTED */
	};
	const void *metadata_match; /* what hosts must hold; NULL: nothing */
};

/* The cluster of an action of HTTP's. Diag's path begins inside `route`. */
enum status MUST_CHECK cluster_choice_load(
	struct cluster_choice *choice, const struct Envoy__Config__Route__V3__RouteAction *message,
	const struct route_build *build, struct diag *diag);

/* A cluster by its name, which is copied. metadata_match may be NULL. Diag's path begins with
 * "cluster" or "metadata_match". */
enum status MUST_CHECK
cluster_choice_load_named(struct cluster_choice *choice, const char *name,
			  const struct Envoy__Config__Core__V3__Metadata *metadata_match,
			  const struct route_build *build, struct diag *diag);

/* One of several. Diag's path begins with "weighted_clusters" or "metadata_match". */
enum status MUST_CHECK
cluster_choice_load_weighted(struct cluster_choice *choice,
			     const struct Envoy__Config__Route__V3__WeightedCluster *message,
			     const struct Envoy__Config__Core__V3__Metadata *metadata_match,
			     const struct route_build *build, struct diag *diag);

/* NULL message: NULL through *metadata. */
enum status MUST_CHECK route_metadata_load(const void **metadata,
					   const struct Envoy__Config__Core__V3__Metadata *message,
					   const struct route_build *build, struct diag *diag);

struct cluster_pick {
	struct slice name;
	uint32_t slot;                           /* CLUSTER_SLOT_NONE: find it by name */
	const struct weighted_cluster *weighted; /* NULL: no weights */
	const void *metadata_match;
};

/* The cluster for one request. hash: of its hash policies, for weights by hash; NULL: none. False
 * when the header that names it is missing. */
bool cluster_choice_pick(const struct cluster_choice *choice, const struct headers *headers,
			 uint64_t random, const uint64_t *hash, struct cluster_pick *pick);

/* Whether a pick looks at the request's header fields. */
static inline bool cluster_choice_asks_headers(const struct cluster_choice *choice)
{
	return choice->kind == CLUSTER_FROM_HEADER ||
	       (choice->kind == CLUSTER_WEIGHTED && choice->weighted->header.len);
}

#endif
