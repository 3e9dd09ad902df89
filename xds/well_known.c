/* The messages whose JSON form is not a map of their fields: wrappers, Duration, Struct, Value,
 * ListValue and Any. */
#include "any.h"
#include "field.h"
#include "message_reader.h"
#include "scalar.h"

#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "google/protobuf/wrappers.pb-c.h"
#include "udpa/type/v1/typed_struct.pb-c.h"
#include "xds/type/v3/typed_struct.pb-c.h"

/* --- Struct and Value --- */

static bool read_value(struct reader *reader, const struct node *node,
		       const struct field_path *path, Google__Protobuf__Value *value);

static Google__Protobuf__Struct *read_struct(struct reader *reader, const struct node *node,
					     const struct field_path *path)
{
	Google__Protobuf__Struct *map;

	if (node->kind != NODE_MAP) {
		reader_fault(reader, node, path, "must be a map");
		return NULL;
	}
	map = (void *)reader_new(reader, &google__protobuf__struct__descriptor);
	map->fields = ARENA_NEW_ARRAY(reader->arena, Google__Protobuf__Struct__FieldsEntry *,
				      node->count);
	for (size_t i = 0; i < node->count; i++) {
		const struct node *key = &node->children[2 * i];
		struct field_path inner = FIELD_PATH_OF_FIELD(path, key->text);
		Google__Protobuf__Struct__FieldsEntry *entry = (void *)reader_new(
			reader, &google__protobuf__struct__fields_entry__descriptor);
		entry->key = arena_string(reader->arena, node_text(key));
		entry->value = (void *)reader_new(reader, &google__protobuf__value__descriptor);
		if (strlen(entry->key) != key->count) {
			reader_fault(reader, key, path, "a key must not contain a NUL");
			return NULL;
		}
		if (!read_value(reader, key + 1, &inner, entry->value))
			return NULL;
		map->fields[map->n_fields++] = entry;
	}
	return map;
}

static Google__Protobuf__ListValue *read_list(struct reader *reader, const struct node *node,
					      const struct field_path *path)
{
	Google__Protobuf__ListValue *list;

	if (node->kind != NODE_LIST) {
		reader_fault(reader, node, path, "must be a list");
		return NULL;
	}
	list = (void *)reader_new(reader, &google__protobuf__list_value__descriptor);
	list->values = ARENA_NEW_ARRAY(reader->arena, Google__Protobuf__Value *, node->count);
	for (size_t i = 0; i < node->count; i++) {
		struct field_path inner = FIELD_PATH_OF_INDEX(path, i);
		list->values[i] = (void *)reader_new(reader, &google__protobuf__value__descriptor);
		if (!read_value(reader, &node->children[i], &inner, list->values[i]))
			return NULL;
		list->n_values++;
	}
	return list;
}

static bool set_text(struct reader *reader, const struct node *node, const struct field_path *path,
		     Google__Protobuf__Value *value)
{
	value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE;
	value->string_value = arena_string(reader->arena, node_text(node));
	if (strlen(value->string_value) == node->count)
		return true;
	reader_fault(reader, node, path, "must not contain a NUL");
	return false;
}

/* Envoy's rule for YAML: an integer of 32 bits is a number, every other number is a string. In JSON
 * all are numbers. */
static bool set_plain(struct reader *reader, const struct node *node, const struct field_path *path,
		      Google__Protobuf__Value *value)
{
	bool truth, is_json = reader->document->format == DOCUMENT_JSON;
	int64_t number;

	switch (scalar_form(node, &truth, &number)) {
	case SCALAR_BOOL:
		value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
		value->bool_value = truth;
		return true;
	case SCALAR_INT:
		if (!is_json && (number < INT32_MIN || number > INT32_MAX))
			return set_text(reader, node, path, value);
		value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
		value->number_value = (double)number;
		return true;
	case SCALAR_TEXT:
		if (!is_json)
			return set_text(reader, node, path, value);
		value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE;
		const char *wrong = scalar_to_double(node, &value->number_value);
		if (wrong)
			reader_fault(reader, node, path, "%s", wrong);
		return !wrong;
	}
	return false;
}

