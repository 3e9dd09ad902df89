/* One series over two processes: what the old one has counted, and goes on counting, is in the new
 * one's sums once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/diag.h"
#include "base/random.h"
#include "telemetry/stats_transfer.h"

#define PUMP_STATS(X, S)                                                                           \
	X(S, STROKE_TOTAL, "stroke_total", COUNTER)                                                \
	X(S, RARE, "rare", LAZY_COUNTER)                                                           \
	X(S, HANDLE_ACTIVE, "handle_active", GAUGE)                                                \
	X(S, PRESSURE, "pressure", GAUGE)                                                          \
	X(S, STROKE_TIME, "stroke_time", HISTOGRAM_MS)                                             \
	X(S, CODE, "rq_", CODES)                                                                   \
	X(S, MODEL, "model", TEXT)
STAT_ENUM(pump_stat, PUMP_STAT, PUMP_STATS);
STAT_TYPE(pump_stats, "pump", PUMP_STAT, PUMP_STATS);

/* The same type as another release has it: another order, a row less, one more, one of another
 * kind. */
#define NEW_PUMP_STATS(X, S)                                                                       \
	X(S, CODE, "rq_", CODES)                                                                   \
	X(S, STROKE_TIME, "stroke_time", HISTOGRAM_MS)                                             \
	X(S, HANDLE_ACTIVE, "handle_active", GAUGE)                                                \
	X(S, RARE, "rare", GAUGE)                                                                  \
	X(S, LEAK_TOTAL, "leak_total", COUNTER)                                                    \
	X(S, STROKE_TOTAL, "stroke_total", COUNTER)
STAT_ENUM(new_pump_stat, NEW_PUMP_STAT, NEW_PUMP_STATS);
STAT_TYPE(new_pump_stats, "pump", NEW_PUMP_STAT, NEW_PUMP_STATS);

enum { SHARDS_MAX = 8 };

struct process {
	struct stats *stats;
	struct stats_shard *shards[SHARDS_MAX];
	unsigned workers;
	struct stat_scope *pump;
};

static void open_process(struct process *p, unsigned workers, const struct stat_type *type)
{
	*p = (struct process){.stats = stats_new(), .workers = workers};
	for (unsigned i = 0; i < workers; i++)
		p->shards[i] = stats_add_shard(p->stats);
	p->pump = stat_scope_take(p->stats, type, SLICE("pump.a"));
}

static void close_process(struct process *p)
{
	stat_scope_drop(p->stats, p->pump);
	stats_free(p->stats);
}

static void pass_on(const struct process *from, const struct process *to, bool is_final)
{
	struct section_writer out = {0};
	struct diag diag = {0};

	if (is_final)
		stats_export_all(from->stats, &out);
	else
		stats_export_more(from->stats, &out);
	if (stats_import(to->stats, slice_make(out.data, out.len), &diag))
		fail_msg("%s", diag.text);
	section_writer_free(&out);
}

/* --- what all samples say --- */

struct seen {
	char text[65536];
	size_t len;
};

static void see(void *context, const struct stat_sample *s)
{
	struct seen *seen = context;
	if (!s->is_used || s->kind == STAT_TEXT)
		return;
	int n = snprintf(seen->text + seen->len, sizeof seen->text - seen->len,
			 "%.*s%.*s%.0u=%llu sum %llu of %llu lately %llu;", SLICE_FMT(s->prefix),
			 SLICE_FMT(s->name), s->code, (unsigned long long)s->value,
			 (unsigned long long)(s->total ? s->total->sum : 0),
			 (unsigned long long)(s->total ? s->total->count : 0),
			 (unsigned long long)(s->interval ? s->interval->count : 0));
	assert_in_range(n, 1, 512);
	seen->len += (size_t)n;
}

static void assert_same(const struct process *a, const struct process *b)
{
	static struct seen x, y;

	x.len = y.len = 0;
	x.text[0] = y.text[0] = 0;
	stats_each(a->stats, see, &x);
	stats_each(b->stats, see, &y);
	assert_string_equal(x.text, y.text);
}

static uint64_t value(const struct process *p, unsigned id)
{
	return stat_value(p->stats, p->pump, id);
}

static void work(const struct process *p, unsigned worker, uint64_t n)
{
	struct stats_shard *shard = p->shards[worker % p->workers];

	stat_add(shard, p->pump, PUMP_STAT_STROKE_TOTAL, n);
	stat_gauge_inc(shard, p->pump, PUMP_STAT_HANDLE_ACTIVE);
	stat_record(shard, p->pump, PUMP_STAT_STROKE_TIME, n * n);
	stat_code_inc(shard, p->pump, PUMP_STAT_CODE, 200 + (unsigned)n % 7);
}

/* --- tests --- */

