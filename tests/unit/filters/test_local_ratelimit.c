/* Buckets, descriptors and answers of the local rate limit. */
#include "filter_support.h"

#include "filters/local_ratelimit/local_ratelimit.h"
#include "telemetry/stats_filters.h"

#define ON                                                                                         \
	"stat_prefix: l, filter_enabled: {default_value: {numerator: 100}}, "                      \
	"filter_enforced: {default_value: {numerator: 100}}"
#define BUCKET(max, fill, interval)                                                                \
	"token_bucket: {max_tokens: " #max ", tokens_per_fill: " #fill                             \
	", fill_interval: " #interval "}"

static const char passes[] = "R:H. >h200. ended";
static const char refused[] = ">h429 >d(local_rate_limited). ended";

static uint64_t counted(struct stream_fixture *f, enum local_ratelimit_stat id)
{
	return filter_counted(f, &local_ratelimit_stats, "l.http_local_rate_limit", id);
}

static void a_bucket_runs_dry_and_fills_again(void **state)
{
	struct stream_fixture *f =
		filter_new(&local_ratelimit_filter, "{" ON ", " BUCKET(2, 1, 1s) "}");
	(void)state;

	assert_string_equal(filter_get(f, NULL), passes);
	assert_string_equal(filter_get(f, NULL), passes);
	assert_string_equal(filter_get(f, NULL), refused);
	assert_string_equal(f->details, "local_rate_limited");
	assert_int_equal(f->flags, UINT64_C(1) << RESPONSE_FLAG_RATE_LIMITED);
	fixture_advance(f, 1000);
	assert_string_equal(filter_get(f, NULL), passes);
	assert_string_equal(filter_get(f, NULL), refused);
	assert_int_equal(counted(f, LOCAL_RATELIMIT_STAT_ENABLED), 5);
	assert_int_equal(counted(f, LOCAL_RATELIMIT_STAT_OK), 3);
	assert_int_equal(counted(f, LOCAL_RATELIMIT_STAT_RATE_LIMITED), 2);
	assert_int_equal(counted(f, LOCAL_RATELIMIT_STAT_ENFORCED), 2);
	stream_fixture_free(f);
}

static void nothing_is_limited_unless_enabled(void **state)
{
	static const char *const configs[] = {
		"{stat_prefix: l, " BUCKET(1, 1, 1s) "}",
		"{stat_prefix: l, filter_enforced: {default_value: {numerator: 100}}, " BUCKET(
			1, 1, 1s) "}",
		"{" ON "}",
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(configs); i++) {
		struct stream_fixture *f = filter_new(&local_ratelimit_filter, configs[i]);
		for (unsigned n = 0; n < 3; n++)
			assert_string_equal(filter_get(f, NULL), passes);
		stream_fixture_free(f);
	}
}

static void without_enforcement_requests_are_marked(void **state)
{
	struct stream_fixture *f =
		filter_new(&local_ratelimit_filter,
			   "{stat_prefix: l, filter_enabled: {default_value: {numerator: 100}}, "
			   "request_headers_to_add_when_not_enforced: [{header: {key: x-over, "
			   "value: '1'}}], " BUCKET(1, 1, 100s) "}");
	(void)state;

	assert_string_equal(filter_get(f, NULL), passes);
	fixture_headers(f, NULL, true);
	assert_string_equal(filter_asked(f, "x-over"), "1");
	fixture_answer_headers(f, "200", true);
	assert_int_equal(counted(f, LOCAL_RATELIMIT_STAT_RATE_LIMITED), 1);
	assert_int_equal(counted(f, LOCAL_RATELIMIT_STAT_ENFORCED), 0);
	stream_fixture_free(f);
}

static void the_answer_is_as_configured(void **state)
{
	struct stream_fixture *f = filter_new(
		&local_ratelimit_filter,
		"{" ON ", status: {code: ServiceUnavailable}, enable_x_ratelimit_headers: "
		"DRAFT_VERSION_03, response_headers_to_add: [{header: {key: x-why, value: "
		"limit}}], " BUCKET(1, 1, 10s) "}");
	(void)state;

	assert_string_equal(filter_get(f, NULL), passes);
	assert_true(filter_answered(f, "x-ratelimit-limit=1;x-ratelimit-remaining=0;"
				       "x-ratelimit-reset=10;"));
	assert_false(filter_answered(f, "x-why"));
	assert_string_equal(filter_get(f, NULL), ">h503 >d(local_rate_limited). ended");
	assert_true(filter_answered(f, "x-why=limit;"));
	stream_fixture_free(f);
}

static const char limits_of_users[] =
	"[{match: {prefix: /}, route: {cluster: c, rate_limits: [{actions: [{request_headers: "
	"{header_name: x-user, descriptor_key: user}}]}]}}]";

static void descriptors_have_buckets_of_their_own(void **state)
{
	struct stream_fixture *f = filter_new(
		&local_ratelimit_filter,
		"{" ON ", always_consume_default_token_bucket: false, " BUCKET(
			1, 1, 100s) ", descriptors: [{entries: [{key: user, value: "
				    "a}], " BUCKET(2, 2, 100s) "}, {entries: [{key: "
							       "user}], " BUCKET(1, 1, 100s) "}]}");
	(void)state;

	filter_routes(f, limits_of_users, NULL);
	assert_string_equal(filter_get(f, "GET / h\nx-user: a"), passes);
	assert_string_equal(filter_get(f, "GET / h\nx-user: a"), passes);
	assert_string_equal(filter_get(f, "GET / h\nx-user: a"), refused);
	for (char user = 'b'; user < 'f'; user++) { /* a bucket for each value */
		char lines[32];
		snprintf(lines, sizeof lines, "GET / h\nx-user: %c", user);
		assert_string_equal(filter_get(f, lines), passes);
		assert_string_equal(filter_get(f, lines), refused);
	}
	assert_string_equal(filter_get(f, NULL), passes); /* the default bucket was not touched */
	assert_string_equal(filter_get(f, NULL), refused);
	stream_fixture_free(f);
}

