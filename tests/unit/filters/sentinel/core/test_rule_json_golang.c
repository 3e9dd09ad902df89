#include "sentinel_support.h"

struct row {
	enum rule_kind kind;
	const char *rule;
	const char *reason; /* NULL: valid */
};

#define BREAKER(more) "{\"resource\":\"r\",\"retryTimeoutMs\":3000,\"statIntervalMs\":1000" more "}"

static const struct row rows[] = {
	{RULE_FLOW, "{\"resource\":\"r\",\"threshold\":10}", NULL},
	{RULE_FLOW, "{\"resource\":\"r\",\"threshold\":10,\"statIntervalInMs\":1000}", NULL},
	{RULE_FLOW, "{\"resource\":\"r\",\"threshold\":10,\"statIntervalInMs\":5000}",
	 "statIntervalInMs: must be 1000"},
	{RULE_FLOW, "{\"resource\":\"r\",\"threshold\":-1}", "count: must be a number >= 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"tokenCalculateStrategy\":2}",
	 "tokenCalculateStrategy: must be 0 (direct) or 1 (warm-up)"},
	{RULE_FLOW, "{\"resource\":\"r\",\"controlBehavior\":2}",
	 "controlBehavior: must be 0 (reject) or 1 (throttling)"},
	{RULE_FLOW,
	 "{\"resource\":\"r\",\"tokenCalculateStrategy\":1,\"warmUpPeriodSec\":5,"
	 "\"warmUpColdFactor\":5}",
	 "warmUpColdFactor: must be 3"},
	{RULE_FLOW, "{\"resource\":\"r\",\"tokenCalculateStrategy\":1}",
	 "warmUpPeriodSec: must be > 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"relationStrategy\":1}",
	 "refResource: needed by strategy 1 and 2"},
	{RULE_FLOW, "{\"resource\":\"r\",\"metricType\":1,\"threshold\":1}",
	 "metricType: must be 0 (concurrency)"},
	{RULE_DEGRADE, BREAKER(",\"strategy\":0,\"maxAllowedRtMs\":50,\"threshold\":0.5"), NULL},
	{RULE_DEGRADE, BREAKER(",\"strategy\":3,\"threshold\":0.5"),
	 "grade: must be 0 (slow calls), 1 (ratio of errors) or 2 (errors)"},
	{RULE_DEGRADE, BREAKER(",\"strategy\":1,\"threshold\":0"), "threshold: must be > 0"},
	{RULE_DEGRADE, BREAKER(",\"strategy\":1,\"threshold\":0.5,\"probeNum\":2"),
	 "probeNum: must be 0 or 1"},
	{RULE_DEGRADE,
	 BREAKER(",\"strategy\":1,\"threshold\":0.5,\"statSlidingWindowBucketCount\":10"),
	 "statSlidingWindowBucketCount: must be 0 or 1"},
	{RULE_DEGRADE,
	 "{\"resource\":\"r\",\"retryTimeoutMs\":500,\"statIntervalMs\":1000,\"strategy\":1,"
	 "\"threshold\":0.5}",
	 "retryTimeoutMs: must be whole seconds"},
	{RULE_SYSTEM, "{\"metricType\":0,\"triggerCount\":2,\"strategy\":1}", NULL},
	{RULE_SYSTEM, "{\"metricType\":0,\"triggerCount\":2,\"strategy\":-1}",
	 "strategy: load is limited with BBR only"},
	{RULE_SYSTEM, "{\"metricType\":4,\"triggerCount\":0.8,\"strategy\":1}",
	 "strategy: the CPU is limited without BBR only"},
	{RULE_SYSTEM, "{\"metricType\":5,\"triggerCount\":2}", "metricType: must be 0 to 4"},
	{RULE_SYSTEM, "{\"metricType\":3}", "triggerCount: must be a number >= 0"},
	{RULE_SYSTEM, "{\"metricType\":2,\"triggerCount\":1e300}",
	 "triggerCount: must be a number >= 0"},
	{RULE_PARAM_FLOW,
	 "{\"resource\":\"r\",\"metricType\":1,\"paramIndex\":0,\"threshold\":1,"
	 "\"durationInSec\":1}",
	 NULL},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"metricType\":1,\"threshold\":1}",
	 "durationInSec: must be > 0"},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"metricType\":0,\"threshold\":1}", NULL},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"metricType\":7,\"threshold\":1}",
	 "metricType: must be 0 (concurrency) or 1 (QPS)"},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"paramKey\":\"user\",\"threshold\":1}",
	 "paramKey: only paramIndex is known"},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"controlBehavior\":5,\"threshold\":1}",
	 "controlBehavior: must be 0 (reject) or 1 (throttling)"},
};

static void note_reason(void *arg, enum rule_kind kind, uint32_t index, const char *reason)
{
	(void)kind, (void)index;
	*(const char **)arg = reason;
}

static const struct rule_list *read_list(struct arena *arena, enum rule_kind kind, const char *rule,
					 const char **reason)
{
	static struct rule_list list;
	struct rule_json_reader reader = {.arena = arena,
					  .seed = 7,
					  .dropped = note_reason,
					  .arg = reason,
					  .dialect = RULE_DIALECT_GOLANG};
	char *text = arena_printf(arena, "[%s]", rule);

	list = (struct rule_list){0};
	*reason = NULL;
	assert_int_equal(rule_json_parse(&reader, kind, slice_of(text), &list), STATUS_OK);
	return &list;
}

