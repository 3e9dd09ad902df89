/* What every walker over messages asks of a field: its class, whether it is set, where its values
 * are. Pure. */
#ifndef XDS_FIELD_H
#define XDS_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

/* How a value is kept in memory, whatever its form on the wire. */
enum field_class {
	FIELD_INT32,
	FIELD_UINT32,
	FIELD_INT64,
	FIELD_UINT64,
	FIELD_FLOAT,
	FIELD_DOUBLE,
	FIELD_BOOL,    /* protobuf_c_boolean */
	FIELD_ENUM,    /* int */
	FIELD_STRING,  /* char * */
	FIELD_BYTES,   /* ProtobufCBinaryData */
	FIELD_MESSAGE, /* ProtobufCMessage * */
};

enum field_class field_class(const ProtobufCFieldDescriptor *field);

/* Bytes that a value takes, in a message or in the array of a repeated field. */
size_t field_size(const ProtobufCFieldDescriptor *field);

/* True for map<k, v>: protobuf-c makes of it a repeated message ...Entry of a key and a value. */
bool field_is_map(const ProtobufCFieldDescriptor *field);

static inline bool field_is_repeated(const ProtobufCFieldDescriptor *field)
{
	return field->label == PROTOBUF_C_LABEL_REPEATED;
}

static inline bool field_is_in_oneof(const ProtobufCFieldDescriptor *field)
{
	return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

/* Where the value is, or the pointer to the array of a repeated field. */
static inline void *field_slot(const ProtobufCMessage *message,
			       const ProtobufCFieldDescriptor *field)
{
	return (char *)(uintptr_t)message + field->offset;
}

/* Where the number of values of a repeated field is. */
static inline size_t *field_count_slot(const ProtobufCMessage *message,
				       const ProtobufCFieldDescriptor *field)
{
	return (size_t *)(void *)((char *)(uintptr_t)message + field->quantifier_offset);
}

/* Where a oneof says which of its fields is set, by number. */
static inline uint32_t *field_case_slot(const ProtobufCMessage *message,
					const ProtobufCFieldDescriptor *field)
{
	return (uint32_t *)(void *)((char *)(uintptr_t)message + field->quantifier_offset);
}

/* How many values there are to walk: of a repeated field all; else 1 if it is set (proto3: isn't
 * its default), or 0. */
size_t field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* Where the value of that index is. index < field_count(). */
static inline void *field_value(const ProtobufCMessage *message,
				const ProtobufCFieldDescriptor *field, size_t index)
{
	void *slot = field_slot(message, field);
	return field_is_repeated(field) ? *(char **)slot + index * field_size(field) : slot;
}

#endif
