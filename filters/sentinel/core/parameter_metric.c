#include "filters/sentinel/core/parameter_metric.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "filters/sentinel/core/java_number.h"

enum {
	THREAD_VALUES_MAX = 4000,
	CLOCK_BACK_MS = 3600 * 1000, /* a filling this little to come is a clock that went back */
};

struct parameter_metric *parameter_metric_new(const struct param_flow_rule *rule, uint64_t seed)
{
	struct parameter_metric *metric = calloc(1, sizeof(*metric));

	invariant(metric);
	atomic_init(&metric->references, 1);
	atomic_init(&metric->index, rule->param_idx);
	atomic_init(&metric->forgotten, false);
	metric->seed = seed;
	value_table_init(&metric->values, rule->grade == FLOW_GRADE_THREAD
						  ? THREAD_VALUES_MAX
						  : param_flow_rule_capacity(rule));
	return metric;
}

struct parameter_metric *parameter_metric_take(struct parameter_metric *metric)
{
	atomic_fetch_add_explicit(&metric->references, 1, memory_order_relaxed);
	return metric;
}

void parameter_metric_drop(struct parameter_metric *metric)
{
	if (!metric || atomic_fetch_sub_explicit(&metric->references, 1, memory_order_acq_rel) != 1)
		return;
	value_table_fini(&metric->values);
	free(metric);
}

void parameter_metric_begin_anew(struct parameter_metric *metric)
{
	value_table_zero(&metric->values);
	atomic_store_explicit(&metric->forgotten, false, memory_order_relaxed);
}

static _Atomic int32_t *index_of(struct parameter_metric *metric,
				 const struct param_flow_rule *rule)
{
	if (LIKELY(!param_flow_rule_shares_index(rule)))
		return &metric->index;
	return ((const struct pattern_param_rule *)(const void *)rule)->index;
}

int32_t parameter_metric_settled_index(struct parameter_metric *metric,
				       const struct param_flow_rule *rule)
{
	return atomic_load_explicit(index_of(metric, rule), memory_order_relaxed);
}

uint32_t parameter_metric_index(struct parameter_metric *metric, const struct param_flow_rule *rule,
				uint32_t args_count)
{
	_Atomic int32_t *word = index_of(metric, rule);
	int32_t index = atomic_load_explicit(word, memory_order_relaxed);

	if (LIKELY(index >= 0))
		return (uint32_t)index;
	int64_t settled =
		-(int64_t)index <= args_count ? (int64_t)args_count + index : -(int64_t)index;
	settled = settled > INT32_MAX ? INT32_MAX : settled;
	atomic_compare_exchange_strong_explicit(word, &index, (int32_t)settled,
						memory_order_relaxed, memory_order_relaxed);
	return index >= 0 ? (uint32_t)index : (uint32_t)settled;
}

