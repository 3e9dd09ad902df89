/* sentinel_replay SCENARIO.json: runs the scenario's calls through the Sentinel core in virtual
 * time, and prints {"expected": {...}} as the scenario file of Sentinel for Java has it. Of
 * `expected` it reads rule_check_order and rule_check_orders only: the order of rules that Java
 * leaves to hash sets. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "agenda.h"
#include "base/attributes.h"
#include "scenario.h"

struct call {
	struct entry entry;
	json_t *result;
	int64_t waited_ns;
};

struct replay {
	struct scenario scenario;
	struct agenda agenda;
	struct call *calls; /* one an event */
	const json_t *events;
	int passed, blocked;
};

static void step(struct replay *replay, const char *kind, size_t event)
{
	json_array_append_new(replay->scenario.timeline,
			      json_pack("[I,s,I]", (json_int_t)scenario_t_ms(&replay->scenario),
					kind, (json_int_t)event));
}

static void set_integer(json_t *object, const char *name, int64_t value)
{
	json_object_set_new(object, name, json_integer(value));
}

static void finish_call(struct replay *replay, size_t event)
{
	struct call *call = &replay->calls[event];

	step(replay, "exit", event);
	set_integer(call->result, "exit_t_ms", scenario_t_ms(&replay->scenario));
	if (json_is_true(json_object_get(json_array_get(replay->events, event), "error")))
		sph_trace(&call->entry);
	sph_exit(&call->entry, replay->scenario.version->set, scenario_now(&replay->scenario));
}

static void tell_wait(struct call *call)
{
	int64_t ns = call->waited_ns;

	if (!ns)
		return;
	json_object_set_new(call->result, "wait_ms",
			    ns % 1000000 ? json_real((double)ns / 1e6)
					 : json_integer(ns / 1000000));
	set_integer(call->result, "wait_ns", ns);
}

static void tell_block(struct replay *replay, struct call *call)
{
	const struct block *block = &call->entry.block;
	char limit_app[256];

	block_limit_app(&call->entry, limit_app, sizeof(limit_app));
	json_object_set_new(call->result, "exception",
			    json_string(block_exception_name(block->exception)));
	json_object_set_new(call->result, "rule_limit_app", json_string(limit_app));
	if (block->exception == BLOCK_SYSTEM)
		json_object_set_new(call->result, "system_limit",
				    json_string(system_limit_name(block->system_limit)));
	else
		set_integer(call->result, "rule_index",
			    scenario_rule_index(&replay->scenario, block));
}

static void decide(struct replay *replay, size_t event, enum entry_verdict verdict)
{
	struct scenario *scenario = &replay->scenario;
	struct call *call = &replay->calls[event];
	bool passes = verdict == ENTRY_PASS;

	if (verdict == ENTRY_WAIT) {
		call->waited_ns += call->entry.wait_ns;
		agenda_add(&replay->agenda, scenario->now_ns + call->entry.wait_ns, TASK_RESUME,
			   event);
		return;
	}
	json_object_set_new(call->result, "result", json_string(passes ? "pass" : "block"));
	tell_wait(call);
	set_integer(call->result, "decided_t_ms", scenario_t_ms(scenario));
	if (!passes) {
		replay->blocked++;
		tell_block(replay, call);
		return;
	}
	replay->passed++;
	if (call->waited_ns)
		step(replay, "resume", event);
	int64_t rt_ms =
		json_integer_value(json_object_get(json_array_get(replay->events, event), "rt_ms"));
	if (rt_ms > 0)
		agenda_add(&replay->agenda, scenario->now_ns + rt_ms * 1000000, TASK_EXIT, event);
	else
		finish_call(replay, event);
}

static struct slice member(const json_t *object, const char *name, struct slice absent)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? slice_of(text) : absent;
}

