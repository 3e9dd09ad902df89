#include "filters/sentinel/core/slot.h"

#include "base/attributes.h"

/* The nodes an entry is counted in: cluster; default, if it is another; origin; entrance. */
struct counted {
	struct node *nodes[4];
	unsigned count;
};

static inline void add_node(struct counted *counted, struct node *node)
{
	if (node)
		counted->nodes[counted->count++] = node;
}

static inline struct counted counted_of(const struct entry *entry)
{
	struct counted counted = {.nodes = {entry->request.resource->cluster}, .count = 1};

	add_node(&counted, atomic_load_explicit(&entry->default_node->node, memory_order_acquire));
	add_node(&counted, entry->origin_node);
	add_node(&counted, entry->request.inbound ? entry->sentinel->entrance : NULL);
	return counted;
}

void statistic_slot_pass(struct entry *entry, struct instant now)
{
	struct counted counted = counted_of(entry);
	uint32_t window = leap_window(now.ms);

	for (unsigned i = 0; i < counted.count; i++) {
		node_add_threads(counted.nodes[i], entry->worker, 1);
		node_add_pass(counted.nodes[i], entry->worker, window, entry->request.count);
	}
}

void statistic_slot_priority_wait(struct entry *entry)
{
	struct counted counted = counted_of(entry);

	for (unsigned i = 0; i < counted.count; i++)
		node_add_threads(counted.nodes[i], entry->worker, 1);
}

void statistic_slot_block(struct entry *entry, struct instant now)
{
	struct counted counted = counted_of(entry);
	uint32_t window = leap_window(now.ms);

	for (unsigned i = 0; i < counted.count; i++)
		node_add_block(counted.nodes[i], entry->worker, window, entry->request.count);
}

void statistic_slot_exit(struct entry *entry, struct instant now, int64_t rt_ms)
{
	struct counted counted = counted_of(entry);
	uint32_t window = leap_window(now.ms), n = entry->request.count;
	uint64_t rt = rt_ms > 0 ? (uint64_t)rt_ms : 0;

	for (unsigned i = 0; i < counted.count; i++) {
		node_add_complete(counted.nodes[i], entry->worker, window, rt, n,
				  entry->error ? n : 0);
		node_add_threads(counted.nodes[i], entry->worker, -1);
	}
}
