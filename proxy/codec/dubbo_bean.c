#include "codec/dubbo_bean.h"

#include <string.h>

#include "codec/hessian2.h"
#include "codec/hessian2_path.h"
#include "message/argument_path.h"
#include "message/argument_value.h"

/* JavaBeanDescriptor.TYPE_… */
enum bean_type {
	BEAN_CLASS = 1,
	BEAN_ENUM = 2,
	BEAN_COLLECTION = 3,
	BEAN_MAP = 4,
	BEAN_ARRAY = 5,
	BEAN_PRIMITIVE = 6, /* numbers, strings, dates … */
	BEAN_BEAN = 7,
};

#define FIELD(text)                                                                                \
	{                                                                                          \
		.kind = ARGUMENT_STEP_FIELD, .name = { text, sizeof(text) - 1 }                    \
	}
static const struct argument_step type_steps[] = {FIELD("type")};
static const struct argument_step class_steps[] = {FIELD("className")};
static const struct argument_step properties_steps[] = {FIELD("properties")};
static const struct argument_step value_steps[] = {FIELD("properties"), FIELD("value")};
static const struct argument_step name_steps[] = {FIELD("properties"), FIELD("name")};
#undef FIELD

/* Whether the class is JavaBeanDescriptor: its name as each writer has it, behind a length of two
 * bytes. Looks at no more than that, as it is asked for each key of a map. */
static bool is_descriptor(const struct hessian2_reader *reader, uint32_t class_index)
{
	static const char written[] = "03org.apache.dubbo.common.beanutil.JavaBeanDescriptor";
	const uint8_t *name = reader->classes[class_index].name;
	size_t left = reader->len - (size_t)(name - reader->data), size = sizeof written - 1;

	return left >= size && !memcmp(name, written, size);
}

/* Whether a descriptor stands at pos, which then is behind refs and class definitions. */
static enum status settle(struct hessian2_reader *reader, bool *is_bean)
{
	struct hessian2_container object;
	enum status status = hessian2_settle(reader);

	*is_bean = false;
	if (status || hessian2_kind(reader) != HESSIAN2_OBJECT)
		return status;
	struct hessian2_reader other = *reader;
	if (hessian2_enter(&other, &object))
		return STATUS_MALFORMED;
	*is_bean = is_descriptor(&other, object.class_index);
	return STATUS_OK;
}

/* A part of the descriptor at pos, which stays there. */
static enum status read_part(struct hessian2_reader *reader, const struct argument_step *steps,
			     unsigned count, struct argument_value *value)
{
	struct hessian2_reader other = *reader;
	enum status status = hessian2_read_at(&other, steps, count, value);

	reader->rescan_left = other.rescan_left;
	reader->items_left = other.items_left;
	return status;
}

/* Whether the key at pos is a descriptor of this text. */
static enum status is_described_key(struct hessian2_reader *reader, struct slice name,
				    bool *matches)
{
	struct argument_value value;
	bool is_bean;
	enum status status = settle(reader, &is_bean);

	*matches = false;
	if (status || !is_bean)
		return status;
	if ((status = read_part(reader, value_steps, COUNT_OF(value_steps), &value)))
		return status;
	struct slice text = argument_value_text(&value, reader->arena);
	*matches = text.data && slice_equal(text, name);
	return STATUS_OK;
}

/* From the properties, a map at pos, to the value whose key is a descriptor of that text: the last
 * one. */
static enum status enter_described(struct hessian2_reader *reader, struct slice name, bool *found)
{
	struct hessian2_container map;
	struct hessian2_reader entry;
	enum status status;

	*found = false;
	if (hessian2_kind(reader) != HESSIAN2_MAP)
		return STATUS_OK;
	if (hessian2_enter(reader, &map))
		return STATUS_MALFORMED;
	while (hessian2_next(reader, &map)) {
		struct hessian2_reader key = *reader;
		bool matches;
		if ((status = is_described_key(&key, name, &matches)))
			return status;
		reader->rescan_left = key.rescan_left;
		reader->items_left = key.items_left;
		if ((status = hessian2_skip(reader)))
			return status;
		if (matches) {
			entry = *reader;
			*found = true;
		}
		if (!hessian2_next(reader, &map))
			return STATUS_MALFORMED;
		if ((status = hessian2_skip(reader)))
			return status;
	}
	if (*found) {
		entry.rescan_left = reader->rescan_left;
		entry.items_left = reader->items_left;
		*reader = entry;
	}
	return STATUS_OK;
}

/* From a descriptor to the one that a step leads to. Elements stand under their numbers. */
static enum status enter(struct hessian2_reader *reader, const struct argument_step *step,
			 bool *found)
{
	struct argument_step key = *step;
	enum status status = hessian2_descend(reader, properties_steps, 1, found);

	if (status || !*found)
		return status;
	if (step->kind == ARGUMENT_STEP_INDEX) {
		key.kind = ARGUMENT_STEP_KEY;
		key.name = slice_of(arena_printf(reader->arena, "%u", step->index));
	}
	struct hessian2_reader properties = *reader;
	if ((status = hessian2_descend(reader, &key, 1, found)) || *found ||
	    step->kind == ARGUMENT_STEP_INDEX)
		return status;
	properties.rescan_left = reader->rescan_left;
	properties.items_left = reader->items_left;
	*reader = properties;
	status = hessian2_settle(reader);
	return status ? status : enter_described(reader, step->name, found);
}

/* What the descriptor at pos describes. */
static enum status read_described(struct hessian2_reader *reader, struct argument_value *value)
{
	struct argument_value type, class;
	enum status status;

	if ((status = read_part(reader, type_steps, 1, &type)) ||
	    (status = read_part(reader, class_steps, 1, &class)))
		return status;
	*value = (struct argument_value){.kind = ARGUMENT_OBJECT, .type = class.text};
	switch (type.kind == ARGUMENT_INT ? type.integer : 0) {
	case BEAN_PRIMITIVE:
		return hessian2_read_at(reader, value_steps, COUNT_OF(value_steps), value);
	case BEAN_ENUM:
		status = hessian2_read_at(reader, name_steps, COUNT_OF(name_steps), value);
		if (!status && value->kind == ARGUMENT_STRING) {
			value->kind = ARGUMENT_ENUM;
			value->type = class.text;
		}
		return status;
	case BEAN_CLASS:
		return hessian2_read_at(reader, name_steps, COUNT_OF(name_steps), value);
	case BEAN_COLLECTION:
	case BEAN_ARRAY:
		*value = (struct argument_value){.kind = ARGUMENT_LIST};
		break;
	case BEAN_MAP:
		*value = (struct argument_value){.kind = ARGUMENT_MAP};
		break;
	case BEAN_BEAN:
		break;
	}
	return STATUS_OK;
}

enum status dubbo_bean_read_at(struct hessian2_reader *reader, const struct argument_step *steps,
			       unsigned count, struct argument_value *value)
{
	enum status status;
	bool is_bean, found = true;

	*value = (struct argument_value){.kind = ARGUMENT_ABSENT};
	for (unsigned i = 0; i < count; i++) {
		if ((status = settle(reader, &is_bean)))
			return status;
		status = is_bean ? enter(reader, &steps[i], &found)
				 : hessian2_descend(reader, &steps[i], 1, &found);
		if (status || !found)
			return status;
	}
	if ((status = settle(reader, &is_bean)))
		return status;
	return is_bean ? read_described(reader, value) : hessian2_read_value(reader, value);
}
