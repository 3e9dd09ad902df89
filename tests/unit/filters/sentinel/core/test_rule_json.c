#include "sentinel_support.h"

#include <stdio.h>

struct row {
	enum rule_kind kind;
	const char *rule;
	const char *reason; /* NULL: valid */
};

#define CLUSTER(config)                                                                            \
	"{\"resource\":\"r\",\"count\":1,\"clusterMode\":true,\"clusterConfig\":" config "}"
#define THREADS(config)                                                                            \
	"{\"resource\":\"r\",\"grade\":0,\"clusterMode\":true,\"clusterConfig\":" config "}"
#define DEGRADE(more) "{\"resource\":\"r\",\"count\":1,\"timeWindow\":1" more "}"
#define PARAM(more) "{\"resource\":\"r\",\"count\":1,\"paramIdx\":0" more "}"

static const struct row rows[] = {
	{RULE_FLOW, "{\"resource\":\"r\",\"count\":1}", NULL},
	{RULE_FLOW, "{\"resource\":\"r\",\"count\":\"2.5\",\"limitApp\":null,\"later\":[]}", NULL},
	{RULE_FLOW, "{\"resource\":\"r\"}", NULL},
	{RULE_FLOW, "7", "must be an object"},
	/* the dashboard's records */
	{RULE_FLOW,
	 "{\"id\":7,\"app\":\"a\",\"ip\":\"i\",\"port\":1,\"gmtCreate\":\"now\",\"resource\":"
	 "\"r\"}",
	 NULL},
	{RULE_PARAM_FLOW, "{\"id\":7,\"rule\":{\"resource\":\"r\",\"count\":1,\"paramIdx\":0}}",
	 NULL},
	{RULE_PARAM_FLOW,
	 "{\"resource\":\"r\",\"paramIdx\":0,\"rule\":{\"count\":1,\"paramIdx\":0}}",
	 "resource: must not be blank"},
	{RULE_FLOW, "{\"count\":1}", "resource: must not be blank"},
	{RULE_FLOW, "{\"resource\":\" \\t\",\"count\":1}", "resource: must not be blank"},
	{RULE_FLOW, "{\"resource\":{},\"count\":1}", "resource: must be a string"},
	{RULE_FLOW, "{\"resource\":\"r\",\"count\":-1}", "count: must be a number >= 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"count\":\"NaN\"}", "count: must be a number >= 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"count\":\"inf\"}", "count: must be a number >= 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"count\":\"2x\"}", "count: must be a number"},
	{RULE_FLOW, "{\"resource\":\"r\",\"count\":[]}", "count: must be a number"},
	{RULE_FLOW, "{\"resource\":\"r\",\"count\":123456789012345678901234567890}", NULL},
	{RULE_FLOW, "{\"resource\":\"r\",\"grade\":2}", "grade: must be 0 (threads) or 1 (QPS)"},
	{RULE_FLOW, "{\"resource\":\"r\",\"grade\":3000000000}", "grade: is out of range"},
	{RULE_FLOW, "{\"resource\":\"r\",\"grade\":1e300}", "grade: is out of range"},
	{RULE_FLOW, "{\"resource\":\"r\",\"strategy\":-1}",
	 "strategy, controlBehavior: must be >= 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"controlBehavior\":-1}",
	 "strategy, controlBehavior: must be >= 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"strategy\":1}",
	 "refResource: needed by strategy 1 and 2"},
	{RULE_FLOW, "{\"resource\":\"r\",\"strategy\":2,\"refResource\":\" \"}",
	 "refResource: needed by strategy 1 and 2"},
	{RULE_FLOW, "{\"resource\":\"r\",\"controlBehavior\":1,\"warmUpPeriodSec\":0}",
	 "warmUpPeriodSec: must be > 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"controlBehavior\":3,\"warmUpPeriodSec\":-1}",
	 "warmUpPeriodSec: must be > 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"controlBehavior\":2,\"maxQueueingTimeMs\":0}",
	 "maxQueueingTimeMs: must be > 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"controlBehavior\":3,\"maxQueueingTimeMs\":0}",
	 "maxQueueingTimeMs: must be > 0"},
	{RULE_FLOW, "{\"resource\":\"r\",\"regex\":true,\"controlBehavior\":1}",
	 "regex: only for local rules with controlBehavior 0"},
	{RULE_FLOW, "{\"resource\":\"(\",\"regex\":true}", "resource: no pattern"},
	{RULE_FLOW, "{\"resource\":\"r\",\"clusterMode\":true}",
	 "clusterConfig: needed in cluster mode"},
	{RULE_FLOW, CLUSTER("{\"flowId\":1}"), NULL},
	{RULE_FLOW, CLUSTER("{}"), "clusterConfig.flowId: must be > 0"},
	{RULE_FLOW, CLUSTER("{\"flowId\":1,\"sampleCount\":0}"),
	 "clusterConfig.windowIntervalMs: must be a multiple of sampleCount, both > 0"},
	{RULE_FLOW, CLUSTER("{\"flowId\":1,\"windowIntervalMs\":1005}"),
	 "clusterConfig.windowIntervalMs: must be a multiple of sampleCount, both > 0"},
	{RULE_FLOW, CLUSTER("{\"flowId\":1,\"strategy\":1}"), "clusterConfig.strategy: must be 0"},
	{RULE_FLOW,
	 "{\"resource\":\"r\",\"grade\":0,\"strategy\":1,\"controlBehavior\":2,"
	 "\"maxQueueingTimeMs\":0}",
	 NULL}, /* rules on threads use none of these */
	{RULE_FLOW, THREADS("{\"flowId\":1,\"strategy\":1}"), NULL},
	{RULE_FLOW, THREADS("{\"flowId\":1,\"resourceTimeout\":0}"),
	 "clusterConfig: clientOfflineTime and resourceTimeout must be > 0"},
	{RULE_FLOW, THREADS("{\"flowId\":1,\"acquireRefuseStrategy\":-1}"),
	 "clusterConfig: strategies must be >= 0"},
	{RULE_PARAM_FLOW, PARAM(",\"regex\":true"), NULL},
	{RULE_PARAM_FLOW, PARAM(",\"regex\":true,\"controlBehavior\":2"),
	 "regex: only for local rules with controlBehavior 0"},
	{RULE_FLOW, CLUSTER("{\"flowId\":[]}"), "flowId: must be a number"},
	{RULE_DEGRADE, DEGRADE(""), NULL},
	{RULE_DEGRADE, "{\"count\":1,\"timeWindow\":1}", "resource: must not be blank"},
	{RULE_DEGRADE, "{\"resource\":\"r\",\"count\":-0.5,\"timeWindow\":1}",
	 "count: must be a number >= 0"},
	{RULE_DEGRADE, "{\"resource\":\"r\",\"count\":1}", "timeWindow: must be > 0"},
	{RULE_DEGRADE, DEGRADE(",\"minRequestAmount\":0"), "minRequestAmount: must be > 0"},
	{RULE_DEGRADE, DEGRADE(",\"statIntervalMs\":0"), "statIntervalMs: must be > 0"},
	{RULE_DEGRADE, DEGRADE(",\"slowRatioThreshold\":1.1"),
	 "slowRatioThreshold: must be in [0, 1]"},
	{RULE_DEGRADE, DEGRADE(",\"slowRatioThreshold\":\"NaN\""),
	 "slowRatioThreshold: must be in [0, 1]"},
	{RULE_DEGRADE, "{\"resource\":\"r\",\"grade\":1,\"count\":1.01,\"timeWindow\":1}",
	 "count: a ratio must be in [0, 1]"},
	{RULE_DEGRADE, DEGRADE(",\"grade\":3"),
	 "grade: must be 0 (slow calls), 1 (ratio of errors) or 2 (errors)"},
	{RULE_SYSTEM, "{\"qps\":5}", NULL},
	{RULE_SYSTEM, "{\"qps\":\"NaN\"}", "a limit is no number"},
	{RULE_SYSTEM, "{\"avgRt\":\"x\"}", "avgRt: must be a number"},
	{RULE_AUTHORITY, "{\"resource\":\"r\",\"limitApp\":\"a\"}", NULL},
	{RULE_AUTHORITY, "{\"limitApp\":\"a\"}", "resource: must not be blank"},
	{RULE_AUTHORITY, "{\"resource\":\"r\"}", "limitApp: must not be blank"},
	{RULE_AUTHORITY, "{\"resource\":\"r\",\"limitApp\":\"a\",\"strategy\":-1}",
	 "strategy: must be >= 0"},
	{RULE_PARAM_FLOW, PARAM(""), NULL},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"count\":1}", "paramIdx: needed"},
	{RULE_PARAM_FLOW, "{\"count\":1,\"paramIdx\":0}", "resource: must not be blank"},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"count\":-1,\"paramIdx\":0}",
	 "count: must be a number >= 0"},
	{RULE_PARAM_FLOW, PARAM(",\"grade\":-1"), "grade: must be >= 0"},
	{RULE_PARAM_FLOW, PARAM(",\"burstCount\":-1"), "burstCount: must be >= 0"},
	{RULE_PARAM_FLOW, PARAM(",\"controlBehavior\":-1"), "controlBehavior: must be >= 0"},
	{RULE_PARAM_FLOW, PARAM(",\"durationInSec\":0"), "durationInSec: must be > 0"},
	{RULE_PARAM_FLOW, PARAM(",\"maxQueueingTimeMs\":-1"), "maxQueueingTimeMs: must be >= 0"},
	{RULE_PARAM_FLOW, PARAM(",\"clusterMode\":true"), "clusterConfig: needed in cluster mode"},
	{RULE_PARAM_FLOW, PARAM(",\"clusterMode\":true,\"clusterConfig\":{\"flowId\":0}"),
	 "clusterConfig.flowId: must be > 0"},
	{RULE_PARAM_FLOW,
	 PARAM(",\"clusterMode\":true,\"clusterConfig\":{\"flowId\":1,\"sampleCount\":0}"),
	 "clusterConfig.windowIntervalMs: must be a multiple of sampleCount, both > 0"},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"count\":\"NaN\",\"paramIdx\":0}",
	 "count: must be a number >= 0"},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"count\":\"inf\",\"paramIdx\":0}",
	 "count: must be a number >= 0"},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"count\":1e300,\"paramIdx\":0}", NULL},
	{RULE_PARAM_FLOW, "{\"resource\":\"r\",\"count\":1,\"paramIdx\":-3000000000}",
	 "paramIdx: is out of range"},
	{RULE_PARAM_FLOW, PARAM(",\"durationInSec\":1e99"), "durationInSec: is out of range"},
	{RULE_PARAM_FLOW, PARAM(",\"regex\":true,\"clusterMode\":true"),
	 "regex: only for local rules with controlBehavior 0"},
	{RULE_DEGRADE, "{\"resource\":\"r\",\"count\":\"NaN\",\"timeWindow\":1}",
	 "count: must be a number >= 0"},
	{RULE_DEGRADE, "{\"resource\":\"r\",\"count\":1,\"timeWindow\":-1}",
	 "timeWindow: must be > 0"},
	{RULE_DEGRADE, "{\"resource\":\"r\",\"count\":1,\"timeWindow\":9999999999}",
	 "timeWindow: is out of range"},
	{RULE_DEGRADE, DEGRADE(",\"slowRatioThreshold\":-0.1"),
	 "slowRatioThreshold: must be in [0, 1]"},
	{RULE_DEGRADE, DEGRADE(",\"minRequestAmount\":-1"), "minRequestAmount: must be > 0"},
	{RULE_DEGRADE, DEGRADE(",\"statIntervalMs\":-1"), "statIntervalMs: must be > 0"},
	{RULE_SYSTEM, "{\"highestSystemLoad\":\"NaN\"}", "a limit is no number"},
	{RULE_SYSTEM, "{\"highestCpuUsage\":\"NaN\"}", "a limit is no number"},
	{RULE_SYSTEM, "{\"qps\":1e300,\"highestSystemLoad\":-1e300}", NULL},
	{RULE_SYSTEM, "{\"maxThread\":1e300}", "maxThread: is out of range"},
	{RULE_FLOW, "{\"resource\":\"r\",\"regex\":true,\"clusterMode\":true}",
	 "regex: only for local rules with controlBehavior 0"},
	{RULE_FLOW, CLUSTER("{\"flowId\":1,\"windowIntervalMs\":-1000}"),
	 "clusterConfig.windowIntervalMs: must be a multiple of sampleCount, both > 0"},
	{RULE_FLOW, CLUSTER("{\"flowId\":-1}"), "clusterConfig.flowId: must be > 0"},
	{RULE_FLOW, THREADS("{\"flowId\":1,\"clientOfflineTime\":-1}"),
	 "clusterConfig: clientOfflineTime and resourceTimeout must be > 0"},
};

