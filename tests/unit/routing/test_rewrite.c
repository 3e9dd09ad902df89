/* Paths, hosts and locations that come out of a route. The expectations are what Envoy does. */
#include "routing_support.h"

/* Rewrites f->headers by the only route; fails if it doesn't match. */
static void rewrite(struct routing_fixture *f, const char *match, const char *action,
		    const char *path, const char *more)
{
	const struct route_table *t = table_of_routes(
		f,
		arena_printf(&f->arena, "[{match: %s, route: {cluster: c1, %s}}]", match, action));
	const struct route *route =
		route_of(f, t, arena_printf(&f->arena, "GET %s", path), "test.local", more);
	struct cluster_pick pick;
	if (!route)
		fail_msg("%s does not match %s", match, path);
	assert_true(route_pick_cluster(route, &f->headers, 0, NULL, &pick));
	route_rewrite_request(route, pick.weighted, &f->headers, true);
}

static void path_is(struct routing_fixture *f, const char *match, const char *action,
		    const char *path, const char *expected)
{
	rewrite(f, match, action, path, "x-envoy-original-path: /spoof");
	assert_string_equal(field(f, ":path"), expected);
	assert_string_equal(fields(f, "x-envoy-original-path"), path);
}

static void paths(void **state)
{
	struct routing_fixture *f = *state;
	const char *regex = "regex_rewrite: {pattern: {regex: '^/service/([^/]+)(/.*)$'}, "
			    "substitution: '\\2/instance/\\1'}";
	path_is(f, "{prefix: /old}", "prefix_rewrite: /new", "/old", "/new");
	path_is(f, "{prefix: /old}", "prefix_rewrite: /new", "/old/x?q=1", "/new/x?q=1");
	path_is(f, "{prefix: /old}", "prefix_rewrite: /new", "/oldx", "/newx");
	path_is(f, "{prefix: /old}", "prefix_rewrite: /new", "/old?y", "/new?y");
	path_is(f, "{prefix: /old/}", "prefix_rewrite: /", "/old//x", "//x");
	path_is(f, "{path_separated_prefix: /old}", "prefix_rewrite: /new", "/old/x", "/new/x");
	path_is(f, "{path: /old}", "prefix_rewrite: /new", "/old?a=b", "/new?a=b");
	path_is(f, "{prefix: /old, case_sensitive: false}", "prefix_rewrite: /new", "/OLD/x",
		"/new/x");
	path_is(f, "{safe_regex: {regex: '/a.*'}}", "prefix_rewrite: /new", "/abc?x", "/new?x");
	path_is(f, "{prefix: /}", regex, "/service/foo/v1/api?q=1", "/v1/api/instance/foo?q=1");
	path_is(f, "{prefix: /}", regex, "/other", "/other");
	path_is(f, "{prefix: /}", "regex_rewrite: {pattern: {regex: one}, substitution: two}",
		"/xx/one/yy/one/zz?one", "/xx/two/yy/two/zz?one");
	path_is(f, "{prefix: /}", "regex_rewrite: {pattern: {regex: a}, substitution: '\\3'}", "/a",
		"/a");
	path_is(f,
		"{path_match_policy: {name: t, typed_config: {'@type': "
		"type.googleapis.com/"
		"envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig, "
		"path_template: '/u/{id}/{rest=**}'}}}",
		"path_rewrite_policy: {name: r, typed_config: {'@type': "
		"type.googleapis.com/"
		"envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig, "
		"path_template_rewrite: '/{rest}/of/{id}'}}",
		"/u/1/x/y?q", "/x/y/of/1?q");
	const struct route_table *direct =
		table_of_routes(f, "[{match: {prefix: /}, direct_response: {status: 200}}]");
	route_rewrite_request(route_of(f, direct, "GET /d", "h", ""), NULL, &f->headers, true);
	assert_string_equal(field(f, ":path"), "/d");
	rewrite(f, "{prefix: /}", "timeout: 1s", "/p", "");
	assert_string_equal(field(f, "x-envoy-original-path"), "-");
}

static void hosts(void **state)
{
	struct routing_fixture *f = *state;
	const char *by_path = "host_rewrite_path_regex: {pattern: {regex: '^/(.+)/.+$'}, "
			      "substitution: '\\1'}";
	rewrite(f, "{prefix: /}", "host_rewrite_literal: new.host", "/", "");
	assert_string_equal(field(f, ":authority"), "new.host");
	assert_string_equal(field(f, "x-envoy-original-host"), "test.local");
	assert_string_equal(field(f, "x-forwarded-host"), "-");
	rewrite(f, "{prefix: /}", "host_rewrite_literal: new, append_x_forwarded_host: true", "/",
		"x-forwarded-host: before");
	assert_string_equal(fields(f, "x-forwarded-host"), "before,test.local");
	rewrite(f, "{prefix: /}", "host_rewrite_literal: new, append_x_forwarded_host: true", "/",
		"");
	assert_string_equal(fields(f, "x-forwarded-host"), "test.local");
	rewrite(f, "{prefix: /}", "host_rewrite_header: X-Host", "/", "x-host: from.header");
	assert_string_equal(field(f, ":authority"), "from.header");
	rewrite(f, "{prefix: /}", "host_rewrite_header: x-host", "/", "");
	assert_string_equal(field(f, ":authority"), "test.local");
	assert_string_equal(field(f, "x-envoy-original-host"), "-");
	rewrite(f, "{prefix: /}", by_path, "/envoyproxy.io/some/path?q", "");
	assert_string_equal(field(f, ":authority"), "envoyproxy.io/some");
	rewrite(f, "{prefix: /}", by_path, "/x", "");
	assert_string_equal(field(f, ":authority"), "/x");
	rewrite(f, "{prefix: /}", "auto_host_rewrite: true", "/", "");
	assert_string_equal(field(f, ":authority"), "test.local");
}

