#include "codec/hessian2_path.h"

#include <stdlib.h>
#include <string.h>

#include "codec/hessian2.h"
#include "codec/hessian2_internal.h"
#include "codec/hessian2_number.h"
#include "message/argument_path.h"
#include "message/argument_value.h"

/* So many bytes have been read once more. */
static enum status charge(struct hessian2_reader *reader, size_t bytes)
{
	if (bytes > reader->rescan_left)
		return STATUS_TOO_LARGE;
	reader->rescan_left -= bytes;
	return STATUS_OK;
}

/* Goes to the list, map or object of that index, which began before. */
static enum status go_to_ref(struct hessian2_reader *reader, uint32_t index)
{
	struct hessian2_reader scan = *reader;
	enum status status = STATUS_OK;

	if (index >= reader->ref_count)
		return STATUS_MALFORMED;
	scan.pos = 0;
	scan.class_count = scan.type_count = scan.ref_count = 0;
	scan.ref_wanted = index;
	scan.ref_at = SIZE_MAX;
	while (!status && scan.ref_at == SIZE_MAX)
		status = hessian2_skip(&scan);
	if (status)
		return status;
	if ((status = charge(&scan, scan.pos)))
		return status;
	scan.pos = scan.ref_at;
	scan.class_count = scan.ref_classes;
	scan.type_count = scan.ref_types;
	scan.ref_count = index;
	scan.ref_wanted = UINT32_MAX;
	*reader = scan;
	return STATUS_OK;
}

enum status hessian2_settle(struct hessian2_reader *reader)
{
	enum status status = hessian2_read_classes(reader);
	uint32_t index;

	if (status || hessian2_kind(reader) != HESSIAN2_REF)
		return status;
	return hessian2_read_ref(reader, &index) ? STATUS_MALFORMED : go_to_ref(reader, index);
}

/* --- one step down */

/* Of fields of the same name Java sets the last value. */
static enum status find_field(struct hessian2_reader *reader, uint32_t class_index,
			      struct slice name, uint32_t *field)
{
	struct hessian2_reader fields = hessian2_fields_reader(reader, class_index);
	uint32_t count = reader->classes[class_index].field_count;
	size_t from = fields.pos;
	struct slice found;

	*field = UINT32_MAX;
	for (uint32_t i = 0; i < count; i++) {
		if (hessian2_read_string(&fields, &found))
			return STATUS_MALFORMED;
		if (slice_equal(found, name))
			*field = i;
	}
	return charge(reader, fields.pos - from);
}

static enum status enter_field(struct hessian2_reader *reader, struct slice name, bool *found)
{
	struct hessian2_container object;
	enum status status;
	uint32_t field;

	if (hessian2_enter(reader, &object))
		return STATUS_MALFORMED;
	if ((status = find_field(reader, object.class_index, name, &field)))
		return status;
	*found = field != UINT32_MAX;
	return *found ? hessian2_skip_values(reader, field) : STATUS_OK;
}

static enum status enter_element(struct hessian2_reader *reader, uint32_t index, bool *found)
{
	struct hessian2_container list;
	enum status status;

	if (hessian2_enter(reader, &list))
		return STATUS_MALFORMED;
	if ((status = hessian2_skip_elements(reader, &list, index)))
		return status;
	*found = hessian2_next(reader, &list);
	return STATUS_OK;
}

/* The entry of a map that a step names, as numbers too: so that no key needs a text made. */
struct key {
	const struct argument_step *step;
	bool is_integer, is_number;
	int64_t integer;
	double number;
};

static struct key key_of(const struct argument_step *step, struct arena *arena)
{
	struct key key = {.step = step};
	char *text = arena_string(arena, step->name), *end;

	if (!step->name.len || step->kind == ARGUMENT_STEP_FIELD)
		return key;
	key.integer = strtoll(text, &end, 10);
	key.is_integer = slice_equal(slice_of(arena_printf(arena, "%lld", (long long)key.integer)),
				     step->name);
	key.number = strtod(text, &end);
	key.is_number = slice_equal(argument_double_text(key.number, arena), step->name);
	return key;
}

/* An enum's name, .data NULL: not an enum. Java writes it as an object whose one field is `name`.
 */
static enum status read_enum(struct hessian2_reader *reader,
			     const struct hessian2_container *object, struct slice *name)
{
	struct hessian2_reader fields = hessian2_fields_reader(reader, object->class_index);

	*name = (struct slice){NULL, 0};
	if (object->left != 1 || hessian2_kind(reader) != HESSIAN2_STRING ||
	    fields.len - fields.pos < 5 || memcmp(fields.data + fields.pos, "\4name", 5) != 0)
		return STATUS_OK;
	return hessian2_read_string(reader, name);
}

static enum status is_texts_key(struct hessian2_reader *reader, const struct key *key,
				bool *matches)
{
	struct hessian2_container object;
	struct slice text = {NULL, 0};
	enum status status = STATUS_OK;

	if (hessian2_kind(reader) == HESSIAN2_STRING)
		status = hessian2_read_string(reader, &text);
	else if (!(status = hessian2_enter(reader, &object)) && object.kind == HESSIAN2_OBJECT)
		status = read_enum(reader, &object, &text);
	*matches = text.data && slice_equal(text, key->step->name);
	return status;
}

/* Whether the key at pos, which isn't stepped over, is the one that is looked for. */
static enum status is_key(struct hessian2_reader *reader, const struct key *key, bool *matches)
{
	struct argument_value value;
	enum status status;

