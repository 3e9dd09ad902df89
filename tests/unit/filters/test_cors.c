/* Preflights and marked answers, by the policies of route and virtual host. */
#include "filter_support.h"

#include "filters/cors/cors.h"
#include "telemetry/stats_filters.h"

#define POLICY(fields)                                                                             \
	"typed_per_filter_config: {it: {'@type': type.googleapis.com/"                             \
	"envoy.extensions.filters.http.cors.v3.CorsPolicy, " fields "}}"

static const char passes[] = "R:H. >h200. ended";
static const char answered[] = ">h200. ended";

static struct stream_fixture *new_cors(const char *route_policy, const char *host_policy)
{
	struct stream_fixture *f = filter_new(&cors_filter, "{}");
	char routes[1024], host[1024];

	snprintf(routes, sizeof routes, "[{match: {prefix: /}, route: {cluster: c}%s%s}]",
		 *route_policy ? ", " : "", route_policy);
	snprintf(host, sizeof host, "%s%s", host_policy, *host_policy ? "," : "");
	filter_routes(f, routes, host);
	return f;
}

static const char a_com[] = "GET / h\norigin: http://a.com";
static const char preflight[] =
	"OPTIONS / h\norigin: http://a.com\naccess-control-request-method: PUT";

static void allowed_origins_are_marked(void **state)
{
	struct stream_fixture *f = new_cors(
		POLICY("allow_origin_string_match: [{exact: 'http://a.com'}], allow_credentials: "
		       "true, expose_headers: x-e, allow_methods: 'GET,PUT', max_age: '60'"),
		"");
	(void)state;

	assert_string_equal(filter_get(f, a_com), passes);
	assert_true(filter_answered(f, "access-control-allow-origin=http://a.com;"
				       "access-control-allow-credentials=true;"
				       "access-control-expose-headers=x-e;"));
	assert_false(filter_answered(f, "access-control-allow-methods"));
	assert_string_equal(filter_get(f, "GET / h\norigin: http://b.com"), passes);
	assert_false(filter_answered(f, "access-control"));
	assert_string_equal(filter_get(f, NULL), passes);
	assert_false(filter_answered(f, "access-control"));
	assert_int_equal(filter_counted(f, &cors_stats, "http.test.cors", CORS_STAT_ORIGIN_VALID),
			 1);
	assert_int_equal(filter_counted(f, &cors_stats, "http.test.cors", CORS_STAT_ORIGIN_INVALID),
			 1);
	stream_fixture_free(f);
}

static void preflights_are_answered(void **state)
{
	struct stream_fixture *f =
		new_cors(POLICY("allow_origin_string_match: [{exact: 'http://a.com'}], "
				"allow_methods: 'GET,PUT', allow_headers: x-h, max_age: '60'"),
			 "");
	(void)state;

	assert_string_equal(filter_get(f, preflight), answered);
	assert_string_equal(f->details, "cors_response");
	assert_true(filter_answered(f, "access-control-allow-methods=GET,PUT;"
				       "access-control-allow-headers=x-h;"
				       "access-control-max-age=60;"));
	assert_string_equal(filter_get(f, "OPTIONS / h\norigin: http://a.com"), passes);
	assert_string_equal(filter_get(f, "OPTIONS / h\norigin: http://b.com\n"
					  "access-control-request-method: PUT"),
			    passes);
	stream_fixture_free(f);
}

static void what_a_route_leaves_out_is_its_hosts(void **state)
{
	struct stream_fixture *f =
		new_cors(POLICY("allow_methods: PUT"),
			 POLICY("allow_origin_string_match: [{exact: '*'}], allow_methods: GET, "
				"max_age: '7'"));
	(void)state;

	assert_string_equal(filter_get(f, preflight), answered);
	assert_true(filter_answered(f, "access-control-allow-methods=PUT;"
				       "access-control-max-age=7;"));
	stream_fixture_free(f);
}

static void switched_off_it_may_still_count(void **state)
{
	static const struct {
		const char *fields;
		unsigned counted;
	} rows[] = {
		{"filter_enabled: {default_value: {numerator: 0}}", 0},
		{"filter_enabled: {default_value: {numerator: 0}}, shadow_enabled: "
		 "{default_value: {numerator: 100}}",
		 1},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		char policy[512];
		snprintf(policy, sizeof policy,
			 POLICY("allow_origin_string_match: [{exact: '*'}], %s"), rows[i].fields);
		struct stream_fixture *f = new_cors(policy, "");
		assert_string_equal(filter_get(f, preflight), passes);
		assert_false(filter_answered(f, "access-control"));
		assert_int_equal(
			filter_counted(f, &cors_stats, "http.test.cors", CORS_STAT_ORIGIN_VALID),
			rows[i].counted);
		stream_fixture_free(f);
	}
}

static void other_preflights_may_be_kept_from_the_upstream(void **state)
{
	struct stream_fixture *f =
		new_cors(POLICY("allow_origin_string_match: [{exact: 'http://b.com'}], "
				"forward_not_matching_preflights: false"),
			 "");
	(void)state;

	assert_string_equal(filter_get(f, preflight), answered);
	assert_false(filter_answered(f, "access-control"));
	assert_string_equal(filter_get(f, a_com), passes);
	stream_fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_origins_are_marked),
		cmocka_unit_test(preflights_are_answered),
		cmocka_unit_test(what_a_route_leaves_out_is_its_hosts),
		cmocka_unit_test(switched_off_it_may_still_count),
		cmocka_unit_test(other_preflights_may_be_kept_from_the_upstream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
