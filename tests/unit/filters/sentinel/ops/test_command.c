/* Expected texts are what Sentinel for Java 1.8.9 answered to the same commands. */
#include "ops_support.h"

#include "filters/sentinel/ops/command.h"
#include "filters/sentinel/ops/java_text.h"
#include "filters/sentinel/ops/metric_writer.h"

struct centre {
	struct fixture f;
	struct command_context context;
	struct command_answer answer; /* of the last command */
};

static void open_centre(struct centre *c)
{
	open_fixture(&c->f);
	c->context = (struct command_context){
		.sentinel = c->f.sentinel,
		.rules = &c->f.list,
		.cluster = {.mode = CLUSTER_NOT_STARTED, .last_modified_ms = -1},
		.metric_folder = "/nowhere",
		.metric_base = "a-metrics.log",
		.hostname = "vm",
		.ip = "192.0.2.2",
		.now_ms = t0,
	};
	c->answer = (struct command_answer){0};
}

static void close_centre(struct centre *c)
{
	command_answer_free(&c->answer);
	close_fixture(&c->f);
}

static void run_with(struct centre *c, const char *target, const char *body)
{
	struct command_request request;
	struct arena arena;

	command_answer_free(&c->answer);
	arena_init(&arena, 1024);
	assert_int_equal(command_parse(&arena, slice_of(target), slice_of(body), &request),
			 STATUS_OK);
	command_run(&c->context, &request, &c->answer);
	arena_free(&arena);
}

static void asks(struct centre *c, const char *target, unsigned status, const char *expected)
{
	run_with(c, target, "");
	assert_slice(text_slice(&c->answer.body), expected);
	assert_int_equal(c->answer.status, status);
}

static void what_is_not_a_command_is_refused(void **state)
{
	struct centre c;
	(void)state;

	open_centre(&c);
	asks(&c, "/nope", 400, "Unknown command `nope`");
	asks(&c, "/", 400, "Invalid command");
	asks(&c, "", 400, "Invalid command");
	asks(&c, "/ ?a=b", 400, "Invalid command");
	asks(&c, "/getRules?type=x", 400, "invalid type");
	asks(&c, "/getRules", 400, "invalid type");
	asks(&c, "/cnode", 400, "Invalid parameter: empty clusterNode name");
	asks(&c, "/clusterNodeById", 400, "Invalid parameter: empty clusterNode name");
	asks(&c, "/setParamFlowRules", 400, "Bad data");
	asks(&c, "/metric?startTime=x", 500, "Command server error");
	asks(&c, "/metric?startTime=1&endTime=x", 400, "Error when retrieving metrics");
	close_centre(&c);
}

static void parameters_are_read_as_java_reads_them(void **state)
{
	struct command_request request;
	struct arena arena;
	char many[4096] = "/x?";
	(void)state;

	arena_init(&arena, 1024);
	assert_int_equal(command_parse(&arena, SLICE("/x?&a=%C3%A9+b&&=v&c=&d&a=last#&e=1"),
				       SLICE("f=%26&a=body"), &request),
			 STATUS_OK);
	assert_slice(request.name, "x");
	assert_int_equal(request.count, 4);
	assert_slice(request.parameters[0].value, "é b");
	assert_slice(command_parameter(&request, SLICE("a")), "body");
	assert_slice(command_parameter(&request, SLICE("f")), "&");
	assert_null(command_parameter(&request, SLICE("c")).data);
	assert_null(command_parameter(&request, SLICE("e")).data);
	assert_int_equal(command_parse(&arena, SLICE("/x?a=%4"), SLICE(""), &request),
			 STATUS_MALFORMED);
	assert_int_equal(command_parse(&arena, SLICE("/x?a=%zz"), SLICE(""), &request),
			 STATUS_MALFORMED);
	for (int i = 0; i < 100; i++)
		strcat(many, "p=v&");
	assert_int_equal(command_parse(&arena, slice_of(many), SLICE(""), &request), STATUS_OK);
	assert_int_equal(request.count, COMMAND_PARAMETERS_MAX);
	arena_free(&arena);
}

