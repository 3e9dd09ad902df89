#include "message/label.h"

#include "base/hash.h"

bool label_items_equal(const struct label *a, const struct label *b, uint32_t count)
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
		return a->count == b->count && label_items_equal(a->items, b->items, a->count);
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

const struct label *label_item(const struct label *label, struct slice key)
{
	uint32_t low = 0, high = label->kind == LABEL_STRUCT ? label->count : 0;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = slice_compare(label->items[middle].key, key);
		if (!order)
			return &label->items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
