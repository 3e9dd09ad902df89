/* Resources named by texts with operators, as a running filter names them. */
#include "sentinel_filter_support.h"

#include "base/log.h"
#include "filters/sentinel/name_template.h"

#include <string.h>

static const char *get(struct sentinel_test *t, const char *lines)
{
	return filter_yaml_get(t->f, lines);
}

static bool was_called(struct sentinel_test *t, const char *name)
{
	return sentinel_find_resource(sentinel_test_core(t), slice_of(name)) &&
	       sentinel_test_view(t, name).pass_qps == 1;
}

static struct sentinel_test *with(const char *resources)
{
	char yaml[1024];

	snprintf(yaml, sizeof yaml, "{resources: %s}", resources);
	return sentinel_test_new(yaml);
}

static void requests_fill_in_operators(void **state)
{
	static const struct {
		const char *name, *request, *resource;
	} rows[] = {
		{"plain", "GET /a h", "plain"},
		{"100%%", "GET /a h", "100%"},
		{"%%%REQ(:METHOD)%%%", "GET /a h", "%GET%"},
		{"%REQ(:METHOD)% %PATH(NQ)%", "GET /a?b=c h", "GET /a"},
		{"%REQ(X-Tenant)%:%REQ(:AUTHORITY)%", "GET /a h\nx-tenant: t", "t:h"},
		{"%REQUEST_HEADER(x-none?x-tenant)%", "GET /a h\nx-tenant: t", "t"},
		{"%REQ(x-tenant):3%!", "GET /a h\nx-tenant: tenant", "ten!"},
		{"%ATTACHMENT(X-Tenant)%", "GET /a h\nx-tenant: t", "t"},
		{"%COOKIE(u)%", "GET /a h\ncookie: a=1; u=7", "7"},
		{"%QUERY_PARAM(id)%/", "GET /a?id=9&x h", "9/"},
		{"%ROUTE_NAME%", "GET /named h", "its name"},
		{"%REQ(x-none)%", "GET /a h", "GET:/a"}, /* isn't there: the usual name */
		{"x%SERVICE%", "GET /a h", "GET:/a"},
		{"%ROUTE_NAME%", "GET /a h", "GET:/a"},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char list[256];
		snprintf(list, sizeof list, "[{names: ['%s']}]", rows[i].name);
		struct sentinel_test *t = with(list);
		filter_yaml_routes(t->f, "[{match: {path: /named}, name: 'its name', route: "
					 "{cluster: c}}, {match: {prefix: /}, route: "
					 "{cluster: c}}]");
		assert_string_equal(get(t, rows[i].request), "R:H. >h200. ended");
		if (!was_called(t, rows[i].resource))
			fail_msg("%s: no resource %s", rows[i].name, rows[i].resource);
		sentinel_test_free(t);
	}
}

static void calls_fill_in_theirs(void **state)
{
	static const struct {
		const char *outer, *inner, *resources[2];
	} rows[] = {
		{"%SERVICE%", "%SERVICE%#%METHOD%", {"a.Svc", "a.Svc#m"}},
		{"%SERVICE%:%SERVICE_VERSION%:%GROUP%",
		 "%METHOD%(%PARAMETER_TYPES%)",
		 {"a.Svc:1.0:", "m(int,java.lang.String)"}},
		{"%SERVICE%", "%ATTACHMENT(none)%", {"a.Svc", "a.Svc:m(int,java.lang.String)"}},
	};
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char list[256];
		snprintf(list, sizeof list, "[{names: ['%s', '%s']}]", rows[i].outer,
			 rows[i].inner);
		struct sentinel_test *t = with(list);
		t->is_call = true;
		t->rpc = (struct rpc_head){.protocol = RPC_DUBBO,
					   .service = SLICE("a.Svc"),
					   .service_version = SLICE("1.0"),
					   .method = SLICE("m"),
					   .param_types = SLICE("ILjava/lang/String;")};
		t->answer = (struct rpc_head){
			.protocol = RPC_DUBBO, .status = 20, .result = RPC_RESULT_VALUE};
		assert_string_equal(get(t, NULL), "R:H. >h200. ended");
		for (int k = 0; k < 2; k++)
			if (!was_called(t, rows[i].resources[k]))
				fail_msg("no resource %s", rows[i].resources[k]);
		sentinel_test_free(t);
	}
}

