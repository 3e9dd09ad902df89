#include "message_json.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/attributes.h"
#include "field.h"
#include "xds/proto/any_message.h"

#include "google/protobuf/duration.pb-c.h"
#include "google/protobuf/struct.pb-c.h"

struct writer {
	char *text; /* heap */
	size_t len, room;
	unsigned indent, depth;
};

static void put(struct writer *writer, struct slice bytes)
{
	if (writer->room - writer->len < bytes.len) {
		writer->room = (writer->len + bytes.len) * 2 + 256;
		writer->text = realloc(writer->text, writer->room);
		invariant(writer->text);
	}
	if (bytes.len)
		memcpy(writer->text + writer->len, bytes.data, bytes.len);
	writer->len += bytes.len;
}

static void put_line(struct writer *writer)
{
	if (!writer->indent)
		return;
	put(writer, SLICE("\n"));
	for (unsigned i = 0; i < writer->depth * writer->indent; i++)
		put(writer, SLICE(" "));
}

/* What begins a member or an item: *count of those before it is raised. */
static void put_next(struct writer *writer, size_t *count)
{
	if ((*count)++)
		put(writer, SLICE(","));
	put_line(writer);
}

static void put_open(struct writer *writer, struct slice bracket)
{
	put(writer, bracket);
	writer->depth++;
}

static void put_close(struct writer *writer, struct slice bracket, size_t count)
{
	writer->depth--;
	if (count)
		put_line(writer);
	put(writer, bracket);
}

static void put_string(struct writer *writer, struct slice text)
{
	size_t start = 0;
	char escape[8];

	put(writer, SLICE("\""));
	for (size_t i = 0; i < text.len; i++) {
		static const char plain[] = "\b\f\n\r\t\"\\", named[] = "bfnrt\"\\";
		unsigned char c = (unsigned char)text.data[i];
		const char *known = c ? strchr(plain, c) : NULL;
		if (c >= 0x20 && c != 0x7f && c != '<' && c != '>' && !known)
			continue;
		put(writer, slice_sub(text, start, i));
		start = i + 1;
		if (known)
			snprintf(escape, sizeof escape, "\\%c", named[known - plain]);
		else
			snprintf(escape, sizeof escape, "\\u%04x", c);
		put(writer, slice_of(escape));
	}
	put(writer, slice_sub(text, start, text.len));
	put(writer, SLICE("\""));
}

static void put_name(struct writer *writer, const char *name)
{
	put_string(writer, slice_of(name));
	put(writer, writer->indent ? SLICE(": ") : SLICE(":"));
}

PRINTF_LIKE(2, 3) static void put_format(struct writer *writer, const char *format, ...)
{
	char text[64];
	va_list args;

	va_start(args, format);
	int len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	invariant(len >= 0 && (size_t)len < sizeof text);
	put(writer, slice_make(text, (size_t)len));
}

/* The shortest text that reads back as the same number. */
static void put_double(struct writer *writer, double number)
{
	char text[40];

	if (isnan(number)) {
		put(writer, SLICE("\"NaN\""));
	} else if (isinf(number)) {
		put(writer, number < 0 ? SLICE("\"-Infinity\"") : SLICE("\"Infinity\""));
	} else {
		for (int digits = 15; digits <= 17; digits++) {
			snprintf(text, sizeof text, "%.*g", digits, number);
			if (strtod(text, NULL) == number)
				break;
		}
		put(writer, slice_of(text));
	}
}

static void put_base64(struct writer *writer, const ProtobufCBinaryData *bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	put(writer, SLICE("\""));
	for (size_t i = 0; i < bytes->len; i += 3) {
		size_t left = bytes->len - i;
		uint32_t bits = (uint32_t)bytes->data[i] << 16 |
				(left > 1 ? (uint32_t)bytes->data[i + 1] << 8 : 0) |
				(left > 2 ? bytes->data[i + 2] : 0);
		char quad[4] = {
			digits[bits >> 18 & 63],
			digits[bits >> 12 & 63],
			left > 1 ? digits[bits >> 6 & 63] : '=',
			left > 2 ? digits[bits & 63] : '=',
		};
		put(writer, slice_make(quad, sizeof quad));
	}
	put(writer, SLICE("\""));
}

static void put_duration(struct writer *writer, const Google__Protobuf__Duration *duration)
{
	int32_t nanos = duration->nanos < 0 ? -duration->nanos : duration->nanos;
	int64_t seconds = duration->seconds < 0 ? -duration->seconds : duration->seconds;

	put_format(writer, "\"%s%" PRId64, duration->seconds < 0 || duration->nanos < 0 ? "-" : "",
		   seconds);
	if (nanos && nanos % 1000000 == 0)
		put_format(writer, ".%03d", nanos / 1000000);
	else if (nanos && nanos % 1000 == 0)
		put_format(writer, ".%06d", nanos / 1000);
	else if (nanos)
		put_format(writer, ".%09d", nanos);
	put(writer, SLICE("s\""));
}