static void enter(struct replay *replay, size_t number, const json_t *event)
{
	struct scenario *scenario = &replay->scenario;
	struct call *call = &replay->calls[number];
	const json_t *count = json_object_get(event, "count");
	struct instant now = scenario_now(scenario);
	struct entry_request request = {
		.resource =
			sentinel_resource(scenario->sentinel, member(event, "resource", SLICE("")),
					  RESOURCE_COMMON, now.ms),
		.context = sentinel_context(scenario->sentinel,
					    member(event, "context", SLICE("oracle_context"))),
		.origin = member(event, "origin", SLICE("")),
		.count = count ? (uint32_t)json_integer_value(count) : 1,
		.inbound = !slice_equal(member(event, "type", SLICE("IN")), SLICE("OUT")),
		.prioritized = json_is_true(json_object_get(event, "prioritized")),
	};

	request.args_count =
		scenario_arguments(scenario, json_object_get(event, "args"), &request.args);
	call->result = json_pack("{s:I,s:I}", "event", (json_int_t)number, "t_ms",
				 (json_int_t)scenario_t_ms(scenario));
	decide(replay, number,
	       sph_entry(scenario->sentinel, scenario->version->set, 0, &request, now,
			 &call->entry));
}

/* For each kind of rules, whether no event behind `number` loads it. */
static void find_last(const struct replay *replay, size_t number, bool is_last[RULE_KINDS])
{
	for (int kind = 0; kind < RULE_KINDS; kind++) {
		is_last[kind] = true;
		for (size_t i = number; i < json_array_size(replay->events); i++)
			if (json_object_get(
				    json_object_get(json_array_get(replay->events, i), "rules"),
				    scenario_kind_name((enum rule_kind)kind)))
				is_last[kind] = false;
	}
}

static void happen(struct replay *replay, size_t number)
{
	struct scenario *scenario = &replay->scenario;
	const json_t *event = json_array_get(replay->events, number);
	const char *op = json_string_value(json_object_get(event, "op"));
	bool is_last[RULE_KINDS];

	op = op ? op : "entry";
	step(replay, op, number);
	if (!strcmp(op, "snapshot")) {
		scenario_snapshot(scenario, number);
	} else if (!strcmp(op, "rules")) {
		find_last(replay, number + 1, is_last);
		scenario_load_rules(scenario, json_object_get(event, "rules"), is_last);
	} else if (!strcmp(op, "load")) {
		sentinel_set_status(
			scenario->sentinel,
			(struct system_status){json_number_value(json_object_get(event, "load")),
					       json_number_value(json_object_get(event, "cpu"))});
	} else {
		enter(replay, number, event);
	}
}

static void note_breaker(void *arg, const struct breaker_change *change)
{
	struct replay *replay = arg;
	struct block block = {.exception = BLOCK_DEGRADE, .rule = &change->rule->rule};
	json_t *noted = json_pack(
		"{s:I,s:s%,s:i,s:s,s:s}", "t_ms", (json_int_t)scenario_t_ms(&replay->scenario),
		"resource", change->rule->rule.resource.data, change->rule->rule.resource.len,
		"rule_index", scenario_rule_index(&replay->scenario, &block), "from",
		breaker_state_name(change->from), "to", breaker_state_name(change->to));

	if (!isnan(change->snapshot))
		json_object_set_new(noted, "snapshot", json_real(change->snapshot));
	json_array_append_new(replay->scenario.breakers, noted);
}

static void begin(struct replay *replay, const json_t *json)
{
	struct scenario *scenario = &replay->scenario;
	struct slice cold = member(json_object_get(json, "properties"),
				   "csp.sentinel.flow.cold.factor", SLICE("0"));
	struct sentinel_options options = {
		.cold_factor = atoi(cold.data),
		.observer = {note_breaker, replay},
	};
	bool is_last[RULE_KINDS];

	scenario->json = json;
	scenario->base_ms = json_integer_value(json_object_get(json, "base_ms"));
	scenario->now_ns = scenario->base_ms * 1000000;
	scenario->sentinel = sentinel_new(&options, scenario->base_ms);
	scenario->results = json_array();
	scenario->breakers = json_array();
	scenario->snapshots = json_array();
	scenario->timeline = json_array();
	arena_init(&scenario->arena, 4096);
	replay->events = json_object_get(json, "events");
	replay->calls = calloc(json_array_size(replay->events) + 1, sizeof(*replay->calls));
	invariant(replay->calls);
	find_last(replay, 0, is_last);
	scenario_load_rules(scenario, json_object_get(json, "rules"), is_last);
}

