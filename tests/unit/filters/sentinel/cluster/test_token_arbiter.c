/* What a token server decides: name spaces, their clients, guards and rules. Sequences of many
 * questions are compared with Sentinel's own decisions by tests/sentinel/token_oracle.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filters/sentinel/cluster/token_arbiter.h"
#include "filters/sentinel/cluster/token_codec.h"

#define FLOW(id, count, type)                                                                      \
	"{\"resource\":\"r" #id "\",\"count\":" #count                                             \
	",\"clusterMode\":true,\"clusterConfig\":{\"flowId\":" #id ",\"thresholdType\":" #type     \
	"}}"
#define PARAM(id, count)                                                                           \
	"{\"resource\":\"p" #id "\",\"count\":" #count ",\"paramIdx\":0"                           \
	",\"paramFlowItemList\":[{\"object\":\"vip\",\"count\":3}],\"clusterMode\":true,"          \
	"\"clusterConfig\":{\"flowId\":" #id ",\"thresholdType\":1}}"

static const int64_t t0 = INT64_C(1700000000000);

static int set_up(void **state)
{
	static struct token_arbiter arbiter;

	token_arbiter_init(&arbiter, 7);
	token_arbiter_serve(&arbiter, (struct slice[]){SLICE("shop")}, 1);
	*state = &arbiter;
	return 0;
}

static int tear_down(void **state)
{
	token_arbiter_fini(*state);
	return 0;
}

static bool set(struct token_arbiter *arbiter, const char *name, enum token_kind kind,
		const char *text)
{
	struct token_rules *rules;

	assert_int_equal(token_rules_parse(kind, slice_of(text), 7, &rules), STATUS_OK);
	return token_arbiter_set_rules(arbiter, slice_of(name), rules);
}

static struct token_response ask(struct token_arbiter *arbiter, int64_t id, int32_t count,
				 int64_t at)
{
	static struct token_request request;
	struct token_response response;

	request =
		(struct token_request){.xid = 5, .type = TOKEN_FLOW, .flow_id = id, .count = count};
	token_arbiter_ask(arbiter, &request, t0 + at, &response);
	assert_true(response.xid == 5 && response.type == TOKEN_FLOW);
	return response;
}

static int8_t ask_values(struct token_arbiter *arbiter, int64_t id, const char *const *values,
			 uint32_t count)
{
	static struct token_request request;
	struct token_response response;

	request = (struct token_request){.type = TOKEN_PARAM_FLOW, .flow_id = id, .count = 1};
	for (uint32_t i = 0; i < count; i++)
		request.values[request.values_count++] =
			(struct argument){.type = ARGUMENT_STRING, .string = slice_of(values[i])};
	token_arbiter_ask(arbiter, &request, t0, &response);
	return response.status;
}

static void what_is_no_question_of_a_rule(void **state)
{
	struct token_arbiter *arbiter = *state;

	set(arbiter, "shop", TOKEN_KIND_FLOW, "[" FLOW(1, 5, 1) "]");
	assert_int_equal(ask(arbiter, 0, 1, 0).status, TOKEN_BAD_REQUEST);
	assert_int_equal(ask(arbiter, -1, 1, 0).status, TOKEN_BAD_REQUEST);
	assert_int_equal(ask(arbiter, 1, 0, 0).status, TOKEN_BAD_REQUEST);
	assert_int_equal(ask(arbiter, 1, -5, 0).status, TOKEN_BAD_REQUEST);
	assert_int_equal(ask(arbiter, 2, 1, 0).status, TOKEN_NO_RULE_EXISTS);
	assert_int_equal(ask_values(arbiter, 1, NULL, 0), TOKEN_BAD_REQUEST);
	assert_int_equal(ask_values(arbiter, 1, (const char *[]){"x"}, 1), TOKEN_NO_RULE_EXISTS);
	assert_int_equal(arbiter->answers.bad, 5);
	assert_int_equal(arbiter->answers.no_rule, 2);
}

static void a_global_limit_is_the_rules_count(void **state)
{
	struct token_arbiter *arbiter = *state;

	set(arbiter, "shop", TOKEN_KIND_FLOW, "[" FLOW(1, 5, 1) "]");
	for (int left = 4; left >= 0; left--) {
		struct token_response response = ask(arbiter, 1, 1, 10);
		assert_true(response.status == TOKEN_OK && response.remaining == left);
	}
	assert_int_equal(ask(arbiter, 1, 1, 999).status, TOKEN_BLOCKED);
	assert_int_equal(ask(arbiter, 1, 5, 1000).status, TOKEN_OK);
	assert_int_equal(ask(arbiter, 1, 6, 3000).status, TOKEN_BLOCKED);
	assert_int_equal(ask(arbiter, 1, INT32_MAX, 3000).status, TOKEN_BLOCKED);
}

static void an_average_limit_counts_for_each_client(void **state)
{
	struct token_arbiter *arbiter = *state;

	set(arbiter, "shop", TOKEN_KIND_FLOW, "[" FLOW(1, 5, 0) "]");
	assert_int_equal(ask(arbiter, 1, 1, 0).status, TOKEN_BLOCKED); /* nobody is there */
	struct token_name_space *shop = token_arbiter_join(arbiter, SLICE("shop"));
	assert_ptr_equal(token_arbiter_join(arbiter, SLICE("shop")), shop);
	assert_int_equal(shop->connected, 2);
	assert_int_equal(ask(arbiter, 1, 10, 0).remaining, 0);
	assert_int_equal(ask(arbiter, 1, 1, 0).status, TOKEN_BLOCKED);
	token_arbiter_leave(arbiter, shop);
	assert_int_equal(ask(arbiter, 1, 6, 1000).status, TOKEN_BLOCKED);
	assert_int_equal(ask(arbiter, 1, 5, 1000).status, TOKEN_OK);
}