static void each_invalid_rule_is_left_out_with_its_reason(void **state)
{
	struct fixture f;
	char text[400];
	(void)state;

	open_fixture(&f);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *good = rows[i].kind == RULE_AUTHORITY
					   ? "{\"resource\":\"good\",\"limitApp\":\"b\"}"
					   : "{\"resource\":\"good\",\"count\":0.5,\"paramIdx\":0,"
					     "\"timeWindow\":3}";
		snprintf(text, sizeof(text), "[%s,%s]", rows[i].rule, good);
		load(&f, rows[i].kind, text);
		if (rows[i].reason) {
			assert_int_equal(f.dropped, 1);
			assert_string_equal(f.reason, rows[i].reason);
		} else {
			assert_null(f.reason);
		}
		size_t count = f.list.flow_count + f.list.degrade_count + f.list.system_count +
			       f.list.authority_count + f.list.param_count;
		bool no_pattern = rows[i].reason && !strcmp(rows[i].reason, "resource: no pattern");
		assert_int_equal(count, rows[i].reason && !no_pattern ? 1 : 2);
	}
	close_fixture(&f);
}

static void defaults_are_those_of_java(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_FLOW, "[{\"resource\":\"r\"}]");
	assert_true(slice_equal(f.list.flow[0].rule.limit_app, SLICE("default")));
	assert_int_equal(f.list.flow[0].grade, FLOW_GRADE_QPS);
	assert_int_equal(f.list.flow[0].warm_up_period_sec, 10);
	assert_int_equal(f.list.flow[0].max_queueing_time_ms, 500);
	load(&f, RULE_DEGRADE, "[{\"resource\":\"r\",\"timeWindow\":1}]");
	assert_int_equal(f.list.degrade[0].min_request_amount, 5);
	assert_int_equal(f.list.degrade[0].stat_interval_ms, 1000);
	assert_true(f.list.degrade[0].slow_ratio_threshold == 1);
	load(&f, RULE_PARAM_FLOW, "[{\"resource\":\"r\",\"paramIdx\":-1}]");
	assert_int_equal(f.list.param[0].duration_sec, 1);
	assert_int_equal(f.list.param[0].max_queueing_time_ms, 0);
	load(&f, RULE_SYSTEM, "[{}]");
	assert_true(f.list.system[0].qps == -1 && f.list.system[0].max_thread == -1);
	close_fixture(&f);
}

