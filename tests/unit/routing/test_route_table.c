/* Which route a request gets. The expectations are what Envoy does. */
#include "routing_support.h"

#define DIRECT(text) "direct_response: {status: 200, body: {inline_string: '" text "'}}"
#define HOST(name, domains)                                                                        \
	"{name: " name ", domains: " domains ", routes: [{match: {prefix: /}, " DIRECT(name) "}]}"

static void domains_in_any_order(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = table_of(
		f, "virtual_hosts: [" HOST("v0", "['*']") ", " HOST("v1", "['www.*']") ", " HOST(
			   "v2", "['*.example.com']") ", " HOST("v3", "['WWW.example.com']") "]");
	assert_string_equal(answer(f, t, "GET /", "www.example.com", ""), "v3");
	assert_string_equal(answer(f, t, "GET /", "Www.Example.Com", ""), "v3");
	assert_string_equal(answer(f, t, "GET /", "a.example.com", ""), "v2");
	assert_string_equal(answer(f, t, "GET /", "www.example.org", ""), "v1");
	assert_string_equal(answer(f, t, "GET /", "other.org", ""), "v0");
	assert_string_equal(answer(f, t, "GET /", "example.com", ""), "v0");
	assert_string_equal(answer(f, t, "GET /", "www.example.com.evil", ""), "v1");
	assert_string_equal(answer(f, t, "GET /", "", ""), "v0");
}

static void longest_wildcard(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t =
		table_of(f, "virtual_hosts: [" HOST("v0", "['*.com', '*.a.com']") ", " HOST(
				    "v1", "['*-x.a.com']") ", " HOST("v2", "['a.*', 'a.b.*']") "]");
	assert_string_equal(answer(f, t, "GET /", "z.com", ""), "v0");
	assert_string_equal(answer(f, t, "GET /", "q-x.a.com", ""), "v1");
	assert_string_equal(answer(f, t, "GET /", "-x.a.com", ""), "v0"); /* '*' takes no "" */
	assert_string_equal(answer(f, t, "GET /", ".com", ""), "-");
	assert_string_equal(answer(f, t, "GET /", "a.b.c", ""), "v2");
	assert_string_equal(answer(f, t, "GET /", "a.", ""), "-");
	char host[600];
	memset(host, 'h', sizeof host);
	strcpy(host + 500, ".A.com");
	assert_string_equal(answer(f, t, "GET /", host, ""), "v0");
}

static void ports(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = table_of(
		f,
		"virtual_hosts: [" HOST("v0", "[a.com]") ", " HOST(
			"v1",
			"['b.com:8080']") ", " HOST("v2",
						    "['*.c.com:*']") ", " HOST("v3",
									       "['d.com:*']") "]");
	assert_string_equal(answer(f, t, "GET /", "a.com", ""), "v0");
	assert_string_equal(answer(f, t, "GET /", "a.com:80", ""), "-");
	assert_string_equal(answer(f, t, "GET /", "b.com", ""), "-");
	assert_string_equal(answer(f, t, "GET /", "b.com:8080", ""), "v1");
	assert_string_equal(answer(f, t, "GET /", "x.c.com:9", ""), "-");
	assert_string_equal(answer(f, t, "GET /", "d.com:1", ""), "v3");
	assert_string_equal(answer(f, t, "GET /", "d.com", ""), "-");

	t = table_of(f, "ignore_port_in_host_matching: true\nvirtual_hosts: [" HOST(
				"v0", "[a.com, '[::1]']") ", " HOST("v1", "['*.b.com']") "]");
	assert_string_equal(answer(f, t, "GET /", "a.com:80", ""), "v0");
	assert_string_equal(answer(f, t, "GET /", "a.com:", ""), "v0");
	assert_string_equal(answer(f, t, "GET /", "a.com:abc", ""), "v0");
	assert_string_equal(answer(f, t, "GET /", "x.b.com:443", ""), "v1");
	assert_string_equal(answer(f, t, "GET /", "[::1]", ""), "v0");
	assert_string_equal(answer(f, t, "GET /", "[::1]:8080", ""), "v0");
}

