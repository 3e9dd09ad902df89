/* Node: the statistics of one thing (StatisticNode): a resource (ClusterNode), a resource by way of
 * one context (DefaultNode), a resource for one caller (origin node), all inbound traffic (entrance
 * node).
 *
 * Reading at a moment also begins the window of that moment for what was borrowed from it, as in
 * Java; so readers take a node that isn't const.
 *
 * Owner: whoever made it. Thread: counting on the worker given, reading on any. */
#ifndef SENTINEL_CORE_NODE_H
#define SENTINEL_CORE_NODE_H

#include <stdint.h>

#include "filters/sentinel/core/leap_array.h"

struct node {
	struct leap_array windows;
};

/* Bytes of a node for that many workers, a multiple of 64; aligned to 64. */
size_t node_size(unsigned workers);
/* In place, with windows empty at `window`. */
void node_init(struct node *node, unsigned workers, uint32_t window);
void node_fini(struct node *node);

/* On the heap. Returns owned. */
struct node *node_new(unsigned workers, uint32_t window);
/* One with the same counts, whoever counts meanwhile. Returns owned. */
struct node *node_clone(const struct node *node);
/* NULL is fine. */
void node_free(struct node *node);

static inline void node_add_threads(struct node *node, unsigned worker, int change)
{
	_Atomic int32_t *threads = &node->windows.shards[worker].threads;
	atomic_store_explicit(threads, atomic_load_explicit(threads, memory_order_relaxed) + change,
			      memory_order_relaxed);
}

static inline void node_add_pass(struct node *node, unsigned worker, uint32_t window, uint32_t n)
{
	struct metric_bucket *bucket = leap_array_current(&node->windows, worker, window);
	if (bucket)
		leap_add(&bucket->pass, n);
}

/* Undoes node_add_pass of the same window. */
static inline void node_take_back_pass(struct node *node, unsigned worker, uint32_t window,
				       uint32_t n)
{
	struct metric_bucket *bucket = leap_array_current(&node->windows, worker, window);
	uint32_t pass = bucket ? atomic_load_explicit(&bucket->pass, memory_order_relaxed) : 0;
	if (bucket)
		atomic_store_explicit(&bucket->pass, pass > n ? pass - n : 0, memory_order_relaxed);
}

static inline void node_add_block(struct node *node, unsigned worker, uint32_t window, uint32_t n)
{
	struct metric_bucket *bucket = leap_array_current(&node->windows, worker, window);
	if (bucket)
		leap_add(&bucket->block, n);
}

/* An entry that passed is over after rt_ms. exceptions: n, or 0. */
static inline void node_add_complete(struct node *node, unsigned worker, uint32_t window,
				     uint32_t rt_ms, uint32_t n, uint32_t exceptions)
{
	struct metric_bucket *bucket = leap_array_current(&node->windows, worker, window);
	if (!bucket)
		return;
	leap_add(&bucket->success, n);
	leap_add(&bucket->rt, rt_ms);
	if (rt_ms < atomic_load_explicit(&bucket->min_rt, memory_order_relaxed))
		atomic_store_explicit(&bucket->min_rt, rt_ms, memory_order_relaxed);
	if (exceptions)
		leap_add(&bucket->exception, exceptions);
}

/* Rates a second, as of the window. */
static inline double node_pass_qps(struct node *node, uint32_t window)
{
	return (double)(int64_t)leap_array_pass(&node->windows, window);
}
static inline int64_t node_threads(const struct node *node)
{
	return leap_array_threads(&node->windows);
}

/* Passes of the second before this one. */
uint64_t node_previous_pass(const struct node *node, uint32_t window);

/* How long a prioritized entry of n has to wait for a pass of the next window under a limit:
 * SENTINEL_OCCUPY_TIMEOUT_MS or more when there is none to be had. */
int64_t node_try_occupy_next(struct node *node, int64_t now_ms, uint32_t n, double threshold);
/* Takes it. */
void node_occupy(struct node *node, int64_t now_ms, int64_t wait_ms, uint32_t n);

/* All there is to know, in Sentinel's words. */
struct node_view {
	double pass_qps, block_qps, total_qps, success_qps, exception_qps;
	double avg_rt, min_rt, max_success_qps, occupied_pass_qps;
	double previous_pass_qps, previous_block_qps;
	int64_t threads, waiting;
	uint64_t minute_pass, minute_block, minute_success, minute_exception;
};

void node_view(struct node *node, int64_t now_ms, struct node_view *view);

/* Of the second: averageRt, minRt and maxSuccessQps, for the system rules. */
struct node_load {
	double avg_rt, min_rt, max_success_qps;
};

void node_load(struct node *node, uint32_t window, struct node_load *load);

#endif
