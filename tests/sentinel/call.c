#include "call.h"

#include "base/attributes.h"

enum { TOKEN_TIMEOUT_MS = 20 };

static struct slice member(const json_t *object, const char *name, struct slice absent)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? slice_of(text) : absent;
}

/* The event's [status, wait in ms, ms until the answer] for the question, or FAIL. */
static void look_up_answer(struct call *call)
{
	const json_t *answers = json_object_get(call->event, "tokens");
	size_t count = json_array_size(answers), number = json_array_size(call->asked) - 1;
	const json_t *answer = json_array_get(answers, number < count ? number : count - 1);

	call->answer = (struct token_answer){.status = TOKEN_FAIL};
	call->answer_after_ms = 0;
	if (!count)
		return;
	call->answer.status = (int32_t)json_integer_value(json_array_get(answer, 0));
	call->answer.wait_ms = (int32_t)json_integer_value(json_array_get(answer, 1));
	call->answer_after_ms = json_integer_value(json_array_get(answer, 2));
}

static json_t *texts(const struct token_ask *ask)
{
	json_t *params = json_array();
	char text[256];

	for (uint32_t i = 0; i < ask->params_count; i++) {
		argument_format(&ask->params[i], text, sizeof(text));
		json_array_append_new(params, json_string(text));
	}
	return params;
}

static struct call *call_of(struct token_ask *ask)
{
	struct entry *entry = (struct entry *)(void *)((char *)ask - offsetof(struct entry, token));
	return entry->request.wake_arg;
}

static void ask_script(void *arg, unsigned worker, struct token_ask *ask)
{
	struct call *call = call_of(ask);
	json_t *question = json_pack("{s:I,s:I}", "flow_id", (json_int_t)ask->flow_id, "count",
				     (json_int_t)ask->count);

	(void)arg, (void)worker;
	if (ask->is_param)
		json_object_set_new(question, "params", texts(ask));
	else
		json_object_set_new(question, "prioritized", json_boolean(ask->prioritized));
	call->asked = call->asked ? call->asked : json_array();
	json_array_append_new(call->asked, question);
	look_up_answer(call);
	ask->answer = call->answer;
	if (call->answer_after_ms)
		ask->answer.status = TOKEN_PENDING;
}

static void forget_script(void *arg, unsigned worker, struct token_ask *ask)
{
	(void)arg, (void)worker, (void)ask;
}

const struct token_service call_tokens = {
	.ask = ask_script,
	.forget = forget_script,
	.timeout_ns = TOKEN_TIMEOUT_MS * INT64_C(1000000),
};

static struct slice name_of(const struct call *call)
{
	return member(call->event, call->at ? "method" : "resource", SLICE(""));
}

static struct slice context_of(const struct call *call)
{
	const json_t *event = call->event;

	if (call->entry_count == 1)
		return member(event, "context", SLICE("oracle_context"));
	bool outbound = slice_equal(member(event, "type", SLICE("IN")), SLICE("OUT"));
	return member(event, "context",
		      outbound ? SLICE("sentinel_default_context")
			       : member(event, "method", SLICE("")));
}

/* Java's default context has no origin. */
static struct slice origin_of(const struct call *call)
{
	return slice_equal(context_of(call), SLICE("sentinel_default_context"))
		       ? SLICE("")
		       : member(call->event, "origin", SLICE(""));
}

static enum entry_verdict enter(struct call *call, struct scenario *scenario)
{
	const json_t *event = call->event, *count = json_object_get(event, "count");
	struct instant now = scenario_now(scenario);
	struct entry_request request = {
		.resource =
			sentinel_resource(scenario->sentinel, name_of(call), RESOURCE_RPC, now.ms),
		.context = sentinel_context(scenario->sentinel, context_of(call)),
		.origin = origin_of(call),
		.count = count ? (uint32_t)json_integer_value(count) : 1,
		.inbound = !slice_equal(member(event, "type", SLICE("IN")), SLICE("OUT")),
		.prioritized = json_is_true(json_object_get(event, "prioritized")),
		.wake_arg = call,
	};

	if (call->at + 1 == call->entry_count)
		request.args_count =
			scenario_arguments(scenario, json_object_get(event, "args"), &request.args);
	return sph_entry(scenario->sentinel, scenario->version->set,
			 scenario->entries++ % scenario->sentinel->options.workers, &request, now,
			 &call->entries[call->at]);
}

