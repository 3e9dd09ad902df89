#include "message_hash.h"

#include "base/hash.h"
#include "field.h"
#include "xds/proto/any_message.h"

static uint64_t hash_value(const ProtobufCFieldDescriptor *field, const void *value)
{
	const ProtobufCBinaryData *bytes = value;

	switch (field_class(field)) {
	case FIELD_STRING:
		return hash_bytes(slice_of(*(char *const *)value));
	case FIELD_BYTES:
		return hash_bytes(slice_make(bytes->data, bytes->len));
	case FIELD_MESSAGE:
		return *(ProtobufCMessage *const *)value
			       ? message_hash(*(ProtobufCMessage *const *)value)
			       : 0;
	case FIELD_INT32:
	case FIELD_UINT32:
	case FIELD_INT64:
	case FIELD_UINT64:
	case FIELD_FLOAT:
	case FIELD_DOUBLE:
	case FIELD_BOOL:
	case FIELD_ENUM:
		break;
	}
	return hash_bytes(slice_make(value, field_size(field)));
}

static uint64_t hash_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	size_t count = field_count(message, field);
	uint64_t hash = count;

	for (size_t i = 0; i < count; i++) {
		uint64_t one = hash_value(field, field_value(message, field, i));
		hash = field_is_map(field) ? hash + hash_uint64(one) : hash_combine(hash, one);
	}
	return hash;
}

uint64_t message_hash(const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	uint64_t hash = hash_bytes(slice_of(type->name));

	if (type == &google__protobuf__any__descriptor) {
		const ProtobufCMessage *inner =
			any_message((const Google__Protobuf__Any *)(const void *)message);
		if (inner)
			return message_hash(inner);
	}
	for (unsigned i = 0; i < type->n_fields; i++)
		if (field_count(message, &type->fields[i])) {
			hash = hash_combine(hash, type->fields[i].id);
			hash = hash_combine(hash, hash_field(message, &type->fields[i]));
		}
	return hash;
}
