/* Commands that show the nodes of resources and of their callers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "filters/sentinel/ops/commands.h"
#include "filters/sentinel/ops/java_text.h"
#include "filters/sentinel/ops/node_text.h"

enum {
	NAME_WIDTH_MAX = 79,
	ROWS_MAX = 30,
	ORIGINS_MEASURED = 120,
	COLUMNS_MAX = 12,
};

/* --- tables of text: the second column is as wide as the longest name --- */

struct table {
	struct text *out;
	const uint8_t *widths; /* of the columns; that of the name is name_width + 1 */
	unsigned columns;
	size_t name_width;
};

static void put_cells(const struct table *table, const struct slice *cells)
{
	for (unsigned i = 0; i < table->columns; i++)
		java_text_column(table->out, cells[i],
				 i == 1 ? table->name_width + 1 : table->widths[i]);
	text_add(table->out, SLICE("\n"));
}

/* Numbers are the texts between 0 bytes in `numbers`; a long name goes on in the next lines. */
static void put_row(const struct table *table, int index, struct slice name,
		    const struct text *numbers)
{
	struct slice cells[COLUMNS_MAX] = {{0}};
	char digits[16];
	size_t width = table->name_width ? table->name_width : 1;
	const char *at = numbers->data;

	cells[0] = slice_make(digits, (size_t)snprintf(digits, sizeof digits, "%d", index));
	cells[1] = slice_sub(name, 0, name.len < width ? name.len : width);
	for (unsigned i = 2; i < table->columns; i++) {
		cells[i] = slice_of(at);
		at += cells[i].len + 1;
	}
	put_cells(table, cells);
	memset(cells, 0, sizeof cells);
	for (size_t from = width; from < name.len; from += width) {
		cells[1] = slice_sub(name, from, name.len < from + width ? name.len : from + width);
		put_cells(table, cells);
	}
}

static void add_count(struct text *numbers, int64_t value)
{
	text_printf(numbers, "%" PRId64, value);
	text_add(numbers, slice_make("", 1));
}

static void add_rate(struct text *numbers, double value)
{
	java_text_double(numbers, value);
	text_add(numbers, slice_make("", 1));
}

/* --- cnode --- */

static bool contains(struct slice text, struct slice part)
{
	return !part.len || (text.len && memmem(text.data, text.len, part.data, part.len));
}

static const struct resource *next_resource(const struct command_context *context,
					    const struct resource *after)
{
	return (const struct resource *)(void *)name_table_next(&context->sentinel->resources,
								after ? &after->entry : NULL);
}

static void put_cnode_row(const struct table *table, int index, const struct resource *resource,
			  int64_t now_ms)
{
	struct text numbers = {0};
	struct node_view view;

	node_view(resource->cluster, now_ms, &view);
	add_count(&numbers, view.threads);
	add_rate(&numbers, view.pass_qps);
	add_rate(&numbers, view.block_qps);
	add_rate(&numbers, view.success_qps);
	add_rate(&numbers, view.total_qps);
	add_rate(&numbers, view.avg_rt);
	add_count(&numbers, (int64_t)view.minute_pass);
	add_count(&numbers, (int64_t)view.minute_block);
	add_count(&numbers, (int64_t)(view.minute_pass + view.minute_block));
	add_rate(&numbers, view.exception_qps);
	put_row(table, index, resource->entry.name, &numbers);
	text_free(&numbers);
}

/* Numbers of rows go on from how many there are, as Java's do. */
void command_cnode(const struct command_context *context, const struct command_request *request,
		   struct command_answer *answer)
{
	static const uint8_t widths[] = {4, 0, 10, 10, 10, 11, 9, 6, 10, 11, 9, 11};
	static const struct slice heads[] = {
		SLICE("idx"),     SLICE("id"),       SLICE("thread"), SLICE("pass"),
		SLICE("blocked"), SLICE("success"),  SLICE("total"),  SLICE("aRt"),
		SLICE("1m-pass"), SLICE("1m-block"), SLICE("1m-all"), SLICE("exception"),
	};
	struct slice part = command_parameter(request, SLICE("id"));
	struct table table = {&answer->body, widths, COUNT_OF(widths), 0};
	const struct resource *r = NULL;
	int i = 0;

	if (!part.len) {
		command_fail(answer, SLICE("Invalid parameter: empty clusterNode name"));
		return;
	}
	while (i < ROWS_MAX && (r = next_resource(context, r))) {
		if (!contains(r->entry.name, part))
			continue;
		if (r->entry.name.len > table.name_width)
			table.name_width = r->entry.name.len;
		i++;
	}
	if (table.name_width > NAME_WIDTH_MAX)
		table.name_width = NAME_WIDTH_MAX;
	put_cells(&table, heads);
	for (r = next_resource(context, NULL); r; r = next_resource(context, r)) {
		if (!contains(r->entry.name, part))
			continue;
		put_cnode_row(&table, i + 1, r, context->now_ms);
		if (++i == ROWS_MAX)
			break;
	}
}

/* --- origin --- */

