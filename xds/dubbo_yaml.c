#include "xds/dubbo_yaml.h"

#include "document.h"
#include "outrigger/config/route/v1/dubbo_rules.pb-c.h"
#include "validate.h"
#include "yaml_message.h"

#define TYPE(name) (&outrigger__config__route__v1__dubbo_##name##__descriptor)

static const struct node *find_key(const struct node *map, struct slice key)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (slice_equal(node_text(&map->children[2 * i]), key))
			return &map->children[2 * i + 1];
	return NULL;
}

static struct slice text_at(const struct node *map, struct slice key)
{
	const struct node *node = find_key(map, key);

	return node && (node->kind == NODE_PLAIN || node->kind == NODE_TEXT) ? node_text(node)
									     : SLICE("");
}

/* NULL: diag says why not. */
static const ProtobufCMessageDescriptor *type_of(const struct node *root, struct diag *diag)
{
	struct slice kind, version;

	if (root->kind != NODE_MAP) {
		(void)diag_set(diag, "must be a map: a rule of Dubbo's");
		return NULL;
	}
	kind = text_at(root, SLICE("kind"));
	version = text_at(root, SLICE("configVersion"));
	if (slice_equal(kind, SLICE("VirtualService")))
		return TYPE(virtual_service);
	if (slice_equal(kind, SLICE("DestinationRule")))
		return TYPE(destination_rule);
	if (find_key(root, SLICE("script")))
		return TYPE(script_rule);
	if (find_key(root, SLICE("tags")))
		return TYPE(tag_rule);
	if (find_key(root, SLICE("conditions")))
		return version.len >= 4 &&
				       slice_equal_nocase(slice_sub(version, 0, 4), SLICE("v3.1"))
			       ? TYPE(multi_destination_rule)
			       : TYPE(condition_rule);
	(void)diag_set(diag, "no rule of Dubbo's that is known here: it has none of tags, "
			     "conditions and kind VirtualService or DestinationRule");
	return NULL;
}

/* Comments and blanks only. */
static bool is_empty(struct slice text)
{
	for (size_t from = 0, end; from < text.len; from = end + 1) {
		end = slice_find_char(text, '\n', from);
		struct slice line = slice_trim(slice_sub(text, from, end));
		if (line.len && line.data[0] != '#' && line.data[0] != '\r')
			return false;
	}
	return true;
}

/* *message NULL: there is none. */
static enum status read_one(struct slice text, const char *file, struct arena *arena,
			    const ProtobufCMessage **message, struct diag *diag)
{
	const ProtobufCMessageDescriptor *type;
	struct document document;
	ProtobufCMessage *read = NULL;
	enum status status;

	*message = NULL;
	if (is_empty(text))
		return STATUS_OK;
	status = document_parse(&document, text, DOCUMENT_YAML, file, NULL, diag);
	if (status)
		return status;
	type = type_of(&document.root, diag);
	status = type ? yaml_message_read(&document, type, NULL, arena, &read, diag)
		      : STATUS_INVALID;
	if (!status)
		status = message_validate(read, "", NULL, diag);
	if (status && !diag->line)
		document_place(&document, diag);
	document_free(&document);
	*message = status ? NULL : read;
	return status;
}

/* A line that begins a document: "---", and what follows a blank is in it. */
static bool is_mark(struct slice line)
{
	return slice_starts_with(line, SLICE("---")) &&
	       (line.len == 3 || strchr(" \t\r", line.data[3]));
}

/* Where the line behind `from` begins that is a mark, or the end. */
static size_t find_mark(struct slice text, size_t from)
{
	while (from < text.len) {
		size_t end = slice_find_char(text, '\n', from);
		struct slice line = slice_sub(text, from, end);
		if (is_mark(line))
			return from;
		from = end + 1;
	}
	return text.len;
}

static unsigned count_lines(struct slice text)
{
	unsigned lines = 0;

	for (size_t at = 0; (at = slice_find_char(text, '\n', at)) < text.len; at++)
		lines++;
	return lines;
}

enum status dubbo_yaml_read(struct slice text, const char *file, struct arena *arena,
			    const ProtobufCMessage *const **messages, size_t *count,
			    struct diag *diag)
{
	size_t from = 0, capacity = 1, at = 0;
	enum status status = STATUS_OK;

	if (text.len > DUBBO_YAML_BYTES) {
		(void)diag_set(diag, "more than %d bytes", DUBBO_YAML_BYTES);
		return STATUS_TOO_LARGE;
	}
	while ((at = find_mark(text, at)) < text.len)
		capacity++, at += 3;
	if (capacity > DUBBO_YAML_DOCUMENTS) {
		(void)diag_set(diag, "more than %d documents", DUBBO_YAML_DOCUMENTS);
		return STATUS_TOO_LARGE;
	}
	const ProtobufCMessage **list = ARENA_NEW_ARRAY(arena, const ProtobufCMessage *, capacity);
	*count = 0;
	for (size_t i = 0; !status && i < capacity; i++) {
		size_t to = find_mark(text, from);
		status = read_one(slice_sub(text, from, to), file, arena, &list[*count], diag);
		if (status && diag->line)
			diag->line += count_lines(slice_sub(text, 0, from));
		*count += list[*count] != NULL;
		from = to + 3;
	}
	*messages = list;
	return status;
}