static void short_answers_are_java_s(void **state)
{
	struct centre c;
	(void)state;

	open_centre(&c);
	asks(&c, "/version", 200, "1.8.9");
	asks(&c, "/basicInfo", 200, "{\n\t\"machine\": \"vm\",\n\t\"ip\": \"192.0.2.2\"\n}");
	asks(&c, "/getSwitch", 200, "Sentinel switch value: true");
	asks(&c, "/setSwitch?value=0", 200, "Sentinel set switch value: 0");
	asks(&c, "/getSwitch", 200, "Sentinel switch value: false");
	asks(&c, "/setSwitch?value=TRUE", 200, "Sentinel set switch value: TRUE");
	assert_true(sentinel_is_on(c.f.sentinel));
	asks(&c, "/setSwitch", 200, "Sentinel set switch value: null");
	assert_false(sentinel_is_on(c.f.sentinel));
	asks(&c, "/getClusterMode", 200,
	     "{\"mode\":-1,\"clientAvailable\":false,\"serverAvailable\":false,"
	     "\"lastModified\":-1}");
	asks(&c, "/setClusterMode?mode=0", 400, "token client mode not available: no SPI found");
	asks(&c, "/setClusterMode?mode=1", 400, "token server mode not available: no SPI found");
	asks(&c, "/setClusterMode?mode=x", 400, "invalid parameter");
	asks(&c, "/setClusterMode?mode=-1", 200, "success");
	asks(&c, "/cluster/client/fetchConfig", 400,
	     "Unknown command `cluster/client/fetchConfig`");
	asks(&c, "/systemStatus", 200, "{\"b\":0.0,\"r\":0.0,\"t\":0,\"qps\":0.0,\"rqps\":0.0}");
	run_with(&c, "/api", "");
	assert_true(slice_starts_with(
		text_slice(&c.answer.body),
		SLICE("[{\"url\":\"/api\",\"desc\":\"get all available command handlers\"},")));
	close_centre(&c);
}

/* com.x.Foo: one passed in 2 ms, one blocked; /a|b: one passed */
static void make_calls(struct centre *c)
{
	struct entry_request request;
	struct entry entry;

	load(&c->f, RULE_FLOW, "[{\"resource\":\"com.x.Foo\",\"count\":1}]");
	request = request_of(&c->f, "com.x.Foo", 0);
	request.origin = SLICE("app-a");
	assert_int_equal(sph_entry(c->f.sentinel, c->f.rules, 0, &request, at(0), &entry),
			 ENTRY_PASS);
	leave(&c->f, &entry, 2, false);
	assert_int_equal(sph_entry(c->f.sentinel, c->f.rules, 0, &request, at(2), &entry),
			 ENTRY_BLOCK);
	assert_true(passes(&c->f, "/a|b", 2, false));
	c->context.now_ms = t0 + 3;
}

static void tables_of_nodes_are_java_s(void **state)
{
	struct centre c;
	(void)state;

	open_centre(&c);
	make_calls(&c);
	asks(&c, "/cnode?id=o", 200,
	     "idx id        thread    pass      blocked   success    total    aRt   1m-pass   "
	     "1m-block   1m-all   exception  \n"
	     "2   com.x.Foo 0         1.0       1.0       1.0        2.0      2.0   1         1    "
	     "      2        0.0        \n");
	asks(&c, "/cnode?id=zz", 200,
	     "idx idthread    pass      blocked   success    total    aRt   1m-pass   1m-block   "
	     "1m-all   exception  \n");
	asks(&c, "/origin?id=oo", 200,
	     "id: com.x.Foo\n\n"
	     "idx originthreadNum passQps   blockQps   totalQps aRt   1m-pass   1m-block   "
	     "1m-total \n"
	     "1   app-a 0         1.0       1.0        2.0      2.0   1         1          2       "
	     " \n");
	asks(&c, "/origin?id=com.y", 200, "Not find cNode with id com.y");
	asks(&c, "/origin", 200, "Not find cNode with id null");
	close_centre(&c);
}

