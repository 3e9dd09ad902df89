/* Intrusive doubly linked list.
 *
 *   head <-> node <-> node <-> head      an empty head points at itself,
 *                                        an unlinked node points nowhere
 *
 * A node is in at most one list. The list owns nothing: whoever embeds the node does. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

struct list_node {
	struct list_node *next, *prev;
};

static inline void list_init(struct list_node *head)
{
	head->next = head->prev = head;
}

static inline bool list_is_empty(const struct list_node *head)
{
	return head->next == head;
}

static inline bool list_is_linked(const struct list_node *node)
{
	return node->next;
}

static inline void list_push_back(struct list_node *head, struct list_node *node)
{
	assert(!list_is_linked(node));
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

/* Leaves the node unlinked, so that it can be pushed again. */
static inline void list_remove(struct list_node *node)
{
	assert(list_is_linked(node));
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = NULL;
}

/* Moves every node of `from` to the end of `to`. */
static inline void list_splice_back(struct list_node *to, struct list_node *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#endif
