/* What lists, maps, objects and class definitions begin with. */
#include <string.h>

#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_known.h"
#include "codec/hessian2_number.h"
#include "codec/hessian2_string.h"

static void count_ref(struct hessian2_reader *reader)
{
	if (UNLIKELY(reader->ref_count++ == reader->ref_wanted)) {
		reader->ref_at = reader->pos;
		reader->ref_classes = reader->class_count;
		reader->ref_types = reader->type_count;
	}
}

/* An int that counts or is an index: not below 0. */
static enum status read_number(struct hessian2_reader *reader, uint32_t *number)
{
	int32_t value;

	if (LIKELY(hessian2_bytes_left(reader))) {
		uint32_t small = reader->data[reader->pos] - (uint32_t)HESSIAN2_INT_0;
		if (LIKELY(small < HESSIAN2_INTS)) {
			reader->pos++;
			*number = small;
			return STATUS_OK;
		}
	}
	if (hessian2_read_int(reader, &value) || value < 0)
		return STATUS_MALFORMED;
	*number = (uint32_t)value;
	return STATUS_OK;
}

/* A number in the tag, which is stepped over, or behind it. */
static enum status read_tags_number(struct hessian2_reader *reader, const struct hessian2_tag *tag,
				    uint32_t *number)
{
	const uint8_t *p = hessian2_take_tag(reader, tag);

	if (!p)
		return STATUS_MALFORMED;
	if (tag->form & HESSIAN2_NUMBER)
		return read_number(reader, number);
	int64_t value = hessian2_integer(tag, p);
	if (value < 0)
		return STATUS_MALFORMED;
	*number = (uint32_t)value;
	return STATUS_OK;
}

enum status hessian2_read_ref(struct hessian2_reader *reader, uint32_t *index)
{
	const struct hessian2_tag *tag = hessian2_tag(reader);

	return tag->kind == HESSIAN2_REF ? read_tags_number(reader, tag, index) : STATUS_MALFORMED;
}

/* A name behind its length, in units. */
static enum status read_raw_name(struct hessian2_reader *reader, uint32_t units, struct slice *out)
{
	const uint8_t *p = reader->data + reader->pos;
	unsigned seen = 0;

	if (!hessian2_take_units(reader, units, &seen))
		return STATUS_MALFORMED;
	*out = slice_make(p, (size_t)(reader->data + reader->pos - p));
	return STATUS_OK;
}

static enum status skip_class_name(struct hessian2_reader *reader, uint8_t form)
{
	struct slice name;
	uint32_t units;

	if (!(form & HESSIAN2_RAW_NAME))
		return hessian2_skip_string(reader);
	return read_number(reader, &units) ? STATUS_MALFORMED : read_raw_name(reader, units, &name);
}

static __attribute__((noinline)) void make_room_for_class(struct hessian2_reader *reader)
{
	uint32_t capacity = reader->class_capacity ? reader->class_capacity * 2 : 16;
	struct hessian2_class *more = arena_alloc(reader->arena, capacity * sizeof *more);

	if (reader->class_count)
		memcpy(more, reader->classes, reader->class_count * sizeof *more);
	reader->classes = more;
	reader->class_capacity = capacity;
}

static enum status skip_strings(struct hessian2_reader *reader, uint32_t count)
{
	const uint8_t *p = reader->data + reader->pos, *end = reader->data + reader->len;

	for (; count && end - p >= HESSIAN2_WIDE && *p < 0x20 && hessian2_is_ascii_within(p, *p);
	     count--)
		p += 1u + *p;
	reader->pos = (size_t)(p - reader->data);
	for (; count; count--)
		if (hessian2_skip_string(reader))
			return STATUS_MALFORMED;
	return STATUS_OK;
}

/* What of a definition its own bytes say; they are stepped over. */
static enum status read_definition(struct hessian2_reader *reader)
{
	uint8_t form = reader->grammar->tags[reader->grammar->class_tag].form;

	struct hessian2_class class = {.name = reader->data + reader->pos + 1};
	size_t from = reader->pos;

	reader->pos++;
	if (skip_class_name(reader, form) || read_number(reader, &class.field_count))
		return STATUS_MALFORMED;
	if (class.field_count > HESSIAN2_FIELDS)
		return STATUS_MALFORMED;
	class.fields = reader->data + reader->pos;
	if (skip_strings(reader, class.field_count))
		return STATUS_MALFORMED;
	if (reader->known)
		hessian2_known_keep(reader, from, &class);
	reader->classes[reader->class_count++] = class;
	return STATUS_OK;
}

/* Whether it is known; then it is stepped over. */
static inline bool take_known(struct hessian2_reader *reader)
{
	if (!reader->known || !hessian2_known_find(reader, &reader->classes[reader->class_count]))
		return false;
	reader->class_count++;
	return true;
}

enum status hessian2_read_classes(struct hessian2_reader *reader)
{
	enum status status = STATUS_OK;

	while (!status && reader->pos < reader->len &&
	       reader->data[reader->pos] == reader->grammar->class_tag) {
		if (UNLIKELY(reader->class_count == HESSIAN2_CLASSES))
			return STATUS_TOO_LARGE;
		if (UNLIKELY(reader->class_count == reader->class_capacity))
			make_room_for_class(reader);
		if (!take_known(reader))
			status = read_definition(reader);
	}
	return status;
}

struct hessian2_reader hessian2_fields_reader(const struct hessian2_reader *reader,
					      uint32_t class_index)
{
	struct hessian2_reader fields = *reader;

	fields.pos = (size_t)(reader->classes[class_index].fields - reader->data);
	return fields;
}