static void items_that_are_no_values_are_left_out_alone(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_PARAM_FLOW,
	     "[{\"resource\":\"r\",\"paramIdx\":0,\"count\":7,\"paramFlowItemList\":["
	     "{\"object\":\"x\",\"count\":1,\"classType\":\"int\"},"
	     "{\"object\":\"5\",\"count\":-1,\"classType\":\"int\"},"
	     "{\"object\":\"300\",\"count\":1,\"classType\":\"byte\"},{\"count\":1},4,"
	     "{\"object\":\"12\",\"count\":3,\"classType\":\"java.lang.Long\"},"
	     "{\"object\":\"12\",\"count\":4,\"classType\":\"com.example.Own\"}]}]");
	assert_int_equal(f.dropped, 5);
	const struct param_flow_rule *rule = &f.list.param[0];
	assert_int_equal(rule->item_count, 2);
	struct argument text = {.type = ARGUMENT_STRING, .string = SLICE("12")};
	struct argument number = {.type = ARGUMENT_LONG, .integer = 12};
	assert_int_equal(param_flow_rule_threshold(rule, argument_fingerprint(&text, 7)), 4);
	assert_int_equal(param_flow_rule_threshold(rule, argument_fingerprint(&number, 7)), 3);
	number.type = ARGUMENT_INTEGER;
	assert_int_equal(param_flow_rule_threshold(rule, argument_fingerprint(&number, 7)), 7);
	close_fixture(&f);
}