static void vhost_header(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t =
		table_of(f, "vhost_header: X-Vhost\nvirtual_hosts: [" HOST(
				    "v0", "[a.com]") ", " HOST("v1", "[b.com]") "]");
	assert_string_equal(answer(f, t, "GET /", "a.com", ""), "-");
	assert_string_equal(answer(f, t, "GET /", "a.com", "x-vhost: b.com"), "v1");
	t = table_of(f, "vhost_header: X-Vhost\nvirtual_hosts: [" HOST("v0", "['*', b.com]") "]");
	assert_string_equal(answer(f, t, "GET /", "a.com", ""), "-");
	t = table_of(f, "vhost_header: X-Vhost\nvirtual_hosts: [" HOST("v0", "['*']") "]");
	assert_string_equal(answer(f, t, "GET /", "a.com", ""), "v0"); /* nothing is asked */
}

static void paths(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t =
		table_of_routes(
			f,
			"[{match: {prefix: /a}, " DIRECT("1") "}, {match: {path: /a}, " DIRECT("2") "}, {match: {path_separated_prefix: /api/v1}, " DIRECT(
				"3") "}, {match: {safe_regex: {regex: '/b[io]t'}}, " DIRECT("4") "}"
												 ","
												 " "
												 "{"
												 "m"
												 "a"
												 "t"
												 "c"
												 "h"
												 ":"
												 " "
												 "{"
												 "p"
												 "a"
												 "t"
												 "h"
												 ":"
												 " "
												 "/"
												 "f"
												 "o"
												 "o"
												 "}"
												 ","
												 " " DIRECT(
													 "5") "}]");
	assert_string_equal(answer(f, t, "GET /a", "h", ""), "1");
	assert_string_equal(answer(f, t, "GET /ab?x", "h", ""), "1");
	assert_string_equal(answer(f, t, "GET /foo?a=b", "h", ""), "5");
	assert_string_equal(answer(f, t, "GET /foo/", "h", ""), "-");
	assert_string_equal(answer(f, t, "GET /Foo", "h", ""), "-");
	assert_string_equal(answer(f, t, "GET /bit?x=1", "h", ""), "4");
	assert_string_equal(answer(f, t, "GET /bite", "h", ""), "-");
	assert_string_equal(answer(f, t, "GET /x/bit", "h", ""), "-");
	t = table_of_routes(f, "[{match: {path_separated_prefix: /api/v1}, " DIRECT("3") "}]");
	assert_string_equal(answer(f, t, "GET /api/v1", "h", ""), "3");
	assert_string_equal(answer(f, t, "GET /api/v1/", "h", ""), "3");
	assert_string_equal(answer(f, t, "GET /api/v1/x", "h", ""), "3");
	assert_string_equal(answer(f, t, "GET /api/v1?a", "h", ""), "3");
	assert_string_equal(answer(f, t, "GET /api/v1x", "h", ""), "-");
	assert_string_equal(answer(f, t, "GET /api/v", "h", ""), "-");
}

static void case_insensitive_paths(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = table_of_routes(
		f, "[{match: {path: /Ab, case_sensitive: false}, " DIRECT(
			   "a") "}, {match: {prefix: /Pr, case_sensitive: "
				"false}, " DIRECT("p") "}, {match: "
						       "{path_separated_prefix: /Se, "
						       "case_sensitive: "
						       "false}, " DIRECT("s") "}, "
									      "{match:"
									      " {safe_"
									      "regex: "
									      "{regex:"
									      " /re}, "
									      "case_"
									      "sensiti"
									      "ve: "
									      "false},"
									      " " DIRECT("r") "}]");
	assert_string_equal(answer(f, t, "GET /aB", "h", ""), "a");
	assert_string_equal(answer(f, t, "GET /PRx", "h", ""), "p");
	assert_string_equal(answer(f, t, "GET /sE/x", "h", ""), "s");
	assert_string_equal(answer(f, t, "GET /sEx", "h", ""), "-");
	assert_string_equal(answer(f, t, "GET /RE", "h", ""), "-");
	assert_string_equal(answer(f, t, "GET /re", "h", ""), "r");
}

