#include "sentinel_support.h"

#define CLUSTER(more) "\"clusterMode\":true,\"clusterConfig\":{\"flowId\":7" more "}"

/* A token service that says what it is told to. */
struct script {
	struct token_service service;
	struct token_answer answer;
	struct token_ask *pending;
	int asked, forgotten, woken;
};

static void ask_script(void *arg, unsigned worker, struct token_ask *ask)
{
	struct script *script = arg;

	assert_int_equal(worker, 0);
	assert_int_equal(ask->flow_id, 7);
	script->asked++;
	ask->answer = script->answer;
	if (ask->answer.status == TOKEN_PENDING) {
		ask->state = script;
		script->pending = ask;
	}
}

static void forget_script(void *arg, unsigned worker, struct token_ask *ask)
{
	struct script *script = arg;

	(void)worker;
	assert_ptr_equal(ask, script->pending);
	script->pending = NULL;
	script->forgotten++;
}

static void wake(struct entry *entry)
{
	((struct script *)entry->request.wake_arg)->woken++;
}

static void open_script(struct fixture *f, struct script *script)
{
	*script = (struct script){
		.service = {ask_script, forget_script, script, 20 * INT64_C(1000000)},
	};
	open_with(f, (struct sentinel_options){.seed = 7, .tokens = &script->service});
}

static enum entry_verdict ask(struct fixture *f, struct script *script, struct entry *entry,
			      int32_t status, int64_t t_ms)
{
	struct entry_request request = request_of(f, "r", t_ms);

	request.wake = wake;
	request.wake_arg = script;
	script->answer = (struct token_answer){status, 30};
	return sph_entry(f->sentinel, f->rules, 0, &request, at(t_ms), entry);
}

static void the_answer_decides_and_failures_fall_back(void **state)
{
	static const struct {
		int32_t status;
		enum entry_verdict first, second; /* with a local limit of 1 */
	} cases[] = {
		{TOKEN_OK, ENTRY_PASS, ENTRY_PASS},
		{TOKEN_BLOCKED, ENTRY_BLOCK, ENTRY_BLOCK},
		{TOKEN_NO_REF_RULE_EXISTS, ENTRY_BLOCK, ENTRY_BLOCK},
		{TOKEN_NOT_AVAILABLE, ENTRY_BLOCK, ENTRY_BLOCK},
		{77, ENTRY_BLOCK, ENTRY_BLOCK},
		{TOKEN_FAIL, ENTRY_PASS, ENTRY_BLOCK},
		{TOKEN_BAD_REQUEST, ENTRY_PASS, ENTRY_BLOCK},
		{TOKEN_TOO_MANY_REQUEST, ENTRY_PASS, ENTRY_BLOCK},
		{TOKEN_NO_RULE_EXISTS, ENTRY_PASS, ENTRY_BLOCK},
	};
	struct script script;
	struct fixture f;
	struct entry entry;
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		open_script(&f, &script);
		load(&f, RULE_FLOW, "[{\"resource\":\"r\",\"count\":1," CLUSTER("") "}]");
		assert_int_equal(ask(&f, &script, &entry, cases[i].status, 0), cases[i].first);
		assert_int_equal(ask(&f, &script, &entry, cases[i].status, 1), cases[i].second);
		assert_int_equal(script.asked, 2);
		close_fixture(&f);
	}
}

static void without_fallback_failures_pass(void **state)
{
	struct script script;
	struct fixture f;
	struct entry entry;
	(void)state;

	open_script(&f, &script);
	load(&f, RULE_FLOW,
	     "[{\"resource\":\"r\",\"count\":0," CLUSTER(
		     ",\"fallbackToLocalWhenFail\":false") "}]");
	assert_int_equal(ask(&f, &script, &entry, TOKEN_FAIL, 0), ENTRY_PASS);
	assert_int_equal(ask(&f, &script, &entry, TOKEN_BLOCKED, 0), ENTRY_BLOCK);
	assert_ptr_equal(entry.block.rule, &f.list.flow[0].rule);
	close_fixture(&f);
}