	*matches = false;
	if ((status = hessian2_read_classes(reader)))
		return status;
	if (key->step->kind == ARGUMENT_STEP_FIELD && hessian2_kind(reader) != HESSIAN2_STRING)
		return STATUS_OK;
	if ((status = hessian2_settle(reader)))
		return status;
	enum hessian2_kind kind = hessian2_kind(reader);
	if (kind == HESSIAN2_STRING || kind == HESSIAN2_OBJECT)
		return is_texts_key(reader, key, matches);
	if (kind == HESSIAN2_INVALID)
		return STATUS_MALFORMED;
	if (kind > HESSIAN2_DOUBLE)
		return STATUS_OK;
	status = hessian2_read_value(reader, &value);
	if (kind == HESSIAN2_BOOL)
		*matches = slice_equal(key->step->name,
				       value.integer ? SLICE("true") : SLICE("false"));
	else if (kind == HESSIAN2_DOUBLE)
		*matches = key->is_number && !memcmp(&value.number, &key->number, sizeof(double));
	else if (kind != HESSIAN2_NULL)
		*matches = key->is_integer && value.integer == key->integer;
	return status;
}

static enum status enter_entry(struct hessian2_reader *reader, const struct argument_step *step,
			       bool *found)
{
	struct key key = key_of(step, reader->arena);
	struct hessian2_reader entry;
	struct hessian2_container map;
	enum status status;

	*found = false;
	if (hessian2_enter(reader, &map))
		return STATUS_MALFORMED;
	while (hessian2_next(reader, &map)) {
		struct hessian2_reader before = *reader;
		bool matches;
		if ((status = is_key(&before, &key, &matches)))
			return status;
		reader->rescan_left = before.rescan_left;
		reader->items_left = before.items_left;
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
		entry.items_left = reader->items_left;
		entry.rescan_left = reader->rescan_left;
		*reader = entry;
	}
	return STATUS_OK;
}

enum status hessian2_descend(struct hessian2_reader *reader, const struct argument_step *steps,
			     unsigned count, bool *found)
{
	enum status status = STATUS_OK;

	*found = true;
	for (unsigned i = 0; i < count && *found; i++) {
		const struct argument_step *step = &steps[i];
		if ((status = hessian2_settle(reader)))
			return status;
		enum hessian2_kind kind = hessian2_kind(reader);
		*found = false;
		if (kind == HESSIAN2_OBJECT && step->kind == ARGUMENT_STEP_FIELD)
			status = enter_field(reader, step->name, found);
		else if (kind == HESSIAN2_MAP && step->kind != ARGUMENT_STEP_INDEX)
			status = enter_entry(reader, step, found);
		else if (kind == HESSIAN2_LIST && step->kind == ARGUMENT_STEP_INDEX)
			status = enter_element(reader, step->index, found);
		if (status)
			return status;
	}
	return STATUS_OK;
}

/* --- the value */

static enum status read_object(struct hessian2_reader *reader, struct argument_value *value)
{
	struct hessian2_container object;
	enum status status;

	if (hessian2_enter(reader, &object) ||
	    hessian2_read_class_name(reader, object.class_index, &value->type))
		return STATUS_MALFORMED;
	if ((status = charge(reader, value->type.len)) ||
	    (status = read_enum(reader, &object, &value->text)))
		return status;
	value->kind = value->text.data ? ARGUMENT_ENUM : ARGUMENT_OBJECT;
	return STATUS_OK;
}

static enum status read_fixed(struct hessian2_reader *reader, struct argument_value *value)
{
	const struct hessian2_tag *tag = hessian2_tag(reader);
	const uint8_t *p = hessian2_take_fixed(reader);

	if (!p)
		return STATUS_MALFORMED;
	if (value->kind == ARGUMENT_DOUBLE) {
		value->number = hessian2_double(tag, p);
	} else if (value->kind != ARGUMENT_NULL) {
		value->integer = value->kind == ARGUMENT_DATE ? hessian2_date(tag, p)
							      : hessian2_integer(tag, p);
		value->number = (double)value->integer;
	}
	return STATUS_OK;
}

enum status hessian2_read_value(struct hessian2_reader *reader, struct argument_value *value)
{
	static const uint8_t kinds[] = {
		[HESSIAN2_NULL] = ARGUMENT_NULL,     [HESSIAN2_BOOL] = ARGUMENT_BOOL,
		[HESSIAN2_INT] = ARGUMENT_INT,       [HESSIAN2_LONG] = ARGUMENT_LONG,
		[HESSIAN2_DOUBLE] = ARGUMENT_DOUBLE, [HESSIAN2_DATE] = ARGUMENT_DATE,
		[HESSIAN2_STRING] = ARGUMENT_STRING, [HESSIAN2_BINARY] = ARGUMENT_BINARY,
		[HESSIAN2_LIST] = ARGUMENT_LIST,     [HESSIAN2_MAP] = ARGUMENT_MAP,
		[HESSIAN2_OBJECT] = ARGUMENT_OBJECT,
	};
	enum status status = hessian2_settle(reader);

	*value = (struct argument_value){.kind = ARGUMENT_ABSENT};
	if (status)
		return status;
	enum hessian2_kind kind = hessian2_kind(reader);
	if (kind == HESSIAN2_INVALID || kind > HESSIAN2_OBJECT)
		return STATUS_MALFORMED;
	value->kind = (enum argument_kind)kinds[kind];
	if (kind <= HESSIAN2_DATE)
		return read_fixed(reader, value);
	if (kind == HESSIAN2_STRING)
		return hessian2_read_string(reader, &value->text);
	return kind == HESSIAN2_OBJECT ? read_object(reader, value) : STATUS_OK;
}

enum status hessian2_read_at(struct hessian2_reader *reader, const struct argument_step *steps,
			     unsigned count, struct argument_value *value)
{
	bool found;
	enum status status = hessian2_descend(reader, steps, count, &found);

	*value = (struct argument_value){.kind = ARGUMENT_ABSENT};
	return status || !found ? status : hessian2_read_value(reader, value);
}
