/* The parameters of a request, with the types that Java has them in. */
#include "filters/sentinel/call_values.h"
#include "filters/sentinel/core/argument.h"
#include "filters/sentinel/sentinel.h"
#include "message/path.h"
#include "message/rpc_head.h"

enum {
	PARAMETERS_MAX = 255, /* a Java method has no more */
	ELEMENTS_MAX = 256,   /* of a list; those behind it aren't asked for */
};

struct reading {
	struct filter *filter;
	struct policy_facts facts;
	const struct rpc_head *rpc;
	struct arena *arena;
	bool is_generic;
};

/* --- types --- */

/* The descriptor of a parameter, or "". */
static struct slice descriptor_of(struct slice types, uint32_t index)
{
	size_t at = 0, end;

	for (uint32_t i = 0; (end = sentinel_descriptor_end(types, at)) > at; i++, at = end)
		if (i == index)
			return slice_sub(types, at, end);
	return SLICE("");
}

static uint32_t count_descriptors(struct slice types)
{
	uint32_t count = 0;
	size_t end;

	for (size_t at = 0; (end = sentinel_descriptor_end(types, at)) > at; at = end)
		count++;
	return count;
}

static bool is_either(struct slice descriptor, struct slice primitive, struct slice boxed)
{
	return slice_equal(descriptor, primitive) || slice_equal(descriptor, boxed);
}

static enum argument_type integer_type(struct slice descriptor)
{
	if (is_either(descriptor, SLICE("S"), SLICE("Ljava/lang/Short;")))
		return ARGUMENT_SHORT;
	if (is_either(descriptor, SLICE("B"), SLICE("Ljava/lang/Byte;")))
		return ARGUMENT_BYTE;
	if (is_either(descriptor, SLICE("J"), SLICE("Ljava/lang/Long;")))
		return ARGUMENT_LONG;
	return ARGUMENT_INTEGER;
}

/* The first UTF-16 unit of UTF-8 text, which is in the basic plane. */
static int64_t first_unit(struct slice text)
{
	const unsigned char *bytes = (const unsigned char *)text.data;

	if (!text.len)
		return 0;
	if (bytes[0] >= 0xe0 && text.len > 2)
		return (bytes[0] & 0xf) << 12 | (bytes[1] & 0x3f) << 6 | (bytes[2] & 0x3f);
	if (bytes[0] >= 0xc0 && text.len > 1)
		return (bytes[0] & 0x1f) << 6 | (bytes[1] & 0x3f);
	return bytes[0];
}

static struct argument to_argument(const struct call_value *value, struct slice descriptor,
				   struct arena *arena)
{
	switch (value->kind) {
	case CALL_VALUE_BOOL:
		return (struct argument){.type = ARGUMENT_BOOLEAN, .integer = value->integer};
	case CALL_VALUE_INT:
		return (struct argument){.type = integer_type(descriptor),
					 .integer = value->integer};
	case CALL_VALUE_LONG:
		return (struct argument){.type = ARGUMENT_LONG, .integer = value->integer};
	case CALL_VALUE_DOUBLE:
		return (struct argument){
			.type = is_either(descriptor, SLICE("F"), SLICE("Ljava/lang/Float;"))
					? ARGUMENT_FLOAT
					: ARGUMENT_DOUBLE,
			.real = value->real};
	case CALL_VALUE_TEXT:
		if (is_either(descriptor, SLICE("C"), SLICE("Ljava/lang/Character;")))
			return (struct argument){.type = ARGUMENT_CHARACTER,
						 .integer = first_unit(value->text)};
		return (struct argument){.type = ARGUMENT_STRING,
					 .string = arena_slice(arena, value->text)};
	case CALL_VALUE_NONE:
	case CALL_VALUE_LIST:
		break;
	}
	return (struct argument){.type = ARGUMENT_NULL};
}

/* --- of a call --- */

static struct argument read_list(const struct reading *reading, uint32_t index,
				 struct slice descriptor)
{
	struct argument *items = ARENA_NEW_ARRAY(reading->arena, struct argument, ELEMENTS_MAX);
	struct slice element = slice_starts_with(descriptor, SLICE("["))
				       ? slice_sub(descriptor, 1, descriptor.len)
				       : SLICE("");
	struct call_value value;
	uint32_t count = 0;

	while (count < ELEMENTS_MAX &&
	       call_value_read_element(&reading->facts, index, count, &value))
		items[count++] = to_argument(&value, element, reading->arena);
	return (struct argument){.type = ARGUMENT_LIST, .count = count, .items = items};
}

static struct argument read_argument(const struct reading *reading, uint32_t index)
{
	struct slice descriptor = reading->rpc->protocol == RPC_DUBBO && !reading->is_generic
					  ? descriptor_of(reading->rpc->param_types, index)
					  : SLICE("");
	struct call_value value;

	if (!call_value_read(&reading->facts, index, &value))
		return (struct argument){.type = ARGUMENT_NULL};
	return value.kind == CALL_VALUE_LIST ? read_list(reading, index, descriptor)
					     : to_argument(&value, descriptor, reading->arena);
}

static uint32_t count_arguments(const struct reading *reading)
{
	struct call_value value;
	uint32_t count = 0;

	if (reading->rpc->protocol == RPC_DUBBO && !reading->is_generic)
		return count_descriptors(reading->rpc->param_types);
	while (count < PARAMETERS_MAX && call_value_read(&reading->facts, count, &value))
		count++;
	return count;
}

/* --- as configured --- */

static struct argument read_configured(const struct reading *reading, uint32_t index)
{
	const struct sentinel_config *config = filter_chain_config(reading->filter);
	const struct sentinel_parameter *parameter = &config->parameters[index];
	struct slice text = {NULL, 0}, path = headers_get(reading->facts.headers, HEADER_PATH);

	if (parameter->query.data)
		text = path_query_find(path, parameter->query);
	else if (!request_values_find(&parameter->value, &reading->facts, &text))
		text.data = NULL;
	if (!text.data)
		return (struct argument){.type = ARGUMENT_NULL};
	return (struct argument){.type = ARGUMENT_STRING,
				 .string = arena_slice(reading->arena, text)};
}

void sentinel_find_parameters(struct filter *f, const struct headers *headers,
			      const struct resource_rules *rules)
{
	const struct sentinel_config *config = filter_chain_config(f);
	struct sentinel_state *own = f->state;
	struct reading reading = {
		.filter = f,
		.rpc = headers->rpc,
		.arena = filter_arena(f),
		.is_generic = headers->rpc && headers->rpc->kind == RPC_CALL_GENERIC,
	};

	if (!config->parameter_count && !headers->rpc)
		return;
	filter_facts(f, &reading.facts);
	uint32_t count =
		config->parameter_count ? config->parameter_count : count_arguments(&reading);
	struct argument *args = ARENA_NEW_ARRAY(reading.arena, struct argument, count + 1);
	for (uint32_t i = 0; i < rules->param_count; i++) {
		uint32_t index =
			parameter_metric_index(rules->param[i].metric, rules->param[i].rule, count);
		if (index < count && args[index].type == ARGUMENT_NULL)
			args[index] = config->parameter_count ? read_configured(&reading, index)
							      : read_argument(&reading, index);
	}
	own->args = args;
	own->args_count = count;
}