static void without_a_service_rules_fall_back(void **state)
{
	struct fixture f;
	(void)state;

	open_fixture(&f);
	load(&f, RULE_FLOW, "[{\"resource\":\"r\",\"count\":1," CLUSTER("") "}]");
	assert_true(passes(&f, "r", 0, false));
	assert_false(passes(&f, "r", 1, false));
	close_fixture(&f);
}

static void a_late_answer_wakes_the_call(void **state)
{
	struct script script;
	struct fixture f;
	struct entry entry;
	(void)state;

	open_script(&f, &script);
	load(&f, RULE_FLOW, "[{\"resource\":\"r\",\"count\":0," CLUSTER("") "}]");
	assert_int_equal(ask(&f, &script, &entry, TOKEN_PENDING, 0), ENTRY_WAIT);
	assert_int_equal(entry.wait_ns, 20 * 1000000);
	token_ask_answer(script.pending, (struct token_answer){TOKEN_OK, 0});
	assert_int_equal(script.woken, 1);
	assert_int_equal(sph_resume(&entry, f.rules, at(5)), ENTRY_PASS);
	assert_int_equal(script.forgotten, 0);
	leave(&f, &entry, 5, false);
	close_fixture(&f);
}

static void a_wait_that_the_server_orders_is_a_wait(void **state)
{
	struct script script;
	struct fixture f;
	struct entry entry;
	(void)state;

	open_script(&f, &script);
	load(&f, RULE_FLOW, "[{\"resource\":\"r\",\"count\":0," CLUSTER("") "}]");
	assert_int_equal(ask(&f, &script, &entry, TOKEN_PENDING, 0), ENTRY_WAIT);
	token_ask_answer(script.pending, (struct token_answer){TOKEN_SHOULD_WAIT, 30});
	assert_int_equal(sph_resume(&entry, f.rules, at(5)), ENTRY_WAIT);
	assert_int_equal(entry.wait_ns, 30 * 1000000);
	assert_int_equal(sph_resume(&entry, f.rules, at(35)), ENTRY_PASS);
	assert_int_equal(script.asked, 1);
	leave(&f, &entry, 35, false);
	close_fixture(&f);
}

static void no_answer_in_time_falls_back_and_is_forgotten(void **state)
{
	struct script script;
	struct fixture f;
	struct entry entry;
	(void)state;

	open_script(&f, &script);
	load(&f, RULE_FLOW, "[{\"resource\":\"r\",\"count\":0," CLUSTER("") "}]");
	assert_int_equal(ask(&f, &script, &entry, TOKEN_PENDING, 0), ENTRY_WAIT);
	assert_int_equal(sph_resume(&entry, f.rules, at(20)), ENTRY_BLOCK);
	assert_int_equal(script.forgotten, 1);
	assert_int_equal(ask(&f, &script, &entry, TOKEN_PENDING, 30), ENTRY_WAIT);
	sph_cancel(&entry);
	assert_int_equal(script.forgotten, 2);
	close_fixture(&f);
}

static void hot_parameters_ask_with_their_values(void **state)
{
	static const struct argument items[] = {
		{.type = ARGUMENT_INTEGER, .integer = 1},
		{.type = ARGUMENT_INTEGER, .integer = 2},
	};
	static const struct argument list = {.type = ARGUMENT_LIST, .count = 2, .items = items};
	struct script script;
	struct fixture f;
	struct entry entry;
	(void)state;

	open_script(&f, &script);
	load(&f, RULE_PARAM_FLOW,
	     "[{\"resource\":\"r\",\"count\":1,\"paramIdx\":0," CLUSTER(
		     ",\"fallbackToLocalWhenFail\":true") "}]");
	struct entry_request request = request_of(&f, "r", 0);
	request.args = &list;
	request.args_count = 1;
	script.answer.status = TOKEN_PENDING;
	assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(0), &entry), ENTRY_WAIT);
	assert_true(entry.token.is_param && entry.token.params == items);
	assert_int_equal(entry.token.params_count, 2);
	token_ask_answer(script.pending, (struct token_answer){TOKEN_FAIL, 0});
	assert_int_equal(sph_resume(&entry, f.rules, at(1)), ENTRY_PASS); /* local tokens */
	leave(&f, &entry, 1, false);
	script.answer.status = TOKEN_FAIL;
	assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(2), &entry), ENTRY_BLOCK);
	script.answer.status = TOKEN_OK;
	assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(3), &entry), ENTRY_PASS);
	leave(&f, &entry, 3, false);
	script.answer.status = TOKEN_BLOCKED;
	assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(4), &entry), ENTRY_BLOCK);
	close_fixture(&f);
}

