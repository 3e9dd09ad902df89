#include "routing/name_map.h"

#include "routing/string_matcher.h"

static uint64_t mix(uint64_t hash, uint64_t word)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)(hash ^ word) * UINT64_C(0x9fb21c651e98df25);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Fewer than 8 bytes as a word. */
static uint64_t short_word(const char *bytes, size_t len)
{
	uint64_t word = 0;
	uint32_t low, high;

	if (len >= 4) {
		memcpy(&low, bytes, 4);
		memcpy(&high, bytes + len - 4, 4);
		return (uint64_t)high << 32 | low;
	}
	for (size_t i = 0; i < len; i++)
		word = word << 8 | (unsigned char)bytes[i];
	return word;
}

static uint32_t finish(uint64_t hash)
{
	return (uint32_t)(hash ^ (hash >> 32));
}

/* Whole words, then the last 8 bytes, which may overlap them. */
uint32_t name_hash(struct slice name)
{
	uint64_t hash = name.len, word;
	size_t i = 0;

	if (name.len < 8)
		return finish(mix(hash, short_word(name.data, name.len)));
	for (; i + 8 < name.len; i += 8) {
		memcpy(&word, name.data + i, 8);
		hash = mix(hash, word);
	}
	memcpy(&word, name.data + name.len - 8, 8);
	return finish(mix(hash, word));
}

uint32_t name_hash_lower(char *out, struct slice name)
{
	uint64_t hash = name.len, word;
	size_t i = 0;

	if (name.len < 8) {
		slice_copy_lower(out, name);
		return finish(mix(hash, short_word(out, name.len)));
	}
	for (; i + 8 < name.len; i += 8) {
		memcpy(&word, name.data + i, 8);
		word = word_lower(word);
		memcpy(out + i, &word, 8);
		hash = mix(hash, word);
	}
	memcpy(&word, name.data + name.len - 8, 8);
	word = word_lower(word);
	memcpy(out + name.len - 8, &word, 8);
	return finish(mix(hash, word));
}

void name_map_init(struct name_map *map, size_t capacity, struct arena *arena)
{
	size_t size = 4;

	invariant(capacity < UINT32_MAX / 4);
	while (size < 2 * capacity)
		size *= 2;
	*map = (struct name_map){
		.slots = ARENA_NEW_ARRAY(arena, struct name_map_slot, size),
		.mask = (uint32_t)size - 1,
	};
}

/* Eight bytes at a time: names are short, and a call costs more than it does. */
bool name_equal(const char *a, const char *b, size_t len)
{
	uint64_t x, y;
	size_t i = 0;

	if (len < 8)
		return short_word(a, len) == short_word(b, len);
	for (; i + 8 < len; i += 8) {
		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		if (x != y)
			return false;
	}
	memcpy(&x, a + len - 8, 8);
	memcpy(&y, b + len - 8, 8);
	return x == y;
}

/* The name's slot, or the empty one where it would be. */
static struct name_map_slot *slot_of(const struct name_map *map, struct slice name, uint32_t hash)
{
	for (uint32_t at = hash & map->mask;; at = (at + 1) & map->mask) {
		struct name_map_slot *slot = &map->slots[at];
		if (!slot->name)
			return slot;
		if (slot->hash == hash && slot->len == name.len &&
		    name_equal(slot->name, name.data, name.len))
			return slot;
	}
}

uint32_t name_map_add(struct name_map *map, struct slice name, uint32_t value)
{
	uint32_t hash = name_hash(name);
	struct name_map_slot *slot = slot_of(map, name, hash);

	if (!slot->name) {
		invariant(map->count < map->mask);
		map->count++;
		*slot = (struct name_map_slot){hash, (uint32_t)name.len, name.len ? name.data : "",
					       value};
	}
	return slot->value;
}

uint32_t name_map_find_hashed(const struct name_map *map, struct slice name, uint32_t hash)
{
	if (!map->count)
		return NAME_MAP_NONE;
	const struct name_map_slot *slot = slot_of(map, name, hash);
	return slot->name ? slot->value : NAME_MAP_NONE;
}

uint32_t name_map_find(const struct name_map *map, struct slice name)
{
	return name_map_find_hashed(map, name, name_hash(name));
}
