/* token_replay SCENARIO.json: asks the arbiter of the token server what stands in the file, in
 * virtual time, and prints {"expected": {"results": [[status, remaining, wait in ms], …]}}; null
 * for events that are no question. The format: tests/sentinel/README.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/attributes.h"
#include "filters/sentinel/cluster/token_arbiter.h"
#include "filters/sentinel/cluster/token_codec.h"

enum { NAMES_MAX = 16, CLIENTS_MAX = 64 };

struct group {
	const char *name;
	struct token_name_space *clients[CLIENTS_MAX];
	int count;
};

struct replay {
	struct token_arbiter arbiter;
	struct group groups[NAMES_MAX];
	size_t group_count;
};

static int64_t integer(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static double real(const json_t *object, const char *name, double absent)
{
	const json_t *value = json_object_get(object, name);
	return value ? json_number_value(value) : absent;
}

static void configure(struct replay *replay, const json_t *json)
{
	struct token_arbiter_config config = TOKEN_ARBITER_DEFAULTS;

	config.exceed_count = real(json, "exceedCount", config.exceed_count);
	config.max_occupy_ratio = real(json, "maxOccupyRatio", config.max_occupy_ratio);
	config.max_allowed_qps = real(json, "maxAllowedQps", config.max_allowed_qps);
	config.interval_ms = (int32_t)real(json, "intervalMs", config.interval_ms);
	config.sample_count = (int32_t)real(json, "sampleCount", config.sample_count);
	token_arbiter_configure(&replay->arbiter, &config);
}

static void load_rules(struct replay *replay, const char *name, enum token_kind kind,
		       const json_t *list)
{
	struct token_rules *rules;

	if (!list)
		return;
	char *text = json_dumps(list, 0);
	invariant(text && !token_rules_parse(kind, slice_of(text), replay->arbiter.seed, &rules));
	token_arbiter_set_rules(&replay->arbiter, slice_of(name), rules);
	free(text);
}

static struct group *group_of(struct replay *replay, const char *name)
{
	for (size_t i = 0; i < replay->group_count; i++)
		if (!strcmp(replay->groups[i].name, name))
			return &replay->groups[i];
	invariant(replay->group_count < NAMES_MAX);
	replay->groups[replay->group_count].name = name;
	return &replay->groups[replay->group_count++];
}

static void load(struct replay *replay, const char *name, const json_t *json)
{
	struct group *group = group_of(replay, name);
	int64_t wanted = integer(json, "clients");

	load_rules(replay, name, TOKEN_KIND_FLOW, json_object_get(json, "flow"));
	load_rules(replay, name, TOKEN_KIND_PARAM, json_object_get(json, "param"));
	if (!json_object_get(json, "clients"))
		return;
	invariant(wanted >= 0 && wanted <= CLIENTS_MAX);
	while (group->count < wanted)
		group->clients[group->count++] =
			token_arbiter_join(&replay->arbiter, slice_of(name));
	while (group->count > wanted)
		token_arbiter_leave(&replay->arbiter, group->clients[--group->count]);
}

static void read_value(const json_t *pair, struct argument *value)
{
	static const struct {
		const char *name;
		enum argument_type type;
	} types[] = {
		{"int", ARGUMENT_INTEGER},   {"long", ARGUMENT_LONG},
		{"byte", ARGUMENT_BYTE},     {"short", ARGUMENT_SHORT},
		{"double", ARGUMENT_DOUBLE}, {"float", ARGUMENT_FLOAT},
		{"string", ARGUMENT_STRING}, {"boolean", ARGUMENT_BOOLEAN},
	};
	const char *name = json_string_value(json_array_get(pair, 0));
	const json_t *json = json_array_get(pair, 1);

	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (!strcmp(types[i].name, name))
			value->type = types[i].type;
	if (value->type == ARGUMENT_STRING)
		value->string = slice_of(json_string_value(json));
	else if (value->type == ARGUMENT_DOUBLE)
		value->real = json_number_value(json);
	else if (value->type == ARGUMENT_FLOAT)
		value->real = (double)(float)json_number_value(json);
	else if (value->type == ARGUMENT_BOOLEAN)
		value->integer = json_is_true(json);
	else
		value->integer = json_integer_value(json);
}

/* NULL: no question. */
static json_t *obey(struct replay *replay, const json_t *event, int64_t now_ms)
{
	static struct token_request request;
	struct token_response response;
	const char *op = json_string_value(json_object_get(event, "op"));
	const json_t *pair;
	size_t i;

	if (!strcmp(op, "config"))
		configure(replay, json_object_get(event, "config"));
	else if (!strcmp(op, "name_space"))
		load(replay, json_string_value(json_object_get(event, "name")), event);
	if (strcmp(op, "flow") && strcmp(op, "param"))
		return json_null();
	request = (struct token_request){
		.type = strcmp(op, "flow") ? TOKEN_PARAM_FLOW : TOKEN_FLOW,
		.flow_id = integer(event, "id"),
		.count = (int32_t)integer(event, "count"),
		.prioritized = json_is_true(json_object_get(event, "prioritized")),
	};
	json_array_foreach(json_object_get(event, "values"), i, pair)
		read_value(pair, &request.values[request.values_count++]);
	token_arbiter_ask(&replay->arbiter, &request, now_ms, &response);
	return json_pack("[i,i,i]", response.status, response.remaining, response.wait_ms);
}

static void begin(struct replay *replay, json_t *scenario)
{
	json_t *name_spaces = json_object_get(scenario, "name_spaces"), *value;
	struct slice names[NAMES_MAX];
	size_t count = 0;
	const char *name;

	if (json_object_get(scenario, "config"))
		configure(replay, json_object_get(scenario, "config"));
	json_object_foreach(name_spaces, name, value)
	{
		invariant(count < NAMES_MAX);
		names[count++] = slice_of(name);
	}
	token_arbiter_serve(&replay->arbiter, names, count);
	json_object_foreach(name_spaces, name, value) load(replay, name, value);
}

static void replay_all(json_t *scenario)
{
	static struct replay replay;
	json_t *results = json_array();
	const json_t *event;
	size_t i;

	token_arbiter_init(&replay.arbiter, 7);
	begin(&replay, scenario);
	json_array_foreach(json_object_get(scenario, "events"), i, event) json_array_append_new(
		results,
		obey(&replay, event, integer(scenario, "base_ms") + integer(event, "t_ms")));
	json_t *out = json_pack("{s:{s:o}}", "expected", "results", results);
	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(out);
	token_arbiter_fini(&replay.arbiter);
}

int main(int argc, char **argv)
{
	json_error_t error;
	json_t *scenario = argc == 2 ? json_load_file(argv[1], 0, &error) : NULL;

	if (!scenario) {
		fprintf(stderr, "usage: token_replay SCENARIO.json%s%s\n", argc == 2 ? ": " : "",
			argc == 2 ? error.text : "");
		return 2;
	}
	replay_all(scenario);
	json_decref(scenario);
	return 0;
}
