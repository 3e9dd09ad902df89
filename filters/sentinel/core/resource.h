/* A resource: its place in the node tree.
 *
 *   resource ── cluster node (all of its entries)
 *        ├───── by context: default node; while there is one context only, it is the cluster node
 *        └───── by origin: origin node
 *
 *   in one block:  node (cluster) | resource, first default node | name
 *
 * When a second context appears, the first one's node begins as a copy of the cluster node. So a
 * resource that is reached one way costs one node (two, if calls of another process ran at a
 * take-over: core_transfer.c).
 *
 * Owner: a sentinel, until its end. Thread: any. */
#ifndef SENTINEL_CORE_RESOURCE_H
#define SENTINEL_CORE_RESOURCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "filters/sentinel/core/name_table.h"
#include "filters/sentinel/core/node.h"

enum resource_type {
	RESOURCE_COMMON = 0,
	RESOURCE_WEB = 1,
	RESOURCE_RPC = 2,
	RESOURCE_API_GATEWAY = 3,
	RESOURCE_DB_SQL = 4,
};

/* Where calls enter: the name that chain rules refer to. */
struct context {
	struct name_entry entry;
	uint32_t id;
};

/* DefaultNode: a resource by way of a context. */
struct default_node {
	struct default_node *next;
	const struct context *context;
	_Atomic(struct node *) node; /* NULL: the cluster node serves */
};

struct origin_node {
	struct name_entry entry;
	struct node *node;
};

struct resource {
	struct name_entry entry;
	uint32_t id;                 /* from 0, in the order of appearance */
	uint8_t type;                /* enum resource_type */
	_Atomic bool is_first_taken; /* `first` */
	struct node *cluster;
	_Atomic(struct default_node *) contexts;
	_Atomic(struct name_table *) origins; /* NULL: none yet */
	struct default_node first;            /* most have one only */
};

/* Copies the name. Returns owned. */
struct resource *resource_new(struct slice name, uint64_t hash, uint32_t id,
			      enum resource_type type, unsigned workers, uint32_t window);
void resource_free(struct resource *resource);

/* Finds or makes; `window` is that of now. An origin too many: NULL. */
struct default_node *resource_default_node(struct resource *resource, const struct context *context,
					   uint32_t window);
struct node *resource_origin_node(struct resource *resource, struct slice origin, uint32_t window);

/* Its own node, from now on apart from the cluster node. */
struct node *resource_part_default_node(const struct resource *resource, struct default_node *node);

/* The node that has the statistics of the resource by way of that context. */
static inline struct node *default_node_of(const struct resource *resource,
					   const struct default_node *node)
{
	struct node *own = atomic_load_explicit(&node->node, memory_order_acquire);
	return own ? own : resource->cluster;
}

#endif
