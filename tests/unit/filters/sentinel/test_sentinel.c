/* The filter: what requests come to, waits, ends, refusals; rules from several configurations. */
#include "sentinel_filter_support.h"

#include "base/log.h"

#include "filters/sentinel/core/token_service.h"
#include "filters/sentinel/resource_stats.h"
#include "filters/sentinel/rule_sources.h"
#include "filters/sentinel/state_section.h"
#include "filters/sentinel/rules.h"
#include "routing/policy.h"
#include "stream/reply.h"
#include "stream/stream.h"

#include <string.h>
#include <unistd.h>

#define FLOW(rule) "{rules: {flow: [{inline_string: '[" rule "]'}]}}"

static const char *get(struct sentinel_test *t, const char *lines)
{
	return filter_yaml_get(t->f, lines);
}

static void requests_pass_until_the_limit(void **state)
{
	struct sentinel_test *t =
		sentinel_test_new(FLOW("{\"resource\": \"GET:/a\", \"count\": 2}"));
	(void)state;

	assert_string_equal(get(t, "GET /a?x=1 h"), "R:H. >h200. ended");
	assert_string_equal(get(t, "GET /a#y h"), "R:H. >h200. ended");
	assert_string_equal(get(t, "GET /a h"),
			    ">h429 >d(Blocked by Sentinel (flow limiting)). ended");
	assert_string_equal(get(t, "POST /a h"), "R:H. >h200. ended");
	assert_string_equal(get(t, "POST /a h\ncontent-type: application/grpc+proto"),
			    "R:H. >h200. ended");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_PASS), 4);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_BLOCK_FLOW), 1);
	struct node_view view = sentinel_test_view(t, "GET:/a");
	assert_true(view.pass_qps == 2 && view.block_qps == 1 && view.success_qps == 2);
	assert_int_equal(view.threads, 0);
	sentinel_test_advance(t, 1000);
	assert_string_equal(get(t, "GET /a h"), "R:H. >h200. ended");
	assert_string_equal(t->f->details, "");
	sentinel_test_free(t);
}

static void grpc_has_names_and_words_of_its_own(void **state)
{
	struct sentinel_test *t =
		sentinel_test_new(FLOW("{\"resource\": \"a.Svc/m\", \"count\": 0}"));
	static const char *const types[] = {"", "+proto", ";x=y", "-web"};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		char request[128];
		snprintf(request, sizeof request,
			 "POST /a.Svc/m?x h\ncontent-type: application/grpc%s", types[i]);
		assert_string_equal(get(t, request),
				    ">h429 >d(Flow control limit exceeded). ended");
	}
	assert_string_equal(t->f->details, "sentinel{FlowException}");
	assert_string_equal(get(t, "POST /a.Svc/m h\ncontent-type: application/grpcs"),
			    "R:H. >h200. ended");
	const struct resource *method =
		sentinel_find_resource(sentinel_test_core(t), SLICE("a.Svc/m"));
	assert_int_equal(method->type, RESOURCE_COMMON);
	const struct default_node *node = atomic_load(&method->contexts);
	assert_true(slice_equal(node->context->entry.name, SLICE("sentinel_default_context")));
	sentinel_test_free(t);
}

static struct sentinel_test *call_test(const char *yaml)
{
	struct sentinel_test *t = sentinel_test_new(yaml);

	t->is_call = true;
	t->rpc = (struct rpc_head){.protocol = RPC_DUBBO,
				   .service = SLICE("a.Svc"),
				   .method = SLICE("m"),
				   .param_types = SLICE("I")};
	t->answer =
		(struct rpc_head){.protocol = RPC_DUBBO, .status = 20, .result = RPC_RESULT_VALUE};
	return t;
}

static void what_is_said_to_calls_names_the_exception(void **state)
{
	static const char *const rows[][2] = {
		{"flow: [{inline_string: '[{\"resource\": \"a.Svc\", \"count\": 0}]'}]",
		 "FlowException"},
		{"flow: [{inline_string: '[{\"resource\": \"a.Svc:m(int)\", \"count\": 0}]'}]",
		 "FlowException"},
		{"system: [{inline_string: '[{\"qps\": 0}]'}]", "SystemBlockException"},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char yaml[256], trace[128];
		snprintf(yaml, sizeof yaml, "{rules: {%s}}", rows[i][0]);
		struct sentinel_test *t = call_test(yaml);
		snprintf(trace, sizeof trace, ">h429 >d(SentinelBlockException: %s). ended",
			 rows[i][1]);
		assert_string_equal(get(t, "POST /a.Svc/m h"), trace);
		sentinel_test_free(t);
	}
}

static void a_call_blocked_at_its_method_leaves_its_interface(void **state)
{
	struct sentinel_test *t = call_test(FLOW("{\"resource\": \"a.Svc:m(int)\", \"count\": 1}"));
	(void)state;

	assert_string_equal(get(t, NULL), "R:H. >h200. ended");
	assert_string_equal(get(t, NULL), ">h429 >d(SentinelBlockException: FlowException). ended");
	struct node_view interface = sentinel_test_view(t, "a.Svc"),
			 method = sentinel_test_view(t, "a.Svc:m(int)");
	assert_true(interface.pass_qps == 2 && interface.block_qps == 0);
	assert_true(interface.success_qps == 2 && interface.exception_qps == 0);
	assert_true(method.pass_qps == 1 && method.block_qps == 1 && method.success_qps == 1);
	assert_int_equal(interface.threads, 0);
	struct node_view all;
	node_view(sentinel_test_core(t)->entrance, (int64_t)(t->f->loop.wall_ns / 1000000), &all);
	assert_true(all.pass_qps == 3 && all.block_qps == 1);
	sentinel_test_free(t);
}

static void outbound_calls_are_no_inbound_traffic(void **state)
{
	struct sentinel_test *t = call_test(
		"{traffic: OUTBOUND, rules: {system: [{inline_string: '[{\"qps\": 0}]'}]}}");
	(void)state;

	assert_string_equal(get(t, NULL), "R:H. >h200. ended");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_PASS), 1);
	sentinel_test_free(t);
}

static void what_is_no_call_of_the_service_is_not_asked(void **state)
{
	struct sentinel_test *t = call_test(FLOW("{\"resource\": \"a.Svc\", \"count\": 0}"));
	(void)state;

	t->rpc.kind = RPC_CALL_ECHO;
	assert_string_equal(get(t, NULL), "R:H. >h200. ended");
	t->rpc.kind = RPC_CALL_PLAIN;
	t->rpc.is_event = true;
	assert_string_equal(get(t, NULL), "R:H. >h200. ended");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_PASS), 0);
	sentinel_test_free(t);
}

/* --- the end --- */