static void rules_that_decide_otherwise_are_refused_with_a_reason(void **state)
{
	const char *reason;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct arena arena;
		arena_init(&arena, 1024);
		read_list(&arena, rows[i].kind, rows[i].rule, &reason);
		if (rows[i].reason)
			assert_string_equal(reason ? reason : rows[i].rule, rows[i].reason);
		else
			assert_null(reason);
		arena_free(&arena);
	}
}

static void flow_rules_say_the_same(void **state)
{
	const char *reason;
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	const struct flow_rule *rule =
		read_list(&arena, RULE_FLOW,
			  "{\"id\":\"7\",\"resource\":\"r\",\"tokenCalculateStrategy\":1,"
			  "\"controlBehavior\":1,\"threshold\":2.5,\"relationStrategy\":1,"
			  "\"refResource\":\"s\",\"maxQueueingTimeMs\":30,\"warmUpPeriodSec\":5}",
			  &reason)
			->flow;
	assert_null(reason);
	assert_true(rule->rule.id == 7 && rule->count == 2.5 && rule->grade == FLOW_GRADE_QPS);
	assert_true(rule->control_behavior == CONTROL_WARM_UP_RATE_LIMITER);
	assert_true(rule->strategy == STRATEGY_RELATE &&
		    slice_equal(flow_rule_reference(rule), SLICE("s")));
	assert_true(rule->max_queueing_time_ms == 30 && rule->warm_up_period_sec == 5);
	rule = read_list(&arena, RULE_FLOW,
			 "{\"resource\":\"r\",\"metricType\":0,\"threshold\":4,\"regex\":true}",
			 &reason)
		       ->flow;
	assert_true(rule->grade == FLOW_GRADE_THREAD && rule->count == 4 && rule->rule.regex);
	arena_free(&arena);
}

/* Go trips at the threshold, Java above it. */
static void breakers_trip_at_the_threshold(void **state)
{
	const char *reason;
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	const struct degrade_rule *rule =
		read_list(&arena, RULE_DEGRADE, BREAKER(",\"strategy\":2,\"threshold\":5"), &reason)
			->degrade;
	assert_true(rule->count == 4 && rule->time_window_sec == 3 &&
		    rule->min_request_amount == 1);
	rule = read_list(&arena, RULE_DEGRADE, BREAKER(",\"strategy\":1,\"threshold\":0.5"),
			 &reason)
		       ->degrade;
	assert_true(rule->count < 0.5 && rule->count > 0.4999999);
	rule = read_list(&arena, RULE_DEGRADE,
			 BREAKER(",\"strategy\":0,\"maxAllowedRtMs\":50,\"threshold\":1"), &reason)
		       ->degrade;
	assert_true(rule->count == 50 && rule->slow_ratio_threshold < 1);
	arena_free(&arena);
}

static void hot_values_have_their_types(void **state)
{
	const char *reason;
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	const struct param_flow_rule *rule =
		read_list(&arena, RULE_PARAM_FLOW,
			  "{\"resource\":\"r\",\"metricType\":1,\"controlBehavior\":1,"
			  "\"paramIndex\":-1,\"threshold\":3,\"durationInSec\":2,"
			  "\"maxQueueingTimeMs\":9,\"specificItems\":["
			  "{\"valKind\":0,\"valStr\":\"7\",\"threshold\":1},"
			  "{\"valKind\":1,\"valStr\":\"7\",\"threshold\":2}]}",
			  &reason)
			->param;
	struct argument seven = {.type = ARGUMENT_INTEGER, .integer = 7};
	struct argument text = {.type = ARGUMENT_STRING, .string = SLICE("7")};
	assert_null(reason);
	assert_true(rule->control_behavior == CONTROL_RATE_LIMITER && rule->param_idx == -1);
	assert_int_equal(param_flow_rule_threshold(rule, argument_fingerprint(&seven, 7)), 1);
	assert_int_equal(param_flow_rule_threshold(rule, argument_fingerprint(&text, 7)), 2);
	assert_int_equal(param_flow_rule_threshold(rule, 1), 3);
	read_list(&arena, RULE_PARAM_FLOW,
		  "{\"resource\":\"r\",\"threshold\":3,\"specificItems\":[{\"valKind\":9,"
		  "\"valStr\":\"7\",\"threshold\":1}]}",
		  &reason);
	assert_string_equal(reason, "specificItems: an item is no value with a count >= 0");
	arena_free(&arena);
}

static void system_rules_limit_one_thing(void **state)
{
	const char *reason;
	struct arena arena;
	(void)state;

	arena_init(&arena, 1024);
	const struct system_rule *rule =
		read_list(&arena, RULE_SYSTEM, "{\"metricType\":2,\"triggerCount\":30}", &reason)
			->system;
	assert_true(rule->max_thread == 30 && rule->qps == -1 && rule->avg_rt == -1);
	assert_true(rule->highest_load == -1 && rule->highest_cpu == -1);
	rule = read_list(&arena, RULE_SYSTEM, "{\"metricType\":3,\"triggerCount\":2.5}", &reason)
		       ->system;
	assert_true(rule->qps == 2.5 && rule->max_thread == -1);
	arena_free(&arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_decide_otherwise_are_refused_with_a_reason),
		cmocka_unit_test(flow_rules_say_the_same),
		cmocka_unit_test(breakers_trip_at_the_threshold),
		cmocka_unit_test(hot_values_have_their_types),
		cmocka_unit_test(system_rules_limit_one_thing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
