#include "filters/sentinel/core/rule_transfer.h"

#include "base/attributes.h"

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
	VALUES = 54, /* how many places, then of each: steps to its place, ms, fingerprint, word */
};

enum {
	RULES_MAX = 1 << 14, /* of a resource and kind */
	ITEMS_MAX = 1 << 20, /* of a rule */
	VALUE_SIZE = 30,     /* of four numbers: 5 + 5 + 10 + 10 bytes at most */
};

const char rule_transfer_probe;

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

static void write_cluster(struct section_writer *out, const struct cluster_config *c)
{
	section_put_signed(out, c->flow_id);
	section_put_signed(out, c->threshold_type);
	section_put_signed(out, c->sample_count);
	section_put_signed(out, c->window_interval_ms);
	section_put_number(out, c->fallback_to_local_when_fail);
}

static void write_flow_cluster(struct section_writer *out, const struct cluster_flow_config *c)
{
	size_t opened = field_open(out, CLUSTER);

	write_cluster(out, &c->common);
	section_put_signed(out, c->strategy);
	section_put_signed(out, c->resource_timeout_ms);
	section_put_signed(out, c->resource_timeout_strategy);
	section_put_signed(out, c->acquire_refuse_strategy);
	section_put_signed(out, c->client_offline_time_ms);
	field_close(out, opened);
}