static void failures_are_traced(void **state)
{
	static const struct {
		uint16_t status;
		int8_t result;
		bool is_bolt, has_failed;
	} rows[] = {
		{20, RPC_RESULT_VALUE, false, false},
		{20, RPC_RESULT_NULL_WITH_ATTACHMENTS, false, false},
		{20, RPC_RESULT_EXCEPTION, false, true},
		{20, RPC_RESULT_EXCEPTION_WITH_ATTACHMENTS, false, true},
		{31, RPC_RESULT_UNKNOWN, false, true},
		{0, RPC_RESULT_VALUE, true, false},
		{0, RPC_RESULT_EXCEPTION, true, true},
		{4, RPC_RESULT_UNKNOWN, true, true},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct sentinel_test *t = call_test("{}");
		t->answer.protocol = t->rpc.protocol = rows[i].is_bolt ? RPC_BOLT : RPC_DUBBO;
		t->answer.status = rows[i].status;
		t->answer.result = rows[i].result;
		get(t, NULL);
		assert_int_equal(sentinel_test_view(t, "a.Svc").exception_qps, rows[i].has_failed);
		assert_int_equal(sentinel_counted(t, SENTINEL_STAT_ERROR), rows[i].has_failed);
		sentinel_test_free(t);
	}
}

static void statuses_of_http_from_500_on_are_failures(void **state)
{
	static const char *const codes[] = {"200", "404", "429", "500", "503"};
	struct sentinel_test *t = sentinel_test_new("{}");
	(void)state;

	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		fixture_headers(t->f, "GET / h", true);
		sentinel_test_advance(t, 10);
		fixture_answer_headers(t->f, codes[i], true);
		fixture_settle(t->f);
	}
	struct node_view view = sentinel_test_view(t, "GET:/");
	assert_true(view.exception_qps == 2 && view.success_qps == 5 && view.avg_rt == 10);
	sentinel_test_free(t);
}

static void who_leaves_is_no_failure(void **state)
{
	struct sentinel_test *t = sentinel_test_new("{}");
	(void)state;

	fixture_headers(t->f, "GET / h", true);
	assert_int_equal(sentinel_test_view(t, "GET:/").threads, 1);
	fixture_reset(t->f);
	fixture_settle(t->f);
	struct node_view view = sentinel_test_view(t, "GET:/");
	assert_true(view.threads == 0 && view.success_qps == 1 && view.exception_qps == 0);
	sentinel_test_free(t);
}

static void a_breaker_opens_probes_and_closes(void **state)
{
	struct sentinel_test *t =
		call_test("{rules: {degrade: [{inline_string: '[{\"resource\": \"a.Svc:m(int)\", "
			  "\"grade\": 2, "
			  "\"count\": 1, \"minRequestAmount\": 2, \"timeWindow\": 3}]'}]}}");
	const char *const through = "R:H. >h200. ended";
	const char *const blocked = ">h429 >d(SentinelBlockException: DegradeException). ended";
	(void)state;

	t->answer.result = RPC_RESULT_EXCEPTION;
	assert_string_equal(get(t, NULL), through);
	assert_string_equal(get(t, NULL), through);
	assert_string_equal(get(t, NULL), blocked);
	sentinel_test_advance(t, 2999);
	assert_string_equal(get(t, NULL), blocked);
	sentinel_test_advance(t, 1);
	t->answer.result = RPC_RESULT_VALUE;
	fixture_headers(t->f, NULL, true); /* the probe, under way */
	assert_string_equal(fixture_take(t->f), "R:H.");
	fixture_reset(t->f); /* it ends without an answer, and without a fault of the service */
	fixture_settle(t->f);
	(void)fixture_take(t->f);
	assert_string_equal(get(t, NULL), through);
	sentinel_test_free(t);
}

/* --- waits --- */

#define PACED                                                                                      \
	"{\"resource\": \"GET:/\", \"count\": 10, \"controlBehavior\": 2, \"maxQueueingTimeMs\": " \
	"1000}"

static void a_wait_pauses_its_stream(void **state)
{
	struct sentinel_test *t = sentinel_test_new(FLOW(PACED));
	(void)state;

	assert_string_equal(get(t, "GET / h"), "R:H. >h200. ended");
	fixture_headers(t->f, "POST /other h", false);
	assert_string_equal(fixture_take(t->f), "R:H");
	fixture_reset(t->f);
	fixture_settle(t->f);
	(void)fixture_take(t->f);
	fixture_headers(t->f, "GET / h", false);
	fixture_data(t->f, "body", true);
	assert_string_equal(fixture_take(t->f), "");
	struct node_view view = sentinel_test_view(t, "GET:/");
	assert_true(view.pass_qps == 1 && view.threads == 0);
	sentinel_test_advance(t, 99);
	assert_string_equal(fixture_take(t->f), "");
	assert_int_equal(stat_value(t->f->stats, sentinel_test_config(t)->application->stats,
				    SENTINEL_STAT_WAITING),
			 1);
	sentinel_test_advance(t, 1);
	assert_string_equal(fixture_take(t->f), "R:H R:D(body). >resume");
	view = sentinel_test_view(t, "GET:/");
	assert_true(view.pass_qps == 2 && view.threads == 1);
	fixture_answer_headers(t->f, "200", true);
	fixture_settle(t->f);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAIT), 1);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAITING), 0);
	sentinel_test_free(t);
}

static void who_leaves_while_waiting_has_had_its_turn(void **state)
{
	struct sentinel_test *t = sentinel_test_new(FLOW(PACED));
	(void)state;

	get(t, "GET / h");
	fixture_headers(t->f, "GET / h", true);
	sentinel_test_advance(t, 50);
	fixture_reset(t->f);
	fixture_settle(t->f);
	(void)fixture_take(t->f);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAIT_CANCELLED), 1);
	struct node_view view = sentinel_test_view(t, "GET:/");
	assert_true(view.pass_qps == 1 && view.block_qps == 0 && view.threads == 0);
	fixture_headers(t->f, "GET / h", true); /* the turn after the one that was lost */
	sentinel_test_advance(t, 149);
	assert_string_equal(fixture_take(t->f), "");
	sentinel_test_advance(t, 1);
	assert_string_equal(fixture_take(t->f), "R:H. >resume");
	fixture_answer_headers(t->f, "200", true);
	fixture_settle(t->f);
	sentinel_test_free(t);
}

static void who_gives_up_before_his_turn_is_blocked_at_once(void **state)
{
	struct sentinel_test *t = sentinel_test_new(FLOW(PACED));
	(void)state;

	get(t, "GET / h");
	assert_string_equal(get(t, "GET / h\ngrpc-timeout: 100m"),
			    ">h429 >d(Blocked by Sentinel (flow limiting)). ended");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAIT_PAST_DEADLINE), 1);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_BLOCK_FLOW), 1);
	assert_true(sentinel_test_view(t, "GET:/").block_qps == 1);
	fixture_headers(t->f, "GET / h\nx-envoy-expected-rq-timeout-ms: 201", true);
	assert_string_equal(fixture_take(t->f), "");
	sentinel_test_advance(t, 200);
	assert_string_equal(fixture_take(t->f), "R:H. >resume");
	fixture_answer_headers(t->f, "200", true);
	fixture_settle(t->f);
	sentinel_test_free(t);

	t = sentinel_test_new("{waits_past_deadline: true, rules: {flow: [{inline_string: '[" PACED
			      "]'}]}}");
	get(t, "GET / h");
	fixture_headers(t->f, "GET / h\ngrpc-timeout: 1m", true);
	sentinel_test_advance(t, 100);
	assert_string_equal(fixture_take(t->f), "R:H. >resume");
	fixture_answer_headers(t->f, "200", true);
	fixture_settle(t->f);
	sentinel_test_free(t);
}

