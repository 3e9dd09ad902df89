/* Counting on several shards, reading on one; threads in earnest for the sanitizers. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "telemetry/stats.h"
#include "telemetry/stats_cluster.h"
#include "telemetry/stats_http.h"

#define PUMP_STATS(X, S)                                                                           \
	X(S, STROKE_TOTAL, "stroke_total", COUNTER)                                                \
	X(S, RARE, "rare", LAZY_COUNTER)                                                           \
	X(S, PRESSURE, "pressure", GAUGE)                                                          \
	X(S, STROKE_TIME, "stroke_time", HISTOGRAM_MS)                                             \
	X(S, CODE, "rq_", CODES)                                                                   \
	X(S, MODEL, "model", TEXT)
STAT_ENUM(pump_stat, PUMP_STAT, PUMP_STATS);
STAT_TYPE(pump_stats, "pump", PUMP_STAT, PUMP_STATS);

static struct stats *stats;
static struct stat_scope *pump;

static int setup(void **state)
{
	(void)state;
	stats = stats_new();
	pump = stat_scope_take(stats, &pump_stats, SLICE("pump.a"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stat_scope_drop(stats, pump);
	stats_free(stats);
	return 0;
}

/* One sample as text "name=value" in a list that the tests search. */
struct seen {
	char text[65536];
	size_t len;
};

static void see(void *context, const struct stat_sample *s)
{
	struct seen *seen = context;
	char code[12] = "";
	if (s->code)
		snprintf(code, sizeof code, "%u", s->code);
	int n = snprintf(seen->text + seen->len, sizeof seen->text - seen->len,
			 "%.*s%.*s%s=%llu%s;", SLICE_FMT(s->prefix), SLICE_FMT(s->name), code,
			 s->kind == STAT_HISTOGRAM
				 ? (unsigned long long)(s->total ? s->total->count : 0)
				 : (unsigned long long)s->value,
			 s->is_used ? "" : "?");
	seen->len += (size_t)n;
}

static const char *all(struct seen *seen)
{
	*seen = (struct seen){.len = 0};
	stats_each(stats, see, seen);
	return seen->text;
}

static void shards_add_up(void **state)
{
	(void)state;
	struct stats_shard *a = stats_add_shard(stats), *b = stats_add_shard(stats);
	stat_inc(a, pump, PUMP_STAT_STROKE_TOTAL);
	stat_add(b, pump, PUMP_STAT_STROKE_TOTAL, 41);
	stat_inc(stats_main_shard(stats), pump, PUMP_STAT_STROKE_TOTAL);
	assert_int_equal(stat_value(stats, pump, PUMP_STAT_STROKE_TOTAL), 43);
}

static void a_gauge_may_go_down_on_another_thread(void **state)
{
	(void)state;
	struct stats_shard *a = stats_add_shard(stats), *b = stats_add_shard(stats);
	stat_gauge_inc(a, pump, PUMP_STAT_PRESSURE);
	stat_gauge_inc(a, pump, PUMP_STAT_PRESSURE);
	stat_gauge_dec(b, pump, PUMP_STAT_PRESSURE);
	assert_int_equal(stat_value(stats, pump, PUMP_STAT_PRESSURE), 1);
	stat_gauge_dec(b, pump, PUMP_STAT_PRESSURE);
	assert_int_equal(stat_value(stats, pump, PUMP_STAT_PRESSURE), 0);
	struct seen seen;
	assert_non_null(strstr(all(&seen), "pump.a.pressure=0;")); /* used, though 0 */
}

static void a_gauge_can_be_set(void **state)
{
	(void)state;
	struct stats_shard *main_shard = stats_main_shard(stats);
	struct seen seen;
	assert_non_null(strstr(all(&seen), "pump.a.pressure=0?;"));
	stat_gauge_set(main_shard, pump, PUMP_STAT_PRESSURE, 0);
	assert_non_null(strstr(all(&seen), "pump.a.pressure=0;"));
	stat_gauge_set(main_shard, pump, PUMP_STAT_PRESSURE, 7);
	assert_int_equal(stat_value(stats, pump, PUMP_STAT_PRESSURE), 7);
	stat_gauge_set(main_shard, pump, PUMP_STAT_PRESSURE, 3);
	stat_gauge_inc(main_shard, pump, PUMP_STAT_PRESSURE);
	assert_int_equal(stat_value(stats, pump, PUMP_STAT_PRESSURE), 4);
}