static bool read_value(struct reader *reader, const struct node *node,
		       const struct field_path *path, Google__Protobuf__Value *value)
{
	bool ok = true;

	if (!reader_spend(reader, node, path))
		return false;
	reader->depth--;
	switch ((enum node_kind)node->kind) {
	case NODE_NULL:
		value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE;
		break;
	case NODE_TEXT:
		ok = set_text(reader, node, path, value);
		break;
	case NODE_PLAIN:
		ok = set_plain(reader, node, path, value);
		break;
	case NODE_LIST:
		value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE;
		value->list_value = read_list(reader, node, path);
		ok = value->list_value;
		break;
	case NODE_MAP:
		value->kind_case = GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE;
		value->struct_value = read_struct(reader, node, path);
		ok = value->struct_value;
		break;
	}
	reader->depth++;
	return ok;
}

static ProtobufCMessage *read_value_message(struct reader *reader, const struct node *node,
					    const struct field_path *path)
{
	Google__Protobuf__Value *value =
		(void *)reader_new(reader, &google__protobuf__value__descriptor);
	return read_value(reader, node, path, value) ? &value->base : NULL;
}

/* --- Any --- */

static const struct node *find_child(const struct node *map, struct slice name)
{
	for (size_t i = 0; i < map->count; i++)
		if (slice_equal(node_text(&map->children[2 * i]), name))
			return &map->children[2 * i + 1];
	return NULL;
}

/* In an Any, a type with a JSON form of its own stands under the key "value". */
static bool has_own_form(const ProtobufCMessageDescriptor *type)
{
	return slice_starts_with(slice_of(type->name), SLICE("google.protobuf.")) &&
	       type != &google__protobuf__any__descriptor && type->n_fields;
}

static bool is_typed_struct(const ProtobufCMessageDescriptor *type)
{
	return type == &xds__type__v3__typed_struct__descriptor ||
	       type == &udpa__type__v1__typed_struct__descriptor;
}

/* What an Any of a TypedStruct holds: the message it stands for, or itself if that type isn't
 * known. */
static ProtobufCMessage *read_typed_struct(struct reader *reader,
					   const ProtobufCMessageDescriptor *type,
					   const struct node *node, const struct field_path *path,
					   char **type_url)
{
	const struct node *inner_url = find_child(node, SLICE("type_url"));
	const struct node *value = find_child(node, SLICE("value"));
	const ProtobufCMessageDescriptor *inner = NULL;
	struct node nothing = {.kind = NODE_MAP, .line = node->line, .column = node->column};
	struct field_path inside = FIELD_PATH_OF_FIELD(path, "value");

	if (!inner_url)
		inner_url = find_child(node, SLICE("typeUrl"));
	if (inner_url && (inner_url->kind == NODE_TEXT || inner_url->kind == NODE_PLAIN))
		inner = any_type_find(any_type_name(node_text(inner_url)));
	if (!inner)
		return reader_any_content(reader, type, node, path);
	*type_url = arena_string(reader->arena, node_text(inner_url));
	return reader_message(reader, inner, value && value->kind != NODE_NULL ? value : &nothing,
			      &inside);
}

static bool any_of_unknown_type(struct reader *reader, const struct node *type_node,
				const struct field_path *path)
{
	struct slice name = any_type_name(node_text(type_node));

	if (reader->options && reader->options->allow_unknown) {
		reader_warn(reader, type_node, path, "type %.*s is not known: ignored",
			    SLICE_FMT(name));
		return true;
	}
	const ProtobufCMessageDescriptor *meant = any_type_suggest(name);
	reader_fault(reader, type_node, path, "type %.*s is not known%s%s%s", SLICE_FMT(name),
		     meant ? ": did you mean " : "", meant ? meant->name : "", meant ? "?" : "");
	return false;
}

