#include "filters/sentinel/ops/node_tree.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"

static struct tree_row *add_row(struct node_tree *tree, struct slice name)
{
	if (tree->count == tree->room) {
		tree->room = tree->room ? 2 * tree->room : 64;
		tree->rows = realloc(tree->rows, tree->room * sizeof *tree->rows);
		invariant(tree->rows);
	}
	tree->rows[tree->count] = (struct tree_row){.name = name};
	return &tree->rows[tree->count++];
}

static void add_contexts(struct node_tree *tree, const struct sentinel *sentinel)
{
	struct name_entry *entry = NULL;

	while ((entry = name_table_next(&sentinel->contexts, entry))) {
		struct tree_row *row = add_row(tree, entry->name);
		row->context = (const struct context *)(const void *)entry;
		row->order = row->context->id;
	}
}

static void add_resources(struct node_tree *tree, const struct sentinel *sentinel, int64_t now_ms)
{
	struct name_entry *entry = NULL;

	while ((entry = name_table_next(&sentinel->resources, entry))) {
		const struct resource *resource = (const struct resource *)(void *)entry;
		const struct default_node *node =
			atomic_load_explicit(&resource->contexts, memory_order_acquire);
		for (; node; node = node->next) {
			struct tree_row *row = add_row(tree, entry->name);
			row->context = node->context;
			row->resource = resource;
			row->order = resource->id;
			node_view(default_node_of(resource, node), now_ms, &row->view);
		}
	}
}

/* By context; its own row first, then resources as they appeared. */
static int compare(const void *a, const void *b)
{
	const struct tree_row *x = a, *y = b;

	if (!x->context || !y->context)
		return (x->context != NULL) - (y->context != NULL);
	if (x->context != y->context)
		return x->context->id < y->context->id ? -1 : 1;
	if (!x->resource || !y->resource)
		return (x->resource != NULL) - (y->resource != NULL);
	return x->order < y->order ? -1 : x->order > y->order;
}

/* The row of that context and resource; 0: none. */
static uint32_t find(const struct node_tree *tree, const struct context *context,
		     const struct resource *resource)
{
	struct tree_row key = {.context = context, .resource = resource, .order = resource->id};
	const struct tree_row *row =
		bsearch(&key, tree->rows, tree->count, sizeof *tree->rows, compare);

	return row ? (uint32_t)(row - tree->rows) : 0;
}

static uint32_t find_context(const struct node_tree *tree, uint32_t row)
{
	while (tree->rows[row].resource && tree->rows[row].context == tree->rows[row - 1].context)
		row--;
	return tree->rows[row].resource ? 0 : row;
}

/* "com.x.Foo:bar(int)" is entered within "com.x.Foo" of the same context. */
static uint32_t find_parent(const struct node_tree *tree, const struct sentinel *sentinel,
			    uint32_t at)
{
	const struct tree_row *row = &tree->rows[at];

	if (!row->resource)
		return 0;
	for (size_t end = row->name.len; end-- > 1;) {
		if (row->name.data[end] != ':')
			continue;
		const struct resource *outer =
			sentinel_find_resource(sentinel, slice_sub(row->name, 0, end));
		uint32_t parent = outer ? find(tree, row->context, outer) : 0;
		if (parent)
			return parent;
	}
	return find_context(tree, at);
}

static void link_rows(struct node_tree *tree, const struct sentinel *sentinel)
{
	for (uint32_t i = tree->count; i-- > 1;) { /* backwards, as each goes to the front */
		struct tree_row *row = &tree->rows[i];
		row->parent = find_parent(tree, sentinel, i);
		row->next = tree->rows[row->parent].first_child;
		tree->rows[row->parent].first_child = i;
	}
}

static void sum_up(struct node_tree *tree, uint32_t at)
{
	struct node_view *sum = &tree->rows[at].view;
	double rt = 0;

	for (uint32_t i = tree->rows[at].first_child; i; i = tree->rows[i].next) {
		const struct node_view *view = &tree->rows[i].view;
		sum->threads += view->threads;
		sum->pass_qps += view->pass_qps;
		sum->block_qps += view->block_qps;
		sum->total_qps += view->total_qps;
		sum->success_qps += view->success_qps;
		sum->minute_pass += view->minute_pass;
		sum->minute_block += view->minute_block;
		rt += view->avg_rt * view->pass_qps;
	}
	sum->avg_rt = sum->pass_qps > 0 ? rt / sum->pass_qps : 0;
}

void node_tree_init(struct node_tree *tree, const struct sentinel *sentinel, int64_t now_ms)
{
	*tree = (struct node_tree){0};
	add_row(tree, SLICE("machine-root"));
	/* contexts last: those that resources had when they were looked at are all there */
	add_resources(tree, sentinel, now_ms);
	add_contexts(tree, sentinel);
	qsort(tree->rows, tree->count, sizeof *tree->rows, compare);
	link_rows(tree, sentinel);
	for (uint32_t i = 1; i < tree->count; i++)
		if (!tree->rows[i].resource)
			sum_up(tree, i);
	sum_up(tree, 0);
}

void node_tree_fini(struct node_tree *tree)
{
	free(tree->rows);
}

uint32_t node_tree_next(const struct node_tree *tree, uint32_t row, uint32_t top)
{
	if (tree->rows[row].first_child)
		return tree->rows[row].first_child;
	while (row != top && !tree->rows[row].next)
		row = tree->rows[row].parent;
	return row == top ? 0 : tree->rows[row].next;
}