enum status hessian2_read_class_name(const struct hessian2_reader *reader, uint32_t class_index,
				     struct slice *out)
{
	const struct hessian2_grammar *grammar = reader->grammar;
	struct hessian2_reader name = *reader;
	uint32_t units;

	name.pos = (size_t)(reader->classes[class_index].name - reader->data);
	if (!(grammar->tags[grammar->class_tag].form & HESSIAN2_RAW_NAME))
		return hessian2_read_string(&name, out);
	return read_number(&name, &units) ? STATUS_MALFORMED : read_raw_name(&name, units, out);
}

/* The index of a type met before. */
static enum status read_type_index(struct hessian2_reader *reader, uint32_t *index)
{
	return read_number(reader, index) || *index >= reader->type_count ? STATUS_MALFORMED
									  : STATUS_OK;
}

/* The type of a list or map in Hessian2: a string, or an int. */
static enum status read_type(struct hessian2_reader *reader, struct hessian2_container *container)
{
	size_t from = reader->pos;

	if (hessian2_kind(reader) != HESSIAN2_STRING)
		return read_type_index(reader, &container->type_index);
	if (hessian2_skip_string(reader))
		return STATUS_MALFORMED;
	container->type = slice_make(reader->data + from, reader->pos - from);
	container->type_index = reader->type_count++;
	return STATUS_OK;
}

/* SOFA's: 't', a length of 16 bits and the name; 'u' or 'T' and an index; or none. */
static enum status read_marked_type(struct hessian2_reader *reader,
				    struct hessian2_container *container)
{
	const uint8_t *p = reader->data + reader->pos;
	size_t left = hessian2_bytes_left(reader);

	if (!left || (*p != 't' && *p != 'u' && *p != 'T'))
		return STATUS_OK;
	if (*p != 't') {
		reader->pos++;
		return read_type_index(reader, &container->type_index);
	}
	if (left < 3)
		return STATUS_MALFORMED;
	reader->pos += 3;
	container->type_index = reader->type_count++;
	return read_raw_name(reader, (uint32_t)p[1] << 8 | p[2], &container->type);
}

/* SOFA's: 'n' and 8 bits, 'l' and 32, or none. The end mark counts, as it does for Java's
 * collections. */
static enum status skip_marked_count(struct hessian2_reader *reader)
{
	size_t left = hessian2_bytes_left(reader);
	uint8_t t = left ? reader->data[reader->pos] : 0;
	size_t size = t == 'n' ? 2 : t == 'l' ? 5 : 0;

	if (left < size)
		return STATUS_MALFORMED;
	reader->pos += size;
	return STATUS_OK;
}

/* What stands between the tag of a list or map and its values, but for a number. */
static enum status read_head(struct hessian2_reader *reader, uint8_t form,
			     struct hessian2_container *container)
{
	if (form & HESSIAN2_TYPED)
		return read_type(reader, container);
	if (form & HESSIAN2_TYPE_INDEX)
		return read_type_index(reader, &container->type_index);
	if (form & HESSIAN2_MAY_BE_TYPED && read_marked_type(reader, container))
		return STATUS_MALFORMED;
	return form & HESSIAN2_MAY_BE_COUNTED ? skip_marked_count(reader) : STATUS_OK;
}

enum status hessian2_enter(struct hessian2_reader *reader, struct hessian2_container *container)
{
	const struct hessian2_tag *tag = hessian2_tag(reader);
	const uint8_t *p = reader->data + reader->pos;

	*container = (struct hessian2_container){
		.kind = (enum hessian2_kind)tag->kind,
		.is_marked = tag->form & HESSIAN2_MARKED,
		.type_index = UINT32_MAX,
	};
	switch (container->kind) {
	case HESSIAN2_OBJECT:
		count_ref(reader);
		if (read_tags_number(reader, tag, &container->class_index) ||
		    container->class_index >= reader->class_count)
			return STATUS_MALFORMED;
		container->left = reader->classes[container->class_index].field_count;
		return STATUS_OK;
	case HESSIAN2_LIST:
	case HESSIAN2_MAP:
		count_ref(reader);
		reader->pos++;
		if (read_head(reader, tag->form, container))
			return STATUS_MALFORMED;
		if (tag->form & HESSIAN2_NUMBER)
			return read_number(reader, &container->left);
		container->left = tag->form & HESSIAN2_NUMBER_IN_TAG ? *p - (uint32_t)tag->base : 0;
		return STATUS_OK;
	case HESSIAN2_INVALID:
	case HESSIAN2_NULL:
	case HESSIAN2_BOOL:
	case HESSIAN2_INT:
	case HESSIAN2_LONG:
	case HESSIAN2_DOUBLE:
	case HESSIAN2_DATE:
	case HESSIAN2_STRING:
	case HESSIAN2_BINARY:
	case HESSIAN2_CLASS:
	case HESSIAN2_REF:
		break;
	}
	return STATUS_MALFORMED;
}

bool hessian2_next(struct hessian2_reader *reader, struct hessian2_container *container)
{
	if (!container->is_marked) {
		bool is_more = container->left;
		container->left -= is_more;
		return is_more;
	}
	if (!container->is_value_next && hessian2_at_end(reader))
		return false;
	container->is_value_next = container->kind == HESSIAN2_MAP && !container->is_value_next;
	return true;
}

enum status hessian2_enter_map(struct hessian2_reader *reader)
{
	struct hessian2_container map;

	return hessian2_kind(reader) == HESSIAN2_MAP ? hessian2_enter(reader, &map)
						     : STATUS_MALFORMED;
}

bool hessian2_at_end(struct hessian2_reader *reader)
{
	if (reader->pos == reader->len || reader->data[reader->pos] != reader->grammar->end)
		return false;
	reader->pos++;
	return true;
}
