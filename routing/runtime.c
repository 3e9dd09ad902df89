#include "routing/runtime.h"

#include <envoy/config/bootstrap/v3/bootstrap.pb-c.h>
#include <google/protobuf/struct.pb-c.h>

#include <math.h>
#include <stdlib.h>

typedef Google__Protobuf__Struct Struct;
typedef Google__Protobuf__Value Value;

static const Value *find(const Struct *layer, struct slice key)
{
	const Value *found = NULL;

	for (size_t i = 0; layer && i < layer->n_fields && !found; i++) {
		struct slice name = slice_of(layer->fields[i]->key);
		const Value *value = layer->fields[i]->value;
		if (slice_equal(name, key))
			found = value;
		else if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRUCT_VALUE &&
			 slice_starts_with(key, name) && key.data[name.len] == '.')
			found = find(value->struct_value, slice_sub(key, name.len + 1, key.len));
	}
	return found;
}

static bool read_number(const Value *value, uint64_t *number)
{
	if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE)
		return slice_to_uint64(slice_of(value->string_value), number);
	if (value->kind_case != GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE ||
	    !(value->number_value >= 0 && value->number_value < 0x1p53))
		return false;
	*number = (uint64_t)value->number_value;
	return (double)*number == value->number_value;
}

static bool flag_of_number(double number, bool *flag)
{
	*flag = number != 0;
	return number == trunc(number) && fabs(number) < INT32_MAX;
}

static bool flag_of_text(const char *text, bool *flag)
{
	struct slice word = slice_trim(slice_of(text));
	char *end;
	double number = strtod(text, &end);

	if (end != text && !*end)
		return flag_of_number(number, flag);
	*flag = slice_equal_nocase(word, SLICE("true"));
	return *flag || slice_equal_nocase(word, SLICE("false"));
}

static bool read_flag(const Value *value, bool *flag)
{
	if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_STRING_VALUE)
		return flag_of_text(value->string_value, flag);
	if (value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_NUMBER_VALUE)
		return flag_of_number(value->number_value, flag);
	*flag = value->bool_value;
	return value->kind_case == GOOGLE__PROTOBUF__VALUE__KIND_BOOL_VALUE;
}

/* What the last layer that has the key says; NULL: none has. */
static const Value *look_up(const Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime,
			    struct slice key)
{
	const Value *value = NULL;

	for (size_t i = runtime ? runtime->n_layers : 0; i-- > 0 && !value;)
		if (runtime->layers[i]->layer_specifier_case ==
		    ENVOY__CONFIG__BOOTSTRAP__V3__RUNTIME_LAYER__LAYER_SPECIFIER_STATIC_LAYER)
			value = find(runtime->layers[i]->static_layer, key);
	return value;
}

uint64_t runtime_number(const Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime,
			struct slice key, uint64_t otherwise)
{
	const Value *value = look_up(runtime, key);
	uint64_t number;

	return value && read_number(value, &number) ? number : otherwise;
}

bool runtime_flag(const Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime, struct slice key,
		  bool otherwise)
{
	const Value *value = look_up(runtime, key);
	bool flag;

	return value && read_flag(value, &flag) ? flag : otherwise;
}
