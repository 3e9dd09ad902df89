#include "sentinel_support.h"

#define BREAKER(resource, more)                                                                    \
	"{\"resource\":\"" resource "\",\"grade\":2,\"count\":0,\"timeWindow\":10,"                \
	"\"minRequestAmount\":1" more "}"

static void a_call_without_rules_passes_and_is_counted(void **state)
{
	struct fixture f;
	struct entry entry;
	struct node_view view;
	(void)state;

	open_fixture(&f);
	assert_int_equal(enter(&f, &entry, "r", 0), ENTRY_PASS);
	node_view(entry.request.resource->cluster, t0, &view);
	assert_int_equal(view.threads, 1);
	leave(&f, &entry, 40, true);
	node_view(sentinel_find_resource(f.sentinel, SLICE("r"))->cluster, t0 + 40, &view);
	assert_int_equal(view.threads, 0);
	assert_true(view.avg_rt == 40 && view.exception_qps == 1 && view.pass_qps == 1);
	node_view(f.sentinel->entrance, t0 + 40, &view);
	assert_true(view.pass_qps == 1);
	close_fixture(&f);
}

static void a_pattern_limits_each_resource_by_itself(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_FLOW,
	     "[{\"resource\":\"/user/.*\",\"regex\":true,\"count\":1},"
	     "{\"resource\":\"(\",\"regex\":true,\"count\":0}]");
	assert_int_equal(f.dropped, 1);
	assert_true(passes(&f, "/user/1", 0, false));
	assert_false(passes(&f, "/user/1", 1, false));
	assert_true(passes(&f, "/user/2", 2, false));
	for (int i = 0; i < 3; i++)
		assert_true(passes(&f, "/my/user/1", 3, false));
	close_fixture(&f);
}

static void breakers_of_a_pattern_are_apart_and_survive_a_reload(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_DEGRADE, "[" BREAKER("a.", ",\"regex\":true") "]");
	assert_true(passes(&f, "a1", 0, true));
	assert_true(passes(&f, "a2", 0, false));
	assert_false(passes(&f, "a1", 1, false));
	load(&f, RULE_DEGRADE, "[" BREAKER("a.", ",\"regex\":true") "," BREAKER("other", "") "]");
	assert_false(passes(&f, "a1", 2, false));
	assert_true(passes(&f, "a2", 2, false));
	load(&f, RULE_DEGRADE, "[" BREAKER("a.", ",\"regex\":true,\"statIntervalMs\":2000") "]");
	assert_true(passes(&f, "a1", 3, false));
	close_fixture(&f);
}

static void default_breakers_are_for_those_without_a_rule(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_DEGRADE,
	     "[" BREAKER("*", "") ",{\"resource\":\"own\",\"grade\":2,\"count\":5,"
				  "\"timeWindow\":10,\"minRequestAmount\":1}]");
	assert_true(passes(&f, "r", 0, true));
	assert_false(passes(&f, "r", 1, false));
	assert_true(passes(&f, "own", 0, true));
	assert_true(passes(&f, "own", 1, false));
	load(&f, RULE_DEGRADE, "[" BREAKER("*", "") "]");
	assert_false(passes(&f, "r", 2, false)); /* as it was */
	assert_true(passes(&f, "own", 3, true));
	assert_false(passes(&f, "own", 4, false));
	close_fixture(&f);
}

static void a_default_breaker_is_remembered_while_another_rule_holds(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_DEGRADE, "[" BREAKER("*", "") "]");
	assert_true(passes(&f, "r", 0, true));
	assert_false(passes(&f, "r", 1, false));
	for (int i = 0; i < 2; i++) {
		load(&f, RULE_DEGRADE,
		     "[" BREAKER("*", "") "," BREAKER("r", ",\"minRequestAmount\":9") "]");
		assert_true(passes(&f, "r", 2 + i, false));
	}
	load(&f, RULE_DEGRADE, "[" BREAKER("*", "") "]");
	assert_false(passes(&f, "r", 9, false));
	close_fixture(&f);
}

static void a_reload_keeps_the_queue_of_a_rule_that_did_not_change(void **state)
{
	static const char same[] = "[{\"resource\":\"r\",\"count\":10,\"controlBehavior\":2,"
				   "\"maxQueueingTimeMs\":500}]";
	struct fixture f;
	struct entry entry;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_FLOW, same);
	assert_int_equal(enter(&f, &entry, "r", 0), ENTRY_PASS);
	leave(&f, &entry, 0, false);
	load(&f, RULE_FLOW, same);
	assert_int_equal(enter(&f, &entry, "r", 10), ENTRY_WAIT);
	assert_int_equal(entry.wait_ns, 90 * 1000000);
	assert_int_equal(sph_resume(&entry, f.rules, at(100)), ENTRY_PASS);
	leave(&f, &entry, 100, false);
	close_fixture(&f);
}

