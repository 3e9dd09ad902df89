#include "filters/sentinel/cluster/token_arbiter.h"

#include <stdlib.h>
#include <string.h>

#include "base/attributes.h"
#include "filters/sentinel/cluster/token_codec.h"
#include "filters/sentinel/cluster/token_metric.h"
#include "filters/sentinel/cluster/token_values.h"
#include "filters/sentinel/core/java_number.h"

#define DEFAULT_NAME SLICE("default")

static struct token_name_space *name_space_of(struct list_node *node)
{
	return container_of(node, struct token_name_space, link);
}

/* --- name spaces --- */

static struct token_name_space *name_space_new(struct token_arbiter *arbiter, struct slice name)
{
	struct token_name_space *own = calloc(1, sizeof(*own));
	char *copy = malloc(name.len + 1);

	invariant(own && copy);
	memcpy(copy, name.data, name.len);
	own->name = slice_make(copy, name.len);
	list_push_back(&arbiter->name_spaces, &own->link);
	map_set(&arbiter->by_name, own->name, own);
	return own;
}

static void name_space_free(struct token_arbiter *arbiter, struct token_name_space *own)
{
	map_remove(&arbiter->by_name, own->name);
	list_remove(&own->link);
	for (int kind = 0; kind < TOKEN_KINDS; kind++)
		token_rules_free(own->rules[kind]);
	free((char *)(uintptr_t)own->name.data);
	free(own);
}

/* Nobody is there for whom it is kept. */
static void let_go(struct token_arbiter *arbiter, struct token_name_space *own)
{
	if (!own->is_served && !own->connected)
		name_space_free(arbiter, own);
}

static bool is_name(struct slice name)
{
	return name.len <= TOKEN_NAME_MAX && !rule_is_blank(name);
}

struct token_name_space *token_arbiter_find(const struct token_arbiter *arbiter, struct slice name)
{
	return map_get(&arbiter->by_name, name);
}

static struct token_name_space *find_or_make(struct token_arbiter *arbiter, struct slice name)
{
	struct token_name_space *own = token_arbiter_find(arbiter, name);

	return own ? own : name_space_new(arbiter, name);
}

void token_arbiter_init(struct token_arbiter *arbiter, uint64_t seed)
{
	*arbiter = (struct token_arbiter){.seed = seed, .config = TOKEN_ARBITER_DEFAULTS};
	list_init(&arbiter->name_spaces);
	map_init(&arbiter->by_name, NULL);
	token_flows_init(&arbiter->flows);
	token_arbiter_serve(arbiter, NULL, 0);
}

void token_arbiter_fini(struct token_arbiter *arbiter)
{
	token_flows_fini(&arbiter->flows);
	while (!list_is_empty(&arbiter->name_spaces))
		name_space_free(arbiter, name_space_of(arbiter->name_spaces.next));
	map_free(&arbiter->by_name);
}

/* Takes the rules. */
static void put_rules(struct token_arbiter *arbiter, struct token_name_space *own,
		      enum token_kind kind, struct token_rules *rules)
{
	token_flows_replace(&arbiter->flows, own, kind, rules);
	token_rules_free(own->rules[kind]);
	own->rules[kind] = rules;
}

static void serve_no_more(struct token_arbiter *arbiter, struct token_name_space *own)
{
	own->is_served = false;
	put_rules(arbiter, own, TOKEN_KIND_FLOW, NULL);
	put_rules(arbiter, own, TOKEN_KIND_PARAM, NULL);
	let_go(arbiter, own);
}

static bool is_among(struct slice name, const struct slice *names, size_t count)
{
	if (slice_equal(name, DEFAULT_NAME))
		return true;
	for (size_t i = 0; i < count; i++)
		if (slice_equal(name, names[i]))
			return true;
	return false;
}

void token_arbiter_serve(struct token_arbiter *arbiter, const struct slice *names, size_t count)
{
	if (count > TOKEN_NAME_SPACES_MAX)
		count = TOKEN_NAME_SPACES_MAX;
	for (struct list_node *n = arbiter->name_spaces.next, *next; n != &arbiter->name_spaces;
	     n = next) {
		struct token_name_space *own = name_space_of(n);
		next = n->next;
		if (own->is_served && !is_among(own->name, names, count))
			serve_no_more(arbiter, own);
	}
	find_or_make(arbiter, DEFAULT_NAME)->is_served = true;
	for (size_t i = 0; i < count; i++)
		if (is_name(names[i]))
			find_or_make(arbiter, names[i])->is_served = true;
}