/* Both entries of a request are counted, and both are asked. */
static void two_names_are_two_entries(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		"{resources: [{names: ['%REQ(x-tenant)%', '%REQ(x-tenant)%%PATH(NQ)%']}, {names: "
		"['nobody']}], rules: {flow: [{inline_string: '[{\"resource\": \"t\", \"count\": "
		"2}, {\"resource\": \"t/a\", \"count\": 1}, {\"resource\": \"nobody\", \"count\": "
		"0}]'}]}}");
	const char *const blocked = ">h429 >d(Blocked by Sentinel (flow limiting)). ended";
	(void)state;

	assert_string_equal(get(t, "GET /a h\nx-tenant: t"), "R:H. >h200. ended");
	assert_string_equal(get(t, "GET /a h\nx-tenant: t"), blocked); /* the outer has passed */
	assert_string_equal(get(t, "GET /b h\nx-tenant: t"), blocked);
	assert_string_equal(get(t, "GET /a h"), blocked);
	assert_true(sentinel_test_view(t, "t").pass_qps == 2);
	assert_true(sentinel_test_view(t, "t/a").block_qps == 1);
	assert_int_equal(sentinel_test_view(t, "t").threads, 0);
	sentinel_test_free(t);
}

static void a_route_s_name_has_operators_too(void **state)
{
	struct sentinel_test *t = sentinel_test_new("{resources: [{names: [all]}]}");
	(void)state;

	filter_yaml_routes(
		t->f,
		"[{match: {prefix: /}, route: {cluster: c}, typed_per_filter_config: {it: "
		"{'@type': type.googleapis.com/outrigger.filters.sentinel.v1.SentinelPerRoute, "
		"resource: 'r-%REQ(x-t)%'}}}]");
	get(t, "GET / h\nx-t: 1");
	get(t, "GET / h");
	assert_true(was_called(t, "r-1") && was_called(t, "all"));
	sentinel_test_free(t);
}

/* Names come from callers: one that is too long passes, and is counted. */
static void names_have_a_limit(void **state)
{
	struct sentinel_test *t = sentinel_test_new(
		"{resources: [{names: ['%REQ(x-name)%']}], rules: {flow: [{inline_string: "
		"'[{\"resource\": \".*\", \"regex\": true, \"count\": 0}]'}]}}");
	static char request[NAME_TEMPLATE_MAX + 100];
	const size_t lengths[] = {SENTINEL_NAME_MAX, SENTINEL_NAME_MAX + 1, NAME_TEMPLATE_MAX + 5};
	const char *const blocked = ">h429 >d(Blocked by Sentinel (flow limiting)). ended";
	(void)state;

	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		size_t head = (size_t)snprintf(request, sizeof request, "GET / h\nx-name: ");
		memset(request + head, 'n', lengths[i]);
		request[head + lengths[i]] = 0;
		assert_string_equal(get(t, request), i ? "R:H. >h200. ended" : blocked);
	}
	sentinel_applications_tick(&t->applications);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_RESOURCE_OVERFLOW), 2);
	assert_int_equal(sentinel_counted(t, SENTINEL_STAT_RESOURCES), 1);
	sentinel_test_free(t);
}

static void what_is_no_text_is_refused(void **state)
{
	static const char *const rows[][3] = {
		{"{resources: [{}]}", "resources[0].names", "must be one, or two"},
		{"{resources: [{names: [a, b, c]}]}", "resources[0].names", "must be one, or two"},
		{"{resources: [{names: [a]}, {names: [a, '']}]}", "resources[1].names[1]",
		 "must not be empty"},
		{"{resources: [{names: ['a%']}]}", "resources[0].names[0]",
		 "has no operator at the '%' of byte 1"},
		{"{resources: [{names: ['%REQ(a%']}]}", "resources[0].names[0]", "has no operator"},
		{"{resources: [{names: ['%REQ(a):x%']}]}", "resources[0].names[0]",
		 "has no operator"},
		{"{resources: [{names: ['%REQ()%']}]}", "resources[0].names[0]", "needs a name"},
		{"{resources: [{names: ['%REQ(a b)%']}]}", "resources[0].names[0]",
		 "is no name of a header"},
		{"{resources: [{names: ['%METHOD(x)%']}]}", "resources[0].names[0]",
		 "METHOD takes no argument"},
		{"{resources: [{names: ['%ARGUMENT(x)%']}]}", "resources[0].names[0]", ""},
		{"{resources: [{names: ['%NOTHING%']}]}", "resources[0].names[0]",
		 "Not supported field in StreamInfo: NOTHING"},
		{"{answer_cache: {key: '%'}}", "answer_cache.key", "has no operator"},
	};
	char yaml[4096] = "{resources: [{names: ['";
	(void)state;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		filter_yaml_refused(&sentinel_filter, rows[i][0], rows[i][1], rows[i][2]);
	for (int i = 0; i <= NAME_TEMPLATE_PIECES; i++)
		strcat(yaml, "%METHOD%");
	strcat(yaml, "']}]}");
	filter_yaml_refused(&sentinel_filter, yaml, "resources[0].names[0]",
			    "must have at most 64 parts");
}

int main(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_fill_in_operators),
		cmocka_unit_test(calls_fill_in_theirs),
		cmocka_unit_test(two_names_are_two_entries),
		cmocka_unit_test(a_route_s_name_has_operators_too),
		cmocka_unit_test(names_have_a_limit),
		cmocka_unit_test(what_is_no_text_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