static uint64_t filled(int64_t now_ms, uint64_t tokens)
{
	uint64_t word = (uint64_t)(uint32_t)now_ms << 32 | (uint32_t)tokens;
	return word ? word : UINT64_C(1) << 32; /* 0 is a value never seen */
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Tokens left after n, or below 0. */
static int64_t take_tokens(uint64_t word, int64_t now_ms, int64_t limit, int64_t max, uint32_t n,
			   int64_t duration_ms, bool *fills)
{
	int64_t rest = (uint32_t)word;
	uint32_t passed = (uint32_t)now_ms - (uint32_t)(word >> 32);

	*fills = passed > duration_ms && passed < UINT32_MAX - CLOCK_BACK_MS;
	if (!*fills)
		return rest - n;
	int64_t more = (int64_t)passed * limit / duration_ms;
	return more + rest > max ? max - n : more + rest - n;
}

static bool tokens_can_pass(struct parameter_metric *metric, const struct param_flow_rule *rule,
			    uint64_t fingerprint, int64_t now_ms, uint32_t n)
{
	int64_t limit = smaller(param_flow_rule_threshold(rule, fingerprint), UINT32_MAX);
	int64_t max = smaller(limit + rule->burst_count, UINT32_MAX);
	int64_t duration_ms = rule->duration_sec * INT64_C(1000);

	if (limit <= 0 || n > max)
		return false;
	_Atomic uint64_t *word = value_table_at(&metric->values, fingerprint, now_ms);
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed), next;
	do {
		bool fills = true;
		int64_t left = seen ? take_tokens(seen, now_ms, limit, max, n, duration_ms, &fills)
				    : max - n;
		if (left < 0)
			return false;
		next = fills ? filled(now_ms, (uint64_t)left)
			     : (seen & ~(uint64_t)UINT32_MAX) | (uint64_t)left;
	} while (!atomic_compare_exchange_weak_explicit(word, &seen, next, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

static bool throttle_can_pass(struct parameter_metric *metric, const struct param_flow_rule *rule,
			      uint64_t fingerprint, int64_t now_ms, uint32_t n, int64_t *wait_ms)
{
	int64_t limit = param_flow_rule_threshold(rule, fingerprint);

	if (limit <= 0)
		return false;
	int64_t cost = java_round(1.0 * 1000 * n * rule->duration_sec / (double)limit);
	_Atomic uint64_t *word = value_table_at(&metric->values, fingerprint, now_ms);
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);
	int64_t due;
	do {
		due = seen ? (int64_t)seen + cost : now_ms;
		if (due > now_ms && due - now_ms >= rule->max_queueing_time_ms)
			return false;
		due = due > now_ms ? due : now_ms;
	} while (!atomic_compare_exchange_weak_explicit(
		word, &seen, due ? (uint64_t)due : 1, memory_order_relaxed, memory_order_relaxed));
	*wait_ms = due - now_ms;
	return true;
}

static bool threads_can_pass(const struct parameter_metric *metric,
			     const struct param_flow_rule *rule, uint64_t fingerprint)
{
	const _Atomic uint64_t *word = value_table_find(&metric->values, fingerprint);
	int64_t threads = word ? (int64_t)atomic_load_explicit(word, memory_order_relaxed) : 0;

	return threads + 1 <= param_flow_rule_threshold(rule, fingerprint);
}

bool parameter_metric_blocks_null(const struct param_flow_rule *rule, uint32_t n)
{
	int64_t limit = java_long(rule->count);

	if (rule->grade != FLOW_GRADE_QPS)
		return false;
	return !limit ||
	       (rule->control_behavior != CONTROL_RATE_LIMITER && n > limit + rule->burst_count);
}

bool parameter_metric_can_pass(struct parameter_metric *metric, const struct param_flow_rule *rule,
			       const struct argument *value, int64_t now_ms, uint32_t n,
			       int64_t *wait_ms)
{
	*wait_ms = 0;
	if (rule->grade > FLOW_GRADE_QPS)
		return true;
	uint64_t fingerprint = argument_fingerprint(value, metric->seed);
	if (rule->grade == FLOW_GRADE_THREAD)
		return threads_can_pass(metric, rule, fingerprint);
	if (rule->control_behavior == CONTROL_RATE_LIMITER)
		return throttle_can_pass(metric, rule, fingerprint, now_ms, n, wait_ms);
	return tokens_can_pass(metric, rule, fingerprint, now_ms, n);
}

/* The values of the rule's argument: itself, or its elements. */
static uint32_t values_of(struct parameter_metric *metric, const struct param_flow_rule *rule,
			  const struct argument *args, uint32_t args_count,
			  const struct argument **values)
{
	int32_t index = parameter_metric_settled_index(metric, rule);

	/* only a check settles an index from the end */
	if (rule->grade != FLOW_GRADE_THREAD || index < 0 || (uint32_t)index >= args_count)
		return 0;
	*values = &args[index];
	if (args[index].type != ARGUMENT_LIST)
		return 1;
	*values = args[index].items;
	return args[index].count;
}

void parameter_metric_begin(struct parameter_metric *metric, const struct param_flow_rule *rule,
			    const struct argument *args, uint32_t args_count, int64_t now_ms)
{
	const struct argument *values;
	uint32_t count = values_of(metric, rule, args, args_count, &values);

	for (uint32_t i = 0; i < count && values[i].type != ARGUMENT_NULL; i++)
		atomic_fetch_add_explicit(
			value_table_at(&metric->values,
				       argument_fingerprint(&values[i], metric->seed), now_ms),
			1, memory_order_relaxed);
}

static void decrement(_Atomic uint64_t *word)
{
	uint64_t seen = atomic_load_explicit(word, memory_order_relaxed);

	while (seen && !atomic_compare_exchange_weak_explicit(
			       word, &seen, seen - 1, memory_order_relaxed, memory_order_relaxed))
		;
}

void parameter_metric_end(struct parameter_metric *metric, const struct param_flow_rule *rule,
			  const struct argument *args, uint32_t args_count)
{
	const struct argument *values;
	uint32_t count = values_of(metric, rule, args, args_count, &values);

	for (uint32_t i = 0; i < count && values[i].type != ARGUMENT_NULL; i++) {
		uint64_t fingerprint = argument_fingerprint(&values[i], metric->seed);
		_Atomic uint64_t *word = value_table_find(&metric->values, fingerprint);
		if (word)
			decrement(word);
	}
}
