#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "message/argument_value.h"
#include "support/typed_value.h"

enum { LONG_STRING = 1000, PREFIX = 32 };

/* A value that has a place of its own: later ones are refs to it. */
struct dump {
	const struct typed_value **seen;
	uint32_t seen_count, seen_capacity;
	struct arena *arena;
};

/* Fields of the demo classes that Java declares narrower than an int. */
static const struct {
	const char *class, *field, *type;
} narrow_fields[] = {
	{"demo.api.Order", "priority", "short"},
};

static json_t *dumped(struct dump *dump, const struct typed_value *value, const char *int_type);

static json_t *string_of(struct slice text)
{
	return json_stringn(text.data ? text.data : "", text.len);
}

static json_t *of_type(const char *type)
{
	return json_pack("{s:s}", "t", type);
}

static json_t *with_value(const char *type, json_t *value)
{
	return json_pack("{s:s, s:o}", "t", type, "v", value);
}

/* --- strings: their UTF-16 units */

/* The code point at p and its size; text is what the reader gave, so it is well formed. */
static unsigned code_at(const uint8_t *p, unsigned *size)
{
	*size = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	unsigned code = *size == 1 ? *p : *p & (0xffu >> (*size + 1));
	for (unsigned i = 1; i < *size; i++)
		code = code << 6 | (p[i] & 0x3f);
	return code;
}

/* Length in units, String.hashCode, and how many bytes the first PREFIX units take. */
static void measure(struct slice text, size_t *units, int32_t *hash, size_t *prefix)
{
	const uint8_t *p = (const uint8_t *)text.data, *end = p + text.len;
	uint32_t sum = 0;
	unsigned size;

	*units = *prefix = 0;
	for (; p < end; p += size) {
		unsigned code = code_at(p, &size);
		if (code >= 0x10000) {
			sum = sum * 31 + 0xd800 + ((code - 0x10000) >> 10);
			code = 0xdc00 + (code & 0x3ff);
			++*units;
		}
		sum = sum * 31 + code;
		if (++*units <= PREFIX)
			*prefix = (size_t)(p + size - (const uint8_t *)text.data);
	}
	*hash = (int32_t)sum;
}

static json_t *dumped_string(struct slice text)
{
	size_t units, prefix;
	int32_t hash;

	measure(text, &units, &hash, &prefix);
	if (units <= LONG_STRING)
		return with_value("string", string_of(text));
	return json_pack("{s:s, s:I, s:o, s:i}", "t", "string", "utf16_length", (json_int_t)units,
			 "prefix", string_of(slice_sub(text, 0, prefix)), "java_hash", hash);
}

static json_t *dumped_bytes(struct dump *dump, struct slice bytes)
{
	char *hex = arena_alloc(dump->arena, 2 * bytes.len + 1), *to = hex;

	for (size_t i = 0; i < bytes.len; i++, to += 2)
		snprintf(to, 3, "%02x", (uint8_t)bytes.data[i]);
	return json_pack("{s:s, s:o}", "t", "bytes", "hex",
			 string_of(slice_make(hex, 2 * bytes.len)));
}

/* --- objects */

static bool is_of(const struct typed_value *value, const char *class)
{
	return value->kind == HESSIAN2_OBJECT && slice_equal(value->text, slice_of(class));
}

static bool is_enum(const struct typed_value *value)
{
	return value->kind == HESSIAN2_OBJECT && value->count == 1 &&
	       slice_equal(value->fields[0], SLICE("name")) &&
	       value->items[0]->kind == HESSIAN2_STRING;
}

static json_t *text_or_null(const struct typed_value *value)
{
	return value && value->kind == HESSIAN2_STRING ? string_of(value->text) : json_null();
}

