/* The tree of all nodes: root, the contexts in which calls enter, what was entered in each.
 *
 *   machine-root ─ context (EntranceNode) ─ resource ─ resource "NAME:..." within the resource NAME
 *
 * Sums go upwards as in Java: a context and the root are the sums of what stands directly below
 * them. Our nodes don't remember what was entered within what; a call's interface and method do,
 * by their names.
 *
 * Owner: who made it. Thread: any. */
#ifndef SENTINEL_OPS_NODE_TREE_H
#define SENTINEL_OPS_NODE_TREE_H

#include "filters/sentinel/core/sentinel.h"

struct tree_row {
	struct slice name;
	struct node_view view;
	uint32_t parent;                 /* index; of the root its own */
	uint32_t first_child, next;      /* 0: none. In the order of their appearance */
	uint32_t order;                  /* of appearance */
	const struct context *context;   /* of the root NULL */
	const struct resource *resource; /* NULL: root or context */
};

struct node_tree {
	struct tree_row *rows; /* [0] is the root */
	uint32_t count, room;
};

void node_tree_init(struct node_tree *tree, const struct sentinel *sentinel, int64_t now_ms);
void node_tree_fini(struct node_tree *tree);

/* The row after this one, depth first; 0: all below `top` have been seen. */
uint32_t node_tree_next(const struct node_tree *tree, uint32_t row, uint32_t top);

#endif
