/* Windows of a flow id, and what they remember of values. Numbers are those of ClusterMetric. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filters/sentinel/cluster/token_metric.h"
#include "filters/sentinel/cluster/token_values.h"

static const int64_t t0 = INT64_C(1700000000000); /* a whole second */

static void assert_real(double is, double was)
{
	if (is != was)
		fail_msg("%.17g, not %.17g", is, was);
}

static double passes(struct token_metric *metric, int64_t at)
{
	return token_metric_average(metric, TOKEN_EVENT_PASS, t0 + at);
}

static void windows_that_can_be(void **state)
{
	(void)state;
	assert_true(token_metric_can_be(10, 1000) && token_metric_can_be(1, 1));
	assert_true(token_metric_can_be(TOKEN_SAMPLES_MAX, TOKEN_SAMPLES_MAX * 7));
	assert_false(token_metric_can_be(0, 1000) || token_metric_can_be(-1, 1000));
	assert_false(token_metric_can_be(10, 0) || token_metric_can_be(10, -10));
	assert_false(token_metric_can_be(3, 1000));
	assert_false(token_metric_can_be(TOKEN_SAMPLES_MAX + 1, TOKEN_SAMPLES_MAX + 1));
}

static void what_was_counted_leaves_after_the_interval(void **state)
{
	struct token_metric *metric = token_metric_new(10, 1000);
	(void)state;

	token_metric_add(metric, TOKEN_EVENT_PASS, 3, t0 + 50);
	token_metric_add(metric, TOKEN_EVENT_PASS, 4, t0 + 950);
	assert_real(passes(metric, 999), 7);
	assert_real(passes(metric, 1000), 4);
	assert_real(passes(metric, 1899), 4);
	assert_real(passes(metric, 1900), 0);
	assert_real(passes(metric, 100000), 0);
	token_metric_free(metric);

	metric = token_metric_new(4, 2000);
	token_metric_add(metric, TOKEN_EVENT_PASS, 3, t0);
	assert_real(passes(metric, 1999), 1.5);
	assert_real(passes(metric, 2000), 0);
	token_metric_free(metric);
}

static void a_clock_that_goes_back_loses_what_is_counted(void **state)
{
	struct token_metric *metric = token_metric_new(2, 1000);
	(void)state;

	token_metric_add(metric, TOKEN_EVENT_PASS, 3, t0 + 1000);
	token_metric_add(metric, TOKEN_EVENT_PASS, 4, t0);
	assert_real(passes(metric, 1000), 3);
	token_metric_free(metric);
}

/* A second of 10 windows, 10 passes of which the window that leaves next has 2. */
static void passes_are_borrowed_from_the_window_to_come(void **state)
{
	struct token_metric *metric = token_metric_new(10, 1000);
	(void)state;

	for (int i = 0; i < 10; i++) /* all windows were used once: none is new any more */
		token_metric_add(metric, TOKEN_EVENT_BLOCK, 1, t0 - 1000 + i * 100);
	token_metric_add(metric, TOKEN_EVENT_PASS, 2, t0);
	token_metric_add(metric, TOKEN_EVENT_PASS, 8, t0 + 900);
	assert_int_equal(token_metric_borrow(metric, 3, 10, t0 + 910), 0);
	assert_int_equal(token_metric_borrow(metric, 1, 10, t0 + 910), 100);
	assert_int_equal(token_metric_borrow(metric, 1, 10, t0 + 920), 100);
	assert_int_equal(token_metric_borrow(metric, 1, 10, t0 + 930), 0);
	assert_real(token_metric_average(metric, TOKEN_EVENT_WAITING, t0 + 930), 2);
	assert_real(passes(metric, 930), 10);
	assert_real(passes(metric, 1000), 10); /* 8, and the 2 that were borrowed */
	assert_real(token_metric_average(metric, TOKEN_EVENT_OCCUPIED_PASS, t0 + 1000), 2);
	assert_real(token_metric_average(metric, TOKEN_EVENT_PASS_REQUEST, t0 + 1000), 2);
	assert_real(passes(metric, 1900), 2);
	token_metric_free(metric);
}