/* The limit of a call is in its frame's facts; its interface, which let it in, sees it leave. */
static void a_call_is_not_kept_beyond_its_limit(void **state)
{
	struct sentinel_test *t = call_test(
		FLOW("{\"resource\": \"a.Svc:m(int)\", \"count\": 10, \"controlBehavior\": 2, "
		     "\"maxQueueingTimeMs\": 1000}"));
	const char *const through = "R:H. >h200. ended";
	(void)state;

	assert_string_equal(get(t, NULL), through);
	t->rpc.limit_ms = 100;
	assert_string_equal(get(t, NULL), ">h429 >d(SentinelBlockException: FlowException). ended");
	struct node_view interface = sentinel_test_view(t, "a.Svc"),
			 method = sentinel_test_view(t, "a.Svc:m(int)");
	assert_true(interface.pass_qps == 2 && interface.threads == 0);
	assert_true(method.pass_qps == 1 && method.block_qps == 1);
	t->rpc.limit_ms = 201; /* the turn after that which was lost */
	fixture_headers(t->f, NULL, true);
	assert_string_equal(fixture_take(t->f), "");
	assert_int_equal(sentinel_test_view(t, "a.Svc").threads, 1);
	fixture_reset(t->f);
	fixture_settle(t->f);
	assert_int_equal(sentinel_test_view(t, "a.Svc").threads, 0);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAIT_CANCELLED), 1);
	sentinel_test_free(t);
}

static uint64_t of_resource(struct sentinel_test *t, const char *name, enum resource_stat id)
{
	struct stat_scope *scope =
		stat_scope_take(t->f->stats, &sentinel_resource_stats, slice_of(name));
	uint64_t value = stat_value(t->f->stats, scope, id);

	stat_scope_drop(t->f->stats, scope);
	return value;
}

/* What FINAL didn't count is the next process's to count, unless everything is taken back. */
static void resources_are_counted_by_one_process(void **state)
{
	const char *const name = "sentinel.this.resource.GET:/a";
	struct sentinel_test *t = sentinel_test_new("{max_resource_stats: 1}");
	struct section_writer out = {0};

	(void)state;
	get(t, "GET /a h");
	sentinel_test_advance(t, 1300);
	sentinel_section.export[SECTION_FINAL](&t->applications, &out);
	assert_true(out.len);
	section_writer_free(&out);
	sentinel_applications_tick(&t->applications);
	assert_int_equal(of_resource(t, name, RESOURCE_STAT_PASS), 0);
	sentinel_section.taken_back(&t->applications);
	sentinel_applications_tick(&t->applications);
	assert_int_equal(of_resource(t, name, RESOURCE_STAT_PASS), 1);
	get(t, "GET /a h");
	sentinel_section.left(&t->applications);
	sentinel_test_advance(t, 1300);
	sentinel_applications_tick(&t->applications);
	assert_int_equal(of_resource(t, name, RESOURCE_STAT_PASS), 1);
	sentinel_test_free(t);
}

static void the_first_resources_have_stats(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		"{max_resource_stats: 2, rules: {flow: [{inline_string: '[{\"resource\": "
		"\"GET:/a.resource.b\", \"count\": 2}]'}]}}");
	const char *const first = "sentinel.this.resource.GET:/a_resource.b";
	(void)state;

	for (int second = 0; second < 2; second++) {
		for (int i = 0; i < 3; i++)
			get(t, "GET /a.resource.b h");
		sentinel_test_advance(t, 1000);
	}
	get(t, "GET /b h");
	get(t, "GET /c h");
	sentinel_applications_tick(&t->applications);
	assert_int_equal(of_resource(t, first, RESOURCE_STAT_PASS), 2); /* the last isn't settled */
	sentinel_test_advance(t, 1200);
	sentinel_applications_tick(&t->applications);
	sentinel_applications_tick(&t->applications);
	assert_int_equal(of_resource(t, first, RESOURCE_STAT_PASS), 4);
	assert_int_equal(of_resource(t, first, RESOURCE_STAT_BLOCK), 2);
	assert_int_equal(of_resource(t, first, RESOURCE_STAT_SUCCESS), 4);
	assert_int_equal(of_resource(t, first, RESOURCE_STAT_EXCEPTION), 0);
	assert_int_equal(of_resource(t, "sentinel.this.resource.GET:/b", RESOURCE_STAT_PASS), 1);
	assert_int_equal(of_resource(t, "sentinel.this.resource.GET:/c", RESOURCE_STAT_PASS), 0);
	for (int i = 0; i < 90; i++) {
		sentinel_test_advance(t, 1000);
		get(t, "GET /b h");
	}
	sentinel_test_advance(t, 1200);
	sentinel_applications_tick(&t->applications); /* 60 seconds are known */
	assert_in_range(of_resource(t, "sentinel.this.resource.GET:/b", RESOURCE_STAT_PASS), 58,
			62);
	sentinel_test_free(t);
}

static uint64_t blocked_by(struct sentinel_test *t, const char *name)
{
	struct stat_scope *scope =
		stat_scope_take(t->f->stats, &sentinel_rule_stats, slice_of(name));
	uint64_t value = stat_value(t->f->stats, scope, RULE_STAT_BLOCKED);

	stat_scope_drop(t->f->stats, scope);
	return value;
}

static void set_rules(struct sentinel_test *t, enum rule_kind kind, const char *json)
{
	struct sentinel_application *application =
		container_of(t->applications.list.next, struct sentinel_application, link);

	sentinel_application_set_rules(application, kind, slice_of(json));
}

/* By id or place; what was counted stays when the rules are others, as long as the rule is there.
 */
static void each_rule_counts_what_it_blocked(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		FLOW("{\"resource\": \"GET:/a.rule.b\", \"count\": 0, \"id\": 7}, {\"resource\": "
		     "\"GET:/c\", \"count\": 9}, {\"resource\": \"GET:/.\", \"regex\": true, "
		     "\"count\": 0}, {\"resource\": \"GET:/c\", \"count\": 0}"));
	const char *const by_id = "sentinel.this.rule.GET:/a_rule.b.flow_7";
	const char *const by_place = "sentinel.this.rule.GET:/c.flow_at_1";
	const char *const limit = "sentinel.this.rule.__total_inbound_traffic__.system_qps";
	const char *const pattern = "sentinel.this.rule.GET:/..flow_at_0";
	(void)state;

	for (int i = 0; i < 3; i++)
		get(t, "GET /a.rule.b h");
	get(t, "GET /c h");
	get(t, "GET /d h");
	assert_int_equal(blocked_by(t, by_id), 3);
	assert_int_equal(blocked_by(t, "sentinel.this.rule.GET:/c.flow_at_0"), 0);
	assert_int_equal(blocked_by(t, by_place), 1);
	assert_int_equal(blocked_by(t, pattern), 1);
	set_rules(t, RULE_FLOW,
		  "[{\"resource\": \"z\", \"count\": 0}, {\"resource\": \"GET:/a.rule.b\", "
		  "\"count\": 0.5, \"id\": 7}]");
	get(t, "GET /a.rule.b h");
	assert_int_equal(blocked_by(t, by_id), 4);
	assert_int_equal(blocked_by(t, by_place), 0); /* it is no more */
	set_rules(t, RULE_SYSTEM, "[{\"qps\": 0}]");
	get(t, "GET /a.rule.b h");
	assert_int_equal(blocked_by(t, by_id), 4);
	assert_int_equal(blocked_by(t, limit), 1);
	sentinel_test_free(t);
}