static void run(struct replay *replay)
{
	struct scenario *scenario = &replay->scenario;
	struct task task;
	size_t i;
	const json_t *event;

	json_array_foreach(replay->events, i, event)
	{
		int64_t t_ms = json_integer_value(json_object_get(event, "t_ms"));
		agenda_add(&replay->agenda, (scenario->base_ms + t_ms) * 1000000, TASK_EVENT, i);
	}
	while (agenda_take(&replay->agenda, &task)) {
		if (task.at_ns > scenario->now_ns)
			scenario->now_ns = task.at_ns;
		switch (task.kind) {
		case TASK_EVENT:
			happen(replay, task.event);
			break;
		case TASK_RESUME:
			decide(replay, task.event,
			       sph_resume(&replay->calls[task.event].entry, scenario->version->set,
					  scenario_now(scenario)));
			break;
		case TASK_EXIT:
			finish_call(replay, task.event);
			break;
		}
	}
	scenario_snapshot(scenario, json_array_size(replay->events));
}

/* The recorded order, which was obeyed; without one, that of the lists. */
static json_t *check_order(const struct scenario *scenario)
{
	const json_t *recorded =
		json_object_get(json_object_get(scenario->json, "expected"), "rule_check_order");
	const struct rule_list *list = &scenario->version->list;
	json_t *flow = json_array(), *degrade = json_array(), *param = json_array();

	for (size_t i = 0; i < list->flow_count; i++)
		json_array_append_new(flow, json_integer(list->flow[i].rule.index));
	for (size_t i = 0; i < list->degrade_count; i++)
		json_array_append_new(degrade, json_integer(list->degrade[i].rule.index));
	for (size_t i = 0; i < list->param_count; i++)
		json_array_append_new(param, json_integer(list->param[i].rule.index));
	json_t *own =
		json_pack("{s:o,s:o,s:o}", "flow", flow, "degrade", degrade, "paramFlow", param);
	if (!recorded)
		return own;
	json_decref(own);
	return json_deep_copy(recorded);
}

static void end(struct replay *replay)
{
	struct scenario *scenario = &replay->scenario;

	for (struct rule_version *version = scenario->version, *older; version; version = older) {
		older = version->older;
		rule_set_free(version->set);
		free(version);
	}
	sentinel_free(scenario->sentinel);
	arena_free(&scenario->arena);
	agenda_free(&replay->agenda);
	free(replay->calls);
}

static void print(struct replay *replay)
{
	struct scenario *scenario = &replay->scenario;

	for (size_t i = 0; i < json_array_size(replay->events); i++)
		if (replay->calls[i].result)
			json_array_append_new(scenario->results, replay->calls[i].result);
	const json_t *orders =
		json_object_get(json_object_get(scenario->json, "expected"), "rule_check_orders");
	json_t *expected = json_pack("{s:{s:o,s:i,s:i,s:o,s:o,s:o,s:o}}", "expected",
				     "rule_check_order", check_order(scenario), "passed",
				     replay->passed, "blocked", replay->blocked, "results",
				     scenario->results, "breakers", scenario->breakers, "snapshots",
				     scenario->snapshots, "timeline", scenario->timeline);
	invariant(expected);
	if (orders)
		json_object_set_new(json_object_get(expected, "expected"), "rule_check_orders",
				    json_deep_copy(orders));
	json_dumpf(expected, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(expected);
}

int main(int argc, char **argv)
{
	struct replay replay = {0};
	json_error_t error;
	json_t *json;

	if (argc != 2) {
		fprintf(stderr, "usage: sentinel_replay SCENARIO.json\n");
		return 2;
	}
	json = json_load_file(argv[1], 0, &error);
	if (!json || !json_is_array(json_object_get(json, "events"))) {
		fprintf(stderr, "%s: %s\n", argv[1], json ? "no events" : error.text);
		return 2;
	}
	begin(&replay, json);
	run(&replay);
	print(&replay);
	end(&replay);
	json_decref(json);
	return 0;
}
