#include "filters/sentinel/core/slot.h"

#include "base/attributes.h"

/* The nodes an entry is counted in: cluster; default, if it is another; origin; entrance. */
struct counted {
	struct node *cluster, *own, *origin, *entrance; /* but for the first: or NULL */
};

static inline struct counted counted_of(const struct entry *entry)
{
	return (struct counted){
		.cluster = entry->request.resource->cluster,
		.own = atomic_load_explicit(&entry->default_node->node, memory_order_acquire),
		.origin = entry->origin_node,
		.entrance = entry->request.inbound ? entry->sentinel->entrance : NULL,
	};
}

/* Calls fn(node, ...) for each of them. */
#define FOR_EACH_COUNTED(entry, fn, ...)                                                           \
	do {                                                                                       \
		struct counted counted_ = counted_of(entry);                                       \
		fn(counted_.cluster, __VA_ARGS__);                                                 \
		if (counted_.entrance)                                                             \
			fn(counted_.entrance, __VA_ARGS__);                                        \
		if (UNLIKELY(counted_.own))                                                        \
			fn(counted_.own, __VA_ARGS__);                                             \
		if (counted_.origin)                                                               \
			fn(counted_.origin, __VA_ARGS__);                                          \
	} while (0)

static inline void pass(struct node *node, unsigned worker, uint32_t window, uint32_t n)
{
	node_add_threads(node, worker, 1);
	node_add_pass(node, worker, window, n);
}

void statistic_slot_pass(struct entry *entry, struct instant now)
{
	FOR_EACH_COUNTED(entry, pass, entry->worker, leap_window(now.ms), entry->request.count);
}

/* A store that is seen before later loads of this thread are made. */
static void show(struct node *node, unsigned worker)
{
	atomic_fetch_add(&node->windows.shards[worker].threads, 0);
}

void statistic_slot_pass_visibly(struct entry *entry, struct instant now)
{
	statistic_slot_pass(entry, now);
	FOR_EACH_COUNTED(entry, show, entry->worker);
}

static void retract(struct node *node, unsigned worker, uint32_t window, uint32_t n)
{
	node_add_threads(node, worker, -1);
	node_take_back_pass(node, worker, window, n);
	node_add_block(node, worker, window, n);
}

void statistic_slot_retract(struct entry *entry, struct instant now)
{
	FOR_EACH_COUNTED(entry, retract, entry->worker, leap_window(now.ms), entry->request.count);
}

void statistic_slot_priority_wait(struct entry *entry)
{
	FOR_EACH_COUNTED(entry, node_add_threads, entry->worker, 1);
}

void statistic_slot_block(struct entry *entry, struct instant now)
{
	FOR_EACH_COUNTED(entry, node_add_block, entry->worker, leap_window(now.ms),
			 entry->request.count);
}

struct completion {
	uint32_t rt_ms, n, exceptions;
};

static inline void complete(struct node *node, unsigned worker, uint32_t window,
			    struct completion what)
{
	node_add_complete(node, worker, window, what.rt_ms, what.n, what.exceptions);
	node_add_threads(node, worker, -1);
}

void statistic_slot_exit(struct entry *entry, struct instant now, int64_t rt_ms)
{
	struct completion what = {
		.rt_ms = rt_ms > 0 ? (rt_ms < UINT32_MAX ? (uint32_t)rt_ms : UINT32_MAX) : 0,
		.n = entry->request.count,
		.exceptions = entry->error ? entry->request.count : 0,
	};

	FOR_EACH_COUNTED(entry, complete, entry->worker, leap_window(now.ms), what);
}