static void all_values_must_have_room(void **state)
{
	struct token_arbiter *arbiter = *state;
	static const char *const values[] = {"a", "b", "vip", "vip"};

	set(arbiter, "shop", TOKEN_KIND_PARAM, "[" PARAM(9, 1) "]");
	assert_int_equal(ask_values(arbiter, 9, values, 1), TOKEN_OK);
	assert_int_equal(ask_values(arbiter, 9, values, 2), TOKEN_BLOCKED);
	assert_int_equal(ask_values(arbiter, 9, values + 1, 2), TOKEN_OK); /* b, vip */
	assert_int_equal(ask_values(arbiter, 9, values + 1, 2), TOKEN_BLOCKED);
	assert_int_equal(ask_values(arbiter, 9, values + 2, 2), TOKEN_OK); /* vip, twice */
	assert_int_equal(ask_values(arbiter, 9, values + 2, 1), TOKEN_BLOCKED);
}

static void a_name_space_has_a_guard(void **state)
{
	struct token_arbiter *arbiter = *state;
	struct token_arbiter_config config = TOKEN_ARBITER_DEFAULTS;

	config.max_allowed_qps = 3;
	token_arbiter_configure(arbiter, &config);
	set(arbiter, "shop", TOKEN_KIND_FLOW, "[" FLOW(1, 1, 1) "," FLOW(2, 1, 1) "]");
	set(arbiter, "default", TOKEN_KIND_FLOW, "[" FLOW(3, 1, 1) "]");
	assert_int_equal(ask(arbiter, 1, 1, 50).status, TOKEN_OK);
	assert_int_equal(ask(arbiter, 1, 1, 150).status, TOKEN_BLOCKED);
	assert_int_equal(ask(arbiter, 2, 1, 150).status, TOKEN_OK);
	assert_int_equal(ask(arbiter, 2, 1, 999).status, TOKEN_TOO_MANY_REQUEST);
	assert_int_equal(ask(arbiter, 3, 1, 999).status, TOKEN_OK); /* another name space's */
	assert_int_equal(ask(arbiter, 2, 1, 1000).status, TOKEN_BLOCKED);
	assert_int_equal(ask(arbiter, 2, 1, 1010).status, TOKEN_TOO_MANY_REQUEST);
	assert_int_equal(ask(arbiter, 2, 1, 1100).status, TOKEN_OK);
	assert_true(token_name_space_qps(token_arbiter_find(arbiter, SLICE("shop")), t0 + 1100) ==
		    2);
	assert_int_equal(arbiter->answers.too_many, 2);
}

