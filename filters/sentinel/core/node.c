#include "filters/sentinel/core/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

size_t node_size(unsigned workers)
{
	return (leap_array_size(workers) + (size_t)63) & ~(size_t)63;
}

void node_init(struct node *node, unsigned workers, uint32_t window)
{
	memset(node, 0, node_size(workers));
	leap_array_init(&node->windows, workers, window);
}

void node_fini(struct node *node)
{
	leap_array_fini(&node->windows);
}

static struct node *allocate(unsigned workers)
{
	struct node *node = aligned_alloc(64, node_size(workers));

	invariant(node);
	return node;
}

struct node *node_new(unsigned workers, uint32_t window)
{
	struct node *node = allocate(workers);

	node_init(node, workers, window);
	return node;
}

struct node *node_clone(const struct node *node)
{
	struct node *clone = allocate(node->windows.shard_count);

	memset(clone, 0, node_size(node->windows.shard_count));
	leap_array_copy(&clone->windows, &node->windows);
	return clone;
}

void node_free(struct node *node)
{
	if (!node)
		return;
	node_fini(node);
	free(node);
}

uint64_t node_previous_pass(const struct node *node, uint32_t window)
{
	struct leap_sum sum;

	leap_array_second_at(&node->windows, window / 2 - 1, &sum);
	return sum.pass;
}

int64_t node_try_occupy_next(struct node *node, int64_t now_ms, uint32_t n, double threshold)
{
	uint32_t window = leap_window(now_ms);
	uint64_t borrow = leap_array_waiting(&node->windows, window);

	if ((double)borrow >= threshold)
		return SENTINEL_OCCUPY_TIMEOUT_MS;
	/* the older of the two windows is the one that leaves first; with two of them the second to
	 * leave is always beyond the time-out */
	int64_t wait = SENTINEL_WINDOW_MS - now_ms % SENTINEL_WINDOW_MS;
	uint64_t pass = leap_array_pass(&node->windows, window);
	uint64_t leaving = leap_array_pass_at(&node->windows, window - 1);
	if (wait < SENTINEL_OCCUPY_TIMEOUT_MS &&
	    (double)(pass + borrow + n) - (double)leaving <= threshold)
		return wait;
	return SENTINEL_OCCUPY_TIMEOUT_MS;
}

void node_occupy(struct node *node, int64_t now_ms, int64_t wait_ms, uint32_t n)
{
	uint32_t window = leap_window(now_ms);

	leap_array_add_waiting(&node->windows, window, leap_window(now_ms + wait_ms), n);
	leap_array_add_occupied(&node->windows, window, n);
}

static double average_rt(const struct leap_sum *sum)
{
	return sum->success ? (double)sum->rt / (double)sum->success : 0;
}

static uint64_t at_least_1(uint64_t n)
{
	return n ? n : 1;
}

void node_load(struct node *node, uint32_t window, struct node_load *load)
{
	struct leap_sum sum;

	leap_array_second(&node->windows, window, &sum);
	load->avg_rt = average_rt(&sum);
	load->min_rt = (double)at_least_1(sum.min_rt);
	load->max_success_qps =
		(double)at_least_1(sum.success_max) * (SENTINEL_INTERVAL_MS / SENTINEL_WINDOW_MS);
}

void node_view(struct node *node, int64_t now_ms, struct node_view *view)
{
	uint32_t window = leap_window(now_ms);
	struct leap_sum second, minute, previous;
	struct node_load load;

	leap_array_second(&node->windows, window, &second);
	leap_array_minute(&node->windows, window, &minute);
	leap_array_second_at(&node->windows, window / 2 - 1, &previous);
	node_load(node, window, &load);
	*view = (struct node_view){
		.pass_qps = (double)second.pass,
		.block_qps = (double)second.block,
		.total_qps = (double)(second.pass + second.block),
		.success_qps = (double)second.success,
		.exception_qps = (double)second.exception,
		.avg_rt = load.avg_rt,
		.min_rt = load.min_rt,
		.max_success_qps = load.max_success_qps,
		.previous_pass_qps = (double)previous.pass,
		.previous_block_qps = (double)previous.block,
		.threads = node_threads(node),
		.waiting = (int64_t)leap_array_waiting(&node->windows, window),
		.minute_pass = minute.pass,
		.minute_block = minute.block,
		.minute_success = minute.success,
		.minute_exception = minute.exception,
	};
}
