#include "base/trie.h"

#include <stdlib.h>

struct trie_node {
	const char *label; /* in the order in which it is compared: backwards for suffixes */
	uint32_t label_len;
	uint32_t value; /* TRIE_NONE: no key ends here */
	uint32_t first_child;
	uint32_t child_count;
};

/* The keys [from, to) of the sorted ones go below `node`; they agree in the first `depth` bytes. */
struct pending {
	uint32_t from, to, depth;
};

static char char_at(const struct trie *trie, struct slice s, size_t i)
{
	char c = s.data[trie->flags & TRIE_SUFFIX ? s.len - 1 - i : i];
	return trie->flags & TRIE_NOCASE ? slice_lower_char(c) : c;
}

static int compare_keys(const void *a, const void *b)
{
	const struct trie_entry *const *x = a, *const *y = b;
	int order = slice_compare((*x)->key, (*y)->key);

	return order ? order : (*x > *y) - (*x < *y); /* stable: the first of equal keys leads */
}

static uint32_t common_len(struct slice a, struct slice b)
{
	size_t n = 0;

	while (n < a.len && n < b.len && a.data[n] == b.data[n])
		n++;
	return (uint32_t)n;
}

/* Copies of the entries with their keys as they are compared, sorted by pointer. */
static const struct trie_entry **sorted_copy(const struct trie *trie, struct arena *arena,
					     const struct trie_entry *entries, size_t count)
{
	struct trie_entry *copies = ARENA_NEW_ARRAY(arena, struct trie_entry, count);
	const struct trie_entry **sorted = malloc(count * sizeof *sorted);

	invariant(sorted);
	for (size_t i = 0; i < count; i++) {
		size_t len = entries[i].key.len;
		char *key = arena_alloc(arena, len + 1);
		for (size_t k = 0; k < len; k++)
			key[k] = char_at(trie, entries[i].key, k);
		invariant(len < UINT32_MAX && entries[i].value < TRIE_NONE);
		copies[i] = (struct trie_entry){{key, len}, entries[i].value};
		sorted[i] = &copies[i];
	}
	qsort(sorted, count, sizeof *sorted, compare_keys);
	return sorted;
}

/* Makes nodes[i] of pending[i]; appends a pending range for each of its children. */
static void node_build(struct trie *trie, struct pending *pending, uint32_t i,
		       const struct trie_entry *const *sorted)
{
	uint32_t from = pending[i].from, to = pending[i].to, depth = pending[i].depth;
	struct slice first = sorted[from]->key;
	uint32_t end = common_len(first, sorted[to - 1]->key);
	struct trie_node *node = &trie->nodes[i];

	*node = (struct trie_node){
		.label = first.data + depth, .label_len = end - depth, .value = TRIE_NONE};
	if (first.len == end) {
		node->value = sorted[from]->value;
		while (from < to && sorted[from]->key.len == end)
			from++;
	}
	node->first_child = trie->count;
	while (from < to) {
		uint32_t next = from + 1;
		while (next < to && sorted[next]->key.data[end] == sorted[from]->key.data[end])
			next++;
		pending[trie->count++] = (struct pending){from, next, end};
		from = next;
	}
	node->child_count = trie->count - node->first_child;
}

void trie_build(struct trie *trie, struct arena *arena, const struct trie_entry *entries,
		size_t count, unsigned flags)
{
	*trie = (struct trie){.flags = flags};
	if (!count)
		return;
	invariant(count < TRIE_NONE / 2);

	const struct trie_entry **sorted = sorted_copy(trie, arena, entries, count);
	struct pending *pending = malloc(2 * count * sizeof *pending);
	struct trie_node *nodes = malloc(2 * count * sizeof *nodes);
	invariant(pending && nodes);
	trie->nodes = nodes;
	pending[trie->count++] = (struct pending){0, (uint32_t)count, 0};
	for (uint32_t i = 0; i < trie->count; i++)
		node_build(trie, pending, i, sorted);

	uint8_t *first_bytes = arena_alloc(arena, trie->count);
	for (uint32_t i = 0; i < trie->count; i++)
		first_bytes[i] = nodes[i].label_len ? (uint8_t)nodes[i].label[0] : 0;
	trie->first_bytes = first_bytes;
	trie->nodes = arena_alloc(arena, trie->count * sizeof *nodes);
	memcpy(trie->nodes, nodes, trie->count * sizeof *nodes);
	free(nodes);
	free(pending);
	free(sorted);
}

static bool label_matches(const struct trie_cursor *c, const struct trie_node *node)
{
	if (c->text.len - c->at < node->label_len)
		return false;
	if (!c->trie->flags)
		return !node->label_len ||
		       !memcmp(c->text.data + c->at, node->label, node->label_len);
	for (size_t i = 0; i < node->label_len; i++)
		if (char_at(c->trie, c->text, c->at + i) != node->label[i])
			return false;
	return true;
}

/* The child that begins with the text's next byte, or TRIE_NONE. */
static uint32_t child_of(const struct trie_cursor *c, const struct trie_node *node)
{
	if (!node->child_count || c->at == c->text.len)
		return TRIE_NONE;
	const uint8_t *bytes = c->trie->first_bytes + node->first_child;
	const uint8_t *hit =
		memchr(bytes, (uint8_t)char_at(c->trie, c->text, c->at), node->child_count);
	return hit ? node->first_child + (uint32_t)(hit - bytes) : TRIE_NONE;
}

bool trie_next(struct trie_cursor *c, uint32_t *value)
{
	while (c->node != TRIE_NONE) {
		const struct trie_node *node = &c->trie->nodes[c->node];
		if (!label_matches(c, node)) {
			c->node = TRIE_NONE;
			return false;
		}
		c->at += node->label_len;
		c->node = child_of(c, node);
		if (node->value != TRIE_NONE) {
			*value = node->value;
			return true;
		}
	}
	return false;
}

uint32_t trie_find_longest(const struct trie *trie, struct slice text)
{
	struct trie_cursor cursor = trie_begin(trie, text);
	uint32_t value = TRIE_NONE;

	while (trie_next(&cursor, &value))
		;
	return value;
}

uint32_t trie_find_lowest(const struct trie *trie, struct slice text)
{
	struct trie_cursor cursor = trie_begin(trie, text);
	uint32_t value, lowest = TRIE_NONE;

	while (trie_next(&cursor, &value))
		if (value < lowest)
			lowest = value;
	return lowest;
}