static void settings_that_cannot_be_change_nothing(void **state)
{
	struct token_arbiter *arbiter = *state;
	const struct token_arbiter_config bad[] = {
		{-1, 1, 30000, 1000, 10}, {1, -1, 30000, 1000, 10}, {1, 1, -1, 1000, 10},
		{1, 1, 30000, 1000, 3},   {1, 1, 30000, 0, 10},     {1, 1, 30000, 1000, 0},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		token_arbiter_configure(arbiter, &bad[i]);
		assert_true(arbiter->config.exceed_count == 1);
		assert_int_equal(arbiter->config.sample_count, 10);
		assert_true(arbiter->config.max_allowed_qps == 30000);
	}
}

static void what_is_exceeded_and_other_windows(void **state)
{
	struct token_arbiter *arbiter = *state;
	struct token_arbiter_config config = TOKEN_ARBITER_DEFAULTS;

	set(arbiter, "shop", TOKEN_KIND_FLOW, "[" FLOW(1, 5, 1) "]");
	config.exceed_count = 2;
	token_arbiter_configure(arbiter, &config);
	assert_int_equal(ask(arbiter, 1, 10, 0).status, TOKEN_OK);
	assert_int_equal(ask(arbiter, 1, 1, 0).status, TOKEN_BLOCKED);
	config.interval_ms = 2000;
	token_arbiter_configure(arbiter, &config); /* windows begin anew, of 2 s */
	assert_int_equal(ask(arbiter, 1, 20, 0).status, TOKEN_BLOCKED);
	assert_int_equal(ask(arbiter, 1, 10, 0).status, TOKEN_OK);
	assert_int_equal(ask(arbiter, 1, 5, 0).remaining, 0); /* 10 in 2 s are 5 a second */
}

static void rules_are_replaced_and_flows_remember(void **state)
{
	struct token_arbiter *arbiter = *state;

	assert_true(set(arbiter, "shop", TOKEN_KIND_FLOW, "[" FLOW(1, 5, 1) "," FLOW(2, 5, 1) "]"));
	assert_int_equal(ask(arbiter, 1, 4, 0).status, TOKEN_OK);
	assert_true(set(arbiter, "shop", TOKEN_KIND_FLOW, "[" FLOW(1, 6, 1) "]"));
	assert_int_equal(ask(arbiter, 1, 3, 0).status, TOKEN_BLOCKED);
	assert_int_equal(ask(arbiter, 1, 2, 0).status, TOKEN_OK);
	assert_int_equal(ask(arbiter, 2, 1, 0).status, TOKEN_NO_RULE_EXISTS);
	assert_int_equal(arbiter->flows.count, 1);
	assert_true(set(arbiter, "shop", TOKEN_KIND_FLOW, "[]"));
	assert_int_equal(arbiter->flows.count, 0);
	assert_true(set(arbiter, "shop", TOKEN_KIND_FLOW, "null"));
}

/* As in Java: the last to name it has it, and neither list takes away the other's. */
static void a_flow_id_belongs_to_the_name_space_that_named_it_last(void **state)
{
	struct token_arbiter *arbiter = *state;

	set(arbiter, "shop", TOKEN_KIND_FLOW, "[" FLOW(1, 5, 1) "]");
	set(arbiter, "default", TOKEN_KIND_FLOW, "[" FLOW(1, 1, 1) "]");
	set(arbiter, "shop", TOKEN_KIND_FLOW, "[]");
	assert_int_equal(ask(arbiter, 1, 2, 0).status, TOKEN_BLOCKED);
	assert_int_equal(ask(arbiter, 1, 1, 0).status, TOKEN_OK);
	/* of two in a list the last counts; a hot-parameter rule's id is another one */
	set(arbiter, "shop", TOKEN_KIND_FLOW, "[" FLOW(7, 1, 1) "," FLOW(7, 2, 1) "]");
	set(arbiter, "shop", TOKEN_KIND_PARAM, "[" PARAM(7, 1) "]");
	assert_int_equal(ask(arbiter, 7, 2, 0).status, TOKEN_OK);
	assert_int_equal(arbiter->flows.count, 3);
}

