/* stats_config of a bootstrap: what it hides, tags and measures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "envoy/config/metrics/v3/stats.pb-c.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_hosts.h"
#include "telemetry/stats_config.h"
#include "telemetry/stats_page.h"

typedef Envoy__Type__Matcher__V3__StringMatcher string_message;

static struct stats *stats;
static struct stat_scope *scope;
static struct text out;
static struct diag diag;
static Envoy__Config__Metrics__V3__StatsConfig config;

static int setup(void **state)
{
	(void)state;
	stats = stats_new();
	scope = stat_scope_take(stats, &host_stats, SLICE("cluster.outbound|80||a.b.local"));
	diag = (struct diag){.text = ""};
	config = (Envoy__Config__Metrics__V3__StatsConfig)
		ENVOY__CONFIG__METRICS__V3__STATS_CONFIG__INIT;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stat_scope_drop(stats, scope);
	stats_free(stats);
	text_free(&out);
	return 0;
}

static const char *show(const char *query, enum stats_format format)
{
	struct stats_page page;
	out.len = 0;
	if (!stats_page_parse(slice_of(query), format, &page, &out))
		stats_page_write(stats, &page, &out);
	text_add(&out, slice_make("", 1));
	return out.data;
}

static string_message matcher(int kind, const char *text)
{
	string_message message = ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__INIT;
	message.match_pattern_case =
		(Envoy__Type__Matcher__V3__StringMatcher__MatchPatternCase)kind;
	message.prefix = (char *)(uintptr_t)text;
	return message;
}

static void match_names(Envoy__Config__Metrics__V3__StatsMatcher *stats_matcher, bool is_inclusion)
{
	static string_message ends, starts;
	static string_message *patterns[] = {&ends, &starts};
	static Envoy__Type__Matcher__V3__ListStringMatcher list =
		ENVOY__TYPE__MATCHER__V3__LIST_STRING_MATCHER__INIT;
	ends = matcher(ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_SUFFIX, "rq_total");
	starts = matcher(ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX, "nothing");
	list.patterns = patterns;
	list.n_patterns = 2;
	*stats_matcher = (Envoy__Config__Metrics__V3__StatsMatcher)
		ENVOY__CONFIG__METRICS__V3__STATS_MATCHER__INIT;
	stats_matcher->stats_matcher_case =
		is_inclusion
			? ENVOY__CONFIG__METRICS__V3__STATS_MATCHER__STATS_MATCHER_INCLUSION_LIST
			: ENVOY__CONFIG__METRICS__V3__STATS_MATCHER__STATS_MATCHER_EXCLUSION_LIST;
	stats_matcher->inclusion_list = &list;
	config.stats_matcher = stats_matcher;
}

static void names_can_be_included(void **state)
{
	(void)state;
	Envoy__Config__Metrics__V3__StatsMatcher stats_matcher;
	match_names(&stats_matcher, true);
	assert_int_equal(stats_configure(stats, &config, &diag), STATUS_OK);
	assert_string_equal(show("", STATS_TEXT), "cluster.outbound|80||a.b.local.rq_total: 0\n");
}

static void names_can_be_excluded(void **state)
{
	(void)state;
	Envoy__Config__Metrics__V3__StatsMatcher stats_matcher;
	match_names(&stats_matcher, false);
	assert_int_equal(stats_configure(stats, &config, &diag), STATUS_OK);
	assert_null(strstr(show("", STATS_TEXT), "rq_total"));
	assert_non_null(strstr(out.data, "rq_error"));
}

static void all_can_be_rejected(void **state)
{
	(void)state;
	Envoy__Config__Metrics__V3__StatsMatcher stats_matcher =
		ENVOY__CONFIG__METRICS__V3__STATS_MATCHER__INIT;
	stats_matcher.stats_matcher_case =
		ENVOY__CONFIG__METRICS__V3__STATS_MATCHER__STATS_MATCHER_REJECT_ALL;
	stats_matcher.reject_all = true;
	config.stats_matcher = &stats_matcher;
	assert_int_equal(stats_configure(stats, &config, &diag), STATUS_OK);
	assert_string_equal(show("", STATS_TEXT), "");
}

static void tags_can_be_added(void **state)
{
	(void)state;
	static char name[] = "the.name", regex[] = "^cluster\\.outbound\\|((\\d+)\\|\\|)";
	static char zone[] = "zone", z1[] = "z1";
	Envoy__Config__Metrics__V3__TagSpecifier by_regex =
		ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__INIT;
	Envoy__Config__Metrics__V3__TagSpecifier fixed =
		ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__INIT;
	Google__Protobuf__BoolValue no = GOOGLE__PROTOBUF__BOOL_VALUE__INIT;
	Envoy__Config__Metrics__V3__TagSpecifier *tags[] = {&by_regex, &fixed};
	by_regex.tag_name = name;
	by_regex.tag_value_case = ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__TAG_VALUE_REGEX;
	by_regex.regex = regex;
	fixed.tag_name = zone;
	fixed.tag_value_case = ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__TAG_VALUE_FIXED_VALUE;
	fixed.fixed_value = z1;
	config.stats_tags = tags;
	config.n_stats_tags = 2;
	config.use_all_default_tags = &no;
	assert_int_equal(stats_configure(stats, &config, &diag), STATUS_OK);
	assert_string_equal(
		show("filter=rq_total", STATS_PROMETHEUS),
		"# TYPE envoy_cluster_outbound_a_b_local_rq_total counter\n"
		"envoy_cluster_outbound_a_b_local_rq_total{the_name=\"80\",zone=\"z1\"} 0\n");
}

static void default_tags_can_be_chosen(void **state)
{
	(void)state;
	static char cluster[] = "envoy.cluster_name", unknown[] = "envoy.cluster_nam";
	Envoy__Config__Metrics__V3__TagSpecifier tag =
		ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__INIT;
	Envoy__Config__Metrics__V3__TagSpecifier *tags[] = {&tag};
	Google__Protobuf__BoolValue no = GOOGLE__PROTOBUF__BOOL_VALUE__INIT;
	struct stat_scope *codes = stat_scope_take(stats, &code_stats, SLICE("cluster.c"));
	tag.tag_name = cluster;
	config.stats_tags = tags;
	config.n_stats_tags = 1;
	config.use_all_default_tags = &no;
	assert_int_equal(stats_configure(stats, &config, &diag), STATUS_OK);
	stat_code_inc(stats_main_shard(stats), codes, CODE_STAT_UPSTREAM_RQ_CODE, 503);
	assert_string_equal(show("filter=rq_503", STATS_PROMETHEUS),
			    "# TYPE envoy_cluster_upstream_rq_503 counter\n"
			    "envoy_cluster_upstream_rq_503{envoy_cluster_name=\"c\"} 1\n");
	stat_scope_drop(stats, codes);
	struct stats *other = stats_new();
	tag.tag_name = unknown;
	assert_int_equal(stats_configure(other, &config, &diag), STATUS_INVALID);
	assert_string_equal(diag.path, "stats_tags[0].tag_name");
	stats_free(other);
}

static void no_label_stands_twice(void **state)
{
	(void)state;
	static char name[] = "envoy.cluster_name", regex[] = "^cluster\\.outbound\\|((\\d+)\\|\\|)";
	Envoy__Config__Metrics__V3__TagSpecifier tag =
		ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__INIT;
	Envoy__Config__Metrics__V3__TagSpecifier *tags[] = {&tag};
	tag.tag_name = name;
	tag.tag_value_case = ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__TAG_VALUE_REGEX;
	tag.regex = regex;
	config.stats_tags = tags;
	config.n_stats_tags = 1;
	assert_int_equal(stats_configure(stats, &config, &diag), STATUS_OK);
	assert_string_equal(show("filter=rq_total", STATS_PROMETHEUS),
			    "# TYPE envoy_cluster_rq_total counter\n"
			    "envoy_cluster_rq_total{envoy_cluster_name=\"80\"} 0\n");
}

static void a_tag_needs_a_group(void **state)
{
	(void)state;
	static char name[] = "n", regex[] = "abc";
	Envoy__Config__Metrics__V3__TagSpecifier tag =
		ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__INIT;
	Envoy__Config__Metrics__V3__TagSpecifier *tags[] = {&tag};
	tag.tag_name = name;
	tag.tag_value_case = ENVOY__CONFIG__METRICS__V3__TAG_SPECIFIER__TAG_VALUE_REGEX;
	tag.regex = regex;
	config.stats_tags = tags;
	config.n_stats_tags = 1;
	assert_int_equal(stats_configure(stats, &config, &diag), STATUS_INVALID);
	assert_string_equal(diag.path, "stats_tags[0].regex");
}

#define ONE_HISTOGRAM(X, S) X(S, TIME, "time", HISTOGRAM_MS)
STAT_ENUM(one_stat, ONE_STAT, ONE_HISTOGRAM);
STAT_TYPE(one_stats, "one", ONE_STAT, ONE_HISTOGRAM);

static void buckets_can_be_set(void **state)
{
	(void)state;
	double buckets[] = {10.5, 2};
	string_message match =
		matcher(ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX, "one.");
	Envoy__Config__Metrics__V3__HistogramBucketSettings settings =
		ENVOY__CONFIG__METRICS__V3__HISTOGRAM_BUCKET_SETTINGS__INIT;
	Envoy__Config__Metrics__V3__HistogramBucketSettings *list[] = {&settings};
	settings.match = &match;
	settings.buckets = buckets;
	settings.n_buckets = 2;
	config.histogram_bucket_settings = list;
	config.n_histogram_bucket_settings = 1;
	assert_int_equal(stats_configure(stats, &config, &diag), STATUS_OK);
	struct stat_scope *one = stat_scope_take(stats, &one_stats, SLICE("one"));
	stat_record(stats_main_shard(stats), one, ONE_STAT_TIME, 3);
	assert_string_equal(show("filter=^one", STATS_PROMETHEUS),
			    "# TYPE envoy_one_time histogram\n"
			    "envoy_one_time_bucket{le=\"2\"} 0\n"
			    "envoy_one_time_bucket{le=\"10.5\"} 1\n"
			    "envoy_one_time_bucket{le=\"+Inf\"} 1\n"
			    "envoy_one_time_sum{} 3\n"
			    "envoy_one_time_count{} 1\n");
	assert_string_equal(show("filter=^one&histogram_buckets=cumulative", STATS_TEXT),
			    "one.time: B2(0,0) B10.5(0,1)\n");
	stat_scope_drop(stats, one);
}

static void bounds_stand_once(void **state)
{
	(void)state;
	double buckets[] = {2, 2};
	string_message match =
		matcher(ENVOY__TYPE__MATCHER__V3__STRING_MATCHER__MATCH_PATTERN_PREFIX, "one.");
	Envoy__Config__Metrics__V3__HistogramBucketSettings settings =
		ENVOY__CONFIG__METRICS__V3__HISTOGRAM_BUCKET_SETTINGS__INIT;
	Envoy__Config__Metrics__V3__HistogramBucketSettings *list[] = {&settings};
	settings.match = &match;
	settings.buckets = buckets;
	settings.n_buckets = 2;
	config.histogram_bucket_settings = list;
	config.n_histogram_bucket_settings = 1;
	assert_int_equal(stats_configure(stats, &config, &diag), STATUS_INVALID);
	assert_string_equal(diag.path, "histogram_bucket_settings[0].buckets");
}

static void nothing_configured_is_the_default(void **state)
{
	(void)state;
	assert_int_equal(stats_configure(stats, NULL, &diag), STATUS_OK);
	assert_non_null(strstr(show("", STATS_PROMETHEUS),
			       "envoy_cluster_rq_total{envoy_cluster_name="
			       "\"outbound|80||a.b.local\"} 0\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_can_be_included),
		TEST(names_can_be_excluded),
		TEST(default_tags_can_be_chosen),
		TEST(all_can_be_rejected),
		TEST(tags_can_be_added),
		TEST(all_can_be_rejected),
		TEST(no_label_stands_twice),
		TEST(a_tag_needs_a_group),
		TEST(buckets_can_be_set),
		TEST(bounds_stand_once),
		TEST(nothing_configured_is_the_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