bool token_arbiter_set_rules(struct token_arbiter *arbiter, struct slice name,
			     struct token_rules *rules)
{
	struct token_name_space *own = token_arbiter_find(arbiter, name);

	if (!own || !own->is_served) {
		token_rules_free(rules);
		return false;
	}
	put_rules(arbiter, own, rules->kind, rules);
	return true;
}

struct token_name_space *token_arbiter_join(struct token_arbiter *arbiter, struct slice name)
{
	struct token_name_space *own = is_name(name) ? find_or_make(arbiter, name) : NULL;

	if (own)
		own->connected++;
	return own;
}

void token_arbiter_leave(struct token_arbiter *arbiter, struct token_name_space *own)
{
	own->connected--;
	let_go(arbiter, own);
}

void token_arbiter_configure(struct token_arbiter *arbiter,
			     const struct token_arbiter_config *config)
{
	struct token_arbiter_config *own = &arbiter->config;

	if (!(config->exceed_count >= 0) || !(config->max_occupy_ratio >= 0) ||
	    !(config->max_allowed_qps >= 0) ||
	    !token_metric_can_be(config->sample_count, config->interval_ms))
		return;
	bool has_other_windows = own->interval_ms != config->interval_ms ||
				 own->sample_count != config->sample_count;
	*own = *config;
	if (has_other_windows)
		token_flows_reset(&arbiter->flows, config->sample_count, config->interval_ms);
}

/* --- the guard --- */

static int64_t guard_sum(struct token_name_space *own, int64_t now_ms)
{
	int64_t now = now_ms / TOKEN_GUARD_WINDOW_MS, sum = 0;

	if (own->guard[now % TOKEN_GUARD_WINDOWS].number < now) {
		own->guard[now % TOKEN_GUARD_WINDOWS].number = now;
		own->guard[now % TOKEN_GUARD_WINDOWS].count = 0;
	}
	for (int i = 0; i < TOKEN_GUARD_WINDOWS; i++)
		if (own->guard[i].number > now - TOKEN_GUARD_WINDOWS)
			sum += own->guard[i].count;
	return sum; /* of a second */
}

double token_name_space_qps(struct token_name_space *own, int64_t now_ms)
{
	return (double)guard_sum(own, now_ms);
}

static bool guard_lets_pass(const struct token_arbiter *arbiter, struct token_name_space *own,
			    int64_t now_ms)
{
	int64_t now = now_ms / TOKEN_GUARD_WINDOW_MS;

	if ((double)(guard_sum(own, now_ms) + 1) > arbiter->config.max_allowed_qps)
		return false;
	if (own->guard[now % TOKEN_GUARD_WINDOWS].number == now)
		own->guard[now % TOKEN_GUARD_WINDOWS].count++;
	return true;
}

/* --- questions --- */

static double scaled(const struct token_flow *flow, double count)
{
	return flow->rule.threshold_type == TOKEN_THRESHOLD_GLOBAL
		       ? count
		       : count * flow->name_space->connected;
}

static void count_block(struct token_flow *flow, const struct token_request *request,
			int64_t now_ms)
{
	token_metric_add(flow->metric, TOKEN_EVENT_BLOCK, request->count, now_ms);
	token_metric_add(flow->metric, TOKEN_EVENT_BLOCK_REQUEST, 1, now_ms);
	if (request->prioritized)
		token_metric_add(flow->metric, TOKEN_EVENT_OCCUPIED_BLOCK, request->count, now_ms);
	flow->totals.block += (uint64_t)request->count;
}

static void count_pass(struct token_flow *flow, const struct token_request *request, int64_t now_ms)
{
	token_metric_add(flow->metric, TOKEN_EVENT_PASS, request->count, now_ms);
	token_metric_add(flow->metric, TOKEN_EVENT_PASS_REQUEST, 1, now_ms);
	if (request->prioritized)
		token_metric_add(flow->metric, TOKEN_EVENT_OCCUPIED_PASS, request->count, now_ms);
	flow->totals.pass += (uint64_t)request->count;
}

/* After how many ms it may go; 0: it may not. */
static int32_t borrow(struct token_flow *flow, const struct token_request *request,
		      double threshold, double ratio, int64_t now_ms)
{
	double waiting = token_metric_average(flow->metric, TOKEN_EVENT_WAITING, now_ms);

	if (!request->prioritized || waiting > ratio * threshold)
		return 0;
	return token_metric_borrow(flow->metric, request->count, threshold, now_ms);
}