static void put_message(struct writer *writer, const ProtobufCMessage *message,
			const char *type_url);

static void put_struct_value(struct writer *writer, const Google__Protobuf__Value *value);

static int compare_entries(const void *a, const void *b)
{
	const Google__Protobuf__Struct__FieldsEntry *const *x = a, *const *y = b;
	return strcmp((*x)->key, (*y)->key);
}

static void put_struct(struct writer *writer, const Google__Protobuf__Struct *map)
{
	Google__Protobuf__Struct__FieldsEntry **sorted =
		malloc((map->n_fields + 1) * sizeof *sorted);
	size_t count = 0;

	invariant(sorted);
	if (map->n_fields) {
		memcpy(sorted, map->fields, map->n_fields * sizeof *sorted);
		qsort(sorted, map->n_fields, sizeof *sorted, compare_entries);
	}
	put_open(writer, SLICE("{"));
	for (size_t i = 0; i < map->n_fields; i++) {
		put_next(writer, &count);
		put_name(writer, sorted[i]->key);
		if (sorted[i]->value)
			put_struct_value(writer, sorted[i]->value);
		else
			put(writer, SLICE("null"));
	}
	put_close(writer, SLICE("}"), count);
	free(sorted);
}

static void put_struct_list(struct writer *writer, const Google__Protobuf__ListValue *list)
{
	size_t count = 0;

	put_open(writer, SLICE("["));
	for (size_t i = 0; i < list->n_values; i++) {
		put_next(writer, &count);
		put_struct_value(writer, list->values[i]);
	}
	put_close(writer, SLICE("]"), count);
}

static void put_struct_value(struct writer *writer, const Google__Protobuf__Value *value)
{
	switch ((int)value->kind_case) {
	case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
		put_double(writer, value->number_value);
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
		put_string(writer, slice_of(value->string_value));
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
		put(writer, value->bool_value ? SLICE("true") : SLICE("false"));
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
		put_struct(writer, value->struct_value);
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
		put_struct_list(writer, value->list_value);
		break;
	default:
		put(writer, SLICE("null"));
	}
}

static void put_value(struct writer *writer, const ProtobufCFieldDescriptor *field,
		      const void *value)
{
	switch (field_class(field)) {
	case FIELD_INT32:
		put_format(writer, "%" PRId32, *(const int32_t *)value);
		break;
	case FIELD_UINT32:
		put_format(writer, "%" PRIu32, *(const uint32_t *)value);
		break;
	case FIELD_INT64:
		put_format(writer, "\"%" PRId64 "\"", *(const int64_t *)value);
		break;
	case FIELD_UINT64:
		put_format(writer, "\"%" PRIu64 "\"", *(const uint64_t *)value);
		break;
	case FIELD_FLOAT:
		put_double(writer, (double)*(const float *)value);
		break;
	case FIELD_DOUBLE:
		put_double(writer, *(const double *)value);
		break;
	case FIELD_BOOL:
		put(writer, *(const protobuf_c_boolean *)value ? SLICE("true") : SLICE("false"));
		break;
	case FIELD_ENUM: {
		const ProtobufCEnumValue *named = protobuf_c_enum_descriptor_get_value(
			field->descriptor, *(const int *)value);
		if (named)
			put_string(writer, slice_of(named->name));
		else
			put_format(writer, "%d", *(const int *)value);
		break;
	}
	case FIELD_STRING:
		put_string(writer, slice_of(*(char *const *)value));
		break;
	case FIELD_BYTES:
		put_base64(writer, value);
		break;
	case FIELD_MESSAGE:
		put_message(writer, *(ProtobufCMessage *const *)value, NULL);
		break;
	}
}

enum {
	KEY_ROOM = 24, /* a number's digits */
};

/* A key of a map is a string in JSON, whatever its type: its own text, or that of a number in
 * `digits`. */
static const char *key_text(const ProtobufCMessage *entry, char digits[static KEY_ROOM])
{
	const ProtobufCFieldDescriptor *key = &entry->descriptor->fields[0];
	const void *value = field_slot(entry, key);

	switch ((int)field_class(key)) {
	case FIELD_STRING:
		return *(char *const *)value;
	case FIELD_BOOL:
		return *(const protobuf_c_boolean *)value ? "true" : "false";
	case FIELD_INT32:
		snprintf(digits, KEY_ROOM, "%" PRId32, *(const int32_t *)value);
		break;
	case FIELD_UINT32:
		snprintf(digits, KEY_ROOM, "%" PRIu32, *(const uint32_t *)value);
		break;
	case FIELD_UINT64:
		snprintf(digits, KEY_ROOM, "%" PRIu64, *(const uint64_t *)value);
		break;
	default:
		snprintf(digits, KEY_ROOM, "%" PRId64, *(const int64_t *)value);
	}
	return digits;
}

