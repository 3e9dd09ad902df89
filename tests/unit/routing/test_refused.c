/* Tables that must not be built, and what is said of them. */
#include "routing_support.h"

#define FORWARD "route: {cluster: c1}"

static void refused(struct routing_fixture *f, const char *route, const char *said)
{
	const char *yaml = arena_printf(
		&f->arena, "virtual_hosts: [{name: v, domains: ['*'], routes: [%s]}]", route);
	if (table_try(f, yaml))
		fail_msg("was built: %s", route);
	if (!strstr(f->said, said))
		fail_msg("\"%s\" should say \"%s\"", f->said, said);
}

static void taken(struct routing_fixture *f, const char *route)
{
	table_of_routes(f, arena_printf(&f->arena, "[%s]", route));
}

static void clusters(void **state)
{
	struct routing_fixture *f = *state;
	refused(f, "{match: {prefix: /}, route: {cluster: nope}}",
		"virtual_hosts[0].routes[0].route.cluster: unknown cluster 'nope'");
	refused(f,
		"{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: nope, weight: "
		"1}]}}}",
		"routes[0].route.weighted_clusters.clusters[0].name: unknown cluster");
	refused(f,
		"{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: c1, weight: "
		"0}]}}}",
		"weights must be > 0");
	refused(f, "{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: c1}]}}}",
		"routes[0].route.weighted_clusters.clusters[0].weight: is required");
	refused(f,
		"{match: {prefix: /}, route: {weighted_clusters: {clusters: [{name: c1, weight: "
		"4294967295}, {name: c2, weight: 1}]}}}",
		"exceeds");
	refused(f,
		"{match: {prefix: /}, route: {cluster: c1, request_mirror_policies: [{cluster: "
		"nope}]}}",
		"request_mirror_policies[0].cluster: unknown cluster");
	assert_non_null(table_try(f, "validate_clusters: false\nvirtual_hosts: [{name: v, domains: "
				     "['*'], routes: [{match: {prefix: /}, route: {cluster: "
				     "nope}}]}]"));
}

static void matches(void **state)
{
	struct routing_fixture *f = *state;
	refused(f, "{" FORWARD "}", "virtual_hosts[0].routes[0].match: is required");
	refused(f, "{match: {}, " FORWARD "}", "virtual_hosts[0].routes[0].match: one of prefix");
	refused(f, "{match: {prefix: /}}", "one of route, redirect");
	refused(f, "{match: {safe_regex: {regex: '('}}, " FORWARD "}",
		"virtual_hosts[0].routes[0].match.safe_regex.regex: invalid regular expression");
	refused(f, "{match: {safe_regex: {regex: '(a)\\1'}}, " FORWARD "}",
		"match.safe_regex.regex: invalid escape");
	refused(f, "{match: {path_separated_prefix: /a/}, " FORWARD "}",
		"match.path_separated_prefix:");
	refused(f, "{match: {path_separated_prefix: '/a?b'}, " FORWARD "}",
		"match.path_separated_prefix:");
	refused(f, "{match: {prefix: /, headers: [{name: '', present_match: true}]}, " FORWARD "}",
		"match.headers[0].name: must not be empty");
	refused(f,
		"{match: {prefix: /, headers: [{name: a, string_match: {prefix: ''}}]}, " FORWARD
		"}",
		"match.headers[0].string_match.prefix: must not be empty");
	refused(f,
		"{match: {prefix: /, headers: [{name: a, string_match: {safe_regex: {regex: a}, "
		"ignore_case: true}}]}, " FORWARD "}",
		"ignore_case: has no effect");
	refused(f,
		"{match: {path_match_policy: {name: t, typed_config: {'@type': "
		"type.googleapis.com/"
		"envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, "
		"path_template: '/u/{v=*.html}'}}}, " FORWARD "}",
		"path_match_policy.path_template: invalid pattern of variable \"v\"");
}

static void actions(void **state)
{
	struct routing_fixture *f = *state;
	refused(f,
		"{match: {prefix: /}, route: {cluster: c1, prefix_rewrite: /a, regex_rewrite: "
		"{pattern: {regex: a}, substitution: b}}}",
		"only one of prefix_rewrite");
	taken(f, "{match: {prefix: /}, route: {cluster: c1, regex_rewrite: {pattern: {regex: a}, "
		 "substitution: '\\3'}}}");
	refused(f, "{match: {prefix: /}, direct_response: {status: 600}}",
		"direct_response.status: must be 200 to 599");
	refused(f,
		arena_printf(&f->arena,
			     "{match: {prefix: /}, direct_response: {status: 200, body: "
			     "{inline_string: '%5000s'}}}",
			     "x"),
		"direct_response.body: has 5000 bytes; at most 4096 are allowed");
	taken(f, "{match: {prefix: /}, direct_response: {status: 200, body_format: {json_format: "
		 "{code: '%RESPONSE_CODE%'}}}}");
	refused(f,
		"{match: {prefix: /}, direct_response: {status: 200, body_format: "
		"{text_format_source: {inline_string: '%NOPE%'}}}}",
		"direct_response.body_format");
	refused(f, "{match: {prefix: /}, direct_response: {status: 200, body: {filename: /none}}}",
		"direct_response.body.filename: '/none' can't be read");
	taken(f, "{match: {prefix: /}, direct_response: {status: 200, body: {filename: "
		 ".gitignore}}}");
	refused(f,
		"{match: {prefix: /}, route: {cluster: c1, retry_policy: {retry_on: 5xx, "
		"retry_back_off: {base_interval: 2s, max_interval: 1s}}}}",
		"route.retry_policy.retry_back_off.max_interval: must be at least base_interval");
	refused(f, "{match: {prefix: /}, route: {cluster: c1, timeout: -1s}}",
		"route.timeout: must not be negative");
	refused(f, "{match: {prefix: /}, route: {cluster: c1, hash_policy: [{}]}}",
		"route.hash_policy[0]: one of header");
	refused(f,
		"{match: {prefix: /}, route: {cluster: c1, upgrade_configs: [{upgrade_type: a}, "
		"{upgrade_type: A}]}}",
		"upgrade_configs[1].upgrade_type: occurs twice");
}