static void lazy_ones_are_hidden_until_used(void **state)
{
	(void)state;
	struct seen seen;
	assert_null(strstr(all(&seen), "rare"));
	assert_null(strstr(seen.text, "rq_"));
	assert_non_null(strstr(seen.text, "pump.a.stroke_total=0?;"));
	assert_non_null(strstr(seen.text, "pump.a.stroke_time=0?;"));
	stat_inc(stats_main_shard(stats), pump, PUMP_STAT_RARE);
	assert_non_null(strstr(all(&seen), "pump.a.rare=1;"));
}

static void codes_are_counted_each(void **state)
{
	(void)state;
	struct stats_shard *a = stats_add_shard(stats), *b = stats_add_shard(stats);
	for (unsigned code = 0; code < 1000; code += 7)
		stat_code_inc(a, pump, PUMP_STAT_CODE, code);
	stat_code_inc(b, pump, PUMP_STAT_CODE, 203);
	stat_code_inc(b, pump, PUMP_STAT_CODE, 200);
	struct seen seen;
	all(&seen);
	assert_non_null(strstr(seen.text, "pump.a.rq_203=2;"));
	assert_non_null(strstr(seen.text, "pump.a.rq_200=1;"));
	assert_non_null(strstr(seen.text, "pump.a.rq_105=1;"));
	assert_non_null(strstr(seen.text, "pump.a.rq_595=1;"));
	assert_null(strstr(seen.text, "rq_98"));
	assert_null(strstr(seen.text, "rq_602"));
}

static void a_taken_scope_is_the_same_until_its_last_drop(void **state)
{
	(void)state;
	stat_inc(stats_main_shard(stats), pump, PUMP_STAT_STROKE_TOTAL);
	struct stat_scope *again = stat_scope_take(stats, &pump_stats, SLICE("pump.a"));
	assert_ptr_equal(again, pump);
	stat_scope_drop(stats, again);
	assert_int_equal(stat_value(stats, pump, PUMP_STAT_STROKE_TOTAL), 1);
	struct stat_scope *http = stat_scope_take(stats, &http_stats, SLICE("pump.a"));
	assert_ptr_not_equal(http, pump);
	stat_scope_drop(stats, http);

	struct stat_scope *other = stat_scope_take(stats, &pump_stats, SLICE("other"));
	stat_inc(stats_main_shard(stats), other, PUMP_STAT_STROKE_TOTAL);
	stat_record(stats_main_shard(stats), other, PUMP_STAT_STROKE_TIME, 5000);
	stat_code_inc(stats_main_shard(stats), other, PUMP_STAT_CODE, 200);
	stat_text_set(stats, other, PUMP_STAT_MODEL, SLICE("m"));
	stat_scope_drop(stats, other);
	other = stat_scope_take(stats, &pump_stats, SLICE("other"));
	assert_int_equal(stat_value(stats, other, PUMP_STAT_STROKE_TOTAL), 0);
	stat_scope_drop(stats, other);
}

static void names_are_cleaned_as_envoy_does(void **state)
{
	(void)state;
	static const char *const cases[][2] = {{"listener.0.0.0.0:80", "listener.0.0.0.0_80."},
					       {"listener.[::1]:80", "listener.[__1]_80."},
					       {"a://b:/c", "a_b_c."},
					       {".dots.", "dots."},
					       {"", ""},
					       {".", ""}};
	for (unsigned i = 0; i < 6; i++) {
		struct stat_scope *s = stat_scope_take(stats, &pump_stats, slice_of(cases[i][0]));
		assert_true(slice_equal(s->prefix, slice_of(cases[i][1])));
		stat_scope_drop(stats, s);
	}
}