static void name_spaces_come_and_go(void **state)
{
	struct token_arbiter *arbiter = *state;
	static char long_name[TOKEN_NAME_MAX + 2];

	memset(long_name, 'x', sizeof long_name - 1);
	assert_false(set(arbiter, "other", TOKEN_KIND_FLOW, "[" FLOW(1, 5, 1) "]"));
	assert_null(token_arbiter_join(arbiter, SLICE("")));
	assert_null(token_arbiter_join(arbiter, SLICE("  ")));
	assert_null(token_arbiter_join(arbiter, slice_of(long_name)));
	struct token_name_space *other = token_arbiter_join(arbiter, SLICE("other"));
	assert_non_null(other);
	assert_false(set(arbiter, "other", TOKEN_KIND_FLOW, "[" FLOW(1, 5, 0) "]"));
	token_arbiter_serve(arbiter, (struct slice[]){SLICE("other"), slice_of(long_name)}, 2);
	assert_null(token_arbiter_find(arbiter, SLICE("shop")));
	assert_true(set(arbiter, "other", TOKEN_KIND_FLOW, "[" FLOW(1, 5, 0) "]"));
	assert_int_equal(ask(arbiter, 1, 5, 0).status, TOKEN_OK); /* its client was counted */
	token_arbiter_serve(arbiter, NULL, 0);
	assert_int_equal(ask(arbiter, 1, 1, 0).status, TOKEN_NO_RULE_EXISTS);
	token_arbiter_leave(arbiter, other);
	assert_null(token_arbiter_find(arbiter, SLICE("other")));
	assert_int_equal(arbiter->by_name.count, 1);
}

static void rules_that_are_not_served_are_told(void **state)
{
	struct token_rules *rules;
	(void)state;

	assert_int_equal(token_rules_parse(TOKEN_KIND_FLOW, SLICE("{"), 7, &rules),
			 STATUS_MALFORMED);
	assert_int_equal(token_rules_parse(TOKEN_KIND_FLOW, SLICE("{}"), 7, &rules),
			 STATUS_INVALID);
	const char *text =
		"[" FLOW(1, 5, 1) ",{\"resource\":\"local\",\"count\":1},{\"count\":1},"
				  "{\"resource\":\"r\",\"clusterMode\":true,\"clusterConfig\":{"
				  "\"flowId\":2,\"sampleCount\":5000,\"windowIntervalMs\":5000}}]";
	assert_int_equal(token_rules_parse(TOKEN_KIND_FLOW, slice_of(text), 7, &rules), STATUS_OK);
	assert_int_equal(rules->count, 1);
	assert_int_equal(rules->rejected, 3);
	assert_string_equal(rules->first_fault, "[2]: resource: must not be blank");
	token_rules_free(rules);
}

static void many_flows_are_found(void **state)
{
	struct token_arbiter *arbiter = *state;
	char *text = malloc(200000), *at = text;

	for (int id = 1; id <= 1000; id++)
		at += sprintf(at,
			      "%c{\"resource\":\"r%d\",\"count\":%d,\"clusterMode\":true,"
			      "\"clusterConfig\":{\"flowId\":%d,\"thresholdType\":1}}",
			      id == 1 ? '[' : ',', id, id, id);
	strcpy(at, "]");
	set(arbiter, "shop", TOKEN_KIND_FLOW, text);
	for (int id = 1; id <= 1000; id++) {
		assert_int_equal(ask(arbiter, id, id, 0).remaining, 0);
		assert_int_equal(ask(arbiter, id, 1, 0).status, TOKEN_BLOCKED);
	}
	free(text);
	set(arbiter, "shop", TOKEN_KIND_FLOW, "[" FLOW(500, 501, 1) "]");
	assert_int_equal(ask(arbiter, 500, 1, 0).status, TOKEN_OK);
	assert_int_equal(arbiter->flows.count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_is_no_question_of_a_rule),
		TEST(a_global_limit_is_the_rules_count),
		TEST(an_average_limit_counts_for_each_client),
		TEST(all_values_must_have_room),
		TEST(a_name_space_has_a_guard),
		TEST(settings_that_cannot_be_change_nothing),
		TEST(what_is_exceeded_and_other_windows),
		TEST(rules_are_replaced_and_flows_remember),
		TEST(a_flow_id_belongs_to_the_name_space_that_named_it_last),
		TEST(name_spaces_come_and_go),
		TEST(rules_that_are_not_served_are_told),
		TEST(many_flows_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
