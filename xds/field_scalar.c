/* A scalar of a document into its slot in a message. */
#include "did_you_mean.h"
#include "field.h"
#include "message_reader.h"
#include "scalar.h"

enum {
	MAX_ENUM_NAMES = 128, /* of one enum among which a misspelt one is searched */
};

static const char *read_enum(const ProtobufCEnumDescriptor *type, const struct node *node,
			     int *value)
{
	int64_t number;
	struct slice text = node_text(node);

	if (node->kind != NODE_PLAIN && node->kind != NODE_TEXT)
		return "must be the name of a value";
	if (!scalar_to_int64(node, INT32_MIN, INT32_MAX, &number)) {
		*value = (int)number;
		return protobuf_c_enum_descriptor_get_value(type, *value) ? NULL : "no such value";
	}
	for (unsigned i = 0; i < type->n_value_names; i++)
		if (slice_equal_nocase(slice_of(type->values_by_name[i].name), text)) {
			*value = type->values[type->values_by_name[i].index].value;
			return NULL;
		}
	return "no such value";
}

static const char *read_scalar(struct reader *reader, const ProtobufCFieldDescriptor *field,
			       const struct node *node, void *slot)
{
	struct slice text;
	double number;
	int64_t integer;
	uint64_t natural;
	bool truth;
	const char *wrong = NULL;

	switch (field_class(field)) {
	case FIELD_INT32:
		wrong = scalar_to_int64(node, INT32_MIN, INT32_MAX, &integer);
		if (!wrong)
			*(int32_t *)slot = (int32_t)integer;
		return wrong;
	case FIELD_UINT32:
		wrong = scalar_to_uint64(node, UINT32_MAX, &natural);
		if (!wrong)
			*(uint32_t *)slot = (uint32_t)natural;
		return wrong;
	case FIELD_INT64:
		return scalar_to_int64(node, INT64_MIN, INT64_MAX, slot);
	case FIELD_UINT64:
		return scalar_to_uint64(node, UINT64_MAX, slot);
	case FIELD_BOOL:
		wrong = scalar_to_bool(node, &truth);
		if (!wrong)
			*(protobuf_c_boolean *)slot = truth;
		return wrong;
	case FIELD_STRING:
		wrong = scalar_to_text(node, &text);
		if (!wrong)
			*(char **)slot = arena_string(reader->arena, text);
		return wrong;
	case FIELD_BYTES:
		wrong = scalar_to_bytes(node, reader->arena, &text);
		if (!wrong)
			*(ProtobufCBinaryData *)slot =
				(ProtobufCBinaryData){text.len, (uint8_t *)(uintptr_t)text.data};
		return wrong;
	case FIELD_ENUM:
		return read_enum(field->descriptor, node, slot);
	case FIELD_FLOAT:
		wrong = scalar_to_double(node, &number);
		if (!wrong)
			*(float *)slot = (float)number;
		return wrong;
	case FIELD_DOUBLE:
		return scalar_to_double(node, slot);
	case FIELD_MESSAGE:
		break;
	}
	return wrong;
}

/* The name of the enum's value that was probably meant, or NULL. */
static const char *near_value(const ProtobufCFieldDescriptor *field, const struct node *node)
{
	const ProtobufCEnumDescriptor *type = field->descriptor;
	const char *names[MAX_ENUM_NAMES];
	unsigned count = 0;

	if (field->type != PROTOBUF_C_TYPE_ENUM ||
	    (node->kind != NODE_PLAIN && node->kind != NODE_TEXT))
		return NULL;
	for (; count < type->n_value_names && count < MAX_ENUM_NAMES; count++)
		names[count] = type->values_by_name[count].name;
	return did_you_mean(node_text(node), names, count);
}

bool reader_scalar(struct reader *reader, const ProtobufCFieldDescriptor *field,
		   const struct node *node, const struct field_path *path, void *slot)
{
	const char *wrong = read_scalar(reader, field, node, slot);
	const char *near = wrong ? near_value(field, node) : NULL;

	if (near)
		reader_fault(reader, node, path, "%s: did you mean %s?", wrong, near);
	else if (wrong)
		reader_fault(reader, node, path, "%s", wrong);
	return !wrong;
}