static json_t *dumped_throwable(const struct typed_value *value)
{
	const struct typed_value *stack = typed_field(value, "stackTrace"),
				 *code = typed_field(value, "code");
	json_t *json =
		json_pack("{s:s, s:o, s:o, s:i}", "t", "object", "class", string_of(value->text),
			  "message", text_or_null(typed_field(value, "detailMessage")),
			  "stack_frames", stack->kind == HESSIAN2_LIST ? (int)stack->count : 0);

	if (code)
		json_object_set_new(json, "code", json_integer(code->integer));
	return json;
}

static const char *declared_int(const struct typed_value *object, uint32_t field)
{
	for (size_t i = 0; i < COUNT_OF(narrow_fields); i++)
		if (is_of(object, narrow_fields[i].class) &&
		    slice_equal(object->fields[field], slice_of(narrow_fields[i].field)))
			return narrow_fields[i].type;
	return "int";
}

static json_t *dumped_object(struct dump *dump, const struct typed_value *value)
{
	json_t *fields = json_object();

	for (uint32_t i = 0; i < value->count; i++)
		json_object_set_new(fields, arena_string(dump->arena, value->fields[i]),
				    dumped(dump, value->items[i], declared_int(value, i)));
	return json_pack("{s:s, s:o, s:o}", "t", "object", "class", string_of(value->text),
			 "fields", fields);
}

/* --- lists and maps */

/* The array class that a list's type stands for, or NULL: a collection. */
static const char *array_class(struct dump *dump, struct slice type)
{
	static const char *const names[][2] = {
		{"[int", "[I"},
		{"[long", "[J"},
		{"[short", "[S"},
		{"[double", "[D"},
		{"[float", "[F"},
		{"[boolean", "[Z"},
		{"[string", "[Ljava.lang.String;"},
		{"[object", "[Ljava.lang.Object;"},
		{"[date", "[Ljava.util.Date;"},
	};

	if (!type.len || type.data[0] != '[')
		return NULL;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (slice_equal(type, slice_of(names[i][0])))
			return names[i][1];
	struct slice element = slice_sub(type, 1, type.len);
	const char *inner = array_class(dump, element);
	return inner ? arena_printf(dump->arena, "[%s", inner)
		     : arena_printf(dump->arena, "[L%.*s;", SLICE_FMT(element));
}

static json_t *dumped_list(struct dump *dump, const struct typed_value *value)
{
	const char *class = array_class(dump, value->text);
	json_t *items = json_array();

	for (uint32_t i = 0; i < value->count; i++)
		json_array_append_new(items,
				      dumped(dump, value->items[i],
					     class && !strcmp(class, "[S") ? "short" : "int"));
	return class ? json_pack("{s:s, s:s, s:o}", "t", "array", "class", class, "v", items)
		     : with_value("list", items);
}

static json_t *dumped_map(struct dump *dump, const struct typed_value *value)
{
	json_t *pairs = json_array();

	for (uint32_t i = 0; i + 1 < value->count; i += 2) {
		json_t *key = dumped(dump, value->items[i], "int");
		json_array_append_new(
			pairs, json_pack("[o, o]", key, dumped(dump, value->items[i + 1], "int")));
	}
	return with_value("map", pairs);
}

/* --- all */

/* The place of a value dumped before, or -1, and then it has one now. */
static int place_of(struct dump *dump, const struct typed_value *value)
{
	for (uint32_t i = 0; i < dump->seen_count; i++)
		if (dump->seen[i] == value)
			return (int)i;
	if (dump->seen_count == dump->seen_capacity) {
		uint32_t capacity = dump->seen_capacity ? dump->seen_capacity * 2 : 16;
		const struct typed_value **more = arena_alloc(dump->arena, capacity * sizeof *more);
		if (dump->seen_count)
			memcpy(more, dump->seen, dump->seen_count * sizeof *more);
		dump->seen = more;
		dump->seen_capacity = capacity;
	}
	dump->seen[dump->seen_count++] = value;
	return -1;
}

