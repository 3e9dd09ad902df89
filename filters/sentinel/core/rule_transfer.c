#include "filters/sentinel/core/rule_transfer.h"

#include "base/attributes.h"
#include "base/section_members.h"
#include "filters/sentinel/core/value_transfer.h"

/* Fields of the resource's rules. */
enum {
	FLOW = 1,
	DEGRADE = 2,
	PARAM = 3,
};

/* Of every rule. */
enum {
	RESOURCE = 1,
	LIMIT_APP = 2,
	REGEX = 3,
	COUNT = 4,
	GRADE = 5,
	CONTROL_BEHAVIOR = 6,
	MAX_QUEUEING_TIME_MS = 7,
	CLUSTER_MODE = 8,
	CLUSTER = 9, /* its numbers, as they stand in the struct */

	/* flow */
	REF_RESOURCE = 16,
	STRATEGY = 17,
	WARM_UP_PERIOD_SEC = 18,
	STORED_TOKENS = 19,
	LAST_FILLED_MS = 20,
	LATEST_PASSED = 21,

	/* degrade */
	SLOW_RATIO_THRESHOLD = 32,
	TIME_WINDOW_SEC = 33,
	MIN_REQUEST_AMOUNT = 34,
	STAT_INTERVAL_MS = 35,
	STATE = 36,
	NEXT_RETRY_MS = 37,
	WINDOW = 38, /* its number, bad ones, all */
	IS_IDLE = 39,

	/* param */
	PARAM_IDX = 48,
	BURST_COUNT = 49,
	DURATION_SEC = 50,
	ITEM = 51, /* fingerprint, count */
	SETTLED_INDEX = 52,
	SEED = 53,
	VALUES = 54, /* value_transfer.h; none: only an index was settled */
};

enum {
	RULES_MAX = 1 << 14, /* of a resource and kind */
	ITEMS_MAX = 1 << 20, /* of a rule */
};

const char rule_transfer_probe;

/* Their order is that of the bytes. */
static const struct section_member flow_members[] = {
	MEMBER(COUNT, DOUBLE, struct flow_rule, count),
	MEMBER(GRADE, UINT8, struct flow_rule, grade),
	MEMBER(STRATEGY, UINT8, struct flow_rule, strategy),
	MEMBER(CONTROL_BEHAVIOR, UINT8, struct flow_rule, control_behavior),
	MEMBER(WARM_UP_PERIOD_SEC, INT32, struct flow_rule, warm_up_period_sec),
	MEMBER(MAX_QUEUEING_TIME_MS, INT32, struct flow_rule, max_queueing_time_ms),
	MEMBER(CLUSTER_MODE, BOOL, struct flow_rule, cluster_mode),
};

static const struct section_member degrade_members[] = {
	MEMBER(COUNT, DOUBLE, struct degrade_rule, count),
	MEMBER(SLOW_RATIO_THRESHOLD, DOUBLE, struct degrade_rule, slow_ratio_threshold),
	MEMBER(TIME_WINDOW_SEC, INT32, struct degrade_rule, time_window_sec),
	MEMBER(MIN_REQUEST_AMOUNT, INT32, struct degrade_rule, min_request_amount),
	MEMBER(STAT_INTERVAL_MS, INT32, struct degrade_rule, stat_interval_ms),
	MEMBER(GRADE, UINT8, struct degrade_rule, grade),
};

static const struct section_member param_members[] = {
	MEMBER(COUNT, DOUBLE, struct param_flow_rule, count),
	MEMBER(GRADE, INT32, struct param_flow_rule, grade),
	MEMBER(PARAM_IDX, INT32, struct param_flow_rule, param_idx),
	MEMBER(BURST_COUNT, INT32, struct param_flow_rule, burst_count),
	MEMBER(DURATION_SEC, INT32, struct param_flow_rule, duration_sec),
	MEMBER(CONTROL_BEHAVIOR, INT32, struct param_flow_rule, control_behavior),
	MEMBER(MAX_QUEUEING_TIME_MS, INT32, struct param_flow_rule, max_queueing_time_ms),
	MEMBER(CLUSTER_MODE, BOOL, struct param_flow_rule, cluster_mode),
};

