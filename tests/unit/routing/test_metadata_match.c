/* Conditions on a stream's metadata, alone and of a route. */
#include "routing_support.h"

#include "envoy/type/matcher/v3/metadata.pb-c.h"
#include "routing/metadata_match.h"

/* ("m", "s") "text" · "n" 1.5 · "b" true · "z" null · "l" ["a", 1] · "t" {"k": "in"} */
static struct metadata *metadata_of(struct routing_fixture *f)
{
	static const struct label parts[] = {{.kind = LABEL_STRING, .text = {"a", 1}},
					     {.kind = LABEL_NUMBER, .number = 1}};
	static const struct label fields[] = {
		{.key = {"k", 1}, .kind = LABEL_STRING, .text = {"in", 2}}};
	static const struct label values[] = {
		{.key = {"s", 1}, .kind = LABEL_STRING, .text = {"text", 4}},
		{.key = {"n", 1}, .kind = LABEL_NUMBER, .number = 1.5},
		{.key = {"b", 1}, .kind = LABEL_BOOL, .truth = true},
		{.key = {"z", 1}, .kind = LABEL_NULL},
		{.key = {"l", 1}, .kind = LABEL_LIST, .items = parts, .count = 2},
		{.key = {"t", 1}, .kind = LABEL_STRUCT, .items = fields, .count = 1},
	};
	struct metadata *metadata = NULL;

	for (unsigned i = 0; i < COUNT_OF(values); i++)
		metadata_set(&metadata, SLICE("m"), values[i].key, &values[i], &f->arena);
	return metadata;
}

static enum status load(struct routing_fixture *f, const char *yaml, struct metadata_match *match)
{
	f->diag = (struct diag){.line = 0};
	return metadata_match_load(
		match, message_of(f, &envoy__type__matcher__v3__metadata_matcher__descriptor, yaml),
		&f->arena, &f->diag);
}

static void each_kind_of_value(void **state)
{
	static const struct {
		const char *path, *value;
		bool matches;
	} rows[] = {
		{"s", "{string_match: {prefix: te}}", true},
		{"s", "{string_match: {exact: te}}", false},
		{"s", "{present_match: true}", true},
		{"s", "{present_match: false}", false},
		{"none", "{present_match: true}", false},
		{"none", "{present_match: false}", false},
		{"none", "{null_match: {}}", false},
		{"z", "{null_match: {}}", true},
		{"z", "{present_match: true}", true},
		{"s", "{null_match: {}}", false},
		{"b", "{bool_match: true}", true},
		{"b", "{bool_match: false}", false},
		{"s", "{bool_match: true}", false},
		{"n", "{double_match: {exact: 1.5}}", true},
		{"n", "{double_match: {exact: 1}}", false},
		{"n", "{double_match: {range: {start: 1.5, end: 2}}}", true},
		{"n", "{double_match: {range: {start: 1, end: 1.5}}}", false},
		{"n", "{string_match: {exact: '1.5'}}", false},
		{"s", "{double_match: {exact: 0}}", false},
		{"l", "{list_match: {one_of: {string_match: {exact: a}}}}", true},
		{"l", "{list_match: {one_of: {double_match: {exact: 1}}}}", true},
		{"l", "{list_match: {one_of: {string_match: {exact: b}}}}", false},
		{"s", "{list_match: {one_of: {string_match: {exact: text}}}}", false},
		{"s",
		 "{or_match: {value_matchers: [{bool_match: true}, {string_match: {exact: "
		 "text}}]}}",
		 true},
		{"s",
		 "{or_match: {value_matchers: [{bool_match: true}, {string_match: {exact: x}}]}}",
		 false},
		{"t'}, {key: 'k", "{string_match: {exact: in}}", true},
		{"t'}, {key: 'j", "{present_match: true}", false},
		{"s'}, {key: 'k", "{present_match: true}", false},
	};
	struct routing_fixture *f = *state;
	const struct metadata *metadata = metadata_of(f);

	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		for (unsigned invert = 0; invert < 2; invert++) {
			struct metadata_match match = {.invert = false};
			bool gave_up = false;
			assert_int_equal(
				load(f,
				     arena_printf(&f->arena,
						  "{filter: m, path: [{key: '%s'}], value: "
						  "%s, invert: %s}",
						  rows[i].path, rows[i].value,
						  invert ? "true" : "false"),
				     &match),
				STATUS_OK);
			if (metadata_match_try(&match, metadata, &gave_up) !=
			    (rows[i].matches != (invert == 1)))
				fail_msg("%s of %s, invert %u", rows[i].value, rows[i].path,
					 invert);
			assert_int_equal(metadata_match_try(&match, NULL, &gave_up), invert);
			assert_false(gave_up);
		}
	}
}