static int compare_map_entries(const void *a, const void *b)
{
	const ProtobufCMessage *const *x = a, *const *y = b;
	char left[KEY_ROOM], right[KEY_ROOM];

	return strcmp(key_text(*x, left), key_text(*y, right));
}

static void put_map(struct writer *writer, const ProtobufCMessage *message,
		    const ProtobufCFieldDescriptor *field)
{
	size_t entries = field_count(message, field), count = 0;
	ProtobufCMessage **sorted = malloc(entries * sizeof *sorted);

	invariant(sorted);
	memcpy(sorted, *(ProtobufCMessage ***)field_slot(message, field), entries * sizeof *sorted);
	qsort(sorted, entries, sizeof *sorted, compare_map_entries);
	put_open(writer, SLICE("{"));
	for (size_t i = 0; i < entries; i++) {
		const ProtobufCFieldDescriptor *value = &sorted[i]->descriptor->fields[1];
		char digits[KEY_ROOM];
		put_next(writer, &count);
		put_name(writer, key_text(sorted[i], digits));
		if (field_class(value) == FIELD_MESSAGE && !field_count(sorted[i], value))
			put(writer, SLICE("{}"));
		else
			put_value(writer, value, field_slot(sorted[i], value));
	}
	put_close(writer, SLICE("}"), count);
	free(sorted);
}

static void put_field(struct writer *writer, const ProtobufCMessage *message,
		      const ProtobufCFieldDescriptor *field)
{
	size_t items = field_count(message, field), count = 0;

	if (field_is_map(field)) {
		put_map(writer, message, field);
	} else if (!field_is_repeated(field)) {
		put_value(writer, field, field_slot(message, field));
	} else {
		put_open(writer, SLICE("["));
		for (size_t i = 0; i < items; i++) {
			put_next(writer, &count);
			put_value(writer, field, field_value(message, field, i));
		}
		put_close(writer, SLICE("]"), count);
	}
}

/* True if the type has a JSON form of its own, which was written. */
static bool put_well_known(struct writer *writer, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const void *typed = message;

	if (type->package_name[0] != 'g' || strcmp(type->package_name, "google.protobuf") != 0)
		return false;
	if (type == &google__protobuf__duration__descriptor)
		put_duration(writer, typed);
	else if (type == &google__protobuf__struct__descriptor)
		put_struct(writer, typed);
	else if (type == &google__protobuf__value__descriptor)
		put_struct_value(writer, typed);
	else if (type == &google__protobuf__list_value__descriptor)
		put_struct_list(writer, typed);
	else if (type->n_fields == 1) /* a wrapper */
		put_value(writer, &type->fields[0], field_slot(message, &type->fields[0]));
	else
		return false;
	return true;
}

static void put_members(struct writer *writer, const ProtobufCMessage *message, size_t *count)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;

	for (unsigned i = 0; i < type->n_fields; i++) {
		if (!field_count(message, &type->fields[i]))
			continue;
		put_next(writer, count);
		put_name(writer, type->fields[i].name);
		put_field(writer, message, &type->fields[i]);
	}
}

/* type_url: not NULL for what stands in an Any. */
static void put_message(struct writer *writer, const ProtobufCMessage *message,
			const char *type_url)
{
	size_t count = 0;

	if (message->descriptor == &google__protobuf__any__descriptor) {
		const Google__Protobuf__Any *any = (const void *)message;
		type_url = any->type_url;
		message = any_message(any);
		if (!message && !type_url[0])
			type_url = NULL;
	}
	if (!type_url && message && put_well_known(writer, message))
		return;
	put_open(writer, SLICE("{"));
	if (type_url) {
		put_next(writer, &count);
		put_name(writer, "@type");
		put_string(writer, slice_of(type_url));
	}
	if (message && type_url && message->descriptor->n_fields &&
	    strcmp(message->descriptor->package_name, "google.protobuf") == 0) {
		put_next(writer, &count);
		put_name(writer, "value");
		put_message(writer, message, NULL);
	} else if (message) {
		put_members(writer, message, &count);
	}
	put_close(writer, SLICE("}"), count);
}

struct slice message_json(const ProtobufCMessage *message,
			  const struct message_json_options *options, struct arena *arena)
{
	struct writer writer = {.indent = options->indent, .depth = options->depth};
	char type_url[256];

	snprintf(type_url, sizeof type_url, "type.googleapis.com/%s", message->descriptor->name);
	put_message(&writer, message, options->with_type ? type_url : NULL);
	struct slice text = arena_slice(arena, slice_make(writer.text, writer.len));
	free(writer.text);
	return text;
}