static void only_the_first_rules_count(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		"{max_resource_stats: 1, rules: {flow: [{inline_string: '[{\"resource\": "
		"\"GET:/a\", \"count\": 0}, {\"resource\": \"GET:/b\", \"count\": 0}]'}]}}");
	(void)state;

	get(t, "GET /a h");
	get(t, "GET /b h");
	assert_int_equal(blocked_by(t, "sentinel.this.rule.GET:/a.flow_at_0"), 1);
	assert_int_equal(blocked_by(t, "sentinel.this.rule.GET:/b.flow_at_0"), 0);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_BLOCK_FLOW), 2);
	sentinel_test_free(t);
}

/* A token server that says nothing until the test does. */
struct scripted {
	struct token_service service;
	struct token_ask *ask; /* pending */
	struct token_answer at_once;
	int asked, forgotten;
};

static void scripted_ask(void *arg, unsigned worker, struct token_ask *ask)
{
	struct scripted *s = arg;

	assert_int_equal(worker, 0);
	s->asked++;
	ask->answer = s->at_once;
	s->ask = s->at_once.status == TOKEN_PENDING ? ask : NULL;
}

static void scripted_forget(void *arg, unsigned worker, struct token_ask *ask)
{
	struct scripted *s = arg;

	assert_int_equal(worker, 0);
	assert_ptr_equal(s->ask, ask);
	s->ask = NULL;
	s->forgotten++;
}

#define ASKED                                                                                      \
	"{\"resource\": \"GET:/\", \"count\": 1, \"clusterMode\": true, \"clusterConfig\": "       \
	"{\"flowId\": 7}}"

static struct sentinel_test *asking_test(const char *yaml, struct scripted *s)
{
	struct sentinel_test *t = sentinel_test_new(yaml);

	*s = (struct scripted){
		.service = {.ask = scripted_ask,
			    .forget = scripted_forget,
			    .arg = s,
			    .timeout_ns = 20 * INT64_C(1000000)},
		.at_once = {.status = TOKEN_PENDING},
	};
	sentinel_test_core(t)->options.tokens = &s->service;
	return t;
}

static void say(struct scripted *s, int status, int wait_ms)
{
	struct token_ask *ask = s->ask;

	assert_non_null(ask);
	s->ask = NULL;
	token_ask_answer(ask, (struct token_answer){status, wait_ms});
}

static void an_answer_wakes_its_request(void **state)
{
	struct scripted s;
	struct sentinel_test *t = asking_test(FLOW(ASKED), &s);
	(void)state;

	fixture_headers(t->f, "GET / h\ngrpc-timeout: 1m", true); /* no rule said: wait so long */
	assert_string_equal(fixture_take(t->f), "");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAITING), 1);
	say(&s, TOKEN_OK, 0);
	assert_string_equal(fixture_take(t->f), "R:H. >resume");
	fixture_answer_headers(t->f, "200", true);
	fixture_settle(t->f);
	(void)fixture_take(t->f);

	fixture_headers(t->f, "GET / h", true);
	say(&s, TOKEN_BLOCKED, 0);
	fixture_settle(t->f);
	assert_string_equal(fixture_take(t->f),
			    ">resume >h429 >d(Blocked by Sentinel (flow limiting)). ended");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_BLOCK_FLOW), 1);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_PASS), 1);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAITING), 0);
	struct node_view view = sentinel_test_view(t, "GET:/");
	assert_true(view.pass_qps == 1 && view.block_qps == 1 && view.threads == 0);
	sentinel_test_free(t);
}

static void without_an_answer_the_rule_decides_itself(void **state)
{
	struct scripted s;
	struct sentinel_test *t = asking_test(FLOW(ASKED), &s);
	(void)state;

	fixture_headers(t->f, "GET / h", true);
	sentinel_test_advance(t, 19);
	assert_string_equal(fixture_take(t->f), "");
	sentinel_test_advance(t, 1);
	assert_string_equal(fixture_take(t->f), "R:H. >resume");
	assert_int_equal(s.forgotten, 1);
	fixture_answer_headers(t->f, "200", true);
	fixture_settle(t->f);
	(void)fixture_take(t->f);
	fixture_headers(t->f, "GET / h", true); /* the second: over the rule's own limit */
	sentinel_test_advance(t, 20);
	assert_string_equal(fixture_take(t->f),
			    ">resume >h429 >d(Blocked by Sentinel (flow limiting)). ended");
	s.at_once.status = TOKEN_FAIL; /* no connection: nobody waits */
	assert_string_equal(get(t, "GET / h"),
			    ">h429 >d(Blocked by Sentinel (flow limiting)). ended");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAIT), 2);
	assert_true(s.asked == 3 && s.forgotten == 2);
	sentinel_test_free(t);
}

static void who_leaves_is_not_answered(void **state)
{
	struct scripted s;
	struct sentinel_test *t = asking_test(FLOW(ASKED), &s);
	(void)state;

	fixture_headers(t->f, "GET / h", true);
	sentinel_test_advance(t, 5);
	fixture_reset(t->f);
	fixture_settle(t->f);
	assert_true(s.forgotten == 1 && !s.ask);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAIT_CANCELLED), 1);
	(void)fixture_take(t->f);

	fixture_headers(t->f, "GET / h", true); /* leaves in the wait that the server asked for */
	say(&s, TOKEN_SHOULD_WAIT, 50);
	fixture_reset(t->f);
	fixture_settle(t->f);
	assert_int_equal(s.forgotten, 1);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAIT_CANCELLED), 2);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_PASS), 0);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAITING), 0);
	assert_int_equal(sentinel_test_view(t, "GET:/").threads, 0);
	sentinel_test_free(t);
}

static void the_server_s_wait_is_one_like_any_other(void **state)
{
	struct scripted s;
	struct sentinel_test *t = asking_test(FLOW(ASKED), &s);
	(void)state;

	fixture_headers(t->f, "GET / h\ngrpc-timeout: 200m", true);
	say(&s, TOKEN_SHOULD_WAIT, 150);
	assert_string_equal(fixture_take(t->f), "");
	sentinel_test_advance(t, 149);
	assert_string_equal(fixture_take(t->f), "");
	sentinel_test_advance(t, 1);
	assert_string_equal(fixture_take(t->f), "R:H. >resume");
	fixture_answer_headers(t->f, "200", true);
	fixture_settle(t->f);
	(void)fixture_take(t->f);

	fixture_headers(t->f, "GET / h\ngrpc-timeout: 100m", true);
	say(&s, TOKEN_SHOULD_WAIT, 150);
	fixture_settle(t->f);
	assert_string_equal(fixture_take(t->f),
			    ">resume >h429 >d(Blocked by Sentinel (flow limiting)). ended");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_WAIT_PAST_DEADLINE), 1);
	sentinel_test_free(t);
}