static void a_cancelled_wait_counts_nothing_and_stays_reserved(void **state)
{
	struct fixture f;
	struct entry entry;
	struct node_view view;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_FLOW,
	     "[{\"resource\":\"r\",\"count\":10,\"controlBehavior\":2,\"maxQueueingTimeMs\":150}]");
	assert_int_equal(enter(&f, &entry, "r", 0), ENTRY_PASS);
	leave(&f, &entry, 0, false);
	assert_int_equal(enter(&f, &entry, "r", 0), ENTRY_WAIT);
	sph_cancel(&entry);
	sph_exit(&entry, f.rules, at(5));
	node_view(sentinel_find_resource(f.sentinel, SLICE("r"))->cluster, t0 + 5, &view);
	assert_int_equal(view.threads, 0);
	assert_true(view.total_qps == 1);
	assert_int_equal(enter(&f, &entry, "r", 10), ENTRY_BLOCK); /* 190 ms to wait */
	close_fixture(&f);
}

static void too_many_resources_or_contexts_pass_unchecked(void **state)
{
	struct fixture f;
	struct entry entry;
	(void)state;

	open_with(&f, (struct sentinel_options){.resources_max = 2, .contexts_max = 1});
	load(&f, RULE_FLOW, "[{\"resource\":\"c\",\"count\":0},{\"resource\":\"a\",\"count\":0}]");
	assert_false(passes(&f, "a", 0, false));
	assert_true(passes(&f, "b", 0, false));
	assert_int_equal(enter(&f, &entry, "c", 0), ENTRY_PASS);
	sph_exit(&entry, f.rules, at(0));
	assert_int_equal(f.sentinel->overflows, 1);
	assert_null(sentinel_context(f.sentinel, SLICE("second")));
	assert_int_equal(f.sentinel->overflows, 2);
	close_fixture(&f);
}

static void off_means_that_nothing_is_asked_or_counted(void **state)
{
	struct fixture f;
	struct entry entry;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_FLOW, "[{\"resource\":\"r\",\"count\":0}]");
	sentinel_set_switch(f.sentinel, false);
	assert_int_equal(enter(&f, &entry, "r", 0), ENTRY_PASS);
	sentinel_set_switch(f.sentinel, true);
	sph_exit(&entry, f.rules, at(1));
	assert_false(passes(&f, "r", 2, false));
	assert_true(node_pass_qps(entry.request.resource->cluster, leap_window(t0)) == 0);
	close_fixture(&f);
}

static void a_second_context_parts_the_first_from_the_cluster_node(void **state)
{
	struct fixture f;
	struct entry first, second;
	struct resource *resource;
	struct entry_request request;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_FLOW,
	     "[{\"resource\":\"r\",\"grade\":0,\"count\":1,\"strategy\":2,\"refResource\":\"ctx\"}"
	     "]");
	assert_int_equal(enter(&f, &first, "r", 0), ENTRY_PASS);
	resource = first.request.resource;
	assert_ptr_equal(default_node_of(resource, first.default_node), resource->cluster);
	request = first.request;
	request.context = sentinel_context(f.sentinel, SLICE("other"));
	assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(0), &second), ENTRY_PASS);
	assert_int_equal(node_threads(resource->cluster), 2);
	assert_int_equal(node_threads(default_node_of(resource, first.default_node)), 1);
	assert_int_equal(node_threads(default_node_of(resource, second.default_node)), 1);
	assert_false(passes(&f, "r", 1, false));
	leave(&f, &first, 2, false);
	assert_true(passes(&f, "r", 3, false));
	leave(&f, &second, 4, false);
	assert_int_equal(node_threads(resource->cluster), 0);
	close_fixture(&f);
}

static void a_blocked_call_says_why(void **state)
{
	struct fixture f;
	struct entry entry;
	struct argument list[2] = {
		{.type = ARGUMENT_DOUBLE, .real = 1e10},
		{.type = ARGUMENT_STRING, .string = SLICE("x")},
	};
	struct argument argument = {.type = ARGUMENT_LIST, .count = 2, .items = list};
	char text[32];
	(void)state;

	open_fixture(&f);
	load(&f, RULE_PARAM_FLOW, "[{\"id\":9,\"resource\":\"r\",\"count\":0,\"paramIdx\":0}]");
	struct entry_request request = request_of(&f, "r", 0);
	request.args = &argument;
	request.args_count = 1;
	assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(0), &entry), ENTRY_BLOCK);
	assert_string_equal(block_exception_name(entry.block.exception), "ParamFlowException");
	assert_int_equal(entry.block.rule->id, 9);
	block_limit_app(&entry, text, sizeof(text));
	assert_string_equal(text, "[1.0E10, x]");
	assert_int_equal(block_limit_app(&entry, text, 5), 4);
	assert_string_equal(text, "[1.0");
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_without_rules_passes_and_is_counted),
		cmocka_unit_test(a_pattern_limits_each_resource_by_itself),
		cmocka_unit_test(breakers_of_a_pattern_are_apart_and_survive_a_reload),
		cmocka_unit_test(default_breakers_are_for_those_without_a_rule),
		cmocka_unit_test(a_default_breaker_is_remembered_while_another_rule_holds),
		cmocka_unit_test(a_reload_keeps_the_queue_of_a_rule_that_did_not_change),
		cmocka_unit_test(a_cancelled_wait_counts_nothing_and_stays_reserved),
		cmocka_unit_test(too_many_resources_or_contexts_pass_unchecked),
		cmocka_unit_test(off_means_that_nothing_is_asked_or_counted),
		cmocka_unit_test(a_second_context_parts_the_first_from_the_cluster_node),
		cmocka_unit_test(a_blocked_call_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