static void location_is(struct routing_fixture *f, const char *match, const char *redirect,
			const char *host, const char *path, const char *expected)
{
	const struct route_table *t = table_of_routes(
		f, arena_printf(&f->arena, "[{match: %s, redirect: %s}]", match, redirect));
	const struct route *route = route_of(f, t, arena_printf(&f->arena, "GET %s", path), host,
					     "x-forwarded-proto: http");
	assert_non_null(route);
	struct slice to =
		redirect_location(route->redirect, route->matcher, &f->headers, &f->stream);
	assert_string_equal(arena_string(&f->stream, to), expected);
}

static void locations(void **state)
{
	struct routing_fixture *f = *state;
	const char *all = "{prefix: /}", *h = "test.local";
	const char *regex = "{regex_rewrite: {pattern: {regex: '^/(.*)/(.*)$'}, substitution: "
			    "'/\\2/\\1'}}";
	location_is(f, all, "{host_redirect: new.host}", "old:8080", "/a/b?q=1",
		    "http://new.host/a/b?q=1");
	location_is(f, all, "{https_redirect: true}", "h.com", "/a?q", "https://h.com/a?q");
	location_is(f, all, "{https_redirect: true}", "h.com:80", "/a", "https://h.com/a");
	location_is(f, all, "{https_redirect: true}", "h.com:8080", "/a", "https://h.com:8080/a");
	location_is(f, all, "{https_redirect: true}", "[::1]:80", "/", "https://[::1]/");
	location_is(f, all, "{https_redirect: true}", "[::1]", "/", "https://[::1]/");
	location_is(f, all, "{scheme_redirect: https}", "h.com:80", "/a", "https://h.com/a");
	location_is(f, all, "{scheme_redirect: http}", "h.com:80", "/a", "http://h.com:80/a");
	location_is(f, all, "{port_redirect: 8443}", "h.com:80", "/a", "http://h.com:8443/a");
	location_is(f, all, "{port_redirect: 8443}", "[::1]:80", "/a", "http://[::1]:8443/a");
	location_is(f, all, "{port_redirect: 81, host_redirect: n.com}", "h.com:1", "/a",
		    "http://n.com:81/a");
	location_is(f, all, "{https_redirect: true, port_redirect: 80}", "h.com", "/a",
		    "https://h.com:80/a");
	location_is(f, all, "{path_redirect: /new}", h, "/a?q=1", "http://test.local/new?q=1");
	location_is(f, all, "{path_redirect: '/new?x=2'}", h, "/a?q=1",
		    "http://test.local/new?x=2");
	location_is(f, all, "{path_redirect: '/new?x=2', strip_query: true}", h, "/a",
		    "http://test.local/new?x=2");
	location_is(f, all, "{path_redirect: /n, strip_query: true}", h, "/a?q=1",
		    "http://test.local/n");
	location_is(f, all, "{host_redirect: n.com, strip_query: true}", h, "/a?q=1",
		    "http://n.com/a");
	location_is(f, "{prefix: /old/}", "{prefix_rewrite: /new/}", h, "/old/x?q=1",
		    "http://test.local/new/x?q=1");
	location_is(f, "{path: /old}", "{prefix_rewrite: /new}", h, "/old?q=1",
		    "http://test.local/new?q=1");
	location_is(f, all, regex, h, "/a/b?q=1", "http://test.local/b/a?q=1");
	location_is(f, all, regex, h, "/nomatch", "http://test.local/nomatch");
}

static void redirect_codes(void **state)
{
	struct routing_fixture *f = *state;
	static const char *const names[] = {"MOVED_PERMANENTLY", "FOUND", "SEE_OTHER",
					    "TEMPORARY_REDIRECT", "PERMANENT_REDIRECT"};
	static const int codes[] = {301, 302, 303, 307, 308};
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		const struct route_table *t = table_of_routes(
			f, arena_printf(&f->arena,
					"[{match: {prefix: /}, redirect: {response_code: %s}}]",
					names[i]));
		assert_int_equal(route_of(f, t, "GET /", "h", "")->redirect->status, codes[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTING_TEST(paths),
		ROUTING_TEST(hosts),
		ROUTING_TEST(locations),
		ROUTING_TEST(redirect_codes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
