/* Commands that show the tree of nodes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/attributes.h"
#include "filters/sentinel/ops/commands.h"
#include "filters/sentinel/ops/java_text.h"
#include "filters/sentinel/ops/node_text.h"
#include "filters/sentinel/ops/node_tree.h"

/* --- tree --- */

static void put_row(struct text *out, const struct tree_row *row, unsigned level)
{
	const struct node_view *view = &row->view;
	const struct {
		const char *name;
		double value;
	} rates[] = {{" pq:", view->pass_qps},
		     {" bq:", view->block_qps},
		     {" tq:", view->total_qps},
		     {" rt:", view->avg_rt},
		     {" prq:", view->success_qps}};

	for (unsigned i = 0; i < level; i++)
		text_add(out, SLICE("-"));
	text_printf(out, "%s%.*s(t:%" PRId64,
		    row->resource ? "" : "EntranceNode: ", SLICE_FMT(row->name), view->threads);
	for (size_t i = 0; i < COUNT_OF(rates); i++) {
		text_printf(out, "%s", rates[i].name);
		java_text_double(out, rates[i].value);
	}
	text_printf(out, " 1mp:%" PRIu64 " 1mb:%" PRIu64 " 1mt:%" PRIu64 ")\n", view->minute_pass,
		    view->minute_block, view->minute_pass + view->minute_block);
}

static void put_branch(struct text *out, const struct node_tree *tree, uint32_t top)
{
	uint32_t at = top;

	do {
		unsigned level = 0;
		for (uint32_t up = at; up != top; up = tree->rows[up].parent)
			level++;
		put_row(out, &tree->rows[at], level);
		at = node_tree_next(tree, at, top);
	} while (at);
}

/* The branches of the contexts with that name, or, if there is none, with it in their names. */
static void put_contexts(struct text *out, const struct node_tree *tree, struct slice name)
{
	for (uint32_t i = tree->rows[0].first_child; i; i = tree->rows[i].next)
		if (slice_equal(tree->rows[i].name, name)) {
			put_branch(out, tree, i);
			return;
		}
	for (uint32_t i = tree->rows[0].first_child; i; i = tree->rows[i].next)
		if (memmem(tree->rows[i].name.data, tree->rows[i].name.len, name.data, name.len))
			put_branch(out, tree, i);
}

void command_tree(const struct command_context *context, const struct command_request *request,
		  struct command_answer *answer)
{
	struct slice name = command_parameter(request, SLICE("id"));
	struct node_tree tree;

	node_tree_init(&tree, context->sentinel, context->now_ms);
	if (name.data)
		put_contexts(&answer->body, &tree, name);
	else
		put_branch(&answer->body, &tree, 0);
	node_tree_fini(&tree);
	text_add(&answer->body,
		 SLICE("\r\n\r\nt:threadNum  pq:passQps  bq:blockQps  tq:totalQps  rt:averageRt  "
		       "prq: passRequestQps 1mp:1m-pass 1mb:1m-block 1mt:1m-total\r\n"));
}

/* --- jsonTree --- */

enum { ID_LEN = 36 };

/* A random UUID for each row, made of one for the answer and the row's number. */
static struct slice put_id(char *id, uint64_t seed, uint32_t row)
{
	snprintf(id, ID_LEN + 1, "%08" PRIx32 "-%04x-4%03x-8%03x-%012" PRIx64, row,
		 (unsigned)(seed >> 48), (unsigned)(seed >> 36 & 0xfff),
		 (unsigned)(seed >> 24 & 0xfff), seed & UINT64_C(0xffffffffffff));
	return slice_make(id, ID_LEN);
}

void command_json_tree(const struct command_context *context, const struct command_request *request,
		       struct command_answer *answer)
{
	struct node_tree tree;
	uint64_t seed;
	uint32_t at = 0;
	char id[ID_LEN + 1], parent[ID_LEN + 1];

	(void)request;
	invariant(getrandom(&seed, sizeof seed, 0) == sizeof seed);
	node_tree_init(&tree, context->sentinel, context->now_ms);
	text_add(&answer->body, SLICE("["));
	do {
		struct node_place place = {.id = put_id(id, seed, at)};
		if (at)
			place.parent_id = put_id(parent, seed, tree.rows[at].parent);
		text_add(&answer->body, at ? SLICE(",") : SLICE(""));
		node_text_json(&answer->body, &tree.rows[at].view, tree.rows[at].name, &place,
			       context->now_ms);
		at = node_tree_next(&tree, at, 0);
	} while (at);
	text_add(&answer->body, SLICE("]"));
	node_tree_fini(&tree);
}
