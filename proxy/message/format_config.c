#include "message/format_config.h"

#include <stdlib.h>

#include "envoy/config/core/v3/substitution_format_string.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
#include "message/data_source_config.h"
#include "message/format_json.h"
#include "xds/proto/any_message.h"

typedef Google__Protobuf__Struct__FieldsEntry field_entry;

static void add_value(struct format_json *json, const Google__Protobuf__Value *value);

static int by_key(const void *a, const void *b)
{
	const field_entry *const *x = a, *const *y = b;
	return strcmp((*x)->key, (*y)->key);
}

static void add_object(struct format_json *json, const Google__Protobuf__Struct *tree)
{
	format_json_object(json);
	field_entry **sorted = ARENA_NEW_ARRAY(json->ops.arena, field_entry *, tree->n_fields);
	for (size_t i = 0; i < tree->n_fields; i++)
		sorted[i] = tree->fields[i];
	if (tree->n_fields)
		qsort(sorted, tree->n_fields, sizeof *sorted, by_key);
	/* A tree that is too deep is a fault already: stop walking into it. */
	for (size_t i = 0; i < tree->n_fields && !json->status; i++) {
		format_json_key(json, slice_of(sorted[i]->key));
		add_value(json, sorted[i]->value);
	}
	format_json_end_object(json);
}

static void add_list(struct format_json *json, const Google__Protobuf__ListValue *list)
{
	format_json_list(json);
	for (size_t i = 0; i < list->n_values && !json->status; i++)
		add_value(json, list->values[i]);
	format_json_end_list(json);
}

static void add_value(struct format_json *json, const Google__Protobuf__Value *value)
{
	switch (value ? value->kind_case : GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET) {
	case GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE:
		format_json_number(json, value->number_value);
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE:
		format_json_template(json, slice_of(value->string_value));
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE:
		format_json_bool(json, value->bool_value);
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE:
		add_object(json, value->struct_value);
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_LIST_VALUE:
		add_list(json, value->list_value);
		break;
	case GOOGLE__PROTOBUF__VALUE__KIND_NULL_VALUE:
	case GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET:
	case _GOOGLE__PROTOBUF__VALUE__KIND__CASE_IS_INT_SIZE:
		format_json_null(json);
		break;
	}
}

enum status format_load_json(const struct Google__Protobuf__Struct *tree, unsigned flags,
			     struct arena *arena, const struct format **format, struct diag *diag)
{
	struct format_json json;
	format_json_begin(&json, flags, arena, diag);
	add_object(&json, tree);
	return format_json_finish(&json, format);
}

enum status format_load(const struct Envoy__Config__Core__V3__SubstitutionFormatString *message,
			struct arena *arena, const struct format **format, struct diag *diag)
{
	unsigned flags = message->omit_empty_values ? FORMAT_OMIT_EMPTY : 0;
	enum status status = STATUS_OK;
	struct slice text;
	switch (message->format_case) {
	case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT:
		text = slice_of(message->text_format);
		break;
	case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_TEXT_FORMAT_SOURCE:
		status = data_source_load(&text, message->text_format_source, FORMAT_TEXT_MAX,
					  arena, diag);
		if (status)
			diag_prefix(diag, "text_format_source");
		break;
	case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_JSON_FORMAT:
		return format_load_json(message->json_format, flags, arena, format, diag);
	case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT__NOT_SET:
	case _ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT__CASE_IS_INT_SIZE:
		return diag_set(diag, "a format is required");
	}
	return status ? status : format_compile_with(text, flags, arena, format, diag);
}