/* What is borrowed waits for a window that gives way, as in Java. */
static void a_window_that_is_new_gets_nothing_of_what_was_borrowed(void **state)
{
	struct token_metric *metric = token_metric_new(2, 1000);
	(void)state;

	token_metric_add(metric, TOKEN_EVENT_PASS, 1, t0);
	assert_int_equal(token_metric_borrow(metric, 1, 2, t0), 500);
	assert_real(passes(metric, 500), 1);
	assert_real(passes(metric, 1000), 1);
	assert_real(passes(metric, 1999), 1);
	assert_real(passes(metric, 2000), 0);
	token_metric_free(metric);
}

static struct argument number(int64_t n)
{
	return (struct argument){.type = ARGUMENT_LONG, .integer = n};
}

static void add(struct token_values *values, int64_t value, int64_t n, int64_t at)
{
	struct argument argument = number(value);
	token_values_add(values, &argument, argument_fingerprint(&argument, 1), n, t0 + at);
}

static double average(struct token_values *values, int64_t value, int64_t at)
{
	struct argument argument = number(value);
	return token_values_average(values, argument_fingerprint(&argument, 1), t0 + at);
}

static void each_value_has_windows_of_its_own(void **state)
{
	struct token_values *values = token_values_new(10, 1000);
	(void)state;

	assert_real(average(values, 1, 0), 0);
	add(values, 1, 2, 0);
	add(values, 1, 3, 150);
	add(values, 2, 1, 150);
	add(values, 1, 100, -1000); /* the clock went back */
	assert_real(average(values, 1, 150), 5);
	assert_real(average(values, 2, 150), 1);
	assert_real(average(values, 1, 1000), 3);
	assert_real(average(values, 1, 1100), 0);
	token_values_free(values);
}

static void the_highest_are_shown_first(void **state)
{
	struct token_values *values = token_values_new(1, 2000);
	struct token_top_value top[3];
	(void)state;

	assert_int_equal(token_values_top(values, t0, top, 3), 0);
	for (int64_t i = 0; i < 100; i++)
		add(values, i, 2 + (i * 37) % 100, 0);
	assert_int_equal(token_values_top(values, t0, top, 3), 3);
	for (int i = 0; i < 3; i++) {
		char text[TOKEN_VALUE_TEXT_MAX];
		for (int64_t n = 0; n < 100; n++)
			if ((n * 37) % 100 == 99 - i)
				snprintf(text, sizeof text, "%d", (int)n);
		assert_string_equal(top[i].text, text);
		assert_real(top[i].average, (101 - i) / 2.0);
	}
	assert_int_equal(token_values_top(values, t0 + 2000, top, 3), 0);
	token_values_free(values);
}

static void values_beyond_the_capacity_push_out_the_oldest(void **state)
{
	struct token_values *values = token_values_new(1, 1000);
	(void)state;

	for (int64_t i = 0; i < TOKEN_VALUES_A_WINDOW; i++)
		add(values, i, 1, 0);
	assert_real(average(values, 0, 0), 1); /* used: now 1 is the oldest */
	add(values, -1, 1, 0);
	add(values, -2, 1, 0);
	assert_real(average(values, 0, 0), 1);
	assert_real(average(values, 1, 0), 0);
	assert_real(average(values, 2, 0), 0);
	assert_real(average(values, 3, 0), 1);
	assert_real(average(values, -2, 0), 1);
	token_values_free(values);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_that_can_be),
		cmocka_unit_test(what_was_counted_leaves_after_the_interval),
		cmocka_unit_test(a_clock_that_goes_back_loses_what_is_counted),
		cmocka_unit_test(passes_are_borrowed_from_the_window_to_come),
		cmocka_unit_test(a_window_that_is_new_gets_nothing_of_what_was_borrowed),
		cmocka_unit_test(each_value_has_windows_of_its_own),
		cmocka_unit_test(the_highest_are_shown_first),
		cmocka_unit_test(values_beyond_the_capacity_push_out_the_oldest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