/* Interface and method both ask; the wait of one ends before the other begins. */
static void each_rule_of_a_call_asks_in_turn(void **state)
{
	struct scripted s;
	struct sentinel_test *t = asking_test(
		FLOW("{\"resource\": \"a.Svc\", \"count\": 1, \"clusterMode\": true, "
		     "\"clusterConfig\": {\"flowId\": 1}}, {\"resource\": \"a.Svc:m(int)\", "
		     "\"count\": 1, \"clusterMode\": true, \"clusterConfig\": {\"flowId\": 2}}"),
		&s);
	(void)state;

	t->is_call = true;
	t->rpc = (struct rpc_head){.protocol = RPC_DUBBO,
				   .service = SLICE("a.Svc"),
				   .method = SLICE("m"),
				   .param_types = SLICE("I")};
	t->answer =
		(struct rpc_head){.protocol = RPC_DUBBO, .status = 20, .result = RPC_RESULT_VALUE};
	fixture_headers(t->f, NULL, true);
	assert_int_equal(s.ask->flow_id, 1);
	say(&s, TOKEN_OK, 0);
	assert_string_equal(fixture_take(t->f), "");
	assert_int_equal(s.ask->flow_id, 2);
	assert_int_equal(sentinel_test_view(t, "a.Svc").threads, 1);
	say(&s, TOKEN_BLOCKED, 0);
	fixture_settle(t->f);
	assert_string_equal(fixture_take(t->f),
			    ">resume >h429 >d(SentinelBlockException: FlowException). ended");
	assert_int_equal(sentinel_test_view(t, "a.Svc").threads, 0);
	assert_int_equal(s.asked, 2);
	sentinel_test_free(t);
}

static void rules_change_while_one_waits(void **state)
{
	struct sentinel_test *t =
		sentinel_test_new("{rules: {flow: [{inline_string: '[" PACED
				  ", {\"resource\": \"GET:/\", \"count\": 100}]'}]}}");
	struct arena arena;
	(void)state;

	get(t, "GET / h");
	fixture_headers(t->f, "GET / h", true);
	arena_init(&arena, 1024);
	sentinel_test_load(t, &arena, "l",
			   "{rules: {flow: [{inline_string: '[{\"resource\": \"GET:/\", "
			   "\"count\": 0}]'}]}}");
	assert_int_equal(t->published, 2);
	sentinel_test_advance(t, 100);
	assert_string_equal(fixture_take(t->f), "R:H. >resume"); /* by the rules of its slot */
	fixture_answer_headers(t->f, "200", true);
	fixture_settle(t->f);
	(void)fixture_take(t->f);
	assert_string_equal(get(t, "GET / h"),
			    ">h429 >d(Blocked by Sentinel (flow limiting)). ended");
	arena_free(&arena);
	sentinel_test_free(t);
}

/* --- configurations --- */

static uint64_t loaded(struct sentinel_test *t)
{
	return sentinel_counted(t, SENTINEL_STAT_RULES_LOADED);
}

static void listeners_share_an_application(void **state)
{
	struct sentinel_test *t =
		sentinel_test_new(FLOW("{\"resource\": \"GET:/a\", \"count\": 1}"));
	const char *const through = "R:H. >h200. ended";
	const char *const blocked = ">h429 >d(Blocked by Sentinel (flow limiting)). ended";
	struct arena other, same, newer;
	const struct sentinel_config *config;
	(void)state;

	arena_init(&other, 1024);
	config = sentinel_test_load(t, &other, "other",
				    FLOW("{\"resource\": \"GET:/b\", \"count\": 0}"));
	assert_ptr_equal(config->application, sentinel_test_config(t)->application);
	assert_int_equal(loaded(t), 2);
	assert_string_equal(get(t, "GET /a h"), through);
	assert_string_equal(get(t, "GET /a h"), blocked);
	assert_string_equal(get(t, "GET /b h"), blocked);

	arena_init(&same, 1024); /* a third has what the first has: they are one */
	sentinel_test_load(t, &same, "same", FLOW("{\"resource\": \"GET:/a\", \"count\": 1}"));
	assert_int_equal(loaded(t), 2);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_RULES_REJECTED), 0);

	arena_init(&newer, 1024); /* the other's next version, while the one before is in use */
	sentinel_test_load(t, &newer, "other", "{}");
	assert_string_equal(get(t, "GET /b h"), through);
	assert_int_equal(loaded(t), 1);
	arena_free(&other);
	sentinel_applications_tick(&t->applications);
	assert_int_equal(loaded(t), 1);
	assert_string_equal(get(t, "GET /a h"), blocked); /* its windows went on */
	arena_free(&newer);
	arena_free(&same);
	sentinel_test_free(t);
}

static void a_listener_that_goes_takes_its_rules_along(void **state)
{
	struct sentinel_test *t = sentinel_test_new("{}");
	struct arena other;
	(void)state;

	arena_init(&other, 1024);
	sentinel_test_load(t, &other, "other", FLOW("{\"resource\": \"GET:/b\", \"count\": 0}"));
	assert_int_equal(loaded(t), 1);
	arena_free(&other);
	assert_int_equal(loaded(t), 1); /* not from where it went: with the next tick */
	sentinel_applications_tick(&t->applications);
	assert_int_equal(loaded(t), 0);
	assert_string_equal(get(t, "GET /b h"), "R:H. >h200. ended");
	sentinel_test_free(t);
}

/* --- files --- */

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void files_are_read_when_they_change(void **state)
{
	char path[] = "/tmp/outrigger-rules-XXXXXX", yaml[128];
	int fd = mkstemp(path);
	struct arena arena;
	(void)state;

	assert_true(fd >= 0);
	close(fd);
	write_file(path, "[{\"resource\": \"GET:/a\", \"count\": 1}, {\"count\": 1}]");
	snprintf(yaml, sizeof yaml, "{rules: {flow: [{filename: %s}]}}", path);
	struct sentinel_test *t = sentinel_test_new(yaml);
	assert_int_equal(loaded(t), 1);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_RULES_REJECTED), 1);
	const struct sentinel_rules *rules = sentinel_test_config(t)->application->rules;
	assert_int_equal(rules->rejections->index, 1);
	assert_string_equal(rules->rejections->source, path);

	write_file(path, "[{\"resource\": \"GET:/a\", \"count\": 0}]");
	t->changed(t->changed_arg);
	assert_string_equal(get(t, "GET /a h"),
			    ">h429 >d(Blocked by Sentinel (flow limiting)). ended");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_RULES_REJECTED), 0);
	unsigned published = t->published;
	t->changed(t->changed_arg);
	assert_int_equal(t->published, published); /* nothing is new in it */

	write_file(path, "nothing");
	t->changed(t->changed_arg);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_SOURCE_REJECTED), 1);
	assert_int_equal(loaded(t), 1);
	arena_init(&arena, 1024); /* a part more: what isn't a list is as it was */
	sentinel_test_load(t, &arena, "other", FLOW("{\"resource\": \"GET:/b\", \"count\": 0}"));
	assert_int_equal(loaded(t), 2);
	assert_int_equal(unlink(path), 0);
	t->changed(t->changed_arg);
	assert_int_equal(loaded(t), 2);
	arena_free(&arena);
	sentinel_test_free(t);
}