static void the_default_bucket_is_charged_too(void **state)
{
	struct stream_fixture *f =
		filter_new(&local_ratelimit_filter,
			   "{" ON ", " BUCKET(1, 1, 100s) ", descriptors: [{entries: [{key: user, "
							  "value: a}], " BUCKET(2, 2, 100s) "}]}");
	(void)state;

	filter_routes(f, limits_of_users, NULL);
	assert_string_equal(filter_get(f, "GET / h\nx-user: a"), passes);
	assert_string_equal(filter_get(f, "GET / h\nx-user: a"), refused);
	stream_fixture_free(f);
}

static void a_shadow_descriptor_only_counts(void **state)
{
	struct stream_fixture *f = filter_new(
		&local_ratelimit_filter,
		"{" ON
		", " BUCKET(9, 9, 100s) ", descriptors: [{shadow_mode: true, entries: [{key: user, "
					"value: a}], " BUCKET(1, 1, 100s) "}]}");
	(void)state;

	filter_routes(f, limits_of_users, NULL);
	assert_string_equal(filter_get(f, "GET / h\nx-user: a"), passes);
	assert_string_equal(filter_get(f, "GET / h\nx-user: a"), passes);
	assert_int_equal(counted(f, LOCAL_RATELIMIT_STAT_SHADOW_MODE), 1);
	stream_fixture_free(f);
}

static void the_virtual_hosts_limits_are_its_routes_unless_told(void **state)
{
	static const struct {
		const char *option, *third; /* what the second request of the host's user gets */
	} rows[] = {
		{"OVERRIDE", passes},
		{"INCLUDE", refused},
		{"IGNORE", passes},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		char yaml[512];
		snprintf(yaml, sizeof yaml,
			 "{" ON ", vh_rate_limits: %s, descriptors: [{entries: [{key: host, value: "
			 "x}], " BUCKET(1, 1, 100s) "}]}",
			 rows[i].option);
		struct stream_fixture *f = filter_new(&local_ratelimit_filter, yaml);
		filter_routes(f, limits_of_users,
			      "rate_limits: [{actions: [{generic_key: {descriptor_key: host, "
			      "descriptor_value: x}}]}],");
		assert_string_equal(filter_get(f, "GET / h\nx-user: a"), passes);
		assert_string_equal(filter_get(f, "GET / h\nx-user: a"), rows[i].third);
		stream_fixture_free(f);
	}
}

/* Two routes with the same words have buckets of their own, and a new version finds them. */
static void equal_routes_have_separate_buckets_that_last(void **state)
{
#define LIMITED(path)                                                                              \
	"{match: {prefix: " path "}, route: {cluster: c}, typed_per_filter_config: {it: "          \
	"{'@type': type.googleapis.com/"                                                           \
	"envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, " ON                     \
	", " BUCKET(1, 1, 100s) "}}}"
	static const char yaml[] = "virtual_hosts: [{name: v, domains: ['*'], routes: [" LIMITED(
		"/a") ", " LIMITED("/b") "]}]";
	struct stream_fixture *f = filter_new(&local_ratelimit_filter, "{stat_prefix: l}");
	struct config_context context;
	struct diag diag = {.line = 0};
	struct routes *versions[2];
	(void)state;

	filter_context(&context, f, &f->arena);
	const void *message = filter_message(
		&f->arena, &envoy__config__route__v3__route_configuration__descriptor, yaml);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(routes_build(message, &context, &versions[i], &diag), 0);
	f->routes = versions[0]->table;
	assert_string_equal(filter_get(f, "GET /a h"), passes);
	assert_string_equal(filter_get(f, "GET /a h"), refused);
	assert_string_equal(filter_get(f, "GET /b h"), passes);
	f->routes = versions[1]->table;
	versions[0]->published.free(&versions[0]->published);
	assert_string_equal(filter_get(f, "GET /a h"), refused);
	assert_string_equal(filter_get(f, "GET /b h"), refused);
	f->routes = NULL;
	versions[1]->published.free(&versions[1]->published);
	stream_fixture_free(f);
}

static void wrong_configurations_are_refused(void **state)
{
	(void)state;
	filter_refused(&local_ratelimit_filter, "{" ON ", " BUCKET(1, 1, 0.049s) "}",
		       "token_bucket.fill_interval", "at least 50 ms");
	filter_refused(&local_ratelimit_filter,
		       "{" ON ", descriptors: [{entries: [{key: a, value: b}]}]}",
		       "descriptors[0].token_bucket", "is required");
	filter_refused(&local_ratelimit_filter,
		       "{" ON ", response_headers_to_add: [{header: {key: ':path', value: b}}]}",
		       "response_headers_to_add[0].header.key", "may not be changed");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_runs_dry_and_fills_again),
		cmocka_unit_test(nothing_is_limited_unless_enabled),
		cmocka_unit_test(without_enforcement_requests_are_marked),
		cmocka_unit_test(the_answer_is_as_configured),
		cmocka_unit_test(descriptors_have_buckets_of_their_own),
		cmocka_unit_test(the_default_bucket_is_charged_too),
		cmocka_unit_test(a_shadow_descriptor_only_counts),
		cmocka_unit_test(the_virtual_hosts_limits_are_its_routes_unless_told),
		cmocka_unit_test(equal_routes_have_separate_buckets_that_last),
		cmocka_unit_test(wrong_configurations_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
