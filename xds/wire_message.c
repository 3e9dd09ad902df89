#include "wire_message.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "any.h"
#include "document.h"
#include "field.h"
#include "field_path.h"
#include "message_reader.h"
#include "wire_check.h"

#include "google/protobuf/struct.pb-c.h"
#include "udpa/type/v1/typed_struct.pb-c.h"
#include "xds/type/v3/typed_struct.pb-c.h"

struct unpacker {
	const struct wire_options *options;
	struct arena *arena;
	ProtobufCAllocator allocator;
	struct diag *diag;
	size_t depth; /* still allowed, through Anys too */
};

static void *take(void *arena, size_t size)
{
	return arena_alloc(arena, size ? size : 1);
}

static void give_back(void *arena, void *memory)
{
	(void)arena;
	(void)memory;
}

static enum status fail(struct unpacker *unpacker, const struct field_path *path,
			enum status status, const char *what)
{
	field_path_print(path, unpacker->diag->path, sizeof unpacker->diag->path);
	diag_set(unpacker->diag, "%s", what);
	return status;
}

static void warn_unknown(struct unpacker *unpacker, const ProtobufCMessage *message,
			 const struct field_path *path)
{
	struct diag diag = {0};

	if (!message->n_unknown_fields || !unpacker->options || !unpacker->options->report)
		return;
	field_path_print(path, diag.path, sizeof diag.path);
	diag_set(&diag, "no field %" PRIu32 " is known in %s: ignored",
		 message->unknown_fields[0].tag, message->descriptor->short_name);
	unpacker->options->report(unpacker->options->context, &diag, false);
}

/* --- a Struct as the document it could have been written in
 * ----------------------------------------------------------- */

static void node_of_value(struct arena *arena, const Google__Protobuf__Value *value,
			  struct node *node);

static void set_text(struct arena *arena, struct node *node, enum node_kind kind, const char *text)
{
	node->kind = (uint8_t)kind;
	node->text = arena_string(arena, slice_of(text));
	node->count = (uint32_t)strlen(text);
}

static void node_of_struct(struct arena *arena, const Google__Protobuf__Struct *map,
			   struct node *node)
{
	node->kind = NODE_MAP;
	node->count = map ? (uint32_t)map->n_fields : 0;
	node->children = ARENA_NEW_ARRAY(arena, struct node, node->count * 2);
	for (size_t i = 0; i < node->count; i++) {
		set_text(arena, &node->children[2 * i], NODE_TEXT, map->fields[i]->key);
		node_of_value(arena, map->fields[i]->value, &node->children[2 * i + 1]);
	}
}

static void node_of_value(struct arena *arena, const Google__Protobuf__Value *value,
			  struct node *node)
{
	char number[40];

	node->kind = NODE_NULL;
	switch (value ? (int)value->kind_case : 0) {
	case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
		snprintf(number, sizeof number, "%.17g", value->number_value);
		set_text(arena, node, NODE_PLAIN, number);
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
		set_text(arena, node, NODE_TEXT, value->string_value);
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
		set_text(arena, node, NODE_PLAIN, value->bool_value ? "true" : "false");
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
		node_of_struct(arena, value->struct_value, node);
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
		node->kind = NODE_LIST;
		node->count = (uint32_t)value->list_value->n_values;
		node->children = ARENA_NEW_ARRAY(arena, struct node, node->count);
		for (size_t i = 0; i < node->count; i++)
			node_of_value(arena, value->list_value->values[i], &node->children[i]);
		break;
	default:
		break;
	}
}

/* Makes any hold what the TypedStruct stands for, or leaves the TypedStruct if that isn't known. */
static enum status stand_for(struct unpacker *unpacker, Google__Protobuf__Any *any, char *type_url,
			     const Google__Protobuf__Struct *value, const struct field_path *path)
{
	const ProtobufCMessageDescriptor *type = any_type_find(any_type_name(slice_of(type_url)));
	struct document document = {
		.file = "", .format = DOCUMENT_JSON, .limits = DOCUMENT_LIMITS_DEFAULT};
	struct field_path inside = FIELD_PATH_OF_FIELD(path, "value");
	struct yaml_options options = {.allow_unknown = true};
	struct node root = {0};

	if (!type)
		return STATUS_OK;
	if (unpacker->options) {
		options.report = unpacker->options->report;
		options.context = unpacker->options->context;
	}
	node_of_struct(unpacker->arena, value, &root);
	struct reader reader = {
		.document = &document,
		.options = &options,
		.arena = unpacker->arena,
		.diag = unpacker->diag,
		.budget = document.limits.nodes,
		.depth = unpacker->depth,
	};
	const ProtobufCMessage *message = reader_message(&reader, type, &root, &inside);
	if (!message)
		return STATUS_INVALID;
	any_set(any, type_url, message);
	return STATUS_OK;
}

