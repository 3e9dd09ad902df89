#include "sentinel_support.h"

#include "filters/sentinel/core/node.h"

static const uint32_t w0 = 3400000000U; /* t0 / 500 */

static void a_window_counts_until_it_is_as_old_as_the_interval(void **state)
{
	struct node *node = node_new(2, w0);
	(void)state;

	node_add_pass(node, 0, w0, 3);
	node_add_pass(node, 1, w0, 4);
	node_add_pass(node, 1, w0 + 1, 5);
	assert_int_equal(leap_array_pass(&node->windows, w0), 12); /* the newer one, too */
	assert_int_equal(leap_array_pass(&node->windows, w0 + 1), 12);
	assert_int_equal(leap_array_pass(&node->windows, w0 + 2), 5);
	assert_int_equal(leap_array_pass(&node->windows, w0 + 3), 0);
	assert_int_equal(leap_array_pass_at(&node->windows, w0), 7);
	assert_int_equal(leap_array_pass_at(&node->windows, w0 + 2), 0);
	node_free(node);
}

static void what_was_counted_stays_a_minute(void **state)
{
	struct node *node = node_new(2, w0);
	struct leap_sum sum;
	(void)state;

	for (uint32_t second = 0; second < 70; second++) {
		node_add_pass(node, second & 1, w0 + 2 * second, 1);
		node_add_block(node, 0, w0 + 2 * second + 1, 2);
		node_add_complete(node, 1, w0 + 2 * second + 1, 30, 1, 1);
	}
	leap_array_minute(&node->windows, w0 + 139, &sum);
	assert_int_equal(sum.pass, 60);
	assert_int_equal(sum.block, 120);
	assert_int_equal(sum.success, 60);
	assert_int_equal(sum.exception, 60);
	assert_int_equal(sum.rt, 1800);
	leap_array_minute(&node->windows, w0 + 139 + 60, &sum);
	assert_int_equal(sum.pass, 30);
	leap_array_second_at(&node->windows, (w0 + 138) / 2, &sum);
	assert_int_equal(sum.pass, 1);
	assert_int_equal(sum.rt, 30);
	leap_array_second_at(&node->windows, w0 / 2, &sum);
	assert_int_equal(sum.pass, 0);
	node_free(node);
}

static uint64_t pass_of(const struct node *node, uint32_t window)
{
	struct leap_sum sum;

	leap_array_second_at(&node->windows, window / 2, &sum);
	return sum.pass;
}

static void seconds_in_which_nobody_came_are_empty(void **state)
{
	struct node *node = node_new(1, w0);
	struct leap_sum sum;
	(void)state;

	node_add_pass(node, 0, w0, 7);
	node_add_pass(node, 0, w0 + 60, 3);
	node_add_pass(node, 0, w0 + 122, 1);
	node_add_pass(node, 0, w0 + 126, 1);
	assert_int_equal(pass_of(node, w0 + 120), 0); /* has the place of the first one */
	assert_int_equal(pass_of(node, w0 + 60), 3);
	assert_int_equal(pass_of(node, w0 + 122), 1);
	leap_array_minute(&node->windows, w0 + 126, &sum);
	assert_int_equal(sum.pass, 5);
	node_add_pass(node, 0, w0 + 2000, 1); /* all of it is over */
	node_add_pass(node, 0, w0 + 2004, 1);
	leap_array_minute(&node->windows, w0 + 2004, &sum);
	assert_int_equal(sum.pass, 2);
	node_free(node);
}

static void a_worker_that_was_idle_has_its_counts_where_they_were(void **state)
{
	struct node *node = node_new(3, w0);
	struct leap_sum sum;
	(void)state;

	node_add_pass(node, 1, w0, 5);
	node_add_pass(node, 2, w0, 9);
	for (uint32_t second = 0; second <= 40; second++)
		node_add_pass(node, 0, w0 + 2 * second, 1);
	assert_int_equal(pass_of(node, w0), 15);
	node_add_pass(node, 1, w0 + 80, 1);
	assert_int_equal(pass_of(node, w0), 15);
	leap_array_minute(&node->windows, w0 + 80, &sum);
	assert_int_equal(sum.pass, 41 + 5 + 9 + 1);
	for (uint32_t second = 41; second <= 70; second++)
		node_add_pass(node, 0, w0 + 2 * second, 1);
	node_add_pass(node, 2, w0 + 140, 1); /* what it had is too old */
	leap_array_minute(&node->windows, w0 + 140, &sum);
	assert_int_equal(sum.pass, 60 + 1 + 1);
	assert_int_equal(pass_of(node, w0 + 120), 1); /* has the place of w0 */
	node_free(node);
}

static void a_clock_that_goes_back_loses_counts_and_nothing_else(void **state)
{
	struct node *node = node_new(1, w0);
	(void)state;

	node_add_pass(node, 0, w0 + 4, 5);
	node_add_pass(node, 0, w0 + 2, 100); /* its place is that of w0 + 4 */
	node_add_pass(node, 0, w0 + 4, 1);
	assert_int_equal(leap_array_pass(&node->windows, w0 + 4), 6);
	node_free(node);
}

