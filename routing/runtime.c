#include "routing/runtime.h"

#include <envoy/config/bootstrap/v3/bootstrap.pb-c.h>
#include <google/protobuf/struct.pb-c.h>

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

uint64_t runtime_number(const Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime,
			struct slice key, uint64_t otherwise)
{
	uint64_t number;

	for (size_t i = runtime ? runtime->n_layers : 0; i-- > 0;) {
		const Envoy__Config__Bootstrap__V3__RuntimeLayer *layer = runtime->layers[i];
		if (layer->layer_specifier_case !=
		    ENVOY__CONFIG__BOOTSTRAP__V3__RUNTIME_LAYER__LAYER_SPECIFIER_STATIC_LAYER)
			continue;
		const Value *value = find(layer->static_layer, key);
		if (value)
			return read_number(value, &number) ? number : otherwise;
	}
	return otherwise;
}