static json_t *dumped_container(struct dump *dump, const struct typed_value *value)
{
	if (is_of(value, "java.math.BigDecimal"))
		return with_value("java.math.BigDecimal",
				  text_or_null(typed_field(value, "value")));
	if (is_enum(value))
		return json_pack("{s:s, s:o, s:o}", "t", "enum", "class", string_of(value->text),
				 "v", string_of(value->items[0]->text));
	int place = place_of(dump, value);
	if (place >= 0)
		return json_pack("{s:s, s:i}", "t", "ref", "to", place);
	if (value->kind == HESSIAN2_LIST)
		return dumped_list(dump, value);
	if (value->kind == HESSIAN2_MAP)
		return dumped_map(dump, value);
	return typed_field(value, "stackTrace") ? dumped_throwable(value)
						: dumped_object(dump, value);
}

static json_t *number_text(struct dump *dump, const char *type, const struct typed_value *value)
{
	struct argument_value number = {
		.kind = value->kind == HESSIAN2_LONG ? ARGUMENT_LONG : ARGUMENT_DOUBLE,
		.integer = value->integer,
		.number = value->number,
	};
	return with_value(type, string_of(argument_value_text(&number, dump->arena)));
}

static json_t *dumped(struct dump *dump, const struct typed_value *value, const char *int_type)
{
	switch (value->kind) {
	case HESSIAN2_NULL:
		return of_type("null");
	case HESSIAN2_BOOL:
		return with_value("boolean", json_boolean(value->integer));
	case HESSIAN2_INT:
		return with_value(int_type, json_integer(value->integer));
	case HESSIAN2_LONG:
		return number_text(dump, "long", value);
	case HESSIAN2_DOUBLE:
		return number_text(dump, "double", value);
	case HESSIAN2_DATE:
		return json_pack("{s:s, s:I}", "t", "date", "ms", (json_int_t)value->integer);
	case HESSIAN2_STRING:
		return dumped_string(value->text);
	case HESSIAN2_BINARY:
		return dumped_bytes(dump, value->text);
	case HESSIAN2_LIST:
	case HESSIAN2_MAP:
	case HESSIAN2_OBJECT:
		return dumped_container(dump, value);
	case HESSIAN2_INVALID:
	case HESSIAN2_CLASS:
	case HESSIAN2_REF:
		break;
	}
	return NULL;
}

json_t *typed_json(const struct typed_value *value, struct arena *arena)
{
	struct dump dump = {.arena = arena};

	return dumped(&dump, value, "int");
}

static int compare_pairs(const void *a, const void *b)
{
	char *left = json_dumps(*(json_t *const *)a, JSON_SORT_KEYS | JSON_COMPACT);
	char *right = json_dumps(*(json_t *const *)b, JSON_SORT_KEYS | JSON_COMPACT);
	int order = strcmp(left, right);

	free(left);
	free(right);
	return order;
}

/* Sorts the entries of all maps, the inner ones first. */
static void sort_maps(json_t *json)
{
	const char *key;
	json_t *item;
	size_t i;

	json_object_foreach(json, key, item) sort_maps(item);
	json_array_foreach(json, i, item) sort_maps(item);
	const char *type = json_string_value(json_object_get(json, "t"));
	if (!type || strcmp(type, "map"))
		return;
	json_t *pairs = json_object_get(json, "v"), *sorted = json_array();
	size_t count = json_array_size(pairs);
	json_t **entries = malloc((count + 1) * sizeof(json_t *));
	json_array_foreach(pairs, i, item) entries[i] = item;
	qsort(entries, count, sizeof *entries, compare_pairs);
	for (i = 0; i < count; i++)
		json_array_append(sorted, entries[i]);
	free(entries);
	json_object_set_new(json, "v", sorted);
}

bool typed_json_equal(json_t *a, json_t *b)
{
	sort_maps(a);
	sort_maps(b);
	return json_equal(a, b);
}