static void a_long_name_goes_on_in_the_next_line(void **state)
{
	struct centre c;
	char name[101] = {0};
	(void)state;

	open_centre(&c);
	memset(name, 'n', 100);
	assert_true(passes(&c.f, name, 0, false));
	run_with(&c, "/cnode?id=n", "");
	assert_non_null(memmem(c.answer.body.data, c.answer.body.len,
			       "\n    nnnnnnnnnnnnnnnnnnnnn    ", 30));
	close_centre(&c);
}

#define FOO_NODE                                                                                   \
	"{\"averageRt\":2,\"blockQps\":1,\"exceptionQps\":0,\"oneMinuteBlock\":1,"                 \
	"\"oneMinuteException\":0,\"oneMinutePass\":1,\"oneMinuteTotal\":2,\"passQps\":1,"         \
	"\"resource\":\"com.x.Foo\",\"successQps\":1,\"threadNum\":0,"                             \
	"\"timestamp\":1700000000003,\"totalQps\":2}"

static void nodes_are_java_s_beans(void **state)
{
	struct centre c;
	(void)state;

	open_centre(&c);
	asks(&c, "/clusterNode", 200, "[]");
	make_calls(&c);
	asks(&c, "/clusterNodeById?id=com.x.Foo", 200, FOO_NODE);
	asks(&c, "/clusterNodeById?id=com.y", 200, "{}");
	sentinel_resource(c.f.sentinel, SLICE("unused"), RESOURCE_COMMON, t0);
	run_with(&c, "/clusterNode?type=notZero", "");
	assert_null(memmem(c.answer.body.data, c.answer.body.len, "unused", 6));
	assert_non_null(memmem(c.answer.body.data, c.answer.body.len, FOO_NODE, strlen(FOO_NODE)));
	run_with(&c, "/clusterNode", "");
	assert_non_null(memmem(c.answer.body.data, c.answer.body.len, "unused", 6));
	close_centre(&c);
}

#define LEGEND                                                                                     \
	"\r\n\r\nt:threadNum  pq:passQps  bq:blockQps  tq:totalQps  rt:averageRt  "                \
	"prq: passRequestQps 1mp:1m-pass 1mb:1m-block 1mt:1m-total\r\n"

static void the_tree_shows_contexts_and_what_is_entered_in_them(void **state)
{
	struct centre c;
	(void)state;

	open_centre(&c);
	make_calls(&c);
	asks(&c, "/tree", 200,
	     "EntranceNode: machine-root(t:0 pq:2.0 bq:1.0 tq:3.0 rt:1.0 prq:2.0 1mp:2 1mb:1 "
	     "1mt:3)\n"
	     "-EntranceNode: ctx(t:0 pq:2.0 bq:1.0 tq:3.0 rt:1.0 prq:2.0 1mp:2 1mb:1 1mt:3)\n"
	     "--com.x.Foo(t:0 pq:1.0 bq:1.0 tq:2.0 rt:2.0 prq:1.0 1mp:1 1mb:1 1mt:2)\n"
	     "--/a|b(t:0 pq:1.0 bq:0.0 tq:1.0 rt:0.0 prq:1.0 1mp:1 1mb:0 1mt:1)\n" LEGEND);
	asks(&c, "/tree?id=other", 200, LEGEND);
	close_centre(&c);
}

static void a_call_s_method_stands_below_its_interface(void **state)
{
	struct centre c;
	(void)state;

	open_centre(&c);
	c.context.now_ms = t0 + 1;
	assert_true(passes(&c.f, "com.x.Foo:bar(java.lang.String)", 0, false));
	assert_true(passes(&c.f, "com.x.Foo", 0, false));
	assert_true(passes(&c.f, "com.y:z", 0, false));
	asks(&c, "/tree?id=ct", 200,
	     "EntranceNode: ctx(t:0 pq:2.0 bq:0.0 tq:2.0 rt:0.0 prq:2.0 1mp:2 1mb:0 1mt:2)\n"
	     "-com.x.Foo(t:0 pq:1.0 bq:0.0 tq:1.0 rt:0.0 prq:1.0 1mp:1 1mb:0 1mt:1)\n"
	     "--com.x.Foo:bar(java.lang.String)(t:0 pq:1.0 bq:0.0 tq:1.0 rt:0.0 prq:1.0 1mp:1 "
	     "1mb:0 1mt:1)\n"
	     "-com.y:z(t:0 pq:1.0 bq:0.0 tq:1.0 rt:0.0 prq:1.0 1mp:1 1mb:0 1mt:1)\n" LEGEND);
	run_with(&c, "/jsonTree", "");
	json_t *rows = json_loadb(c.answer.body.data, c.answer.body.len, 0, NULL);
	assert_int_equal(json_array_size(rows), 5);
	assert_null(json_object_get(json_array_get(rows, 0), "parentId"));
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 3), "parentId")),
			    json_string_value(json_object_get(json_array_get(rows, 2), "id")));
	json_decref(rows);
	close_centre(&c);
}