static void many_scopes_come_and_go(void **state)
{
	(void)state;
	enum { COUNT = 3000 };
	struct stat_scope **scopes = calloc(COUNT, sizeof *scopes);
	char name[32];
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(name, sizeof name, "s%u", i);
		scopes[i] = stat_scope_take(stats, &pump_stats, slice_of(name));
		if (i % 3 == 0)
			stat_add(stats_main_shard(stats), scopes[i], PUMP_STAT_STROKE_TOTAL, i);
	}
	for (unsigned i = 0; i < COUNT; i += 2)
		stat_scope_drop(stats, scopes[i]);
	for (unsigned i = 0; i < COUNT; i += 2) {
		snprintf(name, sizeof name, "t%u", i);
		scopes[i] = stat_scope_take(stats, &pump_stats, slice_of(name));
		assert_true(scopes[i]->slot <= COUNT);
		assert_int_equal(stat_value(stats, scopes[i], PUMP_STAT_STROKE_TOTAL), 0);
	}
	for (unsigned i = 1; i < COUNT; i += 2)
		assert_int_equal(stat_value(stats, scopes[i], PUMP_STAT_STROKE_TOTAL),
				 i % 3 ? 0 : i);
	for (unsigned i = 0; i < COUNT; i++)
		stat_scope_drop(stats, scopes[i]);
	free(scopes);
}

static void a_reset_leaves_gauges_and_what_comes_after(void **state)
{
	(void)state;
	struct stats_shard *a = stats_add_shard(stats);
	stat_add(a, pump, PUMP_STAT_STROKE_TOTAL, 5);
	stat_gauge_add(a, pump, PUMP_STAT_PRESSURE, 5);
	stat_code_inc(a, pump, PUMP_STAT_CODE, 404);
	stats_reset_counters(stats);
	struct seen seen;
	all(&seen);
	assert_non_null(strstr(seen.text, "stroke_total=0;"));
	assert_non_null(strstr(seen.text, "pressure=5;"));
	assert_non_null(strstr(seen.text, "rq_404=0;"));
	stat_add(a, pump, PUMP_STAT_STROKE_TOTAL, 2);
	stat_code_inc(a, pump, PUMP_STAT_CODE, 404);
	assert_int_equal(stat_value(stats, pump, PUMP_STAT_STROKE_TOTAL), 2);
	stats_reset_counters(stats);
	stat_code_inc(a, pump, PUMP_STAT_CODE, 404);
	assert_int_equal(stat_value(stats, pump, PUMP_STAT_STROKE_TOTAL), 0);
	assert_non_null(strstr(all(&seen), "rq_404=1;"));
}

static void counts_of_another_process_are_added(void **state)
{
	(void)state;
	assert_true(stats_import_counter(stats, pump, SLICE("stroke_total"), 5));
	assert_true(stats_import_counter(stats, pump, SLICE("rq_503"), 2));
	assert_false(stats_import_counter(stats, pump, SLICE("pressure"), 2));
	assert_false(stats_import_counter(stats, pump, SLICE("nothing"), 2));
	struct seen seen;
	all(&seen);
	assert_non_null(strstr(seen.text, "stroke_total=5;"));
	assert_non_null(strstr(seen.text, "rq_503=2;"));
}

static void see_interval(void *context, const struct stat_sample *s)
{
	double *median = context;
	if (s->kind == STAT_HISTOGRAM)
		*median = s->interval ? histogram_quantile(s->interval, 0.5) : -1;
}

static void an_interval_holds_what_is_new(void **state)
{
	(void)state;
	struct stats_shard *a = stats_add_shard(stats);
	double median = 0;
	stat_record(a, pump, PUMP_STAT_STROKE_TIME, 20);
	stats_flush(stats);
	stats_each(stats, see_interval, &median);
	assert_true(median == 20.5);
	stat_record(a, pump, PUMP_STAT_STROKE_TIME, 70);
	stats_flush(stats);
	stats_each(stats, see_interval, &median);
	assert_true(median == 70.5);
	stats_flush(stats);
	stats_each(stats, see_interval, &median);
	assert_true(median == -1);
}