/* --- Anys --- */

static enum status unpack(struct unpacker *unpacker, struct slice bytes,
			  const ProtobufCMessageDescriptor *type, const struct field_path *path,
			  ProtobufCMessage **message);

static enum status decode_any(struct unpacker *unpacker, Google__Protobuf__Any *any,
			      const struct field_path *path)
{
	const ProtobufCMessageDescriptor *type =
		any_type_find(any_type_name(slice_of(any->type_url)));
	struct slice bytes = slice_make(any->value.data, any->value.len);
	ProtobufCMessage *message;

	if (!type) {
		if (!any->value.len)
			any->value.data = NULL; /* not to be taken for a decoded one */
		return STATUS_OK;
	}
	enum status status = unpack(unpacker, bytes, type, path, &message);
	if (status)
		return status;
	any_set(any, any->type_url, message);
	if (type == &xds__type__v3__typed_struct__descriptor) {
		Xds__Type__V3__TypedStruct *typed = (void *)message;
		return stand_for(unpacker, any, typed->type_url, typed->value, path);
	}
	if (type == &udpa__type__v1__typed_struct__descriptor) {
		Udpa__Type__V1__TypedStruct *typed = (void *)message;
		return stand_for(unpacker, any, typed->type_url, typed->value, path);
	}
	return STATUS_OK;
}

static enum status decode_inside(struct unpacker *unpacker, ProtobufCMessage *message,
				 const struct field_path *path);

static enum status decode_field(struct unpacker *unpacker, ProtobufCMessage *message,
				const ProtobufCFieldDescriptor *field,
				const struct field_path *outer)
{
	struct field_path path = FIELD_PATH_OF_FIELD(outer, field->name);
	size_t count = field_count(message, field);

	for (size_t i = 0; i < count; i++) {
		struct field_path item = FIELD_PATH_OF_INDEX(&path, i);
		ProtobufCMessage *value = *(ProtobufCMessage **)field_value(message, field, i);
		enum status status = value ? decode_inside(unpacker, value,
							   field_is_repeated(field) ? &item : &path)
					   : STATUS_OK;
		if (status)
			return status;
	}
	return STATUS_OK;
}

static enum status decode_inside(struct unpacker *unpacker, ProtobufCMessage *message,
				 const struct field_path *path)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	enum status status = STATUS_OK;

	if (!unpacker->depth)
		return fail(unpacker, path, STATUS_TOO_LARGE, "nested too deep");
	unpacker->depth--;
	warn_unknown(unpacker, message, path);
	if (type == &google__protobuf__any__descriptor)
		status = decode_any(unpacker, (void *)message, path);
	for (unsigned i = 0; !status && i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			status = decode_field(unpacker, message, &type->fields[i], path);
	unpacker->depth++;
	return status;
}

static enum status unpack(struct unpacker *unpacker, struct slice bytes,
			  const ProtobufCMessageDescriptor *type, const struct field_path *path,
			  ProtobufCMessage **message)
{
	const char *wrong = wire_check(bytes, type, unpacker->depth);

	if (wrong)
		return fail(unpacker, path, STATUS_MALFORMED, wrong);
	*message = protobuf_c_message_unpack(type, &unpacker->allocator, bytes.len,
					     (const uint8_t *)bytes.data);
	if (!*message)
		return fail(unpacker, path, STATUS_MALFORMED, "malformed bytes");
	return decode_inside(unpacker, *message, path);
}

enum status wire_message_unpack(struct slice bytes, const ProtobufCMessageDescriptor *type,
				const struct wire_options *options, struct arena *arena,
				ProtobufCMessage **message, struct diag *diag)
{
	struct unpacker unpacker = {
		.options = options,
		.arena = arena,
		.allocator = {.alloc = take, .free = give_back, .allocator_data = arena},
		.diag = diag,
		.depth = WIRE_MESSAGE_MAX_DEPTH,
	};
	return unpack(&unpacker, bytes, type, NULL, message);
}