/* --- rules --- */

static void shows(struct centre *c, enum rule_kind kind, const char *rules, const char *target,
		  const char *expected)
{
	load(&c->f, kind, rules);
	asks(c, target, 200, expected);
}

static void rules_are_java_s_beans(void **state)
{
	struct centre c;
	(void)state;

	open_centre(&c);
	shows(&c, RULE_FLOW,
	      "[{\"resource\":\"com.x.Foo\",\"count\":1,\"id\":77},{\"resource\":\"c\",\"count\":3,"
	      "\"clusterMode\":true,\"clusterConfig\":{\"flowId\":5}},{\"resource\":\"rl\\\"é\","
	      "\"count\":0.0005,\"strategy\":1,\"refResource\":\"q\"},{\"resource\":\"/a|b\","
	      "\"count\":2.5e7,\"grade\":0,\"limitApp\":\"app-a\"}]",
	      "/getRules?type=FLOW",
	      "[{\"clusterMode\":false,\"controlBehavior\":0,\"count\":1.0,\"grade\":1,\"id\":77,"
	      "\"limitApp\":\"default\",\"maxQueueingTimeMs\":500,\"regex\":false,\"resource\":"
	      "\"com.x.Foo\",\"strategy\":0,\"warmUpPeriodSec\":10},{\"clusterConfig\":{"
	      "\"acquireRefuseStrategy\":0,\"clientOfflineTime\":2000,"
	      "\"fallbackToLocalWhenFail\":true,\"flowId\":5,\"resourceTimeout\":2000,"
	      "\"resourceTimeoutStrategy\":0,\"sampleCount\":10,\"strategy\":0,"
	      "\"thresholdType\":0,\"windowIntervalMs\":1000},\"clusterMode\":true,"
	      "\"controlBehavior\":0,\"count\":3.0,\"grade\":1,\"limitApp\":\"default\","
	      "\"maxQueueingTimeMs\":500,\"regex\":false,\"resource\":\"c\",\"strategy\":0,"
	      "\"warmUpPeriodSec\":10},{\"clusterMode\":false,\"controlBehavior\":0,"
	      "\"count\":5.0E-4,\"grade\":1,\"limitApp\":\"default\",\"maxQueueingTimeMs\":500,"
	      "\"refResource\":\"q\",\"regex\":false,\"resource\":\"rl\\\"é\",\"strategy\":1,"
	      "\"warmUpPeriodSec\":10},{\"clusterMode\":false,\"controlBehavior\":0,"
	      "\"count\":2.5E7,\"grade\":0,\"limitApp\":\"app-a\",\"maxQueueingTimeMs\":500,"
	      "\"regex\":false,\"resource\":\"/a|b\",\"strategy\":0,\"warmUpPeriodSec\":10}]");
	shows(&c, RULE_DEGRADE,
	      "[{\"resource\":\"q\",\"grade\":1,\"count\":0.5,\"timeWindow\":3,\"id\":9}]",
	      "/getRules?type=degrade",
	      "[{\"count\":0.5,\"grade\":1,\"id\":9,\"limitApp\":\"default\",\"minRequestAmount\":"
	      "5,"
	      "\"regex\":false,\"resource\":\"q\",\"slowRatioThreshold\":1.0,"
	      "\"statIntervalMs\":1000,\"timeWindow\":3}]");
	shows(&c, RULE_AUTHORITY, "[{\"resource\":\"r\",\"limitApp\":\"a,b\",\"strategy\":1}]",
	      "/getRules?type=authority",
	      "[{\"limitApp\":\"a,b\",\"regex\":false,\"resource\":\"r\",\"strategy\":1}]");
	shows(&c, RULE_SYSTEM, "[{\"highestSystemLoad\":2.5},{\"qps\":1000,\"avgRt\":30}]",
	      "/getRules?type=system",
	      "[{\"avgRt\":-1,\"highestCpuUsage\":-1.0,\"highestSystemLoad\":2.5,\"maxThread\":-1,"
	      "\"qps\":-1.0,\"regex\":false},{\"avgRt\":30,\"highestCpuUsage\":-1.0,"
	      "\"highestSystemLoad\":-1.0,\"maxThread\":-1,\"qps\":-1.0,\"regex\":false},{"
	      "\"avgRt\":-1,\"highestCpuUsage\":-1.0,\"highestSystemLoad\":-1.0,\"maxThread\":-1,"
	      "\"qps\":1000.0,\"regex\":false}]");
	close_centre(&c);
}

