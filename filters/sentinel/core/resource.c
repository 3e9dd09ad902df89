#include "filters/sentinel/core/resource.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "base/hash.h"

enum { ORIGINS_MAX = 10000 }; /* of one resource: names come from callers */

/* An entry of `size` bytes with a copy of the name behind it. */
static void *entry_new(size_t size, struct slice name, uint64_t hash)
{
	struct name_entry *entry = calloc(1, size + name.len);

	invariant(entry);
	if (name.len)
		memcpy((char *)entry + size, name.data, name.len);
	entry->hash = hash;
	entry->name = slice_make((char *)entry + size, name.len);
	return entry;
}

struct resource *resource_new(struct slice name, uint64_t hash, uint32_t id,
			      enum resource_type type, unsigned workers, uint32_t window)
{
	size_t before = node_size(workers), size = sizeof(struct resource) + name.len;
	void *block;

	invariant(!posix_memalign(&block, 64, before + size));
	struct resource *resource = (struct resource *)(void *)((char *)block + before);
	memset(resource, 0, sizeof(*resource));
	if (name.len)
		memcpy(resource + 1, name.data, name.len);
	resource->entry.name = slice_make(resource + 1, name.len);
	resource->entry.hash = hash;
	resource->id = id;
	resource->type = (uint8_t)type;
	resource->cluster = block;
	node_init(resource->cluster, workers, window);
	return resource;
}

static unsigned workers_of(const struct resource *resource)
{
	return resource->cluster->windows.shard_count;
}

static void free_origin(struct name_entry *entry)
{
	struct origin_node *origin = (struct origin_node *)(void *)entry;

	node_free(origin->node);
	free(origin);
}

void resource_free(struct resource *resource)
{
	struct default_node *node = atomic_load_explicit(&resource->contexts, memory_order_acquire);
	struct name_table *origins = atomic_load_explicit(&resource->origins, memory_order_acquire);

	while (node) {
		struct default_node *next = node->next;
		node_free(atomic_load_explicit(&node->node, memory_order_relaxed));
		if (node != &resource->first)
			free(node);
		node = next;
	}
	if (origins)
		name_table_fini(origins, free_origin);
	free(origins);
	node_fini(resource->cluster);
	free(resource->cluster); /* with all of it */
}

static struct default_node *find_default(struct default_node *node, const struct context *context)
{
	while (node && node->context != context)
		node = node->next;
	return node;
}

/* Gives a node of its own to one that shared the cluster node. */
static void part(struct default_node *node, struct node *own)
{
	struct node *none = NULL;

	if (!atomic_compare_exchange_strong_explicit(&node->node, &none, own, memory_order_acq_rel,
						     memory_order_acquire))
		node_free(own);
}

static struct default_node *new_default(struct resource *resource)
{
	struct default_node *node = &resource->first;

	if (atomic_exchange_explicit(&resource->is_first_taken, true, memory_order_relaxed))
		node = calloc(1, sizeof(*node));
	invariant(node);
	return node;
}

static COLD struct default_node *add_default(struct resource *resource,
					     const struct context *context, uint32_t window)
{
	struct default_node *node = new_default(resource), *first;

	node->context = context;
	first = atomic_load_explicit(&resource->contexts, memory_order_acquire);
	do {
		struct default_node *other = find_default(first, context);
		if (other) {
			node_free(atomic_load_explicit(&node->node, memory_order_relaxed));
			if (node != &resource->first)
				free(node);
			return other;
		}
		node->next = first;
		if (first && !atomic_load_explicit(&node->node, memory_order_relaxed))
			part(node, node_new(workers_of(resource), window));
	} while (!atomic_compare_exchange_weak_explicit(
		&resource->contexts, &first, node, memory_order_acq_rel, memory_order_acquire));
	if (first && !first->next && !atomic_load_explicit(&first->node, memory_order_acquire))
		part(first, node_clone(resource->cluster));
	return node;
}

struct node *resource_part_default_node(const struct resource *resource, struct default_node *node)
{
	if (!atomic_load_explicit(&node->node, memory_order_acquire))
		part(node, node_clone(resource->cluster));
	return atomic_load_explicit(&node->node, memory_order_acquire);
}

struct default_node *resource_default_node(struct resource *resource, const struct context *context,
					   uint32_t window)
{
	struct default_node *node = find_default(
		atomic_load_explicit(&resource->contexts, memory_order_acquire), context);
	return LIKELY(node != NULL) ? node : add_default(resource, context, window);
}

static struct name_table *origins_of(struct resource *resource)
{
	struct name_table *origins = atomic_load_explicit(&resource->origins, memory_order_acquire);
	struct name_table *made;

	if (LIKELY(origins != NULL))
		return origins;
	made = malloc(sizeof(*made));
	invariant(made);
	name_table_init(made, 64);
	made->limit = ORIGINS_MAX;
	if (atomic_compare_exchange_strong_explicit(&resource->origins, &origins, made,
						    memory_order_acq_rel, memory_order_acquire))
		return made;
	name_table_fini(made, free_origin);
	free(made);
	return origins;
}

struct node *resource_origin_node(struct resource *resource, struct slice origin, uint32_t window)
{
	struct name_table *origins = origins_of(resource);
	uint64_t hash = hash_bytes(origin);
	struct name_entry *found = name_table_find(origins, origin, hash);

	if (UNLIKELY(!found)) {
		if (name_table_is_full(origins))
			return NULL;
		struct origin_node *made = entry_new(sizeof(*made), origin, hash);
		made->node = node_new(workers_of(resource), window);
		found = name_table_add(origins, &made->entry);
		if (found != &made->entry)
			free_origin(&made->entry);
	}
	return ((struct origin_node *)(void *)found)->node;
}
