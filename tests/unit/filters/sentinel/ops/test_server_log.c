/* sentinel-server.log: what a token server decided, told by the second. */
#include "ops_support.h"

#include "filters/sentinel/cluster/token_arbiter.h"
#include "filters/sentinel/cluster/token_codec.h"
#include "filters/sentinel/ops/block_log.h"
#include "filters/sentinel/ops/server_log.h"

#define CLUSTER(id)                                                                                \
	",\"clusterMode\":true,\"clusterConfig\":{\"flowId\":" #id ",\"thresholdType\":1}}]"
#define SECOND "2023-11-15 06:13:20|1|"

struct place {
	struct token_arbiter arbiter;
	struct block_log *log;
};

static void note(void *log, const struct token_decision *decision, int64_t now_ms)
{
	server_log_note(log, decision, now_ms);
}

static void set(struct token_arbiter *arbiter, enum token_kind kind, const char *text)
{
	struct token_rules *rules;

	assert_int_equal(token_rules_parse(kind, slice_of(text), 7, &rules), STATUS_OK);
	assert_true(token_arbiter_set_rules(arbiter, SLICE("default"), rules));
}

static int set_up(void **state)
{
	static struct place place;

	setenv("TZ", "Asia/Shanghai", 1);
	tzset();
	token_arbiter_init(&place.arbiter, 7);
	place.log = block_log_new(1);
	place.arbiter.observer = (struct token_observer){note, place.log};
	set(&place.arbiter, TOKEN_KIND_FLOW, "[{\"resource\":\"r\",\"count\":5" CLUSTER(17));
	set(&place.arbiter, TOKEN_KIND_PARAM,
	    "[{\"resource\":\"r\",\"count\":1,\"paramIdx\":0" CLUSTER(18));
	*state = &place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	token_arbiter_fini(&place->arbiter);
	block_log_free(place->log);
	return 0;
}

static int8_t ask(struct place *place, struct token_request request, int64_t at)
{
	static struct token_request asked; /* large */
	struct token_response response;

	asked = request;
	token_arbiter_ask(&place->arbiter, &asked, t0 + at, &response);
	return response.status;
}

static struct token_request flow(int32_t count, bool prioritized)
{
	return (struct token_request){
		.type = TOKEN_FLOW, .flow_id = 17, .count = count, .prioritized = prioritized};
}

static struct token_request param(const char *value)
{
	return (struct token_request){
		.type = TOKEN_PARAM_FLOW,
		.flow_id = 18,
		.count = 1,
		.values_count = 1,
		.values = {{.type = ARGUMENT_STRING, .string = slice_of(value)}},
	};
}

static void assert_collected(struct place *place, int64_t now_ms, const char *expected)
{
	struct text lines = {0};

	block_log_collect(place->log, now_ms, &lines);
	assert_slice(text_slice(&lines), expected);
	text_free(&lines);
}

static void what_is_refused_is_told_by_flow_id(void **state)
{
	struct place *place = *state;

	assert_int_equal(ask(place, flow(5, false), 0), TOKEN_OK);
	assert_int_equal(ask(place, flow(2, false), 10), TOKEN_BLOCKED);
	assert_int_equal(ask(place, flow(3, true), 20),
			 TOKEN_BLOCKED); /* the next window has none */
	assert_collected(place, t0 + 1200,
			 SECOND "flow|block_request|17|2,0\r\n" SECOND
				"flow|block|17|5,0\r\n" SECOND "flow|occupied_block|17|1,0\r\n");
	assert_collected(place, t0 + 2200, "");
}

static void waits_are_told(void **state)
{
	struct place *place = *state;

	assert_int_equal(ask(place, flow(5, false), 0), TOKEN_OK);
	assert_int_equal(ask(place, flow(1, true), 920), TOKEN_SHOULD_WAIT);
	assert_collected(place, t0 + 1200, SECOND "flow|waiting|17|1,0\r\n");
}

static void values_without_room_are_told(void **state)
{
	struct place *place = *state;

	assert_int_equal(ask(place, param("a"), 0), TOKEN_OK);
	assert_int_equal(ask(place, param("a"), 1), TOKEN_BLOCKED);
	assert_int_equal(ask(place, param("a"), 2), TOKEN_BLOCKED);
	assert_int_equal(ask(place, param("b\r\nc"), 3), TOKEN_OK);
	assert_int_equal(ask(place, param("b\r\nc"), 4), TOKEN_BLOCKED);
	assert_collected(place, t0 + 1200,
			 SECOND "param|block|18|a|2,0\r\n" SECOND
				"param|block|18|b__c|1,0\r\n" SECOND "param|pass|18|2,0\r\n");
}

static void a_long_value_is_cut(void **state)
{
	struct place *place = *state;
	char value[2 * BLOCK_KEY_MAX];
	struct text lines = {0};

	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = 0;
	assert_int_equal(ask(place, param(value), 0), TOKEN_OK);
	assert_int_equal(ask(place, param(value), 1), TOKEN_BLOCKED);
	block_log_collect(place->log, t0 + 1200, &lines);
	assert_true(lines.len > BLOCK_KEY_MAX / 2 && lines.len < 2 * BLOCK_KEY_MAX);
	assert_memory_equal(lines.data + lines.len - 6, "|1,0\r\n", 6);
	text_free(&lines);
}

static void what_no_rule_is_asked_is_not_told(void **state)
{
	struct place *place = *state;
	struct token_request unknown = flow(1, false);

	unknown.flow_id = 99;
	assert_int_equal(ask(place, unknown, 0), TOKEN_NO_RULE_EXISTS);
	assert_int_equal(ask(place, flow(0, false), 0), TOKEN_BAD_REQUEST);
	place->arbiter.config.max_allowed_qps = 0;
	assert_int_equal(ask(place, flow(1, false), 0), TOKEN_TOO_MANY_REQUEST);
	assert_collected(place, t0 + 1200, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_refused_is_told_by_flow_id, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(waits_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(values_without_room_are_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_long_value_is_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_no_rule_is_asked_is_not_told, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