static void hot_parameter_rules_are_java_s_beans(void **state)
{
	struct centre c;
	(void)state;

	open_centre(&c);
	shows(&c, RULE_PARAM_FLOW,
	      "[{\"resource\":\"p\",\"paramIdx\":0,\"count\":5},{\"resource\":\"p2\","
	      "\"paramIdx\":-1,\"count\":2,\"grade\":0,\"paramFlowItemList\":[{\"object\":\"VIP\","
	      "\"count\":100,\"classType\":\"java.lang.String\"}],\"clusterMode\":true,"
	      "\"clusterConfig\":{\"flowId\":8}}]",
	      "/getParamFlowRules",
	      "[{\"burstCount\":0,\"clusterMode\":false,\"controlBehavior\":0,\"count\":5.0,"
	      "\"durationInSec\":1,\"grade\":1,\"limitApp\":\"default\",\"maxQueueingTimeMs\":0,"
	      "\"paramFlowItemList\":[],\"paramIdx\":0,\"regex\":false,\"resource\":\"p\"},{"
	      "\"burstCount\":0,\"clusterConfig\":{\"fallbackToLocalWhenFail\":false,"
	      "\"flowId\":8,\"sampleCount\":10,\"thresholdType\":0,\"windowIntervalMs\":1000},"
	      "\"clusterMode\":true,\"controlBehavior\":0,\"count\":2.0,\"durationInSec\":1,"
	      "\"grade\":0,\"limitApp\":\"default\",\"maxQueueingTimeMs\":0,"
	      "\"paramFlowItemList\":[{\"classType\":\"java.lang.String\",\"count\":100,"
	      "\"object\":\"VIP\"}],\"paramIdx\":-1,\"regex\":false,\"resource\":\"p2\"}]");
	close_centre(&c);
}

static void rules_that_are_set_are_handed_back_and_written(void **state)
{
	struct log_place place;
	struct centre c;
	char path[128];
	(void)state;

	open_place(&place);
	open_centre(&c);
	snprintf(path, sizeof path, "%s/flow.json", place.folder);
	c.context.rule_paths[RULE_FLOW] = path;
	/* [{"resource":"a b+c"}], encoded twice */
	run_with(&c, "/setRules",
		 "type=flow&data=%255B%257B%2522resource%2522%253A%2522a%2Bb%252Bc%2522%257D%255D");
	assert_slice(text_slice(&c.answer.body), "success");
	assert_true(c.answer.sets_rules && c.answer.kind == RULE_FLOW);
	assert_slice(text_slice(&c.answer.rules_text), "[{\"resource\":\"a b+c\"}]");
	assert_file(&place, "flow.json", "[{\"resource\":\"a b+c\"}]");
	c.context.rule_paths[RULE_FLOW] = "/dev/null/flow.json";
	asks(&c, "/setRules?type=flow&data=%5B%5D", 200,
	     "partial success (write data source failed)");
	assert_true(c.answer.sets_rules);
	c.context.rule_paths[RULE_FLOW] = path;
	c.context.rule_refusals[RULE_FLOW] = "its dialect is GOLANG";
	asks(&c, "/setRules?type=flow&data=%5B%5D", 200,
	     "partial success (write data source failed)");
	assert_true(c.answer.sets_rules);
	assert_file(&place, "flow.json", "[{\"resource\":\"a b+c\"}]"); /* as it was */
	asks(&c, "/setRules?type=system", 200, "success");              /* none */
	assert_slice(text_slice(&c.answer.rules_text), "[]");
	asks(&c, "/setParamFlowRules?data=%5B%5D", 200, "success");
	assert_int_equal(c.answer.kind, RULE_PARAM_FLOW);
	close_centre(&c);
	close_place(&place);
}