/* The same text is other rules where it is marked: of one file, and in line. */
static void the_mark_says_whose_json_it_is(void **state)
{
	const char *const rule =
		"[{\"resource\": \"GET:/a\", \"metricType\": 1, \"paramIndex\": 0, "
		"\"threshold\": 0, \"durationInSec\": 1}]";
	(void)state;

	for (unsigned is_inline = 0; is_inline < 2; is_inline++) {
		char path[] = "/tmp/outrigger-rules-XXXXXX", source[256], yaml[384];
		struct arena plain, marked, both;
		int fd = mkstemp(path);
		assert_true(fd >= 0);
		close(fd);
		write_file(path, rule);
		if (is_inline)
			snprintf(source, sizeof source, "inline_string: '%s'", rule);
		else
			snprintf(source, sizeof source, "filename: %s", path);

		struct sentinel_test *t =
			sentinel_test_new("{parameters: [{query: who}], rules: {}}");
		arena_init(&plain, 1024);
		snprintf(yaml, sizeof yaml, "{rules: {param_flow: [{%s}]}}", source);
		sentinel_test_load(t, &plain, "other", yaml);
		assert_int_equal(loaded(t), 0);
		const struct sentinel_rules *rules = sentinel_test_config(t)->application->rules;
		assert_string_equal(rules->rejections->reason, "paramIdx: needed");
		assert_string_equal(get(t, "GET /a?who=x h"), "R:H. >h200. ended");

		arena_init(&marked, 1024);
		snprintf(yaml, sizeof yaml, "{rules: {dialect: GOLANG, param_flow: [{%s}]}}",
			 source);
		sentinel_test_load(t, &marked, "other", yaml);
		assert_int_equal(loaded(t), 1);
		assert_int_equal(sentinel_counted(t, SENTINEL_STAT_RULES_REJECTED), 0);
		assert_non_null(strstr(get(t, "GET /a?who=x h"), ">h429"));

		arena_init(&both, 1024); /* they aren't one source */
		snprintf(yaml, sizeof yaml, "{rules: {param_flow: [{%s}]}}", source);
		sentinel_test_load(t, &both, "third", yaml);
		assert_int_equal(loaded(t), 1);
		assert_int_equal(sentinel_counted(t, SENTINEL_STAT_RULES_REJECTED), 1);
		arena_free(&plain);
		arena_free(&marked);
		arena_free(&both);
		sentinel_test_free(t);
		assert_int_equal(unlink(path), 0);
	}
}

static void authority_rules_are_java_s_with_any_mark(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		"{rules: {dialect: GOLANG, authority: [{inline_string: '[{\"resource\": "
		"\"GET:/a\", \"limitApp\": \"bad\", \"strategy\": 1}]'}]}}");
	const struct sentinel_application *application = sentinel_test_config(t)->application;
	const struct sentinel_part *part =
		container_of(application->parts.next, struct sentinel_part, link);
	(void)state;

	assert_int_equal(loaded(t), 1);
	assert_int_equal(part->sources[0].dialect, RULE_DIALECT_JAVA); /* may be written to */
	sentinel_test_free(t);
}

static void routes_differ(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		"{fallback: {status: 503, content_type: application/json, "
		"body: {inline_string: '{}'}}, "
		"rules: {flow: [{inline_string: '[{\"resource\": \"GET:/a\", \"count\": 0}, "
		"{\"resource\": \"all\", \"count\": 0}]'}]}}");
	(void)state;

	filter_yaml_routes(
		t->f,
		"[{match: {path: /off}, route: {cluster: c}, typed_per_filter_config: {it: "
		"{'@type': type.googleapis.com/outrigger.filters.sentinel.v1.SentinelPerRoute, "
		"disabled: true}}}, "
		"{match: {prefix: /all/}, route: {cluster: c}, typed_per_filter_config: {it: "
		"{'@type': type.googleapis.com/outrigger.filters.sentinel.v1.SentinelPerRoute, "
		"resource: all, fallback: {status: 200, body: {inline_string: later}}}}}, "
		"{match: {prefix: /}, route: {cluster: c}}]");
	assert_string_equal(get(t, "GET /a h"), ">h503 >d({}). ended");
	assert_non_null(strstr(fixture_sent_headers(t->f), "content-type=application/json"));
	assert_string_equal(get(t, "GET /all/7 h"), ">h200 >d(later). ended");
	assert_string_equal(get(t, "GET /off h"), "R:H. >h200. ended");
	sentinel_test_free(t);
}

/* --- what blocked requests get --- */

static void answer_with(struct sentinel_test *t, const char *request, const char *body)
{
	fixture_headers(t->f, request, true);
	fixture_answer_headers(t->f, "200", false);
	fixture_answer_data(t->f, body, false);
	fixture_answer_data(t->f, body, true);
	fixture_settle(t->f);
	(void)fixture_take(t->f);
}

static void the_last_good_answer_is_given_again(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		"{answer_cache: {max_age: 0.5s}, fallback: {last_answer: true, status: 503, body: "
		"{inline_string: sorry}}, rules: {flow: [{inline_string: '[{\"resource\": "
		"\"GET:/a\", \"count\": 1}]'}]}}");
	(void)state;

	answer_with(t, "GET /a?x h", "one ");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_ANSWERS), 1);
	assert_in_range(sentinel_counted(t, SENTINEL_STAT_ANSWER_BYTES), 50, 1000);
	assert_string_equal(get(t, "GET /a?x h"), ">h200 >d(one one ). ended");
	assert_string_equal(t->f->details, "sentinel_last_answer{FlowException}");
	assert_non_null(strstr(fixture_sent_headers(t->f), "content-length=8"));
	assert_non_null(strstr(fixture_sent_headers(t->f), "age=0"));
	assert_string_equal(get(t, "GET /a?y h"), ">h503 >d(sorry). ended"); /* another one */
	assert_string_equal(get(t, "GET /a?x other"), ">h503 >d(sorry). ended");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_FALLBACK_ANSWER), 1);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_BLOCK_FLOW), 3);
	sentinel_test_advance(t, 501);
	assert_string_equal(get(t, "GET /a?x h"), ">h503 >d(sorry). ended"); /* too old */
	sentinel_test_free(t);
}

