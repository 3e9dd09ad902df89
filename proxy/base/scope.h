/* A list of things to cancel together: every timer and sub-request of a stream hangs on the
 * stream's scope and dies with it, so that a filter can't leak one.
 *
 * Owner: whoever embeds the scope; the items are embedded in what they cancel. Thread: its worker.
 */
#ifndef BASE_SCOPE_H
#define BASE_SCOPE_H

#include "base/list.h"

struct scope {
	struct list_node items;
};

struct scope_item {
	struct list_node link;
	void (*cancel)(struct scope_item *item); /* the item is unlinked already */
};

static inline void scope_init(struct scope *scope)
{
	list_init(&scope->items);
}

static inline void scope_add(struct scope *scope, struct scope_item *item,
			     void (*cancel)(struct scope_item *item))
{
	item->cancel = cancel;
	list_push_back(&scope->items, &item->link);
}

/* Does nothing to an item that hangs nowhere. */
static inline void scope_remove(struct scope_item *item)
{
	if (list_is_linked(&item->link))
		list_remove(&item->link);
}

/* Cancels all, newest first. A cancel may remove other items, and add none. */
static inline void scope_cancel(struct scope *scope)
{
	while (!list_is_empty(&scope->items)) {
		struct scope_item *item = container_of(scope->items.prev, struct scope_item, link);
		list_remove(&item->link);
		item->cancel(item);
	}
}

#endif