static void what_are_no_rules_is_not_set(void **state)
{
	struct centre c;
	(void)state;

	open_centre(&c);
	asks(&c, "/setRules?type=flow&data=xx", 500, "Command server error");
	assert_false(c.answer.sets_rules);
	asks(&c, "/setRules?type=flow&data=%7B%7D", 500, "Command server error");
	asks(&c, "/setRules?type=zz&data=%5B%5D", 400, "invalid type");
	asks(&c, "/setRules?type=flow&data=%25zz", 400, "decode rule data error");
	assert_false(c.answer.sets_rules);
	close_centre(&c);
}

static void metric_lines_are_followed_by_the_machine_s_state(void **state)
{
	struct metric_writer writer;
	struct log_place place;
	struct centre c;
	(void)state;

	open_place(&place);
	open_centre(&c);
	c.context.metric_folder = place.folder;
	metric_writer_init(&writer, place.folder, "a-metrics.log", 0, 0, t0 - 1000);
	assert_int_equal(metric_writer_write(&writer, t0,
					     SLICE("1700000000000|d|r|1|0|1|0|3|0|0|2\n"
						   "1700000000000|d|s|0|2|0|0|0|0|0|0\n")),
			 STATUS_OK);
	metric_writer_close(&writer);
	asks(&c, "/metric?startTime=1700000000000&endTime=1700000001000", 200,
	     "1700000000000|r|1|0|1|0|3|0|0|2\n1700000000000|s|0|2|0|0|0|0|0|0\n");
	sentinel_set_status(c.f.sentinel, (struct system_status){.load = 0.125, .cpu = 0.99999});
	asks(&c, "/metric?startTime=1700000000000&maxLines=1", 200,
	     "1700000000000|r|1|0|1|0|3|0|0|2\n1700000000000|s|0|2|0|0|0|0|0|0\n"
	     "1700000000000|__system_load__|1250|0|0|0|0|0|0|0\n"
	     "1700000000000|__cpu_usage__|9999|0|0|0|0|0|0|0\n");
	asks(&c, "/metric?startTime=1700000000000&endTime=1700000001000&identity=s", 200,
	     "1700000000000|s|0|2|0|0|0|0|0|0\n");
	asks(&c, "/metric", 200, "");
	close_centre(&c);
	close_place(&place);
}

static void doubles_are_java_s(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {{0, "0.0"},
		    {-0.0, "-0.0"},
		    {1, "1.0"},
		    {20, "20.0"},
		    {0.5, "0.5"},
		    {-1.25, "-1.25"},
		    {100.0 / 3, "33.333333333333336"},
		    {0.001, "0.001"},
		    {0.0005, "5.0E-4"},
		    {9999999, "9999999.0"},
		    {1e7, "1.0E7"},
		    {2.5e7, "2.5E7"},
		    {123456.789, "123456.789"},
		    {1.5e300, "1.5E300"}};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct text out = {0};
		java_text_double(&out, rows[i].value);
		assert_slice(text_slice(&out), rows[i].text);
		text_free(&out);
	}
}

#define MODIFY "/cluster/client/modifyConfig?data="
#define FAULT "decode client cluster config error"

