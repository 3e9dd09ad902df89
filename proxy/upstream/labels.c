#include "upstream/labels.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "base/hash.h"

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

static bool items_equal(const struct label *a, const struct label *b, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!slice_equal(a[i].key, b[i].key) || !slice_equal(a[i].space, b[i].space) ||
		    !label_equal(&a[i], &b[i]))
			return false;
	return true;
}

bool label_equal(const struct label *a, const struct label *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case LABEL_NULL:
		return true;
	case LABEL_NUMBER:
		return !(a->number < b->number) && !(a->number > b->number);
	case LABEL_STRING:
		return slice_equal(a->text, b->text);
	case LABEL_BOOL:
		return a->truth == b->truth;
	case LABEL_LIST:
	case LABEL_STRUCT:
		return a->count == b->count && items_equal(a->items, b->items, a->count);
	}
	return false;
}

uint64_t label_hash(const struct label *label)
{
	uint64_t hash = label->kind;
	switch (label->kind) {
	case LABEL_NULL:
		break;
	case LABEL_NUMBER: {
		double number = label->number + 0.0; /* -0 is 0 */
		hash = hash_combine(hash, hash_bytes(slice_make(&number, sizeof number)));
		break;
	}
	case LABEL_STRING:
		hash = hash_combine(hash, hash_bytes(label->text));
		break;
	case LABEL_BOOL:
		hash = hash_combine(hash, label->truth);
		break;
	case LABEL_LIST:
	case LABEL_STRUCT:
		for (uint32_t i = 0; i < label->count; i++) {
			hash = hash_combine(hash, hash_bytes(label->items[i].key));
			hash = hash_combine(hash, label_hash(&label->items[i]));
		}
		break;
	}
	return hash;
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
	return a == b || (a && b && a->hash == b->hash && a->count == b->count &&
			  items_equal(a->items, b->items, a->count));
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
