#include "field.h"

#include <string.h>

#include "base/attributes.h"
#include "base/slice.h"

enum field_class field_class(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return FIELD_INT32;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return FIELD_UINT32;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return FIELD_INT64;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return FIELD_UINT64;
	case PROTOBUF_C_TYPE_FLOAT:
		return FIELD_FLOAT;
	case PROTOBUF_C_TYPE_DOUBLE:
		return FIELD_DOUBLE;
	case PROTOBUF_C_TYPE_BOOL:
		return FIELD_BOOL;
	case PROTOBUF_C_TYPE_ENUM:
		return FIELD_ENUM;
	case PROTOBUF_C_TYPE_STRING:
		return FIELD_STRING;
	case PROTOBUF_C_TYPE_BYTES:
		return FIELD_BYTES;
	case PROTOBUF_C_TYPE_MESSAGE:
		return FIELD_MESSAGE;
	}
	invariant(field->type <= PROTOBUF_C_TYPE_MESSAGE);
	return FIELD_MESSAGE;
}

size_t field_size(const ProtobufCFieldDescriptor *field)
{
	switch (field_class(field)) {
	case FIELD_INT32:
	case FIELD_UINT32:
	case FIELD_FLOAT:
	case FIELD_ENUM:
		return 4;
	case FIELD_BOOL:
		return sizeof(protobuf_c_boolean);
	case FIELD_INT64:
	case FIELD_UINT64:
	case FIELD_DOUBLE:
		return 8;
	case FIELD_STRING:
	case FIELD_MESSAGE:
		return sizeof(void *);
	case FIELD_BYTES:
		return sizeof(ProtobufCBinaryData);
	}
	return 0;
}

bool field_is_map(const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;

	return field->type == PROTOBUF_C_TYPE_MESSAGE && field_is_repeated(field) &&
	       entry->n_fields == 2 && slice_ends_with(slice_of(entry->name), SLICE("Entry")) &&
	       entry->fields[0].id == 1 && entry->fields[1].id == 2 &&
	       !strcmp(entry->fields[0].name, "key") && !strcmp(entry->fields[1].name, "value");
}

size_t field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const void *slot = field_slot(message, field);
	double number;

	if (field_is_repeated(field))
		return *field_count_slot(message, field);
	if (field_is_in_oneof(field))
		return *field_case_slot(message, field) == field->id;
	switch (field_class(field)) {
	case FIELD_INT32:
	case FIELD_UINT32:
	case FIELD_ENUM:
	case FIELD_BOOL:
		return *(const uint32_t *)slot != 0;
	case FIELD_INT64:
	case FIELD_UINT64:
		return *(const uint64_t *)slot != 0;
	case FIELD_FLOAT:
		return *(const float *)slot != 0;
	case FIELD_DOUBLE:
		memcpy(&number, slot, sizeof number);
		return number != 0;
	case FIELD_STRING:
		return *(char *const *)slot && **(char *const *)slot;
	case FIELD_BYTES:
		return ((const ProtobufCBinaryData *)slot)->len != 0;
	case FIELD_MESSAGE:
		return *(ProtobufCMessage *const *)slot != NULL;
	}
	return 0;
}