static void counts_stay_at_their_highest_value(void **state)
{
	struct node *node = node_new(1, w0);
	struct leap_sum sum;
	(void)state;

	for (int i = 0; i < 3; i++)
		node_add_pass(node, 0, w0, INT32_MAX);
	assert_true(leap_array_pass(&node->windows, w0) == UINT32_MAX);
	for (uint32_t i = 0; i < 3; i++)
		node_add_complete(node, 0, w0 + i, UINT32_MAX, 1, 0);
	leap_array_minute(&node->windows, w0 + 4, &sum);
	assert_true(sum.rt >= UINT32_MAX);
	node_free(node);
}

static void the_number_of_windows_may_wrap(void **state)
{
	struct node *node = node_new(1, UINT32_MAX);
	(void)state;

	node_add_pass(node, 0, UINT32_MAX, 1);
	node_add_pass(node, 0, 0, 2);
	assert_int_equal(leap_array_pass(&node->windows, 0), 3);
	assert_int_equal(leap_array_pass(&node->windows, 1), 2);
	node_free(node);
}

/* In the year 2038. */
static void the_minute_goes_on_when_windows_wrap(void **state)
{
	const uint32_t first = UINT32_MAX - 59;
	struct node *node = node_new(1, first);
	struct leap_sum sum;
	(void)state;

	for (uint32_t i = 0; i < 300; i += 2)
		node_add_pass(node, 0, first + i, 1);
	leap_array_minute(&node->windows, first + 298, &sum);
	assert_int_equal(sum.pass, 60);
	assert_int_equal(pass_of(node, first + 290), 1);
	node_free(node);
}

static void a_copy_has_the_same_counts(void **state)
{
	struct node *node = node_new(2, w0), *clone;
	struct node_view view;
	(void)state;

	node_add_pass(node, 0, w0, 3);
	node_add_threads(node, 1, 2);
	node_occupy(node, (int64_t)w0 * 500 + 200, 300, 1);
	clone = node_clone(node);
	node_add_pass(node, 0, w0, 3);
	node_free(node);
	node_view(clone, (int64_t)w0 * 500 + 200, &view);
	assert_true(view.pass_qps == 3);
	assert_int_equal(view.threads, 2);
	assert_int_equal(view.waiting, 1);
	assert_int_equal(view.minute_pass, 4);
	node_free(clone);
}

static void a_borrowed_pass_begins_its_window(void **state)
{
	struct node *node = node_new(1, w0);
	int64_t now = (int64_t)w0 * 500;
	struct leap_sum sum;
	(void)state;

	node_add_pass(node, 0, w0, 5);
	assert_int_equal(node_try_occupy_next(node, now + 100, 1, 5), 500); /* nothing leaves */
	assert_int_equal(node_try_occupy_next(node, now + 700, 1, 5), 300);
	node_occupy(node, now + 700, 300, 4);
	assert_int_equal(leap_array_waiting(&node->windows, w0 + 1), 4);
	assert_int_equal(node_try_occupy_next(node, now + 700, 2, 5), 500);
	assert_int_equal(leap_array_pass(&node->windows, w0 + 2), 4);
	assert_int_equal(leap_array_pass(&node->windows, w0 + 3), 4);
	assert_int_equal(leap_array_pass(&node->windows, w0 + 4), 0);
	leap_array_second_at(&node->windows, w0 / 2, &sum);
	assert_int_equal(sum.pass, 9);
	assert_int_equal(sum.occupied, 4);
	node_free(node);
}

static void counting_begins_a_window_as_looking_does(void **state)
{
	struct node *node = node_new(1, w0);
	int64_t now = (int64_t)w0 * 500;
	(void)state;

	node_occupy(node, now + 700, 300, 4);
	assert_int_equal(leap_array_pass(&node->windows, w0 + 3), 0); /* nobody came by in w0 + 2 */
	node_occupy(node, now + 1700, 300, 4);
	node_add_block(node, 0, w0 + 4, 1);
	assert_int_equal(leap_array_pass(&node->windows, w0 + 5), 4);
	node_free(node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_window_counts_until_it_is_as_old_as_the_interval),
		cmocka_unit_test(what_was_counted_stays_a_minute),
		cmocka_unit_test(seconds_in_which_nobody_came_are_empty),
		cmocka_unit_test(a_worker_that_was_idle_has_its_counts_where_they_were),
		cmocka_unit_test(a_clock_that_goes_back_loses_counts_and_nothing_else),
		cmocka_unit_test(counts_stay_at_their_highest_value),
		cmocka_unit_test(the_number_of_windows_may_wrap),
		cmocka_unit_test(the_minute_goes_on_when_windows_wrap),
		cmocka_unit_test(a_copy_has_the_same_counts),
		cmocka_unit_test(a_borrowed_pass_begins_its_window),
		cmocka_unit_test(counting_begins_a_window_as_looking_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