static void ask_flow(const struct token_arbiter *arbiter, struct token_flow *flow,
		     const struct token_request *request, int64_t now_ms,
		     struct token_response *response)
{
	double latest = token_metric_average(flow->metric, TOKEN_EVENT_PASS, now_ms);
	double threshold = scaled(flow, flow->rule.count) * arbiter->config.exceed_count;
	double remaining = threshold - latest - request->count;

	if (remaining >= 0) {
		count_pass(flow, request, now_ms);
		response->status = TOKEN_OK;
		response->remaining = java_int(remaining);
		return;
	}
	response->wait_ms =
		borrow(flow, request, threshold, arbiter->config.max_occupy_ratio, now_ms);
	if (response->wait_ms > 0) {
		flow->totals.waiting += (uint64_t)request->count;
		response->status = TOKEN_SHOULD_WAIT;
		return;
	}
	count_block(flow, request, now_ms);
	response->status = TOKEN_BLOCKED;
}

/* All of the values must have room; only then are they counted. Returns one that hasn't, or NULL.
 */
static const struct argument *ask_param(const struct token_arbiter *arbiter,
					struct token_flow *flow,
					const struct token_request *request, int64_t now_ms,
					struct token_response *response)
{
	uint64_t fingerprints[TOKEN_VALUES_MAX];
	double remaining = 0;

	for (uint32_t i = 0; i < request->values_count; i++) {
		fingerprints[i] = argument_fingerprint(&request->values[i], arbiter->seed);
		remaining = scaled(flow, token_rule_limit(&flow->rule, fingerprints[i])) -
			    token_values_average(flow->values, fingerprints[i], now_ms) -
			    request->count;
		if (remaining < 0) {
			flow->totals.block += (uint64_t)request->count;
			response->status = TOKEN_BLOCKED;
			return &request->values[i];
		}
	}
	for (uint32_t i = 0; i < request->values_count; i++)
		token_values_add(flow->values, &request->values[i], fingerprints[i], request->count,
				 now_ms);
	flow->totals.pass += (uint64_t)request->count;
	response->status = TOKEN_OK;
	response->remaining = request->values_count > 1 ? -1 : java_int(remaining);
	return NULL;
}

static void decide(const struct token_arbiter *arbiter, struct token_flow *flow,
		   const struct token_request *request, int64_t now_ms,
		   struct token_response *response)
{
	struct token_decision decision = {.kind = flow->kind, .request = request};

	if (flow->kind == TOKEN_KIND_FLOW)
		ask_flow(arbiter, flow, request, now_ms, response);
	else
		decision.refused = ask_param(arbiter, flow, request, now_ms, response);
	decision.status = response->status;
	if (arbiter->observer.fn)
		arbiter->observer.fn(arbiter->observer.arg, &decision, now_ms);
}

static void count_answer(struct token_answers *answers, int8_t status)
{
	switch ((enum token_status)status) {
	case TOKEN_OK:
		answers->ok++;
		break;
	case TOKEN_SHOULD_WAIT:
		answers->should_wait++;
		break;
	case TOKEN_BLOCKED:
		answers->blocked++;
		break;
	case TOKEN_NO_RULE_EXISTS:
		answers->no_rule++;
		break;
	case TOKEN_TOO_MANY_REQUEST:
		answers->too_many++;
		break;
	case TOKEN_BAD_REQUEST:
	case TOKEN_FAIL:
	case TOKEN_NO_REF_RULE_EXISTS:
	case TOKEN_NOT_AVAILABLE:
	case TOKEN_PENDING:
		answers->bad++;
		break;
	}
}

void token_arbiter_ask(struct token_arbiter *arbiter, const struct token_request *request,
		       int64_t now_ms, struct token_response *response)
{
	enum token_kind kind = request->type == TOKEN_FLOW ? TOKEN_KIND_FLOW : TOKEN_KIND_PARAM;
	bool is_valid = request->flow_id > 0 && request->count > 0 &&
			(kind == TOKEN_KIND_FLOW || request->values_count);
	struct token_flow *flow =
		is_valid ? token_flows_find(&arbiter->flows, kind, request->flow_id) : NULL;

	*response = (struct token_response){.xid = request->xid, .type = request->type};
	if (!is_valid)
		response->status = TOKEN_BAD_REQUEST;
	else if (!flow)
		response->status = TOKEN_NO_RULE_EXISTS;
	else if (!guard_lets_pass(arbiter, flow->name_space, now_ms))
		response->status = TOKEN_TOO_MANY_REQUEST;
	else
		decide(arbiter, flow, request, now_ms, response);
	count_answer(&arbiter->answers, response->status);
}