static void test_all_is_passed_on_between_other_numbers_of_workers(void **state)
{
	struct process old, new, last;

	(void)state;
	open_process(&old, 4, &pump_stats);
	open_process(&new, 2, &pump_stats);
	open_process(&last, 8, &pump_stats);
	for (unsigned i = 0; i < 100; i++)
		work(&old, i, i);
	stat_inc(stats_main_shard(old.stats), old.pump, PUMP_STAT_RARE);
	stats_flush(old.stats);
	stats_flush(old.stats);
	pass_on(&old, &new, true);
	assert_same(&old, &new);
	assert_int_equal(value(&new, PUMP_STAT_STROKE_TOTAL), 4950);
	stats_import_end(new.stats);
	assert_int_equal(value(&new, PUMP_STAT_HANDLE_ACTIVE), 0);
	pass_on(&new, &last, true);
	assert_same(&new, &last);
	close_process(&old);
	close_process(&new);
	close_process(&last);
}

static void test_what_the_old_one_still_counts_is_added_once(void **state)
{
	struct process old, new, one;

	(void)state;
	open_process(&old, 2, &pump_stats);
	open_process(&new, 3, &pump_stats);
	open_process(&one, 1, &pump_stats);
	struct random random;
	uint64_t before = 0;
	random_init(&random, 1);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t n = random_next(&random) % 50;
		work(&one, 0, n);
		work(i < 100 || random_next(&random) % 2 ? &old : &new, i, n);
		if (i == 99)
			pass_on(&old, &new, true);
		if (i > 100 && i % 3 == 0)
			pass_on(&old, &new, false);
		uint64_t now = value(&new, PUMP_STAT_STROKE_TOTAL);
		assert_true(now >= before); /* no step back */
		before = now;
	}
	pass_on(&old, &new, false);
	pass_on(&old, &new, false); /* nothing new */
	assert_int_equal(value(&new, PUMP_STAT_HANDLE_ACTIVE), 300);
	assert_int_equal(value(&new, PUMP_STAT_STROKE_TOTAL), value(&one, PUMP_STAT_STROKE_TOTAL));
	stats_flush(new.stats);
	stats_flush(new.stats);
	stats_flush(one.stats);
	stats_flush(one.stats);
	assert_same(&one, &new);
	close_process(&old);
	close_process(&new);
	close_process(&one);
}

static void test_gauges_of_the_old_one_go_with_it(void **state)
{
	struct process old, new;

	(void)state;
	open_process(&old, 2, &pump_stats);
	open_process(&new, 2, &pump_stats);
	for (int i = 0; i < 5; i++)
		stat_gauge_inc(old.shards[i % 2], old.pump, PUMP_STAT_HANDLE_ACTIVE);
	stat_gauge_inc(new.shards[0], new.pump, PUMP_STAT_HANDLE_ACTIVE);
	stat_gauge_set(stats_main_shard(old.stats), old.pump, PUMP_STAT_PRESSURE, 70);
	stat_gauge_set(old.shards[0], old.pump, PUMP_STAT_PRESSURE, 70); /* not in hand */
	stat_gauge_set(stats_main_shard(new.stats), new.pump, PUMP_STAT_PRESSURE, 60);
	pass_on(&old, &new, true);
	assert_int_equal(value(&new, PUMP_STAT_HANDLE_ACTIVE), 6);
	assert_int_equal(value(&new, PUMP_STAT_PRESSURE), 60);
	/* handed over: one less there, one more here */
	stat_gauge_dec(old.shards[1], old.pump, PUMP_STAT_HANDLE_ACTIVE);
	stat_gauge_inc(new.shards[1], new.pump, PUMP_STAT_HANDLE_ACTIVE);
	pass_on(&old, &new, false);
	assert_int_equal(value(&new, PUMP_STAT_HANDLE_ACTIVE), 6);
	stats_import_end(new.stats);
	assert_int_equal(value(&new, PUMP_STAT_HANDLE_ACTIVE), 2);
	assert_int_equal(value(&old, PUMP_STAT_HANDLE_ACTIVE), 4);
	close_process(&old);
	close_process(&new);
}

static void test_an_upgrade_that_failed_leaves_no_mark(void **state)
{
	struct process old, failed, new;

	(void)state;
	open_process(&old, 1, &pump_stats);
	open_process(&failed, 1, &pump_stats);
	open_process(&new, 1, &pump_stats);
	work(&old, 0, 3);
	pass_on(&old, &failed, true);
	work(&old, 0, 4);
	pass_on(&old, &failed, false);
	work(&old, 0, 5);
	pass_on(&old, &new, true);
	assert_int_equal(value(&new, PUMP_STAT_STROKE_TOTAL), 12);
	work(&old, 0, 6);
	pass_on(&old, &new, false);
	assert_int_equal(value(&new, PUMP_STAT_STROKE_TOTAL), 18);
	close_process(&failed);
	close_process(&old);
	close_process(&new);
}

