#include "message/format_config.h"

#include <stdio.h>
#include <stdlib.h>

#include "envoy/config/core/v3/base.pb-c.h"
#include "envoy/config/core/v3/substitution_format_string.pb-c.h"
#include "google/protobuf/struct.pb-c.h"
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

static enum status read_file(const char *path, struct arena *arena, struct slice *text,
			     struct diag *diag)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return diag_set(diag, "unable to read file: %s: %s", path,
				status_text(status_of_errno(errno)));
	char *data = arena_alloc(arena, FORMAT_TEXT_MAX + 1);
	size_t len = fread(data, 1, FORMAT_TEXT_MAX + 1, file);
	enum status status = ferror(file) ? status_of_errno(errno) : STATUS_OK;
	fclose(file);
	if (status)
		return diag_set(diag, "unable to read file: %s: %s", path, status_text(status));
	*text = slice_make(data, len);
	return STATUS_OK;
}

static enum status read_source(const Envoy__Config__Core__V3__DataSource *source,
			       struct arena *arena, struct slice *text, struct diag *diag)
{
	const char *value;
	switch (source->specifier_case) {
	case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_FILENAME:
		return read_file(source->filename, arena, text, diag);
	case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_BYTES:
		*text = slice_make(source->inline_bytes.data, source->inline_bytes.len);
		return STATUS_OK;
	case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_INLINE_STRING:
		*text = slice_of(source->inline_string);
		return STATUS_OK;
	case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER_ENVIRONMENT_VARIABLE:
		value = getenv(source->environment_variable);
		if (!value)
			return diag_set(diag, "Environment variable doesn't exist: %s",
					source->environment_variable);
		*text = slice_of(value);
		return STATUS_OK;
	case ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER__NOT_SET:
	case _ENVOY__CONFIG__CORE__V3__DATA_SOURCE__SPECIFIER__CASE_IS_INT_SIZE:
		break;
	}
	return diag_at(diag, "text_format_source", "a source is required");
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
		status = read_source(message->text_format_source, arena, &text, diag);
		break;
	case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT_JSON_FORMAT:
		return format_load_json(message->json_format, flags, arena, format, diag);
	case ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT__NOT_SET:
	case _ENVOY__CONFIG__CORE__V3__SUBSTITUTION_FORMAT_STRING__FORMAT__CASE_IS_INT_SIZE:
		return diag_set(diag, "a format is required");
	}
	return status ? status : format_compile_with(text, flags, arena, format, diag);
}
