#include "message_reader.h"

#include <stdarg.h>
#include <stdio.h>

#include "did_you_mean.h"
#include "field.h"
#include "scalar.h"

enum {
	MAX_FIELDS = 128, /* of one message type; the largest has 57 */
};

static void fill_place(struct reader *reader, const struct node *node,
		       const struct field_path *path, struct diag *diag)
{
	snprintf(diag->file, sizeof diag->file, "%s", reader->document->file);
	diag->line = node->line;
	diag->column = node->column;
	field_path_print(path, diag->path, sizeof diag->path);
}

void reader_fault(struct reader *reader, const struct node *node, const struct field_path *path,
		  const char *format, ...)
{
	struct diag other = {0};
	struct diag *diag = reader->faults++ ? &other : reader->diag;
	const struct yaml_options *options = reader->options;
	va_list args;

	fill_place(reader, node, path, diag);
	va_start(args, format);
	vsnprintf(diag->text, sizeof diag->text, format, args);
	va_end(args);
	if (diag == &other && options && options->report)
		options->report(options->context, diag, true);
}

void reader_warn(struct reader *reader, const struct node *node, const struct field_path *path,
		 const char *format, ...)
{
	struct diag diag = {0};
	const struct yaml_options *options = reader->options;
	va_list args;

	if (!options || !options->report)
		return;
	fill_place(reader, node, path, &diag);
	va_start(args, format);
	vsnprintf(diag.text, sizeof diag.text, format, args);
	va_end(args);
	options->report(options->context, &diag, false);
}

bool reader_spend(struct reader *reader, const struct node *node, const struct field_path *path)
{
	if (reader->faults >= READER_MAX_FAULTS)
		return false;
	if (!reader->depth) {
		reader_fault(reader, node, path, "nested deeper than %zu",
			     reader->document->limits.depth);
		reader->faults = READER_MAX_FAULTS;
		return false;
	}
	if (!reader->budget) {
		reader_fault(reader, node, path, "more than %zu values, aliases counted each time",
			     reader->document->limits.nodes);
		reader->faults = READER_MAX_FAULTS;
		return false;
	}
	reader->budget--;
	return true;
}

ProtobufCMessage *reader_new(struct reader *reader, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message = arena_alloc(reader->arena, type->sizeof_message);
	protobuf_c_message_init(type, message);
	return message;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *type,
						  struct slice key)
{
	const ProtobufCFieldDescriptor *field =
		memchr(key.data, 0, key.len)
			? NULL
			: protobuf_c_message_descriptor_get_field_by_name(type, key.data);

	for (unsigned i = 0; !field && i < type->n_fields; i++)
		if (document_name_matches(type->fields[i].name, key))
			field = &type->fields[i];
	return field;
}

static const char *kind_name(enum node_kind kind)
{
	switch (kind) {
	case NODE_NULL:
		return "nothing";
	case NODE_PLAIN:
	case NODE_TEXT:
		return "a scalar";
	case NODE_LIST:
		return "a list";
	case NODE_MAP:
		return "a map";
	}
	return "";
}

static bool read_value(struct reader *reader, const ProtobufCFieldDescriptor *field,
		       const struct node *node, const struct field_path *path, void *slot)
{
	if (field->type != PROTOBUF_C_TYPE_MESSAGE)
		return reader_spend(reader, node, path) &&
		       reader_scalar(reader, field, node, path, slot);
	ProtobufCMessage *message = reader_message(reader, field->descriptor, node, path);
	*(ProtobufCMessage **)slot = message;
	return message;
}

/* True for a Value: null is one of those that it may have. */
static bool has_null(const ProtobufCFieldDescriptor *field)
{
	return field->type == PROTOBUF_C_TYPE_MESSAGE &&
	       !strcmp(((const ProtobufCMessageDescriptor *)field->descriptor)->name,
		       "google.protobuf.Value");
}

/* A value in a list or a map. As in Envoy, null stands for an empty one: nothing is left out
 * unsaid.
 */
static bool read_item(struct reader *reader, const ProtobufCFieldDescriptor *field,
		      const struct node *node, const struct field_path *path, void *slot)
{
	if (node->kind != NODE_NULL || has_null(field))
		return read_value(reader, field, node, path, slot);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		*(ProtobufCMessage **)slot = reader_new(reader, field->descriptor);
	else if (field->type == PROTOBUF_C_TYPE_STRING)
		*(char **)slot = arena_string(reader->arena, SLICE(""));
	return reader_spend(reader, node, path);
}

static bool read_map(struct reader *reader, const ProtobufCFieldDescriptor *field,
		     const struct node *node, const struct field_path *path,
		     ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = field->descriptor;
	ProtobufCMessage **entries =
		ARENA_NEW_ARRAY(reader->arena, ProtobufCMessage *, node->count);
	bool ok = true;

	for (size_t i = 0; i < node->count; i++) {
		const struct node *key = &node->children[2 * i], *value = key + 1;
		struct field_path inner = FIELD_PATH_OF_KEY(path, node_text(key));
		struct node text = *key;

		text.kind = NODE_TEXT; /* a key is of the field's type, whatever it looks like */
		entries[i] = reader_new(reader, type);
		if (!read_value(reader, &type->fields[0], &text, &inner,
				field_slot(entries[i], &type->fields[0])) ||
		    !read_item(reader, &type->fields[1], value, &inner,
			       field_slot(entries[i], &type->fields[1])))
			ok = false;
	}
	*field_count_slot(message, field) = node->count;
	*(void **)field_slot(message, field) = entries;
	return ok;
}

