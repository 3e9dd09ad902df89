/* Rules and clocks as nobody means them: very many values, very large numbers, time that goes back,
 * a list of 50 MB. */
#include "sentinel_support.h"

#include <limits.h>
#include <stdio.h>

enum { VALUES = 100000 };

static bool passes_with(struct fixture *f, const char *text, int64_t t_ms)
{
	const struct argument value = {.type = ARGUMENT_STRING, .string = slice_of(text)};
	struct entry_request request = request_of(f, "r", t_ms);
	struct entry entry;

	request.args = &value;
	request.args_count = 1;
	if (sph_entry(f->sentinel, f->rules, 0, &request, at(t_ms), &entry) != ENTRY_PASS)
		return false;
	leave(f, &entry, t_ms, false);
	return true;
}

/* How many of all values pass, in the first second. */
static unsigned pass_all(struct fixture *f)
{
	char text[32];
	unsigned passed = 0;

	for (int i = 0; i < VALUES; i++) {
		snprintf(text, sizeof(text), "value-%d", i);
		passed += passes_with(f, text, i / (VALUES / 1000));
	}
	return passed;
}

/* Those that were used last are known, whatever there were before; memory has its limit. */
static void a_rule_remembers_as_many_values_as_it_may(void **state)
{
	struct fixture f;
	char last[32];
	(void)state;

	open_fixture(&f);
	load(&f, RULE_PARAM_FLOW, "[{\"resource\":\"r\",\"count\":1,\"paramIdx\":0}]");
	assert_int_equal(pass_all(&f), VALUES);
	snprintf(last, sizeof(last), "value-%d", VALUES - 1);
	assert_false(passes_with(&f, last, 999));
	assert_true(passes_with(&f, "value-0", 999)); /* forgotten */
	const struct resource *r = sentinel_find_resource(f.sentinel, SLICE("r"));
	const struct resource_rules *rules = rule_set_of(f.rules, (struct resource *)(uintptr_t)r);
	assert_in_range(atomic_load(&rules->param[0].metric->values.count), 4000, 8192);
	close_fixture(&f);
}

static void a_long_rule_remembers_all_of_them(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_PARAM_FLOW,
	     "[{\"resource\":\"r\",\"count\":1,\"paramIdx\":0,\"durationInSec\":100}]");
	assert_int_equal(pass_all(&f), VALUES);
	assert_in_range(pass_all(&f), 0, VALUES / 1000); /* a fingerprint's place may be full */
	close_fixture(&f);
}

/* --- numbers --- */

static const struct {
	enum rule_kind kind;
	const char *rule;
	bool blocks; /* all calls */
} huge[] = {
	{RULE_FLOW, "\"count\":1e300", false},
	{RULE_FLOW, "\"count\":123456789012345678901234567890", false},
	{RULE_FLOW, "\"count\":1e-300", true},
	{RULE_FLOW, "\"count\":1e300,\"grade\":0", false},
	{RULE_FLOW, "\"count\":1e300,\"controlBehavior\":1,\"warmUpPeriodSec\":2147483647", false},
	{RULE_FLOW, "\"count\":1e-300,\"controlBehavior\":1,\"warmUpPeriodSec\":1", true},
	{RULE_FLOW, "\"count\":1e300,\"controlBehavior\":2,\"maxQueueingTimeMs\":2147483647",
	 false},
	{RULE_FLOW, "\"count\":1e300,\"controlBehavior\":3,\"warmUpPeriodSec\":2147483647", false},
	{RULE_DEGRADE, "\"count\":1e300,\"timeWindow\":2147483647", false},
	{RULE_DEGRADE, "\"count\":1e300,\"timeWindow\":2147483647,\"grade\":2", false},
	{RULE_DEGRADE,
	 "\"count\":0,\"timeWindow\":2147483647,\"grade\":2,\"statIntervalMs\":2147483647,"
	 "\"minRequestAmount\":2147483647",
	 false},
	{RULE_SYSTEM, "\"qps\":1e300,\"highestSystemLoad\":1e300,\"avgRt\":9000000000000000000",
	 false},
	{RULE_SYSTEM, "\"qps\":1e-300", true},
	{RULE_PARAM_FLOW, "\"count\":1e300,\"burstCount\":2147483647,\"durationInSec\":2147483647",
	 false},
	{RULE_PARAM_FLOW,
	 "\"count\":1e300,\"controlBehavior\":2,\"maxQueueingTimeMs\":2147483647,"
	 "\"durationInSec\":1",
	 false},
	{RULE_PARAM_FLOW, "\"count\":1e300,\"grade\":0", false},
	{RULE_PARAM_FLOW, "\"count\":1e-300", true},
};

static void huge_numbers_are_numbers(void **state)
{
	char json[400];
	(void)state;

	for (size_t i = 0; i < COUNT_OF(huge); i++) {
		struct fixture f;
		unsigned passed = 0;
		open_fixture(&f);
		snprintf(json, sizeof(json), "[{\"resource\":\"r\",\"paramIdx\":0,%s}]",
			 huge[i].rule);
		load(&f, huge[i].kind, json);
		assert_null(f.reason);
		for (int t = 0; t < 3000; t += 30)
			passed += passes_with(&f, "v", t);
		if (passed != (huge[i].blocks ? 0 : 100))
			fail_msg("%s: %u passed", huge[i].rule, passed);
		close_fixture(&f);
	}
}