static const struct resource *find_loosely(const struct command_context *context, struct slice name)
{
	const struct resource *found = sentinel_find_resource(context->sentinel, name), *r = NULL;

	while (!found && (r = next_resource(context, r)))
		if (r->entry.name.len > 1 && /* Java: not at the beginning */
		    contains(slice_sub(r->entry.name, 1, r->entry.name.len), name))
			found = r;
	return found;
}

static void put_origin_row(const struct table *table, int index, const struct origin_node *origin,
			   int64_t now_ms)
{
	struct text numbers = {0};
	struct node_view view;

	node_view(origin->node, now_ms, &view);
	add_count(&numbers, view.threads);
	add_rate(&numbers, view.pass_qps);
	add_rate(&numbers, view.block_qps);
	add_rate(&numbers, view.total_qps);
	add_rate(&numbers, view.avg_rt);
	add_count(&numbers, (int64_t)view.minute_pass);
	add_count(&numbers, (int64_t)view.minute_block);
	add_count(&numbers, (int64_t)(view.minute_pass + view.minute_block));
	put_row(table, index, origin->entry.name, &numbers);
	text_free(&numbers);
}

static void put_origins(struct table *table, const struct name_table *origins, int64_t now_ms)
{
	struct name_entry *entry = NULL;
	int i = 0;

	while (origins && i < ORIGINS_MEASURED && (entry = name_table_next(origins, entry))) {
		if (entry->name.len > table->name_width)
			table->name_width = entry->name.len;
		i++;
	}
	if (table->name_width > NAME_WIDTH_MAX)
		table->name_width = NAME_WIDTH_MAX;
	static const struct slice heads[] = {
		SLICE("idx"),      SLICE("origin"),   SLICE("threadNum"), SLICE("passQps"),
		SLICE("blockQps"), SLICE("totalQps"), SLICE("aRt"),       SLICE("1m-pass"),
		SLICE("1m-block"), SLICE("1m-total"),
	};
	put_cells(table, heads);
	entry = NULL;
	for (i = 0; origins && i < ROWS_MAX && (entry = name_table_next(origins, entry)); i++)
		put_origin_row(table, i + 1, (struct origin_node *)(void *)entry, now_ms);
}

void command_origin(const struct command_context *context, const struct command_request *request,
		    struct command_answer *answer)
{
	static const uint8_t widths[] = {4, 0, 10, 10, 11, 9, 6, 10, 11, 9};
	struct slice name = command_parameter(request, SLICE("id"));
	struct table table = {&answer->body, widths, COUNT_OF(widths), 0};
	const struct resource *resource = name.len ? find_loosely(context, name) : NULL;

	if (!resource) {
		text_printf(&answer->body, "Not find cNode with id %.*s",
			    name.data ? (int)name.len : 4, name.data ? name.data : "null");
		return;
	}
	text_printf(&answer->body, "id: %.*s\n\n", SLICE_FMT(resource->entry.name));
	put_origins(&table, atomic_load_explicit(&resource->origins, memory_order_acquire),
		    context->now_ms);
}

/* --- JSON --- */

void command_cluster_node(const struct command_context *context,
			  const struct command_request *request, struct command_answer *answer)
{
	bool is_not_zero =
		slice_equal_nocase(command_parameter(request, SLICE("type")), SLICE("notZero"));
	const struct resource *r = NULL;
	struct text *out = &answer->body;
	struct node_view view;

	text_add(out, SLICE("["));
	while ((r = next_resource(context, r))) {
		node_view(r->cluster, context->now_ms, &view);
		if (is_not_zero && !(view.minute_pass + view.minute_block))
			continue;
		if (out->len > 1)
			text_add(out, SLICE(","));
		node_text_json(out, &view, r->entry.name, NULL, context->now_ms);
	}
	text_add(out, SLICE("]"));
}

void command_cluster_node_by_id(const struct command_context *context,
				const struct command_request *request,
				struct command_answer *answer)
{
	struct slice name = command_parameter(request, SLICE("id"));
	const struct resource *resource = sentinel_find_resource(context->sentinel, name);
	struct node_view view;

	if (!name.len) {
		command_fail(answer, SLICE("Invalid parameter: empty clusterNode name"));
	} else if (!resource) {
		text_add(&answer->body, SLICE("{}"));
	} else {
		node_view(resource->cluster, context->now_ms, &view);
		node_text_json(&answer->body, &view, name, NULL, context->now_ms);
	}
}

void command_system_status(const struct command_context *context,
			   const struct command_request *request, struct command_answer *answer)
{
	struct text *out = &answer->body;
	struct node_view view;

	(void)request;
	node_view(context->sentinel->entrance, context->now_ms, &view);
	text_add(out, SLICE("{\"b\":"));
	java_text_double(out, view.block_qps);
	text_add(out, SLICE(",\"r\":"));
	java_text_double(out, view.avg_rt);
	text_printf(out, ",\"t\":%" PRId64 ",\"qps\":", view.threads);
	java_text_double(out, view.pass_qps);
	text_add(out, SLICE(",\"rqps\":"));
	java_text_double(out, view.success_qps);
	text_add(out, SLICE("}"));
}
