#include "filters/sentinel/call_values.h"

#include "message/argument_path.h"
#include "message/argument_value.h"
#include "routing/policy.h"

static void take(struct call_value *value, const struct argument_value *found)
{
	*value = (struct call_value){
		.integer = found->integer,
		.real = found->number,
		.text = found->text,
	};
	switch (found->kind) {
	case ARGUMENT_BOOL:
		value->kind = CALL_VALUE_BOOL;
		return;
	case ARGUMENT_INT:
		value->kind = CALL_VALUE_INT;
		return;
	case ARGUMENT_LONG:
		value->kind = CALL_VALUE_LONG;
		return;
	case ARGUMENT_DOUBLE:
		value->kind = CALL_VALUE_DOUBLE;
		return;
	case ARGUMENT_STRING:
		value->kind = CALL_VALUE_TEXT;
		return;
	case ARGUMENT_LIST:
		value->kind = CALL_VALUE_LIST;
		return;
	case ARGUMENT_ABSENT:
	case ARGUMENT_NULL:
	case ARGUMENT_DATE:
	case ARGUMENT_ENUM:
	case ARGUMENT_BINARY:
	case ARGUMENT_MAP:
	case ARGUMENT_OBJECT:
		return;
	}
}

static bool read_at(const struct policy_facts *facts, const struct argument_path *path,
		    struct call_value *value)
{
	struct argument_value found;

	*value = (struct call_value){.kind = CALL_VALUE_NONE};
	if (!facts->argument || !facts->argument(facts->context, path, &found))
		return false;
	take(value, &found);
	return true;
}

bool call_value_read(const struct policy_facts *facts, uint32_t argument, struct call_value *value)
{
	return read_at(facts, &(struct argument_path){.argument = argument}, value);
}

static bool read_item(const struct policy_facts *facts, uint32_t argument, uint32_t item,
		      struct call_value *value)
{
	struct argument_step step = {.kind = ARGUMENT_STEP_INDEX, .index = item};
	const struct argument_path path = {.argument = argument, .step_count = 1, .steps = &step};

	return read_at(facts, &path, value);
}

bool call_value_read_element(const struct policy_facts *facts, uint32_t argument, uint32_t element,
			     struct call_value *value)
{
	return read_item(facts, argument, element, value);
}

bool call_value_read_type(const struct policy_facts *facts, uint32_t argument, struct slice *type)
{
	struct call_value value;

	if (!read_item(facts, ARGUMENT_PATH_TYPES, argument, &value) ||
	    value.kind != CALL_VALUE_TEXT)
		return false;
	*type = value.text;
	return true;
}