static void the_token_client_is_shown_and_told(void **state)
{
	struct centre c;
	(void)state;

	open_centre(&c);
	c.context.cluster = (struct command_cluster){.is_available = true,
						     .mode = CLUSTER_NOT_STARTED,
						     .last_modified_ms = -1,
						     .server_port = 18730,
						     .request_timeout_ms = 20};
	asks(&c, "/getClusterMode", 200,
	     "{\"mode\":-1,\"clientAvailable\":true,\"serverAvailable\":false,"
	     "\"lastModified\":-1}");
	asks(&c, "/cluster/client/fetchConfig", 200,
	     "{\"clientState\":0,\"requestTimeout\":20,\"serverPort\":18730}");
	asks(&c, "/setClusterMode?mode=0", 200, "success");
	assert_true(c.answer.sets_mode && c.answer.cluster.mode == CLUSTER_CLIENT);
	asks(&c, "/setClusterMode?mode=7", 200, "success");
	assert_false(c.answer.sets_mode);
	asks(&c, "/setClusterMode?mode=2147483648", 400, "invalid parameter");
	asks(&c, "/setClusterMode", 400, "invalid parameter");
	asks(&c, "/setClusterMode?mode=1", 400, "token server mode not available: no SPI found");

	asks(&c, MODIFY "{\"serverHost\":\"::1\",\"serverPort\":\"99\",\"requestTimeout\":30}", 200,
	     "success");
	assert_true(c.answer.sets_server && !c.answer.sets_mode);
	assert_string_equal(c.answer.cluster.server, "::1");
	assert_int_equal(c.answer.cluster.server_port, 99);
	assert_int_equal(c.answer.cluster.request_timeout_ms, 30);
	c.context.cluster = c.answer.cluster;
	asks(&c, "/cluster/client/fetchConfig", 200,
	     "{\"clientState\":0,\"requestTimeout\":30,\"serverHost\":\"::1\",\"serverPort\":99}");
	asks(&c, MODIFY "%257B%2522requestTimeout%2522%253A50%257D", 200, "success");
	assert_string_equal(c.answer.cluster.server, "::1");
	assert_int_equal(c.answer.cluster.request_timeout_ms, 50);
	asks(&c, MODIFY "{\"serverHost\":\"::1\",\"serverPort\":0,\"requestTimeout\":20000}", 200,
	     "success");
	assert_int_equal(c.answer.cluster.server_port, 99);
	assert_int_equal(c.answer.cluster.request_timeout_ms, 30);
	asks(&c, "/cluster/client/modifyConfig", 400, "empty data");
	static const char *const bad[] = {"[]",
					  "7",
					  "{",
					  "%25zz",
					  "{}",
					  "{\"serverHost\":\"::1\",\"requestTimeout\":1}",
					  "{\"serverPort\":{},\"requestTimeout\":1}",
					  "{\"serverHost\":[],\"requestTimeout\":1}"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char target[256];
		snprintf(target, sizeof target, MODIFY "%s", bad[i]);
		asks(&c, target, 400, FAULT);
		assert_false(c.answer.sets_server);
	}
	asks(&c, MODIFY "{\"serverHost\":\"tokens.example\",\"serverPort\":1,\"requestTimeout\":1}",
	     400, "serverHost must be an IP address");
	run_with(&c, "/api", "");
	static const char path[] = "\"/cluster/client/modifyConfig\"";
	assert_non_null(memmem(c.answer.body.data, c.answer.body.len, path, sizeof path - 1));
	close_centre(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_a_command_is_refused),
		cmocka_unit_test(parameters_are_read_as_java_reads_them),
		cmocka_unit_test(short_answers_are_java_s),
		cmocka_unit_test(the_token_client_is_shown_and_told),
		cmocka_unit_test(tables_of_nodes_are_java_s),
		cmocka_unit_test(a_long_name_goes_on_in_the_next_line),
		cmocka_unit_test(nodes_are_java_s_beans),
		cmocka_unit_test(the_tree_shows_contexts_and_what_is_entered_in_them),
		cmocka_unit_test(a_call_s_method_stands_below_its_interface),
		cmocka_unit_test(rules_are_java_s_beans),
		cmocka_unit_test(hot_parameter_rules_are_java_s_beans),
		cmocka_unit_test(rules_that_are_set_are_handed_back_and_written),
		cmocka_unit_test(what_are_no_rules_is_not_set),
		cmocka_unit_test(metric_lines_are_followed_by_the_machine_s_state),
		cmocka_unit_test(doubles_are_java_s),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
