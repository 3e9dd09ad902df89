#include "routing/route_set.h"

#include "routing/route.h"

enum {
	INDEX_FROM = 8, /* fewer routes are tried faster than found */
	LISTS_MAX = 64, /* candidate lists merged for one request */
};

struct candidates {
	const uint32_t *routes; /* ascending */
	uint32_t count;
};

/* What hangs at one key. */
struct index_entry {
	struct candidates whole; /* only when the key is all of the text */
	struct candidates below; /* also when more follows */
};

struct route_index {
	struct literal_trie prefixes; /* values: positions in prefix_entries */
	const struct index_entry *prefix_entries;
	struct candidates always;
};

/* Candidate lists under construction: one chain of route numbers a key. */
struct list_builder {
	uint32_t *next;         /* by route: the next of its list, or UINT32_MAX */
	uint32_t *first, *last; /* by list */
	uint32_t *count;
};

/* A set of keys with two lists each (2 * key: whole, 2 * key + 1: below). */
struct key_builder {
	struct arena *scratch;
	struct name_map map;
	struct literal_trie_key *keys;
	uint32_t key_count;
	struct list_builder lists;
};

static void key_builder_init(struct key_builder *b, uint32_t routes, struct arena *scratch)
{
	b->scratch = scratch;
	b->key_count = 0;
	name_map_init(&b->map, routes, scratch);
	b->keys = ARENA_NEW_ARRAY(scratch, struct literal_trie_key, routes);
	b->lists.next = ARENA_NEW_ARRAY(scratch, uint32_t, routes);
	b->lists.first = ARENA_NEW_ARRAY(scratch, uint32_t, 2 * (size_t)routes);
	b->lists.last = ARENA_NEW_ARRAY(scratch, uint32_t, 2 * (size_t)routes);
	b->lists.count = ARENA_NEW_ARRAY(scratch, uint32_t, 2 * (size_t)routes);
}

/* Routes come in ascending order. */
static void key_builder_add(struct key_builder *b, struct slice key, bool is_below, uint32_t route)
{
	uint32_t at = name_map_add(&b->map, key, b->key_count);

	if (at == b->key_count)
		b->keys[b->key_count++] = (struct literal_trie_key){key, at};
	uint32_t list = 2 * at + is_below;
	if (b->lists.count[list]++)
		b->lists.next[b->lists.last[list]] = route;
	else
		b->lists.first[list] = route;
	b->lists.last[list] = route;
}

static struct candidates list_copy(const struct list_builder *lists, uint32_t list,
				   struct arena *arena)
{
	uint32_t count = lists->count[list], route = lists->first[list];
	uint32_t *routes = ARENA_NEW_ARRAY(arena, uint32_t, count);

	for (uint32_t i = 0; i < count; i++, route = lists->next[route])
		routes[i] = route;
	return (struct candidates){routes, count};
}

static const struct index_entry *entries_copy(const struct key_builder *b, struct arena *arena)
{
	struct index_entry *entries = ARENA_NEW_ARRAY(arena, struct index_entry, b->key_count);

	for (uint32_t i = 0; i < b->key_count; i++) {
		entries[i].whole = list_copy(&b->lists, 2 * i, arena);
		entries[i].below = list_copy(&b->lists, 2 * i + 1, arena);
	}
	return entries;
}

void route_set_index_paths(struct route_set *set, struct arena *arena)
{
	struct arena scratch;
	struct key_builder paths;
	uint32_t literals = 0, always = 0;

	if (set->count < INDEX_FROM)
		return;
	arena_init(&scratch, 65536);
	key_builder_init(&paths, set->count, &scratch);
	uint32_t *rest = ARENA_NEW_ARRAY(arena, uint32_t, set->count);
	for (uint32_t i = 0; i < set->count; i++) {
		const struct route_matcher *m = &set->matchers[i];
		bool is_literal =
			m->kind == PATH_PREFIX || m->kind == PATH_EXACT || m->kind == PATH_SEGMENTS;
		if (is_literal && !m->ignore_case && m->path.len) {
			key_builder_add(&paths, m->path, m->kind != PATH_EXACT, i);
			literals++;
		} else {
			rest[always++] = i;
		}
	}
	struct route_index *index = ARENA_NEW(arena, struct route_index);
	literal_trie_build(&index->prefixes, paths.keys, paths.key_count, false, arena);
	index->prefix_entries = entries_copy(&paths, arena);
	index->always = (struct candidates){rest, always};
	/* Each key on the way down gives one list; the last one two. */
	if (literals >= INDEX_FROM / 2 && index->prefixes.depth + 2 <= LISTS_MAX)
		set->index = index;
	arena_free(&scratch);
}

/* The lists that are to be merged for one request, each with its next candidate in front. */
struct merge {
	struct candidates lists[LISTS_MAX];
	unsigned count;
};

static void merge_add(struct merge *merge, struct candidates list)
{
	if (list.count)
		merge->lists[merge->count++] = list;
}

/* The next route in order, or UINT32_MAX. */
static uint32_t merge_next(struct merge *merge)
{
	uint32_t best = UINT32_MAX;
	unsigned from = 0;

	for (unsigned i = 0; i < merge->count; i++)
		if (merge->lists[i].routes[0] < best) {
			best = merge->lists[i].routes[0];
			from = i;
		}
	if (best == UINT32_MAX)
		return best;
	merge->lists[from].routes++;
	if (!--merge->lists[from].count)
		merge->lists[from] = merge->lists[--merge->count];
	return best;
}

/* Adds what hangs at the keys that text starts with. */
static void merge_add_keys(struct merge *merge, const struct literal_trie *trie,
			   const struct index_entry *entries, struct slice text)
{
	bool is_whole;
	uint32_t at;

	if (!trie->nodes)
		return;
	at = literal_trie_find(trie, text, &is_whole);
	if (at != LITERAL_TRIE_NONE && is_whole)
		merge_add(merge, entries[trie->nodes[at].value].whole);
	for (; at != LITERAL_TRIE_NONE; at = trie->nodes[at].shorter)
		merge_add(merge, entries[trie->nodes[at].value].below);
}

static void merge_init(struct merge *merge, const struct route_index *index,
		       const struct route_match_input *input)
{
	merge->count = 0;
	merge_add(merge, index->always);
	merge_add_keys(merge, &index->prefixes, index->prefix_entries, input->path);
}

/* Apart from route_set_match, whose frame stays small without the lists. */
static __attribute__((noinline)) const struct route *
match_candidates(const struct route_set *set, const struct route_match_input *input,
		 unsigned *looked_at)
{
	struct merge merge;
	uint32_t i;

	merge_init(&merge, set->index, input);
	while ((i = merge_next(&merge)) != UINT32_MAX) {
		*looked_at |= set->matchers[i].looks_at;
		if (route_matcher_test(&set->matchers[i], input))
			return &set->routes[i];
	}
	return NULL;
}

const struct route *route_set_match(const struct route_set *set,
				    const struct route_match_input *input, unsigned *looked_at)
{
	if (set->index)
		return match_candidates(set, input, looked_at);
	for (uint32_t i = 0; i < set->count; i++) {
		*looked_at |= set->matchers[i].looks_at;
		if (route_matcher_test(&set->matchers[i], input))
			return &set->routes[i];
	}
	return NULL;
}
