#include "upstream/labels.h"

#include <stdlib.h>

#include "base/attributes.h"

struct labels *labels_take(const struct labels *labels)
{
	struct labels *counted =
		(struct labels *)(uintptr_t)labels; /* the count is all that ever changes */
	if (counted)
		__atomic_fetch_add(&counted->references, 1, __ATOMIC_RELAXED);
	return counted;
}

void labels_drop(const struct labels *labels)
{
	struct labels *counted = (struct labels *)(uintptr_t)labels;
	if (counted && __atomic_fetch_sub(&counted->references, 1, __ATOMIC_ACQ_REL) == 1)
		free(counted);
}

void labels_drop_deferred(void *labels)
{
	labels_drop(labels);
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
	return a == b || (a && b && a->hash == b->hash && a->count == b->count &&
			  label_items_equal(a->items, b->items, a->count));
}

const struct label *labels_find(const struct labels *labels, struct slice space, struct slice key)
{
	uint32_t low = 0, high = labels ? labels->count : 0;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct label *label = &labels->items[middle];
		int order = slice_compare(label->space, space);
		if (!order)
			order = slice_compare(label->key, key);
		if (!order)
			return label;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool labels_hold(const struct labels *labels, const struct labels *wanted)
{
	for (uint32_t i = 0; i < wanted->count; i++) {
		const struct label *has =
			labels_find(labels, wanted->items[i].space, wanted->items[i].key);
		if (!has || !label_equal(has, &wanted->items[i]))
			return false;
	}
	return true;
}