enum { ROUNDS = 20000 };

static void *count(void *shard)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		stat_inc(shard, pump, PUMP_STAT_STROKE_TOTAL);
		stat_gauge_inc(shard, pump, PUMP_STAT_PRESSURE);
		stat_record(shard, pump, PUMP_STAT_STROKE_TIME, i);
		stat_code_inc(shard, pump, PUMP_STAT_CODE, 100 + i % 500);
		stat_gauge_dec(shard, pump, PUMP_STAT_PRESSURE);
	}
	return NULL;
}

static void main_reads_while_threads_count(void **state)
{
	(void)state;
	pthread_t threads[2];

	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, stats_add_shard(stats)),
				 0);
	uint64_t last = 0;
	for (unsigned i = 0; i < 50; i++) {
		uint64_t now = stat_value(stats, pump, PUMP_STAT_STROKE_TOTAL);
		assert_true(now >= last);
		last = now;
		assert_true(stat_value(stats, pump, PUMP_STAT_PRESSURE) < 2 * ROUNDS);
		double median;
		stats_each(stats, see_interval, &median);
		stats_flush(stats);
	}
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(stat_value(stats, pump, PUMP_STAT_STROKE_TOTAL), 2 * ROUNDS);
	assert_int_equal(stat_value(stats, pump, PUMP_STAT_PRESSURE), 0);
}

static void an_answer_counts_in_all_its_ways(void **state)
{
	(void)state;
	struct stat_scope *c = stat_scope_take(stats, &cluster_stats, SLICE("cluster.c"));
	struct stats_shard *shard = stats_main_shard(stats);
	stat_count_answer(shard, c, CLUSTER_STAT_UPSTREAM_RQ_1XX, 503);
	stat_count_answer(shard, c, CLUSTER_STAT_UPSTREAM_RQ_1XX, 0);
	assert_int_equal(stat_value(stats, c, CLUSTER_STAT_UPSTREAM_RQ_5XX), 1);
	assert_int_equal(stat_value(stats, c, CLUSTER_STAT_UPSTREAM_RQ_COMPLETED), 2);
	assert_int_equal(stat_value(stats, c, CLUSTER_STAT_UPSTREAM_RQ_UNKNOWN), 1);
	struct seen seen;
	assert_non_null(strstr(all(&seen), "cluster.c.upstream_rq_503=1;"));
	stat_scope_drop(stats, c);
}

static void the_five_classes_are_neighbours(void **state)
{
	(void)state;
	assert_int_equal(stat_class_id(CLUSTER_STAT_UPSTREAM_RQ_1XX, 503),
			 CLUSTER_STAT_UPSTREAM_RQ_5XX);
	assert_int_equal(stat_class_id(HTTP_STAT_DOWNSTREAM_RQ_1XX, 200),
			 HTTP_STAT_DOWNSTREAM_RQ_2XX);
	assert_int_equal(stat_class_id(LISTENER_HTTP_STAT_DOWNSTREAM_RQ_1XX, 404),
			 LISTENER_HTTP_STAT_DOWNSTREAM_RQ_4XX);
	assert_int_equal(stat_class_id(VIRTUAL_CLUSTER_STAT_UPSTREAM_RQ_1XX, 302),
			 VIRTUAL_CLUSTER_STAT_UPSTREAM_RQ_3XX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shards_add_up),
		TEST(a_gauge_may_go_down_on_another_thread),
		TEST(a_gauge_can_be_set),
		TEST(lazy_ones_are_hidden_until_used),
		TEST(codes_are_counted_each),
		TEST(a_taken_scope_is_the_same_until_its_last_drop),
		TEST(names_are_cleaned_as_envoy_does),
		TEST(many_scopes_come_and_go),
		TEST(a_reset_leaves_gauges_and_what_comes_after),
		TEST(counts_of_another_process_are_added),
		TEST(an_interval_holds_what_is_new),
		TEST(main_reads_while_threads_count),
		TEST(an_answer_counts_in_all_its_ways),
		TEST(the_five_classes_are_neighbours),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
