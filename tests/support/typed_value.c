#include "support/typed_value.h"

#include <string.h>

#include "codec/hessian2_number.h"

enum { DEPTH = 200 };

void typed_reader_init(struct typed_reader *reader, struct slice bytes,
		       const struct hessian2_grammar *grammar, struct arena *arena)
{
	*reader = (struct typed_reader){.refs = NULL};
	hessian2_init(&reader->hessian2, bytes, arena);
	reader->hessian2.grammar = grammar;
}

/* Room for one more in an array of the arena. */
static void *grown(struct arena *arena, void *items, uint32_t count, uint32_t *capacity,
		   size_t item_size)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity ? *capacity * 2 : 16;
	void *more = arena_alloc(arena, *capacity * item_size);
	if (count)
		memcpy(more, items, count * item_size);
	return more;
}

/* The bytes of all its chunks; .data NULL when they are cut short. */
static struct slice read_binary(struct hessian2_reader *reader)
{
	size_t at = reader->pos, len = 0;

	if (hessian2_skip(reader))
		return (struct slice){NULL, 0};
	char *bytes = arena_alloc(reader->arena, reader->pos - at);
	while (at < reader->pos) {
		const struct hessian2_tag *tag = &reader->grammar->tags[reader->data[at]];
		size_t size = (size_t)hessian2_integer(tag, reader->data + at);
		memcpy(bytes + len, reader->data + at + tag->size, size);
		len += size;
		at += tag->size + size;
	}
	return slice_make(bytes, len);
}

static struct typed_value *read_value(struct typed_reader *reader, unsigned depth);

static struct slice type_of(struct typed_reader *reader, const struct hessian2_container *container)
{
	struct arena *arena = reader->hessian2.arena;

	if (container->type.data) {
		struct slice name = container->type;
		if (reader->hessian2.grammar == &hessian2_grammar) { /* as written: a string */
			struct hessian2_reader string;
			hessian2_init(&string, name, arena);
			if (hessian2_read_string(&string, &name))
				name = SLICE("?");
		}
		reader->types = grown(arena, reader->types, reader->type_count,
				      &reader->type_capacity, sizeof *reader->types);
		reader->types[reader->type_count++] = name;
	}
	return container->type_index == UINT32_MAX ? (struct slice){NULL, 0}
						   : reader->types[container->type_index];
}

static bool read_class(struct typed_reader *reader, uint32_t index, struct typed_value *value)
{
	struct hessian2_reader fields = hessian2_fields_reader(&reader->hessian2, index);
	uint32_t count = reader->hessian2.classes[index].field_count;

	value->fields = arena_alloc(fields.arena, count * sizeof *value->fields);
	if (hessian2_read_class_name(&reader->hessian2, index, &value->text))
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (hessian2_read_string(&fields, &value->fields[i]))
			return false;
	return true;
}

static struct typed_value *read_container(struct typed_reader *reader, struct typed_value *value,
					  unsigned depth)
{
	struct arena *arena = reader->hessian2.arena;
	struct hessian2_container container;
	uint32_t capacity = 0;

	reader->refs = grown(arena, reader->refs, reader->ref_count, &reader->ref_capacity,
			     sizeof *reader->refs);
	reader->refs[reader->ref_count++] = value;
	if (depth == DEPTH || hessian2_enter(&reader->hessian2, &container))
		return NULL;
	if (container.kind == HESSIAN2_OBJECT) {
		if (!read_class(reader, container.class_index, value))
			return NULL;
	} else {
		value->text = type_of(reader, &container);
	}
	while (hessian2_next(&reader->hessian2, &container)) {
		value->items =
			grown(arena, value->items, value->count, &capacity, sizeof *value->items);
		if (!(value->items[value->count++] = read_value(reader, depth + 1)))
			return NULL;
	}
	return value;
}

static struct typed_value *read_ref(struct typed_reader *reader)
{
	uint32_t index;

	if (hessian2_read_ref(&reader->hessian2, &index) || index >= reader->ref_count)
		return NULL;
	return reader->refs[index];
}

static struct typed_value *read_fixed(struct hessian2_reader *reader, struct typed_value *value)
{
	const struct hessian2_tag *tag = hessian2_tag(reader);
	const uint8_t *p = hessian2_take_fixed(reader);

	if (!p)
		return NULL;
	if (value->kind == HESSIAN2_DOUBLE)
		value->number = hessian2_double(tag, p);
	else if (value->kind == HESSIAN2_DATE)
		value->integer = hessian2_date(tag, p);
	else if (value->kind != HESSIAN2_NULL)
		value->integer = hessian2_integer(tag, p);
	return value;
}

static void note_tag(struct typed_reader *reader)
{
	if (reader->tags && reader->hessian2.pos < reader->hessian2.len)
		reader->tags[reader->hessian2.data[reader->hessian2.pos]] = true;
}

static struct typed_value *read_value(struct typed_reader *reader, unsigned depth)
{
	struct hessian2_reader *hessian2 = &reader->hessian2;

	note_tag(reader);
	if (hessian2_read_classes(hessian2))
		return NULL;
	note_tag(reader);
	struct typed_value *value = ARENA_NEW(hessian2->arena, struct typed_value);
	value->kind = hessian2_kind(hessian2);
	switch (value->kind) {
	case HESSIAN2_NULL:
	case HESSIAN2_BOOL:
	case HESSIAN2_INT:
	case HESSIAN2_LONG:
	case HESSIAN2_DOUBLE:
	case HESSIAN2_DATE:
		return read_fixed(hessian2, value);
	case HESSIAN2_STRING:
		return hessian2_read_string(hessian2, &value->text) ? NULL : value;
	case HESSIAN2_BINARY:
		value->text = read_binary(hessian2);
		return value->text.data ? value : NULL;
	case HESSIAN2_LIST:
	case HESSIAN2_MAP:
	case HESSIAN2_OBJECT:
		return read_container(reader, value, depth);
	case HESSIAN2_REF:
		return read_ref(reader);
	case HESSIAN2_INVALID:
	case HESSIAN2_CLASS:
		break;
	}
	return NULL;
}

struct typed_value *typed_read(struct typed_reader *reader)
{
	return read_value(reader, 0);
}

struct typed_value *typed_field(const struct typed_value *object, const char *name)
{
	if (object->kind == HESSIAN2_OBJECT)
		for (uint32_t i = 0; i < object->count; i++)
			if (slice_equal(object->fields[i], slice_of(name)))
				return object->items[i];
	return NULL;
}
