#include "document_builder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	FEW_KEYS = 16, /* up to here, comparing each with each is the fastest way to find a
			  duplicate */
};

void document_builder_init(struct document_builder *builder, struct document *document,
			   struct diag *diag)
{
	*builder = (struct document_builder){.document = document, .diag = diag};
}

void document_builder_fini(struct document_builder *builder)
{
	free(builder->stack);
	free(builder->frames);
	*builder = (struct document_builder){0};
}

enum status document_fault(struct document_builder *builder, enum status status,
			   struct document_mark mark, const char *format, ...)
{
	struct diag *diag = builder->diag;
	va_list args;

	snprintf(diag->file, sizeof diag->file, "%s", builder->document->file);
	diag->line = (unsigned)mark.line + 1;
	diag->column = (unsigned)mark.column + 1;
	va_start(args, format);
	vsnprintf(diag->text, sizeof diag->text, format, args);
	va_end(args);
	return status;
}

static enum status push(struct document_builder *builder, const struct node *node,
			struct document_mark mark)
{
	const struct document_limits *limits = &builder->document->limits;

	if (builder->nodes >= limits->nodes)
		return document_fault(builder, STATUS_TOO_LARGE, mark, "more than %zu values",
				      limits->nodes);
	if (builder->used == builder->room) {
		builder->room = builder->room ? builder->room * 2 : 256;
		builder->stack = realloc(builder->stack, builder->room * sizeof *builder->stack);
		invariant(builder->stack);
	}
	builder->nodes++;
	builder->stack[builder->used] = *node;
	struct node *added = &builder->stack[builder->used++];
	added->line = (uint32_t)mark.line + 1;
	added->column = mark.column < UINT16_MAX ? (uint16_t)(mark.column + 1) : UINT16_MAX;
	return STATUS_OK;
}

enum status document_add_scalar(struct document_builder *builder, enum node_kind kind,
				struct slice text, struct document_mark mark)
{
	struct node node = {
		.text = arena_string(&builder->document->arena, text),
		.count = (uint32_t)text.len,
		.kind = (uint8_t)kind,
	};
	return push(builder, &node, mark);
}

enum status document_add_copy(struct document_builder *builder, const struct node *node,
			      struct document_mark mark)
{
	struct node copy = *node;
	copy.is_ignored = false;
	return push(builder, &copy, mark);
}

enum status document_open(struct document_builder *builder, enum node_kind kind,
			  struct document_mark mark)
{
	const struct document_limits *limits = &builder->document->limits;
	struct node node = {.kind = (uint8_t)kind};

	if (builder->depth >= limits->depth)
		return document_fault(builder, STATUS_TOO_LARGE, mark, "nested deeper than %zu",
				      limits->depth);
	enum status status = push(builder, &node, mark);
	if (status)
		return status;
	if (builder->depth == builder->frame_room) {
		builder->frame_room = builder->frame_room ? builder->frame_room * 2 : 32;
		builder->frames =
			realloc(builder->frames, builder->frame_room * sizeof *builder->frames);
		invariant(builder->frames);
	}
	builder->frames[builder->depth++] = builder->used;
	return STATUS_OK;
}

/* Equal keys stand together, the later ones behind. */
static int compare_keys(const void *a, const void *b)
{
	const struct node *const *x = a, *const *y = b;
	int order = slice_compare(node_text(*x), node_text(*y));
	return order ? order : (*x > *y) - (*x < *y);
}

static void drop_entry(struct document_builder *builder, struct node *key)
{
	struct document *document = builder->document;

	if (!document->duplicates++) {
		document->duplicate_line = key->line;
		document->duplicate_column = key->column;
	}
	key->is_ignored = true;
}

/* Marks every entry that a later one of the same key replaces. */
static void mark_duplicates(struct document_builder *builder, struct node *entries, size_t count)
{
	if (count <= FEW_KEYS) {
		for (size_t i = 0; i < count; i++)
			for (size_t j = i + 1; j < count; j++)
				if (slice_equal(node_text(&entries[2 * i]),
						node_text(&entries[2 * j]))) {
					drop_entry(builder, &entries[2 * i]);
					break;
				}
		return;
	}
	struct node **keys = malloc(count * sizeof *keys);
	invariant(keys);
	for (size_t i = 0; i < count; i++)
		keys[i] = &entries[2 * i];
	qsort(keys, count, sizeof *keys, compare_keys);
	for (size_t i = 0; i + 1 < count; i++)
		if (slice_equal(node_text(keys[i]), node_text(keys[i + 1])))
			drop_entry(builder, keys[i]);
	free(keys);
}

static enum status finish_map(struct document_builder *builder, struct node *entries, size_t *count)
{
	size_t kept = 0;

	for (size_t i = 0; i < *count; i++) {
		const struct node *key = &entries[2 * i];
		if (key->kind == NODE_LIST || key->kind == NODE_MAP || key->kind == NODE_NULL)
			return document_fault(
				builder, STATUS_MALFORMED,
				(struct document_mark){key->line - 1, key->column - 1U},
				"a key must be a scalar");
	}
	mark_duplicates(builder, entries, *count);
	for (size_t i = 0; i < *count; i++) {
		if (entries[2 * i].is_ignored)
			continue;
		entries[2 * kept] = entries[2 * i];
		entries[2 * kept + 1] = entries[2 * i + 1];
		kept++;
	}
	*count = kept;
	return STATUS_OK;
}

enum status document_close(struct document_builder *builder)
{
	invariant(builder->depth);
	size_t first = builder->frames[--builder->depth];
	size_t count = builder->used - first;
	struct node *container = &builder->stack[first - 1], *children = &builder->stack[first];

	if (container->kind == NODE_MAP) {
		invariant(count % 2 == 0);
		count /= 2;
		enum status status = finish_map(builder, children, &count);
		if (status)
			return status;
		container->count = (uint32_t)count;
		count *= 2;
	} else {
		container->count = (uint32_t)count;
	}
	container->children = ARENA_NEW_ARRAY(&builder->document->arena, struct node, count);
	if (count)
		memcpy(container->children, children, count * sizeof *children);
	builder->used = first;
	return STATUS_OK;
}