static void write_flow(struct section_writer *out, const struct flow_binding *flow)
{
	const struct flow_rule *rule = flow->rule;
	const struct traffic_shaping *shaping = flow->shaping;

	if (!shaping || (load(&shaping->latest_passed) == -1 && !load(&shaping->last_filled_ms)))
		return;
	size_t opened = field_open(out, FLOW);
	write_rule(out, &rule->rule);
	field_put_double(out, COUNT, rule->count);
	field_put_number(out, GRADE, rule->grade);
	field_put_number(out, STRATEGY, rule->strategy);
	field_put_number(out, CONTROL_BEHAVIOR, rule->control_behavior);
	field_put_signed(out, WARM_UP_PERIOD_SEC, rule->warm_up_period_sec);
	field_put_signed(out, MAX_QUEUEING_TIME_MS, rule->max_queueing_time_ms);
	field_put_number(out, CLUSTER_MODE, rule->cluster_mode);
	if (rule->ref_resource)
		field_put_text(out, REF_RESOURCE, *rule->ref_resource);
	if (rule->cluster)
		write_flow_cluster(out, rule->cluster);
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
	field_put_double(out, COUNT, rule->count);
	field_put_double(out, SLOW_RATIO_THRESHOLD, rule->slow_ratio_threshold);
	field_put_signed(out, TIME_WINDOW_SEC, rule->time_window_sec);
	field_put_signed(out, MIN_REQUEST_AMOUNT, rule->min_request_amount);
	field_put_signed(out, STAT_INTERVAL_MS, rule->stat_interval_ms);
	field_put_number(out, GRADE, rule->grade);
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

struct value_writer {
	struct section_writer *out;
	uint32_t next;
	bool only_used; /* words that aren't 0 */
};

static void write_value(void *arg, const struct value_at *value)
{
	struct value_writer *writer = arg;

	if (writer->only_used && !value->word)
		return;
	section_put_number(writer->out, value->place - writer->next);
	section_put_number(writer->out, value->used_ms);
	section_put_number(writer->out, value->fingerprint);
	section_put_number(writer->out, value->word);
	writer->next = value->place + 1;
}

static void write_values(struct section_writer *out, const struct value_table *values,
			 bool only_used)
{
	size_t opened = field_open(out, VALUES);
	struct value_writer writer = {.out = out, .only_used = only_used};

	section_put_number(out, value_table_places(values));
	value_table_each(values, write_value, &writer);
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
	field_put_double(out, COUNT, rule->count);
	field_put_signed(out, GRADE, rule->grade);
	field_put_signed(out, PARAM_IDX, rule->param_idx);
	field_put_signed(out, BURST_COUNT, rule->burst_count);
	field_put_signed(out, DURATION_SEC, rule->duration_sec);
	field_put_signed(out, CONTROL_BEHAVIOR, rule->control_behavior);
	field_put_signed(out, MAX_QUEUEING_TIME_MS, rule->max_queueing_time_ms);
	field_put_number(out, CLUSTER_MODE, rule->cluster_mode);
	if (rule->cluster) {
		size_t cluster = field_open(out, CLUSTER);
		write_cluster(out, rule->cluster);
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

	if (out->len + (size_t)count * VALUE_SIZE > values_end)
		count = 0;
	if (parameter_metric_is_forgotten(metric) || (!count && settled == param->rule->param_idx))
		return;
	size_t opened = field_open(out, PARAM);
	write_param_rule(out, param);
	if (count)
		write_values(out, &metric->values, false);
	field_close(out, opened);
}

static void note_used(void *arg, const struct value_at *value)
{
	bool *is_used = arg;

	*is_used |= value->word != 0;
}

void rule_transfer_write_running(const struct resource_rules *rules, struct section_writer *out)
{
	for (uint32_t i = 0; i < rules->param_count; i++) {
		const struct param_binding *param = &rules->param[i];
		bool is_used = false;
		if (param->rule->grade != FLOW_GRADE_THREAD ||
		    parameter_metric_is_forgotten(param->metric))
			continue;
		value_table_each(&param->metric->values, note_used, &is_used);
		if (!is_used)
			continue;
		size_t opened = field_open(out, PARAM);
		write_param_rule(out, param);
		write_values(out, &param->metric->values, true);
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

static int32_t read_int32(struct section_reader *in)
{
	int64_t number = section_get_signed(in);

	in->is_bad |= !is_int32(number);
	return (int32_t)number;
}

/* Of a field; another number than one of 32 bits is 0. */
static int32_t int32_of(const struct field *field)
{
	return is_int32(field_signed(field)) ? (int32_t)field_signed(field) : 0;
}

static uint8_t small_of(const struct field *field)
{
	return field->value > UINT8_MAX ? UINT8_MAX : (uint8_t)field->value;
}

static int64_t at_most(int64_t n, int64_t most)
{
	return n < most ? n : most;
}

static int64_t at_least(int64_t n, int64_t least)
{
	return n > least ? n : least;
}

static void read_cluster(struct section_reader *in, struct cluster_config *c)
{
	c->flow_id = section_get_signed(in);
	c->threshold_type = read_int32(in);
	c->sample_count = read_int32(in);
	c->window_interval_ms = read_int32(in);
	c->fallback_to_local_when_fail = section_get_number_to(in, 1);
}

static bool read_flow_cluster(struct cluster_flow_config *c, const struct field *field)
{
	struct section_reader in = field_reader(field);

	read_cluster(&in, &c->common);
	c->strategy = read_int32(&in);
	c->resource_timeout_ms = section_get_signed(&in);
	c->resource_timeout_strategy = read_int32(&in);
	c->acquire_refuse_strategy = read_int32(&in);
	c->client_offline_time_ms = section_get_signed(&in);
	return !in.is_bad;
}

/* What isn't read of a flow rule yet. */
struct flow_state {
	int64_t stored_tokens, last_filled_ms, latest_passed;
	bool is_bad;
};

static void read_flow_field(const struct rule_transfer *transfer, const struct field *field,
			    struct flow_rule *rule, struct flow_state *state)
{
	switch (field->number) {
	case COUNT:
		rule->count = field_double(field);
		break;
	case GRADE:
		rule->grade = small_of(field);
		break;
	case STRATEGY:
		rule->strategy = small_of(field);
		break;
	case CONTROL_BEHAVIOR:
		rule->control_behavior = small_of(field);
		break;
	case WARM_UP_PERIOD_SEC:
		rule->warm_up_period_sec = int32_of(field);
		break;
	case MAX_QUEUEING_TIME_MS:
		rule->max_queueing_time_ms = int32_of(field);
		break;
	case CLUSTER_MODE:
		rule->cluster_mode = field->value;
		break;
	case REF_RESOURCE: {
		struct slice *name = ARENA_NEW(transfer->arena, struct slice);
		*name = field->bytes;
		rule->ref_resource = name;
		break;
	}
	case CLUSTER: {
		struct cluster_flow_config *c =
			ARENA_NEW(transfer->arena, struct cluster_flow_config);
		state->is_bad |= !read_flow_cluster(c, field);
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
	switch (field->number) {
	case COUNT:
		rule->count = field_double(field);
		break;
	case SLOW_RATIO_THRESHOLD:
		rule->slow_ratio_threshold = field_double(field);
		break;
	case TIME_WINDOW_SEC:
		rule->time_window_sec = int32_of(field);
		break;
	case MIN_REQUEST_AMOUNT:
		rule->min_request_amount = int32_of(field);
		break;
	case STAT_INTERVAL_MS:
		rule->stat_interval_ms = int32_of(field);
		break;
	case GRADE:
		rule->grade = small_of(field);
		break;
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
	item->count = read_int32(&in);
	state->is_bad |= in.is_bad;
}

static void read_param_field(const struct rule_transfer *transfer, const struct field *field,
			     struct param_flow_rule *rule, struct param_state *state)
{
	switch (field->number) {
	case COUNT:
		rule->count = field_double(field);
		break;
	case GRADE:
		rule->grade = int32_of(field);
		break;
	case PARAM_IDX:
		rule->param_idx = int32_of(field);
		rule->has_param_idx = true;
		break;
	case BURST_COUNT:
		rule->burst_count = int32_of(field);
		break;
	case DURATION_SEC:
		rule->duration_sec = int32_of(field);
		break;
	case CONTROL_BEHAVIOR:
		rule->control_behavior = int32_of(field);
		break;
	case MAX_QUEUEING_TIME_MS:
		rule->max_queueing_time_ms = int32_of(field);
		break;
	case CLUSTER_MODE:
		rule->cluster_mode = field->value;
		break;
	case CLUSTER: {
		struct cluster_config *c = ARENA_NEW(transfer->arena, struct cluster_config);
		struct section_reader in = field_reader(field);
		read_cluster(&in, c);
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

/* A moment that a value waits for is no further ahead than calls queue. */
static uint64_t word_of(const struct rule_transfer *transfer, const struct param_flow_rule *rule,
			uint64_t word)
{
	if (rule->grade == FLOW_GRADE_THREAD)
		return word <= INT32_MAX ? word : 0;
	if (rule->control_behavior != CONTROL_RATE_LIMITER)
		return word;
	uint64_t last = (uint64_t)transfer->now.ms + (uint32_t)rule->max_queueing_time_ms;
	return word < last ? word : last;
}

static bool give_values(const struct rule_transfer *transfer, const struct param_state *state,
			const struct param_flow_rule *rule, struct value_table *values)
{
	struct section_reader in;
	uint64_t places, next = 0;

	if (!state->values.len) /* only an index was settled */
		return true;
	section_reader_init(&in, state->values);
	places = section_get_number(&in);
	while (section_has_more(&in)) {
		uint64_t place = next + section_get_number_to(&in, UINT32_MAX);
		struct value_at value = {.place = (uint32_t)place};
		value.used_ms = (uint32_t)section_get_number_to(&in, UINT32_MAX);
		value.fingerprint = section_get_number(&in);
		value.word = word_of(transfer, rule, section_get_number(&in));
		next = place + 1;
		if (in.is_bad || place >= places || value.fingerprint < 2)
			return false;
		if (places == value_table_places(values)) {
			if (!value_table_put(values, &value))
				return false;
		} else {
			atomic_store_explicit(
				value_table_at(values, value.fingerprint, value.used_ms),
				value.word, memory_order_relaxed);
		}
	}
	return !in.is_bad;
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
	return give_values(transfer, &state, &own->rule, &param->metric->values)
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