static void what_is_no_list_of_rules_changes_nothing(void **state)
{
	struct arena arena;
	struct rule_json_reader reader = {.arena = &arena};
	struct flow_rule rule;
	struct rule_list list = {.flow = &rule, .flow_count = 1};
	(void)state;

	arena_init(&arena, 1024);
	assert_int_equal(rule_json_parse(&reader, RULE_FLOW, SLICE("{"), &list), STATUS_MALFORMED);
	assert_int_equal(rule_json_parse(&reader, RULE_FLOW, SLICE(""), &list), STATUS_MALFORMED);
	assert_int_equal(rule_json_parse(&reader, RULE_FLOW, SLICE("{}"), &list), STATUS_INVALID);
	assert_int_equal(rule_json_parse(&reader, RULE_FLOW, SLICE("\"[]\""), &list),
			 STATUS_INVALID);
	assert_ptr_equal(list.flow, &rule);
	assert_int_equal(rule_json_parse(&reader, RULE_FLOW, SLICE("null"), &list), STATUS_OK);
	assert_int_equal(list.flow_count, 0);
	arena_free(&arena);
}

static void rules_that_are_equal_count_once(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_FLOW,
	     "[{\"id\":1,\"resource\":\"r\",\"count\":5},{\"id\":2,\"resource\":\"r\",\"count\":5}"
	     "]");
	assert_int_equal(f.dropped, 1);
	assert_string_equal(f.reason, "a rule like it is there already");
	load(&f, RULE_AUTHORITY,
	     "[{\"resource\":\"r\",\"limitApp\":\"a\"},{\"resource\":\"r\",\"limitApp\":\"b\"}]");
	assert_string_equal(f.reason, "the resource has one already");
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_invalid_rule_is_left_out_with_its_reason),
		cmocka_unit_test(defaults_are_those_of_java),
		cmocka_unit_test(items_that_are_no_values_are_left_out_alone),
		cmocka_unit_test(what_is_no_list_of_rules_changes_nothing),
		cmocka_unit_test(rules_that_are_equal_count_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
