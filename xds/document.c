#include "document.h"

#include <stdio.h>
#include <stdlib.h>

#include "document_builder.h"
#include "json_reader.h"
#include "yaml_reader.h"

enum {
	DOCUMENT_BLOCK = 256 * 1024,
};

enum document_format document_format_of(const char *file)
{
	return slice_ends_with(slice_of(file), SLICE(".json")) ? DOCUMENT_JSON : DOCUMENT_YAML;
}

enum status document_parse(struct document *document, struct slice text,
			   enum document_format format, const char *file,
			   const struct document_limits *limits, struct diag *diag)
{
	struct document_builder builder;
	enum status status;

	*document = (struct document){
		.file = file ? file : "",
		.format = format,
		.limits = limits ? *limits : DOCUMENT_LIMITS_DEFAULT,
	};
	arena_init(&document->arena,
		   text.len < DOCUMENT_BLOCK ? text.len * 4 + 256 : DOCUMENT_BLOCK);
	document_builder_init(&builder, document, diag);
	if (text.len > document->limits.bytes)
		status = document_fault(&builder, STATUS_TOO_LARGE, (struct document_mark){0, 0},
					"%zu bytes, more than the limit of %zu", text.len,
					document->limits.bytes);
	else if (format == DOCUMENT_JSON)
		status = json_reader_run(&builder, text);
	else
		status = yaml_reader_run(&builder, text);
	if (!status) {
		invariant(builder.used == 1 && !builder.depth);
		document->root = builder.stack[0];
	}
	document_builder_fini(&builder);
	if (status)
		document_free(document);
	return status;
}

void document_free(struct document *document)
{
	arena_free(&document->arena);
	document->root = (struct node){.kind = NODE_NULL};
}

bool document_name_matches(const char *field, struct slice key)
{
	size_t i = 0;

	for (; *field && i < key.len; field++, i++) {
		char c = *field;
		if (c == '_' && key.data[i] != '_') {
			c = *++field;
			if (!c)
				return false;
			if (c >= 'a' && c <= 'z')
				c = (char)(c - 'a' + 'A');
		}
		if (c != key.data[i])
			return false;
	}
	return !*field && i == key.len;
}

static const struct node *find_key(const struct node *map, struct slice name, bool is_exact)
{
	char field[128];

	if (map->kind != NODE_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (slice_equal(node_text(&map->children[2 * i]), name))
			return &map->children[2 * i];
	if (is_exact || name.len >= sizeof field)
		return NULL;
	memcpy(field, name.data, name.len);
	field[name.len] = 0;
	for (size_t i = 0; i < map->count; i++)
		if (document_name_matches(field, node_text(&map->children[2 * i])))
			return &map->children[2 * i];
	return NULL;
}

const struct node *document_locate(const struct document *document, const char *path)
{
	const struct node *node = &document->root, *place = node;

	while (*path) {
		if (*path == '.')
			path++;
		if (path[0] == '[' && path[1] == '"') {
			const char *end = strstr(path + 2, "\"]");
			const struct node *key =
				end ? find_key(node, slice_make(path + 2, (size_t)(end - path) - 2),
					       true)
				    : NULL;
			if (!key)
				break;
			place = key;
			node = key + 1;
			path = end + 2;
		} else if (path[0] == '[') {
			char *end;
			unsigned long index = strtoul(path + 1, &end, 10);
			if (*end != ']' || node->kind != NODE_LIST || index >= node->count)
				break;
			place = node = &node->children[index];
			path = end + 1;
		} else {
			size_t len = strcspn(path, ".[");
			const struct node *key = find_key(node, slice_make(path, len), false);
			if (!key)
				break;
			place = key;
			node = key + 1;
			path += len;
		}
	}
	return place;
}

void document_place(const struct document *document, struct diag *diag)
{
	const struct node *node = document_locate(document, diag->path);

	snprintf(diag->file, sizeof diag->file, "%s", document->file);
	diag->line = node->line;
	diag->column = node->column;
}