static void path_parameters_and_connect(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t =
		table_of(f, "ignore_path_parameters_in_path_matching: "
			    "true\nvirtual_hosts: [{name: v, domains: "
			    "['*'], routes: [{match: {path: /a}, " DIRECT(
				    "a") "}, {match: {safe_regex: {regex: "
					 "/c}}, " DIRECT("c") "}, {match: "
							      "{connect_matcher: "
							      "{}}, " DIRECT("connec"
									     "t") "}]"
										  "}"
										  "]");
	assert_string_equal(answer(f, t, "GET /a;x=1", "h", ""), "a");
	assert_string_equal(answer(f, t, "GET /a;x=1/b", "h", ""), "-");
	assert_string_equal(answer(f, t, "GET /c;z?q", "h", ""), "c");
	assert_string_equal(answer(f, t, "CONNECT /", "h", ""), "connect");
}

static void templates(void **state)
{
	struct routing_fixture *f = *state;
	static const struct {
		const char *template, *matches[6], *misses[6];
	} cases[] = {
		{"/u/{id}/*",
		 {"/u/1/x", "/u/1/x%2Fy?q", "/u/1/x:y"},
		 {"/u/1", "/u//x", "/u/1/x/y"}},
		{"/**", {"/", "/u/", "/u//x", "/a/x"}, {NULL}},
		{"/u/**", {"/u/", "/u/1", "/u//x", "/u/x/q/z"}, {"/u", "/a/x", "/"}},
		{"/u/{a=*}/{b=**}", {"/u/1/x", "/u/1/x/y"}, {"/u/1", "/u/", "/u//x"}},
		{"/*/x", {"/a/x"}, {"/u/1/x", "/x"}},
		{"/u/{a=x/*}/z", {"/u/x/q/z"}, {"/u/1/x", "/u/x/z"}},
		{"/v/*.m4s", {"/v/a.m4s"}, {"/v/a_m4s", "/v/.m4s/x"}},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct route_table *t = table_of_routes(
			f, arena_printf(&f->arena,
					"[{match: {path_match_policy: {name: t, typed_config: "
					"{'@type': type.googleapis.com/"
					"envoy.extensions.path.match.uri_template.v3."
					"UriTemplateMatchConfig, path_template: '%s'}}}, " DIRECT(
						"t") "}]",
					cases[i].template));
		for (const char *const *p = cases[i].matches; *p; p++)
			if (!route_of(f, t, arena_printf(&f->arena, "GET %s", *p), "h", ""))
				fail_msg("%s should match %s", cases[i].template, *p);
		for (const char *const *p = cases[i].misses; *p; p++)
			if (route_of(f, t, arena_printf(&f->arena, "GET %s", *p), "h", ""))
				fail_msg("%s should not match %s", cases[i].template, *p);
	}
}

static void query_parameters(void **state)
{
	struct routing_fixture *f = *state;
	static const struct {
		const char *matcher, *matches[8], *misses[8];
	} cases[] = {
		{"{name: k, string_match: {exact: v}}",
		 {"/?k=v", "/?k=v&k=w", "/?a=1&k=v"},
		 {"/?k=V", "/?k=w&k=v", "/?k", "/?k=", "/", "/?K=v", "/?k=%76"}},
		{"{name: k, present_match: true}",
		 {"/?k", "/?k=", "/?k=1", "/?a&k"},
		 {"/?kk=1", "/?a=k", "/"}},
		{"{name: k, present_match: false}", {"/", "/?a=1"}, {"/?k"}},
		{"{name: k, string_match: {exact: ''}}", {"/?k=", "/?k"}, {"/?k=1", "/"}},
		{"{name: k}", {"/?k=1", "/?k"}, {"/?x"}},
		{"{name: k, string_match: {exact: 'a=b'}}",
		 {"/?k=a=b", "/?&&k=a=b&"},
		 {"/?k=a=b?"}},
		{"{name: k, string_match: {safe_regex: {regex: '[a-c]+'}}}",
		 {"/?k=abc"},
		 {"/?k=abd"}},
		{"{name: 'a b', string_match: {exact: 'c d'}}",
		 {NULL},
		 {"/?a%20b=c%20d", "/?a+b=c+d"}},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct route_table *t = table_of_routes(
			f, arena_printf(&f->arena,
					"[{match: {prefix: /, query_parameters: [%s]}, " DIRECT(
						"q") "}]",
					cases[i].matcher));
		for (const char *const *p = cases[i].matches; *p; p++)
			if (!route_of(f, t, arena_printf(&f->arena, "GET %s", *p), "h", ""))
				fail_msg("%s should match %s", cases[i].matcher, *p);
		for (const char *const *p = cases[i].misses; *p; p++)
			if (route_of(f, t, arena_printf(&f->arena, "GET %s", *p), "h", ""))
				fail_msg("%s should not match %s", cases[i].matcher, *p);
	}
}

