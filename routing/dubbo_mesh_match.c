/* What a mesh rule asks of a call. */
#include "routing/dubbo_mesh.h"

#include <math.h>

#include "routing/value_match.h"

/* --- parameter types --- */

/* The descriptor at *at of "Ljava/lang/String;[I…", which *at is moved behind. Empty at the end,
 * and for what is none. */
static struct slice next_type(struct slice types, size_t *at)
{
	size_t from = *at, end = from;

	while (end < types.len && types.data[end] == '[')
		end++;
	if (end == types.len)
		return (struct slice){0};
	if (types.data[end] == 'L')
		end = slice_find_char(types, ';', end);
	if (end == types.len)
		return (struct slice){0};
	*at = end + 1;
	return slice_sub(types, from, end + 1);
}

/* How many there are, or -1 when that isn't known. */
static int64_t count_types(struct slice types)
{
	size_t at = 0;
	int64_t count = 0;

	if (!types.data)
		return -1;
	while (next_type(types, &at).len)
		count++;
	return at == types.len ? count : -1;
}

static struct slice primitive_name(char c)
{
	static const struct {
		char letter;
		struct slice name;
	} names[] = {
		{'I', {"int", 3}},    {'J', {"long", 4}},  {'Z', {"boolean", 7}},
		{'D', {"double", 6}}, {'F', {"float", 5}}, {'S', {"short", 5}},
		{'B', {"byte", 4}},   {'C', {"char", 4}},  {'V', {"void", 4}},
	};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (names[i].letter == c)
			return names[i].name;
	return (struct slice){0};
}

enum { TYPE_NAME_MAX = 512 }; /* longer ones match nothing */

/* Java's Class.getName() and getSimpleName(). */
static bool name_type(struct slice type, char room[TYPE_NAME_MAX], struct slice *name,
		      char simple_room[TYPE_NAME_MAX], struct slice *simple)
{
	size_t depth = 0, len = 0, start = 0;
	struct slice base;

	while (type.data[depth] == '[')
		depth++;
	if (type.len + 2 * depth >= TYPE_NAME_MAX)
		return false;
	base = type.data[depth] == 'L' ? slice_sub(type, depth + 1, type.len - 1)
				       : primitive_name(type.data[depth]);
	if (!depth || type.data[depth] == 'L') {
		struct slice from = depth ? type : base;
		for (size_t i = 0; i < from.len; i++)
			room[len++] = from.data[i] == '/' ? '.' : from.data[i];
		*name = slice_make(room, len);
	} else {
		*name = type;
	}
	for (size_t i = 0; i < base.len; i++)
		if (base.data[i] == '/' || base.data[i] == '.' || base.data[i] == '$')
			start = i + 1;
	base = slice_sub(base, start, base.len);
	if (base.len)
		memcpy(simple_room, base.data, base.len);
	len = base.len;
	for (size_t i = 0; i < depth; i++) {
		simple_room[len++] = '[';
		simple_room[len++] = ']';
	}
	*simple = slice_make(simple_room, len);
	return true;
}

static bool test_types(const struct dubbo_mesh_match *match, struct slice types)
{
	char room[TYPE_NAME_MAX], simple_room[TYPE_NAME_MAX];
	struct slice name, simple;
	size_t at = 0;

	if (!match->type_count)
		return true;
	if (count_types(types) != match->type_count)
		return false;
	for (uint32_t i = 0; i < match->type_count; i++)
		if (!name_type(next_type(types, &at), room, &name, simple_room, &simple) ||
		    (!dubbo_text_test(&match->types[i], name) &&
		     !dubbo_text_test(&match->types[i], simple)))
			return false;
	return true;
}

/* --- arguments --- */

static bool test_number(const struct dubbo_number *test, double n)
{
	switch ((enum dubbo_number_kind)test->kind) {
	case DUBBO_NUMBER_EXACT:
		return n >= test->from && n <= test->from;
	case DUBBO_NUMBER_RANGE:
		return n >= test->from && n < test->to;
	case DUBBO_NUMBER_MODULO:
		n = fmod(n, test->from);
		return n >= test->to && n <= test->to;
	}
	return false;
}

static bool test_numbers(const struct dubbo_mesh_argument *test, struct slice text)
{
	double number;

	if (!value_number_of_text(text, &number))
		return false;
	for (uint32_t i = 0; i < test->count; i++)
		if (test_number(&test->numbers[i], number))
			return true;
	return false;
}

static bool test_texts(const struct dubbo_mesh_argument *test, struct slice text)
{
	for (uint32_t i = 0; i < test->count; i++)
		if (dubbo_text_test(&test->texts[i], text))
			return true;
	return false;
}