/* --- the clock --- */

enum { HOUR = 3600 * 1000 };

/* What was counted later is out of sight, and comes back with its time. */
static void limits_hold_when_the_clock_goes_back(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_FLOW, "[{\"resource\":\"r\",\"count\":2}]");
	assert_true(passes(&f, "r", HOUR, false));
	for (int i = 0; i < 5; i++) /* as in Java: windows of the past aren't kept */
		assert_true(passes(&f, "r", i, false));
	assert_true(passes(&f, "r", HOUR + 1, false));
	assert_false(passes(&f, "r", HOUR + 2, false));
	assert_true(passes(&f, "r", HOUR + 2000, false));
	struct node_view view;
	node_view(sentinel_find_resource(f.sentinel, SLICE("r"))->cluster, t0 + HOUR + 2000, &view);
	assert_int_equal(view.threads, 0);
	close_fixture(&f);
}

/* One that is open stays so until its own time comes; a call's time is never below 0. */
static void breakers_outlive_the_clock(void **state)
{
	struct fixture f;
	struct entry entry;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_DEGRADE,
	     "[{\"resource\":\"r\",\"grade\":2,\"count\":0,\"timeWindow\":10,"
	     "\"minRequestAmount\":1},{\"resource\":\"s\",\"grade\":0,\"count\":100,"
	     "\"timeWindow\":10,\"minRequestAmount\":1,\"slowRatioThreshold\":0.5}]");
	assert_true(passes(&f, "r", HOUR, true));
	assert_false(passes(&f, "r", HOUR + 1, false));
	assert_false(passes(&f, "r", 0, false));
	assert_false(passes(&f, "r", HOUR + 9999, false));
	assert_true(passes(&f, "r", HOUR + 10000, false));
	assert_int_equal(enter(&f, &entry, "s", HOUR), ENTRY_PASS);
	leave(&f, &entry, 0, false); /* it ended before it began */
	assert_true(passes(&f, "s", HOUR + 1, false));
	struct node_view view;
	node_view(sentinel_find_resource(f.sentinel, SLICE("s"))->cluster, t0 + HOUR + 1, &view);
	assert_true(view.avg_rt >= 0 && view.avg_rt < 100 && view.threads == 0);
	close_fixture(&f);
}

/* Whoever has a turn in the future blocks those before it until then. */
static void turns_and_tokens_survive_the_clock(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_FLOW,
	     "[{\"resource\":\"r\",\"count\":10,\"controlBehavior\":2,\"maxQueueingTimeMs\":50},"
	     "{\"resource\":\"w\",\"count\":100,\"controlBehavior\":1,\"warmUpPeriodSec\":10}]");
	assert_true(passes(&f, "r", HOUR, false));
	assert_false(passes(&f, "r", 0, false));
	assert_false(passes(&f, "r", HOUR, false));
	assert_true(passes(&f, "r", HOUR + 100, false));
	assert_true(passes(&f, "w", HOUR, false));
	assert_true(passes(&f, "w", 0, false));
	assert_true(passes(&f, "w", HOUR + 1000, false));
	load(&f, RULE_PARAM_FLOW, "[{\"resource\":\"r\",\"count\":1,\"paramIdx\":0}]");
	assert_true(passes_with(&f, "v", HOUR));
	assert_false(passes_with(&f, "v", 0));
	assert_false(passes_with(&f, "v", HOUR + 1000));
	assert_true(passes_with(&f, "v", HOUR + 1001));
	close_fixture(&f);
}

/* --- size --- */

static void a_list_of_50_mb_is_read(void **state)
{
	enum { RULES = 51000, NAME = 1000, RULE = NAME + 100 };
	size_t room = (size_t)RULES * RULE + 8, len = 1;
	char *json = malloc(room), name[NAME + 1];
	struct fixture f;
	(void)state;

	assert_non_null(json);
	memset(name, 'n', NAME);
	name[NAME] = 0;
	json[0] = '[';
	for (int i = 0; i < RULES; i++)
		len += (size_t)snprintf(json + len, room - len,
					"%s{\"resource\":\"%05d%s\",\"count\":%d}", i ? "," : "", i,
					name, i % 2);
	json[len++] = ']';
	json[len] = 0;
	assert_true(len > (size_t)50 << 20);
	open_with(&f, (struct sentinel_options){.seed = 7, .resources_max = 10});
	load(&f, RULE_FLOW, json);
	free(json);
	assert_int_equal(f.dropped, 0);
	assert_int_equal(f.list.flow_count, RULES);
	char resource[NAME + 8];
	for (int i = 0; i < 4; i++) {
		snprintf(resource, sizeof(resource), "%05d%s", RULES - 1 - i, name);
		assert_int_equal(passes(&f, resource, 0, false), (RULES - 1 - i) % 2);
	}
	close_fixture(&f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rule_remembers_as_many_values_as_it_may),
		cmocka_unit_test(a_long_rule_remembers_all_of_them),
		cmocka_unit_test(huge_numbers_are_numbers),
		cmocka_unit_test(limits_hold_when_the_clock_goes_back),
		cmocka_unit_test(breakers_outlive_the_clock),
		cmocka_unit_test(turns_and_tokens_survive_the_clock),
		cmocka_unit_test(a_list_of_50_mb_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