static void only_good_answers_are_kept(void **state)
{
	static const char *const requests[] = {"POST /a h", "GET /a h\ncookie: a=b",
					       "GET /a h\nauthorization: x",
					       "GET /a h\ncache-control: max-age=0, No-Store",
					       "GET /a.Svc/m h\ncontent-type: application/grpc"};
	static const char *const codes[] = {"404", "500", "206", "304"};
	struct sentinel_test *t = sentinel_test_new(
		"{answer_cache: {max_body_bytes: 9}, fallback: {last_answer: true}}");
	(void)state;

	for (size_t i = 0; i < COUNT_OF(requests); i++)
		answer_with(t, requests[i], "x");
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		fixture_headers(t->f, "GET /a h", true);
		fixture_answer_headers(t->f, codes[i], true);
		fixture_settle(t->f);
	}
	fixture_headers(t->f, "GET /a h", true); /* incomplete */
	fixture_answer_headers(t->f, "200", false);
	fixture_answer_data(t->f, "half", false);
	fixture_reset(t->f);
	fixture_settle(t->f);
	fixture_headers(t->f, "GET /a h", true); /* with trailers */
	fixture_answer_headers(t->f, "200", false);
	fixture_answer_data(t->f, "all", false);
	fixture_answer_trailers(t->f);
	fixture_settle(t->f);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_ANSWERS), 0);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_ANSWER_TOO_LARGE), 0);
	answer_with(t, "GET /a h", "5 and");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_ANSWERS), 0);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_ANSWER_TOO_LARGE), 1);
	answer_with(t, "GET /a h", "four");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_ANSWERS), 1);
	sentinel_test_free(t);
}

static void reply(struct sentinel_test *t, uint16_t status)
{
	reply_send(t->f->stream, &(struct local_reply){.reason = REPLY_DEFERRED,
						       .http_status = status,
						       .grpc_status = -1,
						       .text = SLICE("later")});
	fixture_settle(t->f);
}

/* What another filter says, as that a request is kept, is for that request alone; also in the place
 * of an answer that has begun, and that a filter before this one holds. */
static void replies_are_no_good_answers(void **state)
{
	struct sentinel_test *t =
		sentinel_test_new("{answer_cache: {}, fallback: {last_answer: true}}");
	struct headers answer;
	struct buf body;
	(void)state;

	fixture_headers(t->f, "GET /a h", true);
	reply(t, 202);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_ANSWERS), 0);
	for (unsigned status = 202; status <= 502; status += 300) {
		fixture_headers(t->f, "GET /a h", true);
		struct stream *s = t->f->stream;
		struct filter *f = s->filters;
		while (f->type != &sentinel_filter)
			f++;
		headers_init(&answer, &s->arena, 1);
		headers_add_id(&answer, HEADER_STATUS, SLICE("200"));
		buf_init(&body, &t->f->loop.pool);
		buf_append_copy(&body, SLICE("half"));
		(void)sentinel_response_headers(f, &answer, false);
		(void)sentinel_response_data(f, &body, false);
		buf_clear(&body);
		reply(t, (uint16_t)status);
		assert_int_equal(sentinel_counted(t, SENTINEL_STAT_ANSWERS), 0);
	}
	sentinel_test_free(t);
}

/* With a key of one's own anything but a HEAD may be answered so; an answer is copied once a
 * second. */
static void keys_say_which_answer_is_whose(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		"{answer_cache: {key: '%REQ(x-tenant)%'}, http_resource: PATH, fallback: "
		"{last_answer: true}, rules: {flow: [{inline_string: '[{\"resource\": \"/a\", "
		"\"count\": 2}]'}]}}");
	const char *const blocked = ">h429 >d(Blocked by Sentinel (flow limiting)). ended";
	(void)state;

	answer_with(t, "POST /a?1 h\nx-tenant: t\ncookie: c=d", "t");
	answer_with(t, "POST /a?2 h\nx-tenant: t", "later");
	assert_string_equal(get(t, "GET /a h\nx-tenant: t"), ">h200 >d(tt). ended");
	assert_string_equal(get(t, "GET /a h\nx-tenant: u"), blocked);
	assert_string_equal(get(t, "GET /a h"), blocked);
	assert_string_equal(get(t, "HEAD /a h\nx-tenant: t"), blocked);
	sentinel_test_advance(t, 1000);
	answer_with(t, "POST /a h\nx-tenant: t", "new");
	answer_with(t, "POST /a h\nx-tenant: t", "newer");
	sentinel_test_advance(t, 900);
	assert_string_equal(get(t, "GET /a h\nx-tenant: t"), ">h200 >d(newnew). ended");
	assert_non_null(strstr(fixture_sent_headers(t->f), "age=0"));
	sentinel_test_free(t);
}

static void another_cluster_answers(void **state)
{
	struct sentinel_test *t =
		sentinel_test_new("{fallback: {cluster: second}, rules: {flow: [{inline_string: "
				  "'[{\"resource\": \"GET:/a\", \"count\": 0}]'}]}}");
	const struct sentinel_state moved = {.elsewhere = sentinel_test_config(t)->route.fallback};
	const struct sentinel_state stays = {.elsewhere = NULL};
	struct policy_facts facts = {.state = (void *)(uintptr_t)&moved};
	struct policy_choice choice = {.is_refused = false};
	(void)state;

	assert_string_equal(get(t, "GET /a h"),
			    ">h429 >d(Blocked by Sentinel (flow limiting)). ended"); /* no route */
	filter_yaml_routes(t->f, "[{match: {path: /direct}, direct_response: {status: 200}}, "
				 "{match: {prefix: /}, route: {cluster: c}}]");
	assert_string_equal(get(t, "GET /a h"), "R:H. >h200. ended");
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_FALLBACK_CLUSTER), 1);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_BLOCK_FLOW), 2);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_PASS), 0);
	struct node_view view = sentinel_test_view(t, "GET:/a");
	assert_true(view.block_qps == 2 && view.pass_qps == 0 && view.success_qps == 0);
	sentinel_policy.choose(NULL, &facts, &choice);
	assert_true(slice_equal(choice.cluster, SLICE("second")));
	assert_int_equal(choice.cluster_slot, 6);
	facts.state = (void *)(uintptr_t)&stays;
	choice = (struct policy_choice){.is_refused = false};
	sentinel_policy.choose(NULL, &facts, &choice);
	assert_int_equal(choice.cluster.len, 0);
	sentinel_test_free(t);
}

static void hot_parameters_of_requests(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		"{parameters: [{query: user}, {value: {header: x-user}}], "
		"rules: {param_flow: [{inline_string: '[{\"resource\": \"GET:/a\", \"paramIdx\": "
		"0, "
		"\"count\": 1}, {\"resource\": \"GET:/b\", \"paramIdx\": 1, \"count\": 1}]'}]}}");
	const char *const blocked = ">h429 >d(Blocked by Sentinel (flow limiting)). ended";
	const char *const through = "R:H. >h200. ended";
	(void)state;

	assert_string_equal(get(t, "GET /a?user=x h"), through);
	assert_string_equal(get(t, "GET /a?user=x h"), blocked);
	assert_string_equal(get(t, "GET /a?user=y h"), through);
	assert_string_equal(get(t, "GET /a h"), through);
	assert_string_equal(get(t, "GET /b h\nx-user: 1"), through);
	assert_string_equal(get(t, "GET /b h\nx-user: 1"), blocked);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_BLOCK_PARAM_FLOW), 2);
	sentinel_test_free(t);
}