static void cookies(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = table_of_routes(
		f,
		"[{match: {prefix: /, cookies: [{name: a, string_match: {exact: '1'}}]}, " DIRECT(
			"c") "}]");
	assert_string_equal(answer(f, t, "GET /", "h", "cookie: a=1"), "c");
	assert_string_equal(answer(f, t, "GET /", "h", "cookie: b=2;a=1"), "c");
	assert_string_equal(answer(f, t, "GET /", "h", "cookie: a=2; a=1"), "-");
	assert_string_equal(answer(f, t, "GET /", "h", "cookie: b=1\ncookie: a=1"), "c");
	assert_string_equal(answer(f, t, "GET /", "h", "cookie: a=\"1\""), "c");
	assert_string_equal(answer(f, t, "GET /", "h", "cookie: A=1"), "-");
	assert_string_equal(answer(f, t, "GET /", "h", ""), "-");
	t = table_of_routes(f,
			    "[{match: {prefix: /, cookies: [{name: a, string_match: {exact: '1'}, "
			    "invert_match: true}]}, " DIRECT("c") "}]");
	assert_string_equal(answer(f, t, "GET /", "h", "cookie: a=1"), "-");
	assert_string_equal(answer(f, t, "GET /", "h", "cookie: a=2"), "c");
	assert_string_equal(answer(f, t, "GET /", "h", ""), "c");
}

static void fractions(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = table_of_routes(
		f, "[{match: {prefix: /a, runtime_fraction: {default_value: {numerator: "
		   "0}}}, " DIRECT(
			   "0") "}, {match: {prefix: /b, runtime_fraction: "
				"{default_value: {numerator: 25}}}, " DIRECT(
					"25") "}, {match: {prefix: /c, runtime_fraction: "
					      "{default_value: {numerator: 0}, runtime_key: "
					      "r.on}}, " DIRECT(
						      "on") "}, {match: {prefix: /d, "
							    "runtime_fraction: "
							    "{default_value: "
							    "{numerator: 1000000, "
							    "denominator: "
							    "MILLION}, runtime_key: "
							    "r.off}}, " DIRECT(
								    "off") "}, "
									   "{match: "
									   "{prefix: "
									   "/e, "
									   "runtime_"
									   "fraction: "
									   "{default_"
									   "value: "
									   "{numerator"
									   ": 1, "
									   "denominato"
									   "r: "
									   "TEN_"
									   "THOUSAND}}"
									   "},"
									   " " DIRECT("e") "}"
											   "]");
	f->random = 0;
	assert_string_equal(answer(f, t, "GET /a", "h", ""), "-");
	f->random = 124;
	assert_string_equal(answer(f, t, "GET /b", "h", ""), "25");
	assert_string_equal(answer(f, t, "GET /c", "h", ""), "on");
	assert_string_equal(answer(f, t, "GET /d", "h", ""), "-");
	f->random = 125;
	assert_string_equal(answer(f, t, "GET /b", "h", ""), "-");
	f->random = 20000;
	assert_string_equal(answer(f, t, "GET /e", "h", ""), "e");
	f->random = 20001;
	assert_string_equal(answer(f, t, "GET /e", "h", ""), "-");
}

static void grpc_and_tls(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t =
		table_of_routes(f, "[{match: {prefix: /, grpc: {}}, " DIRECT(
					   "g") "}, {match: {prefix: /, tls_context: {presented: "
						"true, validated: false}}, " DIRECT("t") "}]");
	assert_string_equal(answer(f, t, "POST /", "h", "content-type: application/grpc"), "g");
	assert_string_equal(answer(f, t, "POST /", "h", "content-type: application/grpc+proto"),
			    "g");
	assert_string_equal(answer(f, t, "POST /", "h", "content-type: application/grpcx"), "-");
	assert_string_equal(answer(f, t, "POST /", "h", ""), "-");
	f->input.has_peer_certificate = true;
	assert_non_null(route_table_match(t, &f->input, NULL));
	f->input.has_valid_peer_certificate = true;
	assert_null(route_table_match(t, &f->input, NULL));
}