static void test_counters_that_were_reset(void **state)
{
	struct process old, new;

	(void)state;
	open_process(&old, 1, &pump_stats);
	open_process(&new, 1, &pump_stats);
	work(&old, 0, 7);
	stats_reset_counters(old.stats);
	work(&old, 0, 7);
	pass_on(&old, &new, true);
	assert_int_equal(value(&new, PUMP_STAT_STROKE_TOTAL), 7);
	stats_reset_counters(old.stats);
	pass_on(&old, &new, false); /* less than was told: nothing is taken off */
	assert_int_equal(value(&new, PUMP_STAT_STROKE_TOTAL), 7);
	close_process(&old);
	close_process(&new);
}

static void test_a_scope_that_comes_later(void **state)
{
	struct process old, new;

	(void)state;
	open_process(&old, 1, &pump_stats);
	open_process(&new, 1, &pump_stats);
	struct stat_scope *b = stat_scope_take(old.stats, &pump_stats, SLICE("pump.b"));
	struct stat_scope *c = stat_scope_take(old.stats, &pump_stats, SLICE("pump.c"));
	stat_add(old.shards[0], b, PUMP_STAT_STROKE_TOTAL, 8);
	stat_add(old.shards[0], c, PUMP_STAT_STROKE_TOTAL, 9);
	pass_on(&old, &new, true);
	assert_int_equal(stats_scope_count(new.stats), 3);
	struct stat_scope *later = stat_scope_take(new.stats, &pump_stats, SLICE("pump.b"));
	assert_int_equal(stat_value(new.stats, later, PUMP_STAT_STROKE_TOTAL), 8);
	stats_import_end(new.stats); /* nobody wanted c */
	assert_int_equal(stats_scope_count(new.stats), 2);
	assert_int_equal(stat_value(new.stats, later, PUMP_STAT_STROKE_TOTAL), 8);
	stat_scope_drop(new.stats, later);
	/* what went in the old one between two exports */
	stat_scope_drop(old.stats, b);
	stat_add(old.shards[0], c, PUMP_STAT_STROKE_TOTAL, 1);
	pass_on(&old, &new, false);
	stat_scope_drop(old.stats, c);
	pass_on(&old, &new, false);
	stats_import_end(new.stats);
	close_process(&old);
	close_process(&new);
}

static void test_a_type_of_another_release(void **state)
{
	struct process old, new;

	(void)state;
	open_process(&old, 1, &pump_stats);
	open_process(&new, 1, &new_pump_stats);
	work(&old, 0, 11);
	stat_inc(old.shards[0], old.pump, PUMP_STAT_RARE);
	pass_on(&old, &new, true);
	assert_int_equal(value(&new, NEW_PUMP_STAT_STROKE_TOTAL), 11);
	assert_int_equal(value(&new, NEW_PUMP_STAT_HANDLE_ACTIVE), 1);
	assert_int_equal(value(&new, NEW_PUMP_STAT_RARE), 0); /* a gauge here */
	static struct seen seen;
	stats_each(new.stats, see, &seen);
	assert_non_null(strstr(seen.text, "pump.a.rq_204=1 "));
	assert_non_null(strstr(seen.text, "pump.a.stroke_time=0 sum 121 of 1 lately 0;"));
	close_process(&old);
	close_process(&new);
}

/* Any bytes: all of it is taken in, or nothing. */
static void test_damage(void **state)
{
	struct section_writer out = {0};
	struct process old, new;

	(void)state;
	open_process(&old, 2, &pump_stats);
	for (unsigned i = 0; i < 20; i++)
		work(&old, i, i);
	stats_export_all(old.stats, &out);
	struct random random;
	random_init(&random, 5);
	unsigned refused = 0;
	for (unsigned i = 0; i < 2000; i++) {
		struct diag diag = {0};
		size_t len = out.len;
		char *bytes = malloc(len);
		assert_non_null(bytes);
		memcpy(bytes, out.data, len);
		if (i % 2)
			len = random_next(&random) % len;
		else
			bytes[random_next(&random) % len] = (char)random_next(&random);
		open_process(&new, 1, &pump_stats);
		if (stats_import(new.stats, slice_make(bytes, len), &diag)) {
			refused++;
			assert_true(diag_is_set(&diag));
			assert_int_equal(value(&new, PUMP_STAT_STROKE_TOTAL), 0);
			assert_int_equal(value(&new, PUMP_STAT_HANDLE_ACTIVE), 0);
		}
		close_process(&new);
		free(bytes);
	}
	assert_in_range(refused, 500, 2000);
	section_writer_free(&out);
	close_process(&old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_passed_on_between_other_numbers_of_workers),
		cmocka_unit_test(test_what_the_old_one_still_counts_is_added_once),
		cmocka_unit_test(test_gauges_of_the_old_one_go_with_it),
		cmocka_unit_test(test_an_upgrade_that_failed_leaves_no_mark),
		cmocka_unit_test(test_counters_that_were_reset),
		cmocka_unit_test(test_a_scope_that_comes_later),
		cmocka_unit_test(test_a_type_of_another_release),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests_name("stats_transfer", tests, NULL, NULL);
}