static bool test_argument(const struct dubbo_mesh_argument *test, const struct dubbo_call *call)
{
	struct slice text = {0};
	enum dubbo_argument_kind kind = call->argument
						? call->argument(call->context, test->index, &text)
						: DUBBO_ARGUMENT_ABSENT;
	bool is_string = kind == DUBBO_ARGUMENT_STRING || kind == DUBBO_ARGUMENT_TEXT,
	     is_bool = kind == DUBBO_ARGUMENT_BOOL || kind == DUBBO_ARGUMENT_TEXT;

	if (!text.data)
		text = SLICE("");
	switch ((enum dubbo_argument_test)test->test) {
	case DUBBO_TEST_STRING:
		return is_string && test_texts(test, text);
	case DUBBO_TEST_NUMBER: /* also a string that reads as one */
		return (is_string || kind == DUBBO_ARGUMENT_NUMBER) && test_numbers(test, text);
	case DUBBO_TEST_BOOL:
		return is_bool && slice_equal(text, test->truth ? SLICE("true") : SLICE("false"));
	}
	return false;
}

/* --- the call --- */

static bool test_match(const struct dubbo_mesh_match *match, const struct dubbo_call *call)
{
	if (match->has_method && !dubbo_text_test(&match->method, call->method))
		return false;
	if (match->has_count && count_types(call->parameter_types) != match->argument_count)
		return false;
	if (!test_types(match, call->parameter_types))
		return false;
	for (uint32_t i = 0; i < match->test_count; i++)
		if (!test_argument(&match->arguments[i], call))
			return false;
	for (uint32_t i = 0; i < match->source_count; i++) {
		struct slice value =
			dubbo_consumer_parameter(call->consumer, NULL, match->sources[i].name);
		if (!value.data || !slice_equal(value, match->sources[i].value))
			return false;
	}
	for (uint32_t i = 0; i < match->attachment_count; i++) {
		const struct dubbo_mesh_pair *pair = &match->attachments[i];
		struct slice value = call->attachment ? call->attachment(call->context, pair->name)
						      : (struct slice){0};
		if (!dubbo_text_test(&pair->value, value))
			return false;
	}
	return true;
}

static const struct dubbo_mesh_detail *find_detail(const struct dubbo_mesh_route *route,
						   const struct dubbo_call *call)
{
	for (uint32_t i = 0; i < route->detail_count; i++) {
		const struct dubbo_mesh_detail *detail = &route->details[i];
		uint32_t k = 0;
		while (k < detail->match_count && test_match(&detail->matches[k], call))
			k++;
		if (k == detail->match_count)
			return detail;
	}
	return NULL;
}

static bool serves(const struct dubbo_mesh_route *route, const struct dubbo_call *call)
{
	for (uint32_t i = 0; i < route->service_count; i++)
		if (dubbo_text_test(&route->services[i], call->interface))
			return true;
	return !route->service_count;
}

static bool is_for(const struct dubbo_mesh_service *service, struct slice application)
{
	for (uint32_t i = 0; i < service->host_count; i++)
		if (slice_equal(service->hosts[i], application))
			return true;
	return !service->host_count;
}

const struct dubbo_mesh_detail *dubbo_mesh_find(const struct dubbo_mesh *mesh,
						struct slice application,
						const struct dubbo_call *call)
{
	for (uint32_t i = 0; i < mesh->service_count; i++) {
		const struct dubbo_mesh_service *service = &mesh->services[i];
		if (!is_for(service, application))
			continue;
		for (uint32_t k = 0; k < service->route_count; k++)
			if (serves(&service->routes[k], call))
				return find_detail(&service->routes[k], call);
	}
	return NULL;
}

static bool has_labels(const struct dubbo_mesh_subset *subset, const struct host_facts *providers,
		       uint32_t i)
{
	char room[DUBBO_PARAMETER_ROOM];

	for (uint32_t k = 0; k < subset->label_count; k++) {
		struct slice value =
			dubbo_provider_parameter(providers, i, subset->labels[k].name, room);
		if (!value.data || !slice_equal(value, subset->labels[k].value))
			return false;
	}
	return true;
}

bool dubbo_mesh_subset_has(const struct dubbo_mesh *mesh, struct slice application,
			   struct slice name, const struct host_facts *providers, uint32_t i)
{
	for (uint32_t k = 0; k < mesh->subset_count; k++) {
		const struct dubbo_mesh_subset *subset = &mesh->subsets[k];
		if (slice_equal(subset->name, name) &&
		    (!subset->host.len || slice_equal(subset->host, application)) &&
		    has_labels(subset, providers, i))
			return true;
	}
	return false;
}