static ProtobufCMessage *read_any(struct reader *reader, const struct node *node,
				  const struct field_path *path)
{
	Google__Protobuf__Any *any = (void *)reader_new(reader, &google__protobuf__any__descriptor);
	const struct node *type_node;
	ProtobufCMessage *message;
	struct slice type_url;

	if (node->kind != NODE_MAP) {
		reader_fault(reader, node, path, "must be a map with @type");
		return NULL;
	}
	if (!node->count)
		return &any->base;
	type_node = find_child(node, SLICE("@type"));
	if (!type_node || scalar_to_text(type_node, &type_url)) {
		reader_fault(reader, type_node ? type_node : node, path,
			     "has no @type: which message it is, as "
			     "\"@type\": type.googleapis.com/PACKAGE.MESSAGE");
		return NULL;
	}
	char *url = arena_string(reader->arena, type_url);
	const ProtobufCMessageDescriptor *type = any_type_find(any_type_name(type_url));
	if (!type) {
		any->type_url = url;
		return any_of_unknown_type(reader, type_node, path) ? &any->base : NULL;
	}
	const struct node *value = has_own_form(type) ? find_child(node, SLICE("value")) : NULL;
	struct field_path inside = FIELD_PATH_OF_FIELD(path, "value");
	if (value)
		message = reader_message(reader, type, value, &inside);
	else if (is_typed_struct(type))
		message = read_typed_struct(reader, type, node, path, &url);
	else
		message = reader_any_content(reader, type, node, path);
	if (!message)
		return NULL;
	any_set(any, url, message);
	return &any->base;
}

/* --- scalars that are messages
 * -------------------------------------------------------------------------------------- */

static ProtobufCMessage *read_duration(struct reader *reader, const struct node *node,
				       const struct field_path *path)
{
	Google__Protobuf__Duration *duration =
		(void *)reader_new(reader, &google__protobuf__duration__descriptor);
	const char *wrong = scalar_to_duration(node, &duration->seconds, &duration->nanos);

	if (wrong)
		reader_fault(reader, node, path, "%s", wrong);
	return wrong ? NULL : &duration->base;
}

/* A wrapper has one field and is written as that field's value. */
static ProtobufCMessage *read_wrapper(struct reader *reader, const ProtobufCMessageDescriptor *type,
				      const struct node *node, const struct field_path *path)
{
	ProtobufCMessage *message = reader_new(reader, type);
	const ProtobufCFieldDescriptor *value = &type->fields[0];

	return reader_scalar(reader, value, node, path, field_slot(message, value)) ? message
										    : NULL;
}

static bool is_wrapper(const ProtobufCMessageDescriptor *type)
{
	return slice_ends_with(slice_of(type->short_name), SLICE("Value")) && type->n_fields == 1 &&
	       type != &google__protobuf__list_value__descriptor;
}

bool reader_well_known(struct reader *reader, const ProtobufCMessageDescriptor *type,
		       const struct node *node, const struct field_path *path,
		       ProtobufCMessage **message)
{
	if (type->package_name[0] != 'g' || strcmp(type->package_name, "google.protobuf") != 0)
		return false;
	if (type == &google__protobuf__any__descriptor) {
		*message = read_any(reader, node, path);
	} else if (type == &google__protobuf__struct__descriptor) {
		Google__Protobuf__Struct *map = read_struct(reader, node, path);
		*message = map ? &map->base : NULL;
	} else if (type == &google__protobuf__value__descriptor) {
		*message = read_value_message(reader, node, path);
	} else if (type == &google__protobuf__list_value__descriptor) {
		Google__Protobuf__ListValue *list = read_list(reader, node, path);
		*message = list ? &list->base : NULL;
	} else if (node->kind == NODE_MAP) {
		return false; /* {seconds: 1}, {value: 1}: Envoy reads these too */
	} else if (type == &google__protobuf__duration__descriptor) {
		*message = read_duration(reader, node, path);
	} else if (is_wrapper(type)) {
		*message = read_wrapper(reader, type, node, path);
	} else {
		return false;
	}
	return true;
}
