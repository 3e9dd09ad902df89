/* What is noted down of headers and cookies, as an access log shows it. */
#include "filter_support.h"

#include "filters/header_to_metadata/header_to_metadata.h"
#include "message/format.h"
#include "stream/stream.h"

#define CONFIG "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config"
#define OWN "envoy.filters.http.header_to_metadata"

static const char passes[] = "R:H. >h200. ended";

/* The value of an operator for the stream that is open. */
static const char *shown(struct stream_fixture *f, const char *operator)
{
	const struct format *format;
	struct diag diag = {.line = 0};
	char *line = arena_zalloc(&f->arena, 256);

	assert_int_equal(format_compile(slice_of(operator), &f->arena, &format, &diag), STATUS_OK);
	assert_true(format_write(format, &f->stream->info, line, 255) <= 255);
	return line;
}

static uint64_t counted(struct stream_fixture *f, unsigned id)
{
	return filter_counted(f, &header_to_metadata_stats, "http_filter_name.s", id);
}

static void values_are_read_as_their_type(void **state)
{
	static const struct {
		const char *note, *value, *shown;
	} rows[] = {
		{"{key: k}", "v", "{\"k\":\"v\"}"},
		{"{key: k}", "", "-"},
		{"{key: k, value: fixed}", "v", "{\"k\":\"fixed\"}"},
		{"{key: k, type: NUMBER}", " 12.50\t", "{\"k\":12.5}"},
		{"{key: k, type: NUMBER}", "-1e3", "{\"k\":-1000}"},
		{"{key: k, type: NUMBER}", "12 apples", "-"},
		{"{key: k, type: NUMBER}", "0x10", "{\"k\":16}"},
		{"{key: k, type: NUMBER}", "+", "-"},
		{"{key: k, encode: BASE64}", "YS9i", "{\"k\":\"a/b\"}"},
		{"{key: k, encode: BASE64}", "YQ", "{\"k\":\"a\"}"},
		{"{key: k, encode: BASE64}", "Y!", "-"},
		{"{key: k, encode: BASE64, type: NUMBER}", "MTI=", "{\"k\":12}"},
		/* bool_value: true */
		{"{key: k, encode: BASE64, type: PROTOBUF_VALUE}", "IAE=", "{\"k\":true}"},
		/* struct_value: {a: "b"} */
		{"{key: k, encode: BASE64, type: PROTOBUF_VALUE}", "KgoKCAoBYRIDGgFi",
		 "{\"k\":{\"a\":\"b\"}}"},
		{"{key: k, encode: BASE64, type: PROTOBUF_VALUE}", "KgoKCAoBYQ==", "-"},
		{"{key: k, regex_value_rewrite: {pattern: {regex: '^/(a|b)/.*$'}, "
		 "substitution: '\\1'}}",
		 "/b/x", "{\"k\":\"b\"}"},
		{"{key: k, regex_value_rewrite: {pattern: {regex: '^/(a|b)/.*$'}, "
		 "substitution: '\\1'}}",
		 "/c/x", "{\"k\":\"/c/x\"}"},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		char yaml[512], lines[128];
		snprintf(yaml, sizeof yaml,
			 "{request_rules: [{header: X-A, on_header_present: %s}]}", rows[i].note);
		snprintf(lines, sizeof lines, "GET / h\nx-a: %s", rows[i].value);
		struct stream_fixture *f = filter_new(&header_to_metadata_filter, yaml);
		fixture_headers(f, lines, true);
		const char *seen = shown(f, "%DYNAMIC_METADATA(" OWN ")%");
		if (strcmp(seen, rows[i].shown))
			fail_msg("%s of '%s' is %s, not %s", rows[i].note, rows[i].value, seen,
				 rows[i].shown);
		fixture_answer_headers(f, "200", true);
		assert_string_equal(fixture_take(f), passes);
		stream_fixture_free(f);
	}
}

static void rules_see_what_those_before_left(void **state)
{
	struct stream_fixture *f = filter_new(
		&header_to_metadata_filter,
		"{stat_prefix: s, request_rules: ["
		"{header: x-a, remove: true, on_header_present: {metadata_namespace: m, key: a}},"
		"{header: x-a, on_header_missing: {metadata_namespace: m, key: b, value: gone}},"
		"{cookie: c, on_header_present: {metadata_namespace: m, key: c},"
		" on_header_missing: {metadata_namespace: m, key: c, value: none}},"
		"{header: x-no, on_header_present: {metadata_namespace: m, key: d}}]}");
	(void)state;

	fixture_headers(f, "GET / h\nx-a: 1\nx-a: 2\ncookie: b=1; c=2", true);
	assert_string_equal(shown(f, "%DYNAMIC_METADATA(m)%"),
			    "{\"a\":\"1,2\",\"b\":\"gone\",\"c\":\"2\"}");
	assert_string_equal(filter_asked(f, "x-a"), "-");
	fixture_answer_headers(f, "200", true);
	fixture_headers(f, "GET / h\ncookie: c=", true);
	assert_string_equal(shown(f, "%DYNAMIC_METADATA(m)%"), "{\"b\":\"gone\",\"c\":\"none\"}");
	fixture_answer_headers(f, "200", true);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_REQUEST_RULES_PROCESSED), 8);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_REQUEST_METADATA_ADDED), 5);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_REQUEST_HEADER_NOT_FOUND), 3);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_RESPONSE_RULES_PROCESSED), 0);
	stream_fixture_free(f);
}

