/* sentinel_replay SCENARIO.json [SEED]: runs the scenario's calls through the Sentinel core in
 * virtual time, and prints {"expected": {...}} as the scenario file of Sentinel for Java has it. Of
 * `expected` it reads rule_check_order and rule_check_orders only: the order of rules that Java
 * leaves to hash sets. With a SEED the core is exported now and then, and another one with other
 * workers takes over: nothing of what is printed may differ. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "agenda.h"
#include "base/attributes.h"
#include "base/hash.h"
#include "call.h"

struct replay {
	struct scenario scenario;
	struct agenda agenda;
	struct call *calls; /* one an event */
	const json_t *events;
	int passed, blocked;
	uint64_t random; /* 0: nobody takes over */
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
	call_finish(call, &replay->scenario);
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
	const struct entry *entry = &call->entries[call->at];
	const struct block *block = &entry->block;
	char limit_app[256];

	block_limit_app(entry, limit_app, sizeof(limit_app));
	json_object_set_new(call->result, "exception",
			    json_string(block_exception_name(block->exception)));
	json_object_set_new(call->result, "rule_limit_app", json_string(limit_app));
	if (block->exception == BLOCK_SYSTEM)
		json_object_set_new(call->result, "system_limit",
				    json_string(system_limit_name(block->system_limit)));
	else
		set_integer(call->result, "rule_index",
			    scenario_rule_index(&replay->scenario, block));
	if (call->entry_count > 1)
		json_object_set_new(call->result, "blocked_by",
				    json_string(call->at ? "method" : "interface"));
}

static void decide(struct replay *replay, size_t event, enum entry_verdict verdict)
{
	struct scenario *scenario = &replay->scenario;
	struct call *call = &replay->calls[event];
	bool passes = verdict == ENTRY_PASS;

	if (verdict == ENTRY_WAIT) {
		agenda_add(&replay->agenda, scenario->now_ns + call_wait_ns(call), TASK_RESUME,
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

/* A call that waits never goes on, and one that runs is over now. */
static void cancel(struct replay *replay, const json_t *event)
{
	size_t number = (size_t)json_integer_value(json_object_get(event, "event"));
	struct scenario *scenario = &replay->scenario;
	struct call *call = &replay->calls[number];

	if (call->state != CALL_WAITS && call->state != CALL_RUNS)
		return;
	agenda_remove(&replay->agenda, number);
	if (call->state == CALL_RUNS) {
		agenda_add(&replay->agenda, scenario->now_ns, TASK_EXIT, number);
		return;
	}
	json_object_set_new(call->result, "result", json_string("cancelled"));
	set_integer(call->result, "decided_t_ms", scenario_t_ms(scenario));
	call_cancel(call, scenario);
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
	} else if (!strcmp(op, "cancel")) {
		cancel(replay, event);
	} else {
		decide(replay, number, call_begin(&replay->calls[number], scenario, event, number));
	}
}

static void hand_over(struct replay *replay)
{
	struct scenario *scenario = &replay->scenario;
	size_t count = json_array_size(replay->events);
	struct sentinel *sentinel;
	struct rule_version *version;

	replay->random = hash_uint64(replay->random + 1);
	if (replay->random % 4)
		return;
	for (size_t i = 0; i < count; i++)
		if (!call_can_move(&replay->calls[i], scenario))
			return;
	scenario_hand_over(scenario, &sentinel, &version);
	for (size_t i = 0; i < count; i++)
		call_move(&replay->calls[i], scenario);
	rule_versions_free(version);
	sentinel_free(sentinel);
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
	const char *cold = json_string_value(json_object_get(json_object_get(json, "properties"),
							     "csp.sentinel.flow.cold.factor"));
	struct sentinel_options options = {
		.cold_factor = cold ? atoi(cold) : 0,
		.tokens = &call_tokens,
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
			if (replay->random)
				hand_over(replay);
			happen(replay, task.event);
			break;
		case TASK_RESUME:
			decide(replay, task.event,
			       call_resume(&replay->calls[task.event], scenario));
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

	rule_versions_free(scenario->version);
	sentinel_free(scenario->sentinel);
	arena_free(&scenario->arena);
	agenda_free(&replay->agenda);
	free(replay->calls);
}

static bool call_is_cancelled(const struct call *call)
{
	return !json_object_get(call->result, "exit_t_ms") &&
	       !json_object_get(call->result, "exception");
}

static void print(struct replay *replay)
{
	struct scenario *scenario = &replay->scenario;

	for (size_t i = 0; i < json_array_size(replay->events); i++) {
		struct call *call = &replay->calls[i];
		if (call->asked && call->state == CALL_OVER && !call_is_cancelled(call))
			json_object_set(call->result, "tokens", call->asked);
		json_decref(call->asked);
		if (call->result)
			json_array_append_new(scenario->results, call->result);
	}
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

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: sentinel_replay SCENARIO.json [SEED]\n");
		return 2;
	}
	if (argc > 2)
		replay.random = strtoull(argv[2], NULL, 10) + 1;
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
