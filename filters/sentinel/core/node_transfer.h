/* A node as bytes, for the process that comes after this one (hot upgrade): it goes on counting in
 * the same windows, on as many workers as it has.
 *
 *   shards of all workers ─ added up ─> windows, minute, borrowed passes, threads ─> shard 0
 *
 * Pure. Thread: whoever has the node to itself: nobody counts meanwhile; some may read. */
#ifndef SENTINEL_CORE_NODE_TRANSFER_H
#define SENTINEL_CORE_NODE_TRANSFER_H

#include "base/section.h"
#include "filters/sentinel/core/node.h"

enum { NODE_SECONDS_MAX = SENTINEL_MINUTE_WINDOWS };

/* One window, or one second, of all workers. */
struct node_count {
	uint32_t start; /* number of the window or second */
	struct leap_sum sum;
};

struct node_image {
	uint32_t window; /* of now */
	int64_t threads;
	struct node_count windows[2]; /* those of the second that lasts, and newer ones */
	uint32_t window_count;
	struct node_count seconds[NODE_SECONDS_MAX]; /* of the minute, without what is in windows */
	uint32_t second_count;
	bool has_occupy;
	uint64_t head[2], borrow[2]; /* as struct occupy has them */
	uint64_t occupied[SENTINEL_MINUTE_WINDOWS];
};

/* What the node holds at that window. */
void node_image_take(struct node_image *image, const struct node *node, uint32_t window);
/* Adds it to what the node holds, whose windows began no later. */
void node_image_add(const struct node_image *image, struct node *node);
/* The node holds that, and nothing else: nobody reads it meanwhile. */
void node_image_give(const struct node_image *image, struct node *node);

void node_image_write(const struct node_image *image, struct section_writer *out);
/* window: what the image was taken at. False if the bytes are none; more of them than are known
 * here are passed over. */
bool node_image_read(struct node_image *image, uint32_t window, struct slice bytes);

/* Whether anything was counted in the minute, or is running. */
bool node_image_is_empty(const struct node_image *image);

#endif