static void looked_at(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = table_of_routes(
		f,
		"[{match: {prefix: /a}, " DIRECT("a") "}, {match: {prefix: /, headers: [{name: "
						      "x}]}, " DIRECT("b") "}, {match: {prefix: "
									   "/}, " DIRECT("c") "}]");
	unsigned seen;
	route_of(f, t, "GET /a", "h", "");
	assert_non_null(route_table_match(t, &f->input, &seen));
	assert_int_equal(seen, ROUTE_LOOKED_AT_PATH);
	route_of(f, t, "GET /c", "h", "");
	assert_non_null(route_table_match(t, &f->input, &seen));
	assert_int_equal(seen, ROUTE_LOOKED_AT_PATH | ROUTE_LOOKED_AT_HEADERS);
}

static void require_tls(void **state)
{
	struct routing_fixture *f = *state;
	const struct route_table *t = table_of(
		f, "virtual_hosts: [{name: a, domains: [a], require_tls: ALL, routes: [{match: "
		   "{prefix: "
		   "/}, " DIRECT(
			   "a") "}]}, {name: b, domains: [b], require_tls: EXTERNAL_ONLY, routes: "
				"[{match: {prefix: /}, " DIRECT("b") "}]}]");
	const struct route *route = route_of(f, t, "GET /p?q", "a", "");
	assert_int_equal(route->kind, ROUTE_REDIRECT);
	assert_int_equal(route->redirect->status, 301);
	struct slice to =
		redirect_location(route->redirect, route->matcher, &f->headers, &f->stream);
	assert_true(slice_equal(to, SLICE("https://a/p?q")));
	assert_string_equal(answer(f, t, "GET /", "a", "x-forwarded-proto: https"), "a");
	assert_int_equal(route_of(f, t, "GET /", "b", "")->kind, ROUTE_REDIRECT);
	assert_string_equal(answer(f, t, "GET /", "b", "x-envoy-internal: true"), "b");
}

static void many_routes_use_the_index(void **state)
{
	struct routing_fixture *f = *state;
	char *yaml = arena_printf(&f->arena, "[");
	for (int i = 0; i < 100; i++)
		yaml = arena_printf(&f->arena,
				    "%s{match: {%s: /p%d}, direct_response: {status: 200, body: "
				    "{inline_string: '%d'}}}, ",
				    yaml, i % 2 ? "path" : "prefix", i, i);
	yaml = arena_printf(&f->arena, "%s{match: {prefix: /}, " DIRECT("rest") "}]", yaml);
	const struct route_table *t = table_of_routes(f, yaml);
	assert_non_null(t->virtual_hosts[0].routes.index);
	assert_string_equal(answer(f, t, "GET /p1", "h", ""), "1");
	assert_string_equal(answer(f, t, "GET /p1/", "h", ""), "rest");
	assert_string_equal(answer(f, t, "GET /p2/", "h", ""), "2");
	assert_string_equal(answer(f, t, "GET /p24", "h", ""), "2"); /* /p2 stands before /p24 */
	assert_string_equal(answer(f, t, "GET /p99?x", "h", ""), "99");
	assert_string_equal(answer(f, t, "GET /x", "h", ""), "rest");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(domains_in_any_order),
		ROUTING_TEST(longest_wildcard),
		ROUTING_TEST(ports),
		ROUTING_TEST(vhost_header),
		ROUTING_TEST(paths),
		ROUTING_TEST(case_insensitive_paths),
		ROUTING_TEST(path_parameters_and_connect),
		ROUTING_TEST(templates),
		ROUTING_TEST(query_parameters),
		ROUTING_TEST(cookies),
		ROUTING_TEST(fractions),
		ROUTING_TEST(grpc_and_tls),
		ROUTING_TEST(looked_at),
		ROUTING_TEST(require_tls),
		ROUTING_TEST(many_routes_use_the_index),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
