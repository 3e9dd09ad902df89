#include "message/metadata.h"

static struct label *find(const struct metadata *metadata, struct slice space, struct slice key)
{
	for (uint32_t i = 0; metadata && i < metadata->count; i++)
		if (slice_equal(metadata->items[i].key, key) &&
		    slice_equal(metadata->items[i].space, space))
			return &metadata->items[i];
	return NULL;
}

static struct label *add(struct metadata *metadata, struct arena *arena)
{
	if (metadata->count == metadata->capacity) {
		uint32_t capacity = metadata->capacity ? metadata->capacity * 2 : 4;
		struct label *items = ARENA_NEW_ARRAY(arena, struct label, capacity);
		if (metadata->count)
			memcpy(items, metadata->items, metadata->count * sizeof *items);
		metadata->items = items;
		metadata->capacity = capacity;
	}
	return &metadata->items[metadata->count++];
}

void metadata_set(struct metadata **metadata, struct slice space, struct slice key,
		  const struct label *value, struct arena *arena)
{
	if (!*metadata)
		*metadata = ARENA_NEW(arena, struct metadata);
	struct label *item = find(*metadata, space, key);
	if (!item)
		item = add(*metadata, arena);
	*item = *value;
	item->space = space;
	item->key = key;
}

const struct label *metadata_find(const struct metadata *metadata, const struct metadata_path *path)
{
	const struct label *label = path->count ? find(metadata, path->space, path->keys[0]) : NULL;
	for (uint32_t i = 1; label && i < path->count; i++)
		label = label_item(label, path->keys[i]);
	return label;
}