static void giving_up_is_told(void **state)
{
	struct routing_fixture *f = *state;
	struct metadata *metadata = NULL;
	struct label label = {
		.kind = LABEL_STRING,
		.text = SLICE("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxq")};
	struct metadata_match match;
	bool gave_up = false;

	metadata_set(&metadata, SLICE("m"), SLICE("s"), &label, &f->arena);
	assert_int_equal(load(f,
			      "{filter: m, path: [{key: s}], value: {string_match: {safe_regex: "
			      "{regex: '(x+x+)+[yz]w?'}}}}",
			      &match),
			 STATUS_OK);
	assert_false(metadata_match_try(&match, metadata, &gave_up));
	assert_true(gave_up);
}

static void what_can_not_be_is_refused(void **state)
{
	struct routing_fixture *f = *state;
	struct metadata_match match;
	const char *value = "{bool_match: true}";

	assert_int_not_equal(load(f, "{path: [{key: k}], value: {bool_match: true}}", &match), 0);
	assert_string_equal(f->diag.path, "filter");
	assert_int_not_equal(load(f, "{filter: m, value: {bool_match: true}}", &match), 0);
	assert_string_equal(f->diag.path, "path");
	assert_int_not_equal(load(f, "{filter: m, path: [{key: k}]}", &match), 0);
	assert_string_equal(f->diag.path, "value");
	assert_int_not_equal(
		load(f, "{filter: m, path: [{key: k}], value: {list_match: {}}}", &match), 0);
	assert_string_equal(f->diag.path, "value.list_match.one_of");
	for (unsigned i = 0; i < METADATA_MATCH_DEPTH_MAX; i++)
		value = arena_printf(&f->arena, "{list_match: {one_of: %s}}", value);
	assert_int_not_equal(
		load(f, arena_printf(&f->arena, "{filter: m, path: [{key: k}], value: %s}", value),
		     &match),
		0);
	assert_non_null(strstr(f->diag.text, "nested"));
}

static void a_route_may_ask_for_it(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *table = table_of_routes(
		f, "[{match: {prefix: /, dynamic_metadata: [{filter: m, path: [{key: s}], value: "
		   "{string_match: {exact: text}}}, {filter: m, path: [{key: b}], value: "
		   "{bool_match: true}}]}, direct_response: {status: 200, body: {inline_string: "
		   "noted}}}, {match: {prefix: /}, direct_response: {status: 200, body: "
		   "{inline_string: other}}}]");
	unsigned looked_at = 0;

	assert_string_equal(answer(f, table, "GET /", "h", NULL), "other");
	f->input.metadata = metadata_of(f);
	const struct route *route = route_table_match(table, &f->input, &looked_at);
	assert_string_equal(route->direct_response->body.data, "noted");
	assert_true(looked_at & ROUTE_LOOKED_AT_METADATA);
	struct label no = {.kind = LABEL_BOOL};
	metadata_set((struct metadata *[]){(struct metadata *)(uintptr_t)f->input.metadata},
		     SLICE("m"), SLICE("b"), &no, &f->arena);
	route = route_table_match(table, &f->input, NULL);
	assert_string_equal(route->direct_response->body.data, "other");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, routing_setup, routing_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(each_kind_of_value),
		TEST(giving_up_is_told),
		TEST(what_can_not_be_is_refused),
		TEST(a_route_may_ask_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