static void origins_are_those_configured(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		"{origins: [{header: x-from}, {cookie: from}], "
		"rules: {authority: [{inline_string: '[{\"resource\": \"GET:/a\", "
		"\"limitApp\": \"good\", \"strategy\": 0}]'}]}}");
	const char *const blocked = ">h429 >d(Blocked by Sentinel (flow limiting)). ended";
	const char *const through = "R:H. >h200. ended";
	(void)state;

	assert_string_equal(get(t, "GET /a h"), through); /* unknown */
	assert_string_equal(get(t, "GET /a h\nx-from: good"), through);
	assert_string_equal(get(t, "GET /a h\nx-from: bad"), blocked);
	assert_string_equal(get(t, "GET /a h\ncookie: from=bad"), blocked);
	assert_string_equal(get(t, "GET /b h\nx-from: bad"), through);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_BLOCK_AUTHORITY), 2);
	sentinel_test_free(t);
}

static void certificates_say_who_calls(void **state)
{
	static const struct {
		const char *which;
		struct peer_names peer;
	} rows[] = {
		{"URI_SAN", {.uri = {"bad", 3}, .dns = {"x", 1}}},
		{"DNS_SAN", {.dns = {"bad", 3}, .uri = {"x", 1}}},
		{"SUBJECT", {.subject = {"bad", 3}, .uri = {"x", 1}}},
	};
	const char *const blocked = ">h429 >d(Blocked by Sentinel (flow limiting)). ended";
	const char *const through = "R:H. >h200. ended";
	const struct peer_names nobody = {.uri = {"", 0}};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char yaml[256];
		snprintf(yaml, sizeof yaml,
			 "{origin_peer: %s, origins: [{header: x-from}], rules: {authority: "
			 "[{inline_string: '[{\"resource\": \"GET:/a\", \"limitApp\": "
			 "\"bad\", \"strategy\": 1}]'}]}}",
			 rows[i].which);
		struct sentinel_test *t = sentinel_test_new(yaml);
		assert_string_equal(get(t, "GET /a h"), through);
		t->peer = &rows[i].peer;
		assert_string_equal(get(t, "GET /a h\nx-from: good"), blocked);
		t->peer = &nobody; /* the others are asked */
		assert_string_equal(get(t, "GET /a h\nx-from: bad"), blocked);
		assert_string_equal(get(t, "GET /a h\nx-from: good"), through);
		sentinel_test_free(t);
	}
}

static void what_can_not_be_is_refused(void **state)
{
	(void)state;
	filter_yaml_refused(&sentinel_filter, "{rules: {flow: [{inline_string: '[{'}]}}",
			    "rules.flow[0]", "is no JSON");
	filter_yaml_refused(&sentinel_filter,
			    "{rules: {degrade: [{inline_string: '[]'}, {inline_string: '{}'}]}}",
			    "rules.degrade[1]", "must be a JSON array");
	filter_yaml_refused(&sentinel_filter, "{rules: {system: [{filename: /nowhere/x}]}}",
			    "rules.system[0].filename", "can't be read");
	filter_yaml_refused(&sentinel_filter, "{rules: {authority: [{}]}}", "rules.authority[0]",
			    "one of filename");
	filter_yaml_refused(&sentinel_filter, "{parameters: [{query: a}, {}]}", "parameters[1]",
			    "is required");
	filter_yaml_refused(&sentinel_filter, "{fallback: {status: 100}}", "fallback.status",
			    "must be from 200 to 599");
	filter_yaml_refused(&sentinel_filter, "{origin_peer: URI_SAN}", "origin_peer",
			    "needs a listener whose clients show certificates");
	filter_yaml_refused(&sentinel_filter, "{answer_cache: {max_bytes: 2000000000}}",
			    "answer_cache.max_bytes", "must be at most");
	filter_yaml_refused(&sentinel_filter, "{answer_cache: {max_body_bytes: 5000000}}",
			    "answer_cache.max_body_bytes", "must be at most");
	filter_yaml_refused(&sentinel_filter, "{answer_cache: {max_age: -1s}}",
			    "answer_cache.max_age", "");
	filter_yaml_refused(&sentinel_filter, "{max_resources: 1000001}", "max_resources",
			    "must be at most");
	filter_yaml_refused(&sentinel_filter, "{max_resource_stats: 100001}", "max_resource_stats",
			    "must be at most");
	filter_yaml_refused(&sentinel_filter, "{cluster_client: {server_address: tokens.example}}",
			    "cluster_client.server_address", "must be an IP address");
	filter_yaml_refused(&sentinel_filter, "{cluster_client: {server_port: 65536}}",
			    "cluster_client.server_port", "must be at most");
	filter_yaml_refused(&sentinel_filter, "{cluster_client: {request_timeout_ms: 10001}}",
			    "cluster_client.request_timeout_ms", "must be at most");
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_pass_until_the_limit),
		cmocka_unit_test(grpc_has_names_and_words_of_its_own),
		cmocka_unit_test(what_is_said_to_calls_names_the_exception),
		cmocka_unit_test(a_call_blocked_at_its_method_leaves_its_interface),
		cmocka_unit_test(outbound_calls_are_no_inbound_traffic),
		cmocka_unit_test(what_is_no_call_of_the_service_is_not_asked),
		cmocka_unit_test(failures_are_traced),
		cmocka_unit_test(statuses_of_http_from_500_on_are_failures),
		cmocka_unit_test(who_leaves_is_no_failure),
		cmocka_unit_test(a_breaker_opens_probes_and_closes),
		cmocka_unit_test(a_wait_pauses_its_stream),
		cmocka_unit_test(who_leaves_while_waiting_has_had_its_turn),
		cmocka_unit_test(who_gives_up_before_his_turn_is_blocked_at_once),
		cmocka_unit_test(a_call_is_not_kept_beyond_its_limit),
		cmocka_unit_test(resources_are_counted_by_one_process),
		cmocka_unit_test(the_first_resources_have_stats),
		cmocka_unit_test(each_rule_counts_what_it_blocked),
		cmocka_unit_test(only_the_first_rules_count),
		cmocka_unit_test(an_answer_wakes_its_request),
		cmocka_unit_test(without_an_answer_the_rule_decides_itself),
		cmocka_unit_test(who_leaves_is_not_answered),
		cmocka_unit_test(the_server_s_wait_is_one_like_any_other),
		cmocka_unit_test(each_rule_of_a_call_asks_in_turn),
		cmocka_unit_test(rules_change_while_one_waits),
		cmocka_unit_test(listeners_share_an_application),
		cmocka_unit_test(a_listener_that_goes_takes_its_rules_along),
		cmocka_unit_test(files_are_read_when_they_change),
		cmocka_unit_test(the_mark_says_whose_json_it_is),
		cmocka_unit_test(authority_rules_are_java_s_with_any_mark),
		cmocka_unit_test(routes_differ),
		cmocka_unit_test(the_last_good_answer_is_given_again),
		cmocka_unit_test(only_good_answers_are_kept),
		cmocka_unit_test(replies_are_no_good_answers),
		cmocka_unit_test(keys_say_which_answer_is_whose),
		cmocka_unit_test(another_cluster_answers),
		cmocka_unit_test(hot_parameters_of_requests),
		cmocka_unit_test(origins_are_those_configured),
		cmocka_unit_test(certificates_say_who_calls),
		cmocka_unit_test(what_can_not_be_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
