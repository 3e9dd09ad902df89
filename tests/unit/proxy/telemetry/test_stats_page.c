/* The pages in Envoy's form; the numbers are counted here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "telemetry/stats_cluster.h"
#include "telemetry/stats_page.h"
#include "telemetry/stats_server.h"

#define PUMP_STATS(X, S)                                                                           \
	X(S, ZETA, "zeta", COUNTER)                                                                \
	X(S, ALPHA, "alpha", GAUGE)                                                                \
	X(S, TIME, "time_ms", HISTOGRAM_MS)                                                        \
	X(S, IDLE, "idle_ms", HISTOGRAM_MS)                                                        \
	X(S, MODEL, "model", TEXT)                                                                 \
	X(S, CODE, "upstream_rq_", CODES)
STAT_ENUM(pump_stat, PUMP_STAT, PUMP_STATS);
STAT_TYPE(pump_stats, "pump", PUMP_STAT, PUMP_STATS);

static struct stats *stats;
static struct stat_scope *c1, *c2;
static struct text out;

static int setup(void **state)
{
	(void)state;
	stats = stats_new();
	c2 = stat_scope_take(stats, &pump_stats, SLICE("cluster.c2"));
	c1 = stat_scope_take(stats, &pump_stats, SLICE("cluster.c1"));
	struct stats_shard *shard = stats_main_shard(stats);
	stat_add(shard, c1, PUMP_STAT_ZETA, 26);
	stat_gauge_inc(shard, c1, PUMP_STAT_ALPHA);
	stat_gauge_dec(shard, c1, PUMP_STAT_ALPHA);
	stat_code_inc(shard, c1, PUMP_STAT_CODE, 503);
	stat_record(shard, c1, PUMP_STAT_TIME, 1);
	stat_record(shard, c1, PUMP_STAT_TIME, 700000);
	stat_text_set(stats, c1, PUMP_STAT_MODEL, SLICE("m\"1"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stat_scope_drop(stats, c1);
	stat_scope_drop(stats, c2);
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

#define NOTHING                                                                                    \
	"P0(nan,1.05) P25(nan,1.05) P50(nan,1.05) P75(nan,705000) P90(nan,705000) "                \
	"P95(nan,705000) P99(nan,705000) P99.5(nan,705000) P99.9(nan,705000) P100(nan,705000)"

static void text_is_sorted_with_histograms_last(void **state)
{
	(void)state;
	assert_string_equal(show("", STATS_TEXT), "cluster.c1.model: \"m\"1\"\n"
						  "cluster.c2.model: \"\"\n"
						  "cluster.c1.alpha: 0\n"
						  "cluster.c1.upstream_rq_503: 1\n"
						  "cluster.c1.zeta: 26\n"
						  "cluster.c2.alpha: 0\n"
						  "cluster.c2.zeta: 0\n"
						  "cluster.c1.idle_ms: No recorded values\n"
						  "cluster.c1.time_ms: " NOTHING "\n"
						  "cluster.c2.idle_ms: No recorded values\n"
						  "cluster.c2.time_ms: No recorded values\n");
}

static void what_was_never_used_can_be_left_out(void **state)
{
	(void)state;
	assert_string_equal(show("usedonly", STATS_TEXT), "cluster.c1.model: \"m\"1\"\n"
							  "cluster.c1.alpha: 0\n"
							  "cluster.c1.upstream_rq_503: 1\n"
							  "cluster.c1.zeta: 26\n"
							  "cluster.c1.time_ms: " NOTHING "\n");
}

static void kinds_and_names_can_be_chosen(void **state)
{
	(void)state;
	assert_string_equal(show("type=Gauges", STATS_TEXT),
			    "cluster.c1.alpha: 0\ncluster.c2.alpha: 0\n");
	assert_string_equal(show("type=counters&filter=^cluster.c1", STATS_TEXT),
			    "cluster.c1.upstream_rq_503: 1\ncluster.c1.zeta: 26\n");
	assert_string_equal(show("type=TextReadouts&filter=c1%5C.", STATS_TEXT),
			    "cluster.c1.model: \"m\"1\"\n");
}

static void histograms_can_be_shown_by_bucket(void **state)
{
	(void)state;
	stats_flush(stats);
	stat_record(stats_main_shard(stats), c1, PUMP_STAT_TIME, 7);
	stats_flush(stats);
	assert_string_equal(
		show("type=Histograms&usedonly&histogram_buckets=cumulative", STATS_TEXT),
		"cluster.c1.time_ms: B0.5(0,0) B1(0,1) B5(0,1) B10(1,2) B25(1,2) B50(1,2) "
		"B100(1,2) B250(1,2) B500(1,2) B1000(1,2) B2500(1,2) B5000(1,2) B10000(1,2) "
		"B30000(1,2) B60000(1,2) B300000(1,2) B600000(1,2) B1.8e+06(1,3) B3.6e+06(1,3)\n");
	assert_non_null(
		strstr(show("type=Histograms&usedonly&histogram_buckets=disjoint", STATS_TEXT),
		       "B5(0,0) B10(1,1) B25(0,0)"));
	assert_non_null(
		strstr(show("type=Histograms&usedonly&histogram_buckets=detailed", STATS_TEXT),
		       "cluster.c1.time_ms:\n  totals=1,0.1:1, 7,0.1:1, 700000,10000:1\n  "
		       "intervals=7,0.1:1\n  summary=P0(7.05,1.05) P25("));
}

static void json_is_envoys(void **state)
{
	(void)state;
	assert_string_equal(show("format=json&type=Gauges", STATS_TEXT),
			    "{\"stats\":[{\"name\":\"cluster.c1.alpha\",\"value\":0},"
			    "{\"name\":\"cluster.c2.alpha\",\"value\":0}]}");
	const char *text = show("usedonly", STATS_JSON);
	assert_non_null(strstr(text, "{\"stats\":[{\"name\":\"cluster.c1.model\",\"value\":"
				     "\"m\\\"1\"},{\"name\":\"cluster.c1.alpha\",\"value\":0},"));
	assert_non_null(strstr(
		text, ",{\"histograms\":{\"supported_quantiles\":[0,25,50,75,90,95,99,99.5,99.9,"
		      "100],\"computed_quantiles\":[{\"name\":\"cluster.c1.time_ms\",\"values\":"
		      "[{\"cumulative\":1.05,\"interval\":null},"));
	assert_true(slice_ends_with(slice_of(text), SLICE("\"interval\":null}]}]}}]}")));
	assert_non_null(strstr(show("usedonly&histogram_buckets=disjoint", STATS_JSON),
			       "{\"upper_bound\":1,\"interval\":0,\"cumulative\":1},"));
}

static void wrong_queries_are_refused(void **state)
{
	(void)state;
	assert_string_equal(show("type=Nope", STATS_TEXT), "invalid &type= param");
	assert_memory_equal(show("format=nope", STATS_TEXT), "usage: /stats?format=(", 22);
	assert_memory_equal(show("histogram_buckets=nope", STATS_TEXT),
			    "usage: /stats?histogram_buckets=(", 33);
	assert_string_equal(show("hidden=nope", STATS_TEXT),
			    "usage: /stats?hidden=(include|only|exclude)\n\n");
}

static void the_filter_is_decoded(void **state)
{
	(void)state;
	struct stats_page page;
	assert_int_equal(stats_page_parse(SLICE("filter=%5Ecluster%5C.c1%5C.x%24&usedonly"),
					  STATS_TEXT, &page, &out),
			 STATUS_OK);
	assert_true(slice_equal(page.filter, SLICE("^cluster\\.c1\\.x$")));
	assert_true(page.used_only);
	assert_string_equal(show("filter=cluster.c1.*(zeta%7Calpha)$", STATS_TEXT),
			    "cluster.c1.alpha: 0\ncluster.c1.zeta: 26\n");
	assert_string_equal(show("filter=^c1", STATS_TEXT), "");
}

static void wrong_filters_are_refused_in_envoys_words(void **state)
{
	(void)state;
	assert_string_equal(show("filter=(", STATS_TEXT), "Invalid re2 regex: missing ): (");
	assert_string_equal(show("filter=*", STATS_TEXT),
			    "Invalid re2 regex: no argument for repetition operator: *");
	char query[STATS_FILTER_MAX + 16] = "filter=";
	memset(query + 7, 'a', STATS_FILTER_MAX + 1);
	assert_string_equal(show(query, STATS_TEXT), "the filter is too long");
}

static void prometheus_groups_by_metric(void **state)
{
	(void)state;
	const char *text = show("", STATS_PROMETHEUS);
	const char *head =
		"# TYPE envoy_cluster_upstream_rq counter\n"
		"envoy_cluster_upstream_rq{envoy_response_code=\"503\",envoy_cluster_name=\"c1\"} "
		"1\n"
		"# TYPE envoy_cluster_zeta counter\n"
		"envoy_cluster_zeta{envoy_cluster_name=\"c1\"} 26\n"
		"envoy_cluster_zeta{envoy_cluster_name=\"c2\"} 0\n"
		"# TYPE envoy_cluster_alpha gauge\n"
		"envoy_cluster_alpha{envoy_cluster_name=\"c1\"} 0\n"
		"envoy_cluster_alpha{envoy_cluster_name=\"c2\"} 0\n"
		"# TYPE envoy_cluster_idle_ms histogram\n"
		"envoy_cluster_idle_ms_bucket{envoy_cluster_name=\"c1\",le=\"0.5\"} 0\n";
	assert_memory_equal(text, head, strlen(head));
	assert_non_null(strstr(text, "# TYPE envoy_cluster_time_ms histogram\n"));
	assert_non_null(strstr(
		text, "envoy_cluster_time_ms_bucket{envoy_cluster_name=\"c1\",le=\"600000\"} 1\n"
		      "envoy_cluster_time_ms_bucket{envoy_cluster_name=\"c1\",le=\"1800000\"} 2\n"
		      "envoy_cluster_time_ms_bucket{envoy_cluster_name=\"c1\",le=\"3600000\"} 2\n"
		      "envoy_cluster_time_ms_bucket{envoy_cluster_name=\"c1\",le=\"+Inf\"} 2\n"
		      "envoy_cluster_time_ms_sum{envoy_cluster_name=\"c1\"} 700001\n"
		      "envoy_cluster_time_ms_count{envoy_cluster_name=\"c1\"} 2\n"));
	assert_null(strstr(text, "model"));
	assert_non_null(strstr(show("text_readouts", STATS_PROMETHEUS),
			       "# TYPE envoy_cluster_model gauge\n"
			       "envoy_cluster_model{envoy_cluster_name=\"c1\","
			       "text_value=\"m\\\"1\"} 0\n"));
	assert_non_null(strstr(show("histogram_buckets=summary", STATS_PROMETHEUS),
			       "# TYPE envoy_cluster_time_ms summary\n"
			       "envoy_cluster_time_ms{envoy_cluster_name=\"c1\",quantile=\"0\"} "
			       "nan\n"));
}

static void untagged_metrics_have_empty_braces(void **state)
{
	(void)state;
	struct stat_scope *runtime = stat_scope_take(stats, &runtime_stats, SLICE("runtime"));
	assert_non_null(strstr(show("", STATS_PROMETHEUS),
			       "# TYPE envoy_runtime_load_success counter\n"
			       "envoy_runtime_load_success{} 0\n"));
	stat_scope_drop(stats, runtime);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(text_is_sorted_with_histograms_last),
		TEST(what_was_never_used_can_be_left_out),
		TEST(kinds_and_names_can_be_chosen),
		TEST(histograms_can_be_shown_by_bucket),
		TEST(json_is_envoys),
		TEST(wrong_queries_are_refused),
		TEST(the_filter_is_decoded),
		TEST(wrong_filters_are_refused_in_envoys_words),
		TEST(prometheus_groups_by_metric),
		TEST(untagged_metrics_have_empty_braces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