/* What one entry's answer makes of the call: the other one is asked, or ended. */
static enum entry_verdict go_on(struct call *call, struct scenario *scenario,
				enum entry_verdict verdict)
{
	while (verdict == ENTRY_PASS && ++call->at < call->entry_count)
		verdict = enter(call, scenario);
	if (verdict == ENTRY_BLOCK && call->at)
		sph_exit(&call->entries[0], scenario->version->set, scenario_now(scenario));
	/* one at a time: no other worker takes what this call has found while it waits */
	call->entries[call->at < call->entry_count ? call->at : 0].confirms = false;
	call->state = verdict == ENTRY_PASS   ? CALL_RUNS
		      : verdict == ENTRY_WAIT ? CALL_WAITS
					      : CALL_OVER;
	return verdict;
}

enum entry_verdict call_begin(struct call *call, struct scenario *scenario, const json_t *event,
			      size_t number)
{
	const char *op = json_string_value(json_object_get(event, "op"));

	call->event = event;
	call->entry_count = op && !strcmp(op, "call") ? 2 : 1;
	call->result = json_pack("{s:I,s:I}", "event", (json_int_t)number, "t_ms",
				 (json_int_t)scenario_t_ms(scenario));
	return go_on(call, scenario, enter(call, scenario));
}

enum entry_verdict call_resume(struct call *call, struct scenario *scenario)
{
	struct entry *entry = &call->entries[call->at];

	if (entry->asks && call->answer_after_ms <= TOKEN_TIMEOUT_MS)
		token_ask_answer(&entry->token, call->answer);
	return go_on(call, scenario,
		     sph_resume(entry, scenario->version->set, scenario_now(scenario)));
}

void call_finish(struct call *call, struct scenario *scenario)
{
	bool error = json_is_true(json_object_get(call->event, "error"));

	call->state = CALL_OVER;
	for (unsigned i = call->entry_count; i--;) {
		if (error)
			sph_trace(&call->entries[i]);
		sph_exit(&call->entries[i], scenario->version->set, scenario_now(scenario));
	}
}

void call_cancel(struct call *call, struct scenario *scenario)
{
	call->state = CALL_OVER;
	sph_cancel(&call->entries[call->at]);
	if (call->at)
		sph_exit(&call->entries[0], scenario->version->set, scenario_now(scenario));
}

bool call_can_move(const struct call *call, const struct scenario *scenario)
{
	const struct entry *entry = &call->entries[call->at];

	return call->state != CALL_WAITS || !entry->default_node ||
	       entry->rules == rule_set_of(scenario->version->set, entry->request.resource);
}

static void move(struct entry *entry, struct scenario *scenario, bool waits)
{
	struct entry_request *request = &entry->request;
	struct sentinel *sentinel = scenario->sentinel;
	uint32_t window = leap_window(scenario_now(scenario).ms);

	entry->sentinel = sentinel;
	entry->worker %= sentinel->options.workers;
	if (!entry->default_node)
		return;
	request->resource = sentinel_find_resource(sentinel, request->resource->entry.name);
	request->context = sentinel_context(sentinel, request->context->entry.name);
	entry->default_node = resource_default_node(request->resource, request->context, window);
	if (entry->origin_node)
		entry->origin_node =
			resource_origin_node(request->resource, request->origin, window);
	if (waits)
		entry->rules = rule_set_of(scenario->version->set, request->resource);
}

void call_move(struct call *call, struct scenario *scenario)
{
	bool waits = call->state == CALL_WAITS;

	if (!waits && call->state != CALL_RUNS)
		return;
	for (unsigned i = 0; i < call->entry_count && i <= call->at; i++)
		move(&call->entries[i], scenario, waits && i == call->at);
}

int64_t call_wait_ns(struct call *call)
{
	const struct entry *entry = &call->entries[call->at];

	if (!entry->asks) {
		call->waited_ns += entry->wait_ns;
		return entry->wait_ns;
	}
	return call->answer_after_ms < TOKEN_TIMEOUT_MS ? call->answer_after_ms * INT64_C(1000000)
							: entry->wait_ns;
}
