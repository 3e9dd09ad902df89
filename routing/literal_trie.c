#include "routing/literal_trie.h"

#include <stdlib.h>

static int compare_forward(const void *a, const void *b)
{
	const struct literal_trie_key *x = a, *y = b;
	return slice_compare(x->text, y->text);
}

static int compare_backward(const void *a, const void *b)
{
	struct slice x = ((const struct literal_trie_key *)a)->text;
	struct slice y = ((const struct literal_trie_key *)b)->text;
	for (size_t i = 1; i <= x.len && i <= y.len; i++) {
		int order = (unsigned char)x.data[x.len - i] - (unsigned char)y.data[y.len - i];
		if (order)
			return order;
	}
	return (x.len > y.len) - (x.len < y.len);
}

/* The byte at depth, counted from the end where the walk begins. */
static char byte_at(struct slice text, size_t depth, bool is_backward)
{
	return is_backward ? text.data[text.len - 1 - depth] : text.data[depth];
}

/* A node not filled in yet: the keys [from, to), which agree in their first `depth` bytes. */
struct range {
	uint32_t from, to;
	uint32_t depth;
	uint32_t shorter;
	uint32_t keys_above;
};

struct build {
	struct literal_trie *trie;
	const struct literal_trie_key *keys;
	struct literal_trie_node *nodes;
	struct range *ranges; /* one a node */
	char *leads;
	uint32_t count; /* nodes made so far */
	bool is_backward;
};

/* Fills node `at` from its range, and makes its children (to be filled later). */
static void fill(struct build *b, uint32_t at)
{
	struct range *range = &b->ranges[at];
	struct literal_trie_node *node = &b->nodes[at];
	struct slice first = b->keys[range->from].text, last = b->keys[range->to - 1].text;
	size_t shared = range->depth, limit = first.len < last.len ? first.len : last.len;

	/* Sorted: what the first and the last agree in, all agree in. The root takes no bytes, so
	 * that no text is refused before the first step. */
	while (at && shared < limit &&
	       byte_at(first, shared, b->is_backward) == byte_at(last, shared, b->is_backward))
		shared++;
	node->label_len = (uint32_t)(shared - range->depth);
	node->label = b->is_backward ? first.data + first.len - shared : first.data + range->depth;
	node->value = LITERAL_TRIE_NONE;
	node->shorter = range->shorter;
	node->first_child = b->count;
	b->leads[at] = node->label_len ? byte_at(first, range->depth, b->is_backward) : 0;

	uint32_t shorter = range->shorter, from = range->from, above = range->keys_above;
	if (first.len == shared) {
		node->value = b->keys[from++].value;
		shorter = at;
		if (++above > b->trie->depth)
			b->trie->depth = above;
	}
	while (from < range->to) {
		char lead = byte_at(b->keys[from].text, shared, b->is_backward);
		uint32_t to = from + 1;
		while (to < range->to && byte_at(b->keys[to].text, shared, b->is_backward) == lead)
			to++;
		b->ranges[b->count++] = (struct range){from, to, (uint32_t)shared, shorter, above};
		node->child_count++;
		from = to;
	}
}

void literal_trie_build(struct literal_trie *trie, struct literal_trie_key *keys, size_t count,
			bool is_backward, struct arena *arena)
{
	*trie = (struct literal_trie){.is_backward = is_backward};
	if (!count)
		return;
	invariant(count < UINT32_MAX / 4);
	qsort(keys, count, sizeof *keys, is_backward ? compare_backward : compare_forward);

	/* A key adds at most two nodes: its own and one that an edge is split at. */
	struct build b = {.trie = trie, .keys = keys, .is_backward = is_backward};
	struct arena scratch;
	arena_init(&scratch, 4096);
	b.ranges = ARENA_NEW_ARRAY(&scratch, struct range, 2 * count + 1);
	b.nodes = ARENA_NEW_ARRAY(&scratch, struct literal_trie_node, 2 * count + 1);
	b.leads = arena_zalloc(&scratch, 2 * count + 1);
	b.ranges[0] = (struct range){0, (uint32_t)count, 0, LITERAL_TRIE_NONE, 0};
	b.count = 1;
	for (uint32_t at = 0; at < b.count; at++)
		fill(&b, at);

	struct literal_trie_node *nodes = ARENA_NEW_ARRAY(arena, struct literal_trie_node, b.count);
	memcpy(nodes, b.nodes, b.count * sizeof *nodes);
	trie->nodes = nodes;
	trie->leads = arena_slice(arena, slice_make(b.leads, b.count)).data;
	trie->node_count = b.count;
	arena_free(&scratch);
}

uint32_t literal_trie_find(const struct literal_trie *trie, struct slice text, bool *is_whole)
{
	uint32_t at = 0, best = LITERAL_TRIE_NONE;

	*is_whole = false;
	if (!trie->nodes)
		return best;
	for (;;) {
		const struct literal_trie_node *node = &trie->nodes[at];
		size_t len = node->label_len;
		if (text.len < len)
			break;
		const char *begin = trie->is_backward ? text.data + text.len - len : text.data;
		if (len && memcmp(begin, node->label, len) != 0)
			break;
		text.len -= len;
		if (!trie->is_backward)
			text.data += len;
		if (node->value != LITERAL_TRIE_NONE) {
			best = at;
			*is_whole = !text.len;
		}
		if (!text.len || !node->child_count)
			break;

		char lead = trie->is_backward ? text.data[text.len - 1] : text.data[0];
		const char *leads = trie->leads + node->first_child;
		const char *hit = memchr(leads, lead, node->child_count);
		if (!hit)
			break;
		at = node->first_child + (uint32_t)(hit - leads);
	}
	return best;
}