static const struct section_member cluster_members[] = {
	MEMBER(LISTED, INT64, struct cluster_config, flow_id),
	MEMBER(LISTED, INT32, struct cluster_config, threshold_type),
	MEMBER(LISTED, INT32, struct cluster_config, sample_count),
	MEMBER(LISTED, INT32, struct cluster_config, window_interval_ms),
	MEMBER(LISTED, BOOL, struct cluster_config, fallback_to_local_when_fail),
};

/* Behind those of the common part. */
static const struct section_member flow_cluster_members[] = {
	MEMBER(LISTED, INT32, struct cluster_flow_config, strategy),
	MEMBER(LISTED, INT64, struct cluster_flow_config, resource_timeout_ms),
	MEMBER(LISTED, INT32, struct cluster_flow_config, resource_timeout_strategy),
	MEMBER(LISTED, INT32, struct cluster_flow_config, acquire_refuse_strategy),
	MEMBER(LISTED, INT64, struct cluster_flow_config, client_offline_time_ms),
};

static int64_t load(const _Atomic int64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* --- writing --- */

static void write_rule(struct section_writer *out, const struct rule *rule)
{
	field_put_text(out, RESOURCE, rule->resource);
	field_put_text(out, LIMIT_APP, rule->limit_app);
	if (rule->regex)
		field_put_number(out, REGEX, 1);
}

static void write_flow(struct section_writer *out, const struct flow_binding *flow)
{
	const struct flow_rule *rule = flow->rule;
	const struct traffic_shaping *shaping = flow->shaping;

	if (!shaping || (load(&shaping->latest_passed) == -1 && !load(&shaping->last_filled_ms)))
		return;
	size_t opened = field_open(out, FLOW);
	write_rule(out, &rule->rule);
	fields_put_members(out, MEMBERS(flow_members), rule);
	if (rule->ref_resource)
		field_put_text(out, REF_RESOURCE, *rule->ref_resource);
	if (rule->cluster) {
		size_t cluster = field_open(out, CLUSTER);
		list_put_members(out, MEMBERS(cluster_members), &rule->cluster->common);
		list_put_members(out, MEMBERS(flow_cluster_members), rule->cluster);
		field_close(out, cluster);
	}
	field_put_signed(out, STORED_TOKENS, load(&shaping->stored_tokens));
	field_put_signed(out, LAST_FILLED_MS, load(&shaping->last_filled_ms));
	field_put_signed(out, LATEST_PASSED, load(&shaping->latest_passed));
	field_close(out, opened);
}

/* The newest window of all shards. Its total is 0: nothing was counted since the breaker closed. */
static struct breaker_window {
	uint32_t start;
	uint64_t bad, total;
} window_of(const struct circuit_breaker *breaker)
{
	uint32_t epoch = atomic_load_explicit(&breaker->epoch, memory_order_relaxed);
	struct breaker_window window = {0};

	for (unsigned i = 0; i < breaker->shard_count; i++) {
		const struct breaker_shard *shard = &breaker->shards[i];
		uint32_t start = atomic_load_explicit(&shard->start, memory_order_relaxed);
		uint32_t total = atomic_load_explicit(&shard->total, memory_order_relaxed);
		if (atomic_load_explicit(&shard->epoch, memory_order_acquire) != epoch || !total ||
		    (window.total && (int32_t)(start - window.start) < 0))
			continue;
		if (start != window.start)
			window = (struct breaker_window){start, 0, 0};
		window.bad += atomic_load_explicit(&shard->bad, memory_order_relaxed);
		window.total += total;
	}
	return window;
}

static void write_degrade(struct section_writer *out, const struct degrade_binding *degrade,
			  bool is_idle)
{
	const struct degrade_rule *rule = degrade->rule;
	const struct circuit_breaker *breaker = degrade->breaker;
	struct breaker_window window = window_of(breaker);
	enum breaker_state state = circuit_breaker_state(breaker);

	if (state == BREAKER_CLOSED && !window.total && !is_idle)
		return;
	size_t opened = field_open(out, DEGRADE);
	write_rule(out, &rule->rule);
	fields_put_members(out, MEMBERS(degrade_members), rule);
	field_put_number(out, STATE, (uint64_t)state);
	field_put_signed(out, NEXT_RETRY_MS, load(&breaker->next_retry_ms));
	field_put_number(out, IS_IDLE, is_idle);
	if (window.total) {
		size_t list = field_open(out, WINDOW);
		section_put_number(out, window.start);
		section_put_number(out, window.bad > UINT32_MAX ? UINT32_MAX : window.bad);
		section_put_number(out, window.total > UINT32_MAX ? UINT32_MAX : window.total);
		field_close(out, list);
	}
	field_close(out, opened);
}

static void write_items(struct section_writer *out, const struct param_flow_rule *rule)
{
	for (uint32_t i = 0; i < rule->item_count; i++) {
		size_t opened = field_open(out, ITEM);
		section_put_number(out, rule->items[i].fingerprint);
		section_put_signed(out, rule->items[i].count);
		field_close(out, opened);
	}
}

/* All but the values. */
static void write_param_rule(struct section_writer *out, const struct param_binding *param)
{
	const struct param_flow_rule *rule = param->rule;

	write_rule(out, &rule->rule);
	fields_put_members(out, MEMBERS(param_members), rule);
	if (rule->cluster) {
		size_t cluster = field_open(out, CLUSTER);
		list_put_members(out, MEMBERS(cluster_members), rule->cluster);
		field_close(out, cluster);
	}
	write_items(out, rule);
	field_put_signed(out, SETTLED_INDEX, parameter_metric_settled_index(param->metric, rule));
	field_put_fixed(out, SEED, param->metric->seed);
}

static void write_param(struct section_writer *out, const struct param_binding *param,
			size_t values_end)
{
	struct parameter_metric *metric = param->metric;
	int32_t settled = parameter_metric_settled_index(metric, param->rule);
	uint32_t count = atomic_load_explicit(&metric->values.count, memory_order_relaxed);

	if (out->len + (size_t)count * VALUE_TRANSFER_SIZE > values_end)
		count = 0;
	if (parameter_metric_is_forgotten(metric) || (!count && settled == param->rule->param_idx))
		return;
	size_t opened = field_open(out, PARAM);
	write_param_rule(out, param);
	if (count) {
		size_t values = field_open(out, VALUES);
		value_transfer_write(&metric->values, false, out);
		field_close(out, values);
	}
	field_close(out, opened);
}

void rule_transfer_write_running(const struct resource_rules *rules, struct section_writer *out)
{
	for (uint32_t i = 0; i < rules->param_count; i++) {
		const struct param_binding *param = &rules->param[i];
		if (param->rule->grade != FLOW_GRADE_THREAD ||
		    parameter_metric_is_forgotten(param->metric) ||
		    !value_transfer_is_used(&param->metric->values))
			continue;
		size_t opened = field_open(out, PARAM);
		write_param_rule(out, param);
		size_t values = field_open(out, VALUES);
		value_transfer_write(&param->metric->values, true, out);
		field_close(out, values);
		field_close(out, opened);
	}
}

void rule_transfer_write(const struct resource_rules *rules, size_t values_end,
			 struct section_writer *out)
{
	for (uint32_t i = 0; i < rules->flow_count; i++)
		write_flow(out, &rules->flow[i]);
	for (uint32_t i = 0; i < rules->degrade_count + rules->idle_count; i++)
		write_degrade(out, &rules->degrade[i], i >= rules->degrade_count);
	for (uint32_t i = 0; i < rules->param_count; i++)
		write_param(out, &rules->param[i], values_end);
}

/* --- reading --- */

static bool read_rule(struct rule *rule, const struct field *field)
{
	switch (field->number) {
	case RESOURCE:
		rule->resource = field->bytes;
		return true;
	case LIMIT_APP:
		rule_set_limit_app(rule, field->bytes);
		return true;
	case REGEX:
		rule->regex = field->value;
		return true;
	default:
		return false;
	}
}

static bool is_int32(int64_t number)
{
	return number >= INT32_MIN && number <= INT32_MAX;
}

static int64_t at_most(int64_t n, int64_t most)
{
	return n < most ? n : most;
}

static int64_t at_least(int64_t n, int64_t least)
{
	return n > least ? n : least;
}

/* What isn't read of a flow rule yet. */
struct flow_state {
	int64_t stored_tokens, last_filled_ms, latest_passed;
	bool is_bad;
};

static void read_flow_field(const struct rule_transfer *transfer, const struct field *field,
			    struct flow_rule *rule, struct flow_state *state)
{
	if (field_get_member(field, MEMBERS(flow_members), rule))
		return;
	switch (field->number) {
	case REF_RESOURCE: {
		struct slice *name = ARENA_NEW(transfer->arena, struct slice);
		*name = field->bytes;
		rule->ref_resource = name;
		break;
	}
	case CLUSTER: {
		struct cluster_flow_config *c =
			ARENA_NEW(transfer->arena, struct cluster_flow_config);
		struct section_reader in = field_reader(field);
		list_get_members(&in, MEMBERS(cluster_members), &c->common);
		list_get_members(&in, MEMBERS(flow_cluster_members), c);
		state->is_bad |= in.is_bad;
		rule->cluster = c;
		break;
	}
	case STORED_TOKENS:
		state->stored_tokens = field_signed(field);
		break;
	case LAST_FILLED_MS:
		state->last_filled_ms = field_signed(field);
		break;
	case LATEST_PASSED:
		state->latest_passed = field_signed(field);
		break;
	default:
		break;
	}
}

/* A pass that is to come may be as far ahead as calls queue. */
static void give_flow(const struct rule_transfer *transfer, const struct flow_state *state,
		      struct traffic_shaping *shaping)
{
	int64_t unit = shaping->in_nanoseconds ? 1000000 : 1;
	int64_t now = shaping->in_nanoseconds ? transfer->now.ns : transfer->now.ms;
	int64_t stored = at_most(state->stored_tokens, shaping->max_token);
	int64_t latest = at_most(state->latest_passed, now + shaping->max_queueing_time_ms * unit);

	atomic_store_explicit(&shaping->stored_tokens, at_least(stored, 0), memory_order_relaxed);
	atomic_store_explicit(&shaping->last_filled_ms,
			      at_least(at_most(state->last_filled_ms, transfer->now.ms), 0),
			      memory_order_relaxed);
	atomic_store_explicit(&shaping->latest_passed, at_least(latest, -1), memory_order_relaxed);
}

static const char *read_flow(const struct rule_transfer *transfer, const struct field *given,
			     struct resource_rules *rules)
{
	struct flow_rule *rule = ARENA_NEW(transfer->arena, struct flow_rule);
	struct flow_state state = {.latest_passed = -1};
	struct section_reader in = field_reader(given);
	struct field field;

	while (field_next(&in, &field))
		if (!read_rule(&rule->rule, &field))
			read_flow_field(transfer, &field, rule, &state);
	if (in.is_bad || state.is_bad || flow_rule_fault(rule))
		return "no flow rule";
	struct flow_binding *flow = &rules->flow[rules->flow_count++];
	flow->rule = rule;
	flow->shaping = traffic_shaping_new(rule, transfer->cold_factor);
	if (flow->shaping)
		give_flow(transfer, &state, flow->shaping);
	return NULL;
}

struct degrade_state {
	uint64_t state;
	int64_t next_retry_ms;
	uint32_t start, bad, total;
	bool is_idle, is_bad;
};

static void read_window(const struct field *field, struct degrade_state *state)
{
	struct section_reader in = field_reader(field);

	state->start = (uint32_t)section_get_number_to(&in, UINT32_MAX);
	state->bad = (uint32_t)section_get_number_to(&in, UINT32_MAX);
	state->total = (uint32_t)section_get_number_to(&in, UINT32_MAX);
	state->is_bad |= in.is_bad;
}

static void read_degrade_field(const struct field *field, struct degrade_rule *rule,
			       struct degrade_state *state)
{
	if (field_get_member(field, MEMBERS(degrade_members), rule))
		return;
	switch (field->number) {
	case STATE:
		state->state = field->value;
		break;
	case NEXT_RETRY_MS:
		state->next_retry_ms = field_signed(field);
		break;
	case IS_IDLE:
		state->is_idle = field->value;
		break;
	case WINDOW:
		read_window(field, state);
		break;
	default:
		break;
	}
}

static void give_degrade(const struct rule_transfer *transfer, const struct degrade_state *state,
			 const struct degrade_rule *rule, struct circuit_breaker *breaker)
{
	int64_t last_ms = transfer->now.ms + rule->time_window_sec * INT64_C(1000);
	uint32_t start = (uint32_t)((uint64_t)transfer->now.ms / (uint32_t)rule->stat_interval_ms);

	atomic_store_explicit(&breaker->state, (uint32_t)state->state, memory_order_relaxed);
	atomic_store_explicit(&breaker->next_retry_ms, at_most(state->next_retry_ms, last_ms),
			      memory_order_relaxed);
	if (state->state == BREAKER_HALF_OPEN)
		atomic_store_explicit(&breaker->probe, &rule_transfer_probe, memory_order_relaxed);
	if (!state->total || (int32_t)(state->start - start) > 0)
		return;
	struct breaker_shard *shard = &breaker->shards[0];
	atomic_store_explicit(&shard->start, state->start, memory_order_relaxed);
	atomic_store_explicit(&shard->bad, state->bad, memory_order_relaxed);
	atomic_store_explicit(&shard->total, state->total, memory_order_relaxed);
	atomic_store_explicit(&shard->epoch,
			      atomic_load_explicit(&breaker->epoch, memory_order_relaxed),
			      memory_order_relaxed);
}

static const char *read_degrade(const struct rule_transfer *transfer, const struct field *given,
				struct resource_rules *rules)
{
	struct degrade_rule *rule = ARENA_NEW(transfer->arena, struct degrade_rule);
	struct section_reader in = field_reader(given);
	struct degrade_state state = {0};
	struct field field;

	while (field_next(&in, &field))
		if (!read_rule(&rule->rule, &field))
			read_degrade_field(&field, rule, &state);
	if (in.is_bad || state.is_bad || state.state > BREAKER_HALF_OPEN ||
	    (rules->idle_count && !state.is_idle) || degrade_rule_fault(rule))
		return "no degrade rule";
	uint32_t at = rules->degrade_count + rules->idle_count;
	rules->degrade_count += !state.is_idle;
	rules->idle_count += state.is_idle;
	rules->degrade[at].rule = rule;
	rules->degrade[at].breaker = circuit_breaker_new(transfer->workers);
	give_degrade(transfer, &state, rule, rules->degrade[at].breaker);
	return NULL;
}

struct param_state {
	struct param_flow_item *items;
	uint32_t item_count;
	int64_t settled_index;
	uint64_t seed;
	struct slice values;
	bool is_bad;
};

static void read_item(const struct field *field, struct param_state *state)
{
	struct section_reader in = field_reader(field);
	struct param_flow_item *item = &state->items[state->item_count++];

	item->fingerprint = section_get_number(&in);
	int64_t count = section_get_signed(&in);
	item->count = (int32_t)count;
	state->is_bad |= in.is_bad || !is_int32(count);
}

static void read_param_field(const struct rule_transfer *transfer, const struct field *field,
			     struct param_flow_rule *rule, struct param_state *state)
{
	rule->has_param_idx |= field->number == PARAM_IDX;
	if (field_get_member(field, MEMBERS(param_members), rule))
		return;
	switch (field->number) {
	case CLUSTER: {
		struct cluster_config *c = ARENA_NEW(transfer->arena, struct cluster_config);
		struct section_reader in = field_reader(field);
		list_get_members(&in, MEMBERS(cluster_members), c);
		state->is_bad |= in.is_bad;
		rule->cluster = c;
		break;
	}
	case ITEM:
		read_item(field, state);
		break;
	case SETTLED_INDEX:
		state->settled_index = field_signed(field);
		break;
	case SEED:
		state->seed = field->value;
		break;
	case VALUES:
		state->values = field->bytes;
		break;
	default:
		break;
	}
}

static uint32_t count_fields(struct section_reader in, uint32_t number)
{
	struct field field;
	uint32_t count = 0;

	while (field_next(&in, &field))
		count += field.number == number;
	return count;
}

static const char *read_param(const struct rule_transfer *transfer, const struct field *given,
			      struct resource_rules *rules)
{
	struct pattern_param_rule *own = ARENA_NEW(transfer->arena, struct pattern_param_rule);
	struct section_reader in = field_reader(given);
	struct param_state state = {0};
	uint32_t items = count_fields(in, ITEM);
	struct field field;

	if (items > ITEMS_MAX)
		return "too many values of a hot-parameter rule";
	state.items = ARENA_NEW_ARRAY(transfer->arena, struct param_flow_item, items);
	own->index = arena_alloc(transfer->arena, sizeof *own->index);
	while (field_next(&in, &field))
		if (!read_rule(&own->rule.rule, &field))
			read_param_field(transfer, &field, &own->rule, &state);
	own->rule.items = state.items;
	own->rule.item_count = state.item_count;
	atomic_init(own->index, (int32_t)state.settled_index);
	if (in.is_bad || state.is_bad || !is_int32(state.settled_index) ||
	    (state.settled_index < 0 && state.settled_index != own->rule.param_idx) ||
	    param_flow_rule_fault(&own->rule))
		return "no hot-parameter rule";
	struct param_binding *param = &rules->param[rules->param_count++];
	param->rule = &own->rule;
	param->metric = parameter_metric_new(&own->rule, state.seed);
	if (!param_flow_rule_shares_index(&own->rule))
		atomic_store_explicit(&param->metric->index, (int32_t)state.settled_index,
				      memory_order_relaxed);
	if (!state.values.len)
		return NULL;
	return value_transfer_read(state.values, &own->rule, transfer->now, &param->metric->values)
		       ? NULL
		       : "no values of a hot-parameter rule";
}

const char *rule_transfer_read(const struct rule_transfer *transfer, struct section_reader *in,
			       struct resource_rules *rules)
{
	uint32_t flow = count_fields(*in, FLOW), degrade = count_fields(*in, DEGRADE),
		 param = count_fields(*in, PARAM);
	const char *fault = NULL;
	struct field field;

	if (flow > RULES_MAX || degrade > RULES_MAX || param > RULES_MAX)
		return "too many rules";
	rules->flow = ARENA_NEW_ARRAY(transfer->arena, struct flow_binding, flow);
	rules->degrade = ARENA_NEW_ARRAY(transfer->arena, struct degrade_binding, degrade);
	rules->param = ARENA_NEW_ARRAY(transfer->arena, struct param_binding, param);
	while (!fault && field_next(in, &field))
		switch (field.number) {
		case FLOW:
			fault = read_flow(transfer, &field, rules);
			break;
		case DEGRADE:
			fault = read_degrade(transfer, &field, rules);
			break;
		case PARAM:
			fault = read_param(transfer, &field, rules);
			break;
		default:
			break;
		}
	return !fault && in->is_bad ? "no fields" : fault;
}