static void answers_are_noted_too(void **state)
{
	struct stream_fixture *f = filter_new(
		&header_to_metadata_filter,
		"{stat_prefix: s, response_rules: [{header: ':status', on_header_present: {key: k, "
		"type: NUMBER}}, {header: x-no, on_header_missing: {key: l, value: x}}]}");
	(void)state;

	fixture_headers(f, NULL, true);
	assert_string_equal(shown(f, "%DYNAMIC_METADATA(" OWN ":k)%"), "-");
	fixture_answer_headers(f, "503", false);
	assert_string_equal(shown(f, "%DYNAMIC_METADATA(" OWN ":k)% %METADATA(DYNAMIC:" OWN ":l)%"),
			    "503 x");
	fixture_answer_data(f, "", true);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_RESPONSE_RULES_PROCESSED), 2);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_RESPONSE_METADATA_ADDED), 2);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_RESPONSE_HEADER_NOT_FOUND), 1);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_REQUEST_RULES_PROCESSED), 0);
	stream_fixture_free(f);
}

static void what_goes_wrong_is_counted(void **state)
{
	struct stream_fixture *f =
		filter_new(&header_to_metadata_filter,
			   "{stat_prefix: s, request_rules: ["
			   "{header: x-a, on_header_present: {key: a}},"
			   "{header: x-b, on_header_present: {key: b, encode: BASE64}},"
			   "{header: x-c, on_header_present: {key: c, regex_value_rewrite: "
			   "{pattern: {regex: '.*'}, substitution: ''}}}]}");
	static char lines[16 + HEADER_TO_METADATA_VALUE_MAX];
	(void)state;

	snprintf(lines, sizeof lines, "GET / h\nx-a: %0*d", HEADER_TO_METADATA_VALUE_MAX - 1, 0);
	fixture_headers(f, lines, true);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_REQUEST_METADATA_ADDED), 1);
	fixture_answer_headers(f, "200", true);
	snprintf(lines, sizeof lines, "GET / h\nx-a: %0*d", HEADER_TO_METADATA_VALUE_MAX, 0);
	fixture_headers(f, lines, true);
	assert_string_equal(shown(f, "%DYNAMIC_METADATA(" OWN ")%"), "-");
	fixture_answer_headers(f, "200", true);
	fixture_headers(f, "GET / h\nx-b: *\nx-c: c", true);
	assert_string_equal(shown(f, "%DYNAMIC_METADATA(" OWN ")%"), "-");
	fixture_answer_headers(f, "200", true);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_HEADER_VALUE_TOO_LONG), 1);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_BASE64_DECODE_FAILED), 1);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_REGEX_SUBSTITUTION_FAILED), 1);
	assert_int_equal(counted(f, HEADER_TO_METADATA_STAT_REQUEST_METADATA_ADDED), 1);
	stream_fixture_free(f);
}

static void a_route_has_rules_of_its_own(void **state)
{
	struct stream_fixture *f =
		filter_new(&header_to_metadata_filter,
			   "{request_rules: [{header: x-a, on_header_present: {metadata_namespace: "
			   "m, key: chain}}]}");
	(void)state;

	filter_routes(f,
		      "[{match: {prefix: /r}, route: {cluster: c}, typed_per_filter_config: {it: "
		      "{'@type': " CONFIG ", request_rules: [{header: x-a, on_header_present: "
		      "{metadata_namespace: m, key: route}}]}}}, "
		      "{match: {prefix: /}, route: {cluster: c}}]",
		      NULL);
	fixture_headers(f, "GET /r h\nx-a: v", true);
	assert_string_equal(shown(f, "%DYNAMIC_METADATA(m)%"), "{\"route\":\"v\"}");
	fixture_answer_headers(f, "200", true);
	fixture_headers(f, "GET / h\nx-a: v", true);
	assert_string_equal(shown(f, "%DYNAMIC_METADATA(m)%"), "{\"chain\":\"v\"}");
	fixture_answer_headers(f, "200", true);
	stream_fixture_free(f);
}

static void what_can_not_be_is_refused(void **state)
{
	static const struct {
		const char *rule, *path, *reason;
	} rows[] = {
		{"{on_header_present: {key: k}}", "header", "required"},
		{"{header: a, cookie: b, on_header_present: {key: k}}", "cookie", "together"},
		{"{cookie: b, remove: true, on_header_present: {key: k}}", "remove", "cookie"},
		{"{header: Host, remove: true, on_header_present: {key: k}}", "remove", "host"},
		{"{header: a}", "on_header_present", "required"},
		{"{header: a, on_header_missing: {key: k}}", "on_header_missing.value", "required"},
		{"{header: a, on_header_present: {key: k, value: v, regex_value_rewrite: {pattern: "
		 "{regex: a}}}}",
		 "on_header_present.regex_value_rewrite", "together"},
		{"{header: a, on_header_present: {key: k, regex_value_rewrite: {pattern: {regex: "
		 "'('}}}}",
		 "on_header_present.regex_value_rewrite.pattern.regex", "parenthesis"},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		char yaml[512], path[128];
		snprintf(yaml, sizeof yaml, "{response_rules: [%s]}", rows[i].rule);
		snprintf(path, sizeof path, "response_rules[0].%s", rows[i].path);
		filter_refused(&header_to_metadata_filter, yaml, path, rows[i].reason);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_as_their_type),
		cmocka_unit_test(rules_see_what_those_before_left),
		cmocka_unit_test(answers_are_noted_too),
		cmocka_unit_test(what_goes_wrong_is_counted),
		cmocka_unit_test(a_route_has_rules_of_its_own),
		cmocka_unit_test(what_can_not_be_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