static bool read_repeated(struct reader *reader, const ProtobufCFieldDescriptor *field,
			  const struct node *node, const struct field_path *path,
			  ProtobufCMessage *message)
{
	bool is_list = node->kind == NODE_LIST, ok = true;
	const struct node *items =
		is_list ? node->children : node; /* as in Envoy, one value is a list of one */
	size_t count = is_list ? node->count : 1, size = field_size(field);
	char *values;

	if (node->kind == NODE_MAP && field_is_map(field))
		return read_map(reader, field, node, path, message);
	values = arena_zalloc_array(reader->arena, count, size);
	for (size_t i = 0; i < count; i++) {
		struct field_path inner = FIELD_PATH_OF_INDEX(path, i);
		if (!read_item(reader, field, &items[i], &inner, values + size * i))
			ok = false;
	}
	*field_count_slot(message, field) = count;
	*(void **)field_slot(message, field) = values;
	return ok;
}

static bool read_field(struct reader *reader, const ProtobufCFieldDescriptor *field,
		       const struct node *node, const struct field_path *path,
		       ProtobufCMessage *message)
{
	if (field_is_repeated(field))
		return read_repeated(reader, field, node, path, message);
	if (field_is_in_oneof(field)) {
		uint32_t *chosen = field_case_slot(message, field);
		const ProtobufCFieldDescriptor *other =
			*chosen ? protobuf_c_message_descriptor_get_field(message->descriptor,
									  *chosen)
				: NULL;
		if (other && other != field) {
			reader_fault(reader, node, path, "can't be given together with %s",
				     other->name);
			return false;
		}
		*chosen = field->id;
	}
	return read_value(reader, field, node, path, field_slot(message, field));
}

static bool unknown_field(struct reader *reader, const ProtobufCMessageDescriptor *type,
			  const struct node *key, const struct field_path *path)
{
	const char *near = NULL;
	const char *names[MAX_FIELDS];

	if (reader->options && reader->options->allow_unknown) {
		reader_warn(reader, key, path, "no such field in %s: ignored", type->short_name);
		return true;
	}
	invariant(type->n_fields <= MAX_FIELDS);
	for (unsigned i = 0; i < type->n_fields; i++)
		names[i] = type->fields[i].name;
	near = did_you_mean(node_text(key), names, type->n_fields);
	if (near)
		reader_fault(reader, key, path, "no such field: did you mean %s?", near);
	else
		reader_fault(reader, key, path, "no such field in %s", type->short_name);
	return false;
}

static bool read_entry(struct reader *reader, const struct node *key,
		       const struct field_path *outer, ProtobufCMessage *message, bool *seen)
{
	const ProtobufCFieldDescriptor *field = find_field(message->descriptor, node_text(key));
	struct field_path path = FIELD_PATH_OF_FIELD(outer, field ? field->name : key->text);

	if (!field)
		return unknown_field(reader, message->descriptor, key, &path);
	size_t index = (size_t)(field - message->descriptor->fields);
	invariant(index < MAX_FIELDS);
	if (seen[index]) {
		reader_fault(reader, key, &path, "given twice, in two spellings");
		return false;
	}
	seen[index] = true;
	const struct node *value = key + 1;
	/* null means absent, but for a Value, which has a null. */
	if (value->kind == NODE_NULL && (field_is_repeated(field) || !has_null(field)))
		return true;
	return read_field(reader, field, value, &path, message);
}

static ProtobufCMessage *read_fields(struct reader *reader, const ProtobufCMessageDescriptor *type,
				     const struct node *node, const struct field_path *path,
				     bool in_any)
{
	bool seen[MAX_FIELDS] = {false}, ok = true;

	if (node->kind != NODE_MAP) {
		reader_fault(reader, node, path, "must be a map (%s), not %s", type->short_name,
			     kind_name((enum node_kind)node->kind));
		return NULL;
	}
	ProtobufCMessage *message = reader_new(reader, type);
	for (size_t i = 0; i < node->count; i++) {
		const struct node *key = &node->children[2 * i];
		if (in_any && slice_equal(node_text(key), SLICE("@type")))
			continue;
		if (!read_entry(reader, key, path, message, seen))
			ok = false;
	}
	return ok ? message : NULL;
}

static ProtobufCMessage *read_message(struct reader *reader, const ProtobufCMessageDescriptor *type,
				      const struct node *node, const struct field_path *path,
				      bool in_any)
{
	ProtobufCMessage *message;

	if (!reader_spend(reader, node, path))
		return NULL;
	reader->depth--;
	if (!reader_well_known(reader, type, node, path, &message))
		message = read_fields(reader, type, node, path, in_any);
	reader->depth++;
	return message;
}

ProtobufCMessage *reader_message(struct reader *reader, const ProtobufCMessageDescriptor *type,
				 const struct node *node, const struct field_path *path)
{
	return read_message(reader, type, node, path, false);
}

ProtobufCMessage *reader_any_content(struct reader *reader, const ProtobufCMessageDescriptor *type,
				     const struct node *node, const struct field_path *path)
{
	return read_message(reader, type, node, path, true);
}