/* Follows the fixture's rules, beside them, with none. Returns owned. */
static struct rule_set *load_none(struct fixture *f, bool forgets_values)
{
	struct rule_set_options options = {
		.previous = f->rules,
		.forgets_values = forgets_values,
	};
	struct rule_list none = {0};
	struct arena arena;

	arena_init(&arena, 1024);
	return rule_set_new(f->sentinel, &arena, &none, &options, NULL, NULL);
}

/* The one token of value 1 is gone when the call's rule goes, and then the token service fails. A
 * call that comes to the old rule only now finds it with no values, but is asked. */
static void a_rule_that_goes_meanwhile_is_asked_unless_forgotten(void **state)
{
#define LOCAL_TOO CLUSTER(",\"fallbackToLocalWhenFail\":true")
	static const struct argument arg = {.type = ARGUMENT_INTEGER, .integer = 1};
	static const struct {
		const char *rules;
		bool waits, forgets;
		enum entry_verdict then;
	} cases[] = {
		{"[{\"resource\":\"r\",\"count\":1,\"paramIdx\":0," LOCAL_TOO "}]", true, false,
		 ENTRY_BLOCK},
		{"[{\"resource\":\"r\",\"count\":1,\"paramIdx\":0," LOCAL_TOO "}]", true, true,
		 ENTRY_PASS},
		{"[{\"resource\":\"r.*\",\"regex\":true,\"count\":1,\"paramIdx\":0}]", false, false,
		 ENTRY_BLOCK},
		{"[{\"resource\":\"r.*\",\"regex\":true,\"count\":1,\"paramIdx\":0}]", false, true,
		 ENTRY_PASS},
	};
	struct script script;
	struct fixture f;
	struct entry entry;
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		open_script(&f, &script);
		load(&f, RULE_PARAM_FLOW, cases[i].rules);
		struct entry_request request = request_of(&f, "r", 0);
		request.args = &arg;
		request.args_count = 1;
		script.answer.status = TOKEN_FAIL;
		assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(0), &entry),
				 ENTRY_PASS);
		leave(&f, &entry, 0, false);
		script.answer.status = TOKEN_PENDING;
		assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(1), &entry),
				 cases[i].waits ? ENTRY_WAIT : ENTRY_BLOCK);
		struct rule_set *now = load_none(&f, cases[i].forgets);
		if (cases[i].waits) {
			assert_int_equal(sph_resume(&entry, f.rules, at(21)), cases[i].then);
			if (cases[i].then == ENTRY_PASS)
				sph_exit(&entry, now, at(21));
		}
		script.answer.status = TOKEN_FAIL;
		assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(22), &entry),
				 cases[i].then);
		if (cases[i].then == ENTRY_PASS)
			sph_exit(&entry, now, at(22));
		assert_int_equal(sph_entry(f.sentinel, f.rules, 0, &request, at(23), &entry),
				 ENTRY_BLOCK);
		rule_set_free(now);
		close_fixture(&f);
	}
#undef LOCAL_TOO
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_answer_decides_and_failures_fall_back),
		cmocka_unit_test(without_fallback_failures_pass),
		cmocka_unit_test(without_a_service_rules_fall_back),
		cmocka_unit_test(a_late_answer_wakes_the_call),
		cmocka_unit_test(a_wait_that_the_server_orders_is_a_wait),
		cmocka_unit_test(no_answer_in_time_falls_back_and_is_forgotten),
		cmocka_unit_test(hot_parameters_ask_with_their_values),
		cmocka_unit_test(a_rule_that_goes_meanwhile_is_asked_unless_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