static void header_changes(void **state)
{
	struct routing_fixture *f = *state;
#define WITH(field) "{match: {prefix: /}, " FORWARD ", " field "}"
	refused(f, WITH("request_headers_to_add: [{header: {key: host, value: new}}]"),
		"request_headers_to_add[0].header.key: pseudo headers and host");
	refused(f, WITH("request_headers_to_add: [{header: {key: ':path', value: new}}]"),
		"request_headers_to_add[0].header.key:");
	refused(f, WITH("request_headers_to_remove: [Host]"), "request_headers_to_remove[0]:");
	refused(f, WITH("response_headers_to_remove: [':status']"),
		"response_headers_to_remove[0]:");
	refused(f, WITH("request_headers_to_add: [{header: {key: x, value: '%NO_SUCH%'}}]"),
		"request_headers_to_add[0].header.value:");
	refused(f, WITH("request_headers_to_add: [{header: {key: x, value: '%REQ(x'}}]"),
		"request_headers_to_add[0].header.value:");
	refused(f, WITH("request_headers_to_add: [{header: {key: \"x\\ny\", value: v}}]"),
		"not a header name");
	refused(f, WITH("request_headers_to_add: [{header: {key: x, value: \"a\\nb\"}}]"),
		"must not hold CR, LF or NUL");
	refused(f, WITH("request_headers_to_add: [{}]"), "header: is required");
}

static void virtual_hosts(void **state)
{
	struct routing_fixture *f = *state;
	static const struct {
		const char *yaml, *said;
	} cases[] = {
		{"[{name: a, domains: [x.com]}, {name: b, domains: [y.com, X.com]}]",
		 "virtual_hosts[1].domains[1]: domain \"x.com\" occurs twice"},
		{"[{name: a, domains: ['*']}, {name: b, domains: ['*']}]", "virtual_hosts[1]"},
		{"[{name: a, domains: []}]", "virtual_hosts[0].domains: at least one is required"},
		{"[{name: '', domains: ['*']}]", "virtual_hosts[0].name: must not be empty"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (table_try(f, arena_printf(&f->arena, "virtual_hosts: %s", cases[i].yaml)))
			fail_msg("was built: %s", cases[i].yaml);
		if (!strstr(f->said, cases[i].said))
			fail_msg("\"%s\" should say \"%s\"", f->said, cases[i].said);
	}
	table_of(f, "virtual_hosts: [{name: a, domains: [x.com]}, {name: a, domains: [y.com]}]");
	table_of(f, "virtual_hosts: [{name: a, domains: [x.*.com]}]");
}

static void rpc(void **state)
{
	struct routing_fixture *f = *state;
	static const struct {
		const char *route, *said;
	} cases[] = {
		{"{match: {}, " FORWARD "}", "[0].routes[0].match.method: is required"},
		{"{match: {method: {}}, " FORWARD "}", "[0].routes[0].match.method.name"},
		{"{match: {method: {name: {exact: a}}}, route: {cluster: nope}}",
		 "[0].routes[0].route.cluster: unknown cluster 'nope'"},
		{"{match: {method: {name: {exact: a}}}}", "[0].routes[0].route: is required"},
		{"{match: {method: {name: {exact: a}, params_match: {0: {exact_match: "
		 "x}}}}, " FORWARD "}",
		 "params_match: matching on arguments is not supported here"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (rpc_table_try(f, arena_printf(&f->arena,
						  "name: t\nroute_config: [{interface: a, routes: "
						  "[%s]}]",
						  cases[i].route)))
			fail_msg("was built: %s", cases[i].route);
		if (!strstr(f->said, cases[i].said))
			fail_msg("\"%s\" should say \"%s\"", f->said, cases[i].said);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(clusters),       ROUTING_TEST(matches),       ROUTING_TEST(actions),
		ROUTING_TEST(header_changes), ROUTING_TEST(virtual_hosts), ROUTING_TEST(rpc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
