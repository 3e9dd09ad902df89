#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/drain.h"

enum { START = 5000, TIME = 8000, CONNECTIONS = 4000 };

static struct drain begun(bool is_gradual)
{
	struct drain drain = {0};

	drain_begin(&drain, START, TIME, is_gradual);
	return drain;
}

static void nobody_is_asked_without_a_drain(void **state)
{
	struct drain drain = {0};
	(void)state;

	assert_false(drain_is_last(&drain, UINT64_MAX, 0));
	assert_false(drain_is_over(&drain, UINT64_MAX));
	assert_true(drain_tell_ms(&drain, 1) == UINT64_MAX);
}

static void all_are_asked_at_once(void **state)
{
	struct drain drain = begun(false);
	(void)state;

	assert_true(drain_is_last(&drain, START, TIME - 1));
	assert_int_equal(drain_tell_ms(&drain, 1), START);
	assert_false(drain_is_over(&drain, START + TIME - 1));
	assert_true(drain_is_over(&drain, START + TIME));
}

/* The chance of an answer to be the last is the part of the time that has passed, to the draw. */
static void the_chance_grows_with_time(void **state)
{
	struct drain drain = begun(true);
	(void)state;

	for (uint64_t passed = 0; passed <= TIME; passed += TIME / 8) {
		unsigned last = 0;
		for (uint64_t chance = 0; chance < TIME; chance++)
			last += drain_is_last(&drain, START + passed, chance + 3 * TIME);
		assert_int_equal(last, passed);
	}
	assert_true(drain_is_last(&drain, START + 10 * TIME, TIME - 1));
}

static void those_that_can_be_told_are_told_in_the_first_quarter(void **state)
{
	struct drain drain = begun(true);
	unsigned in_part[4] = {0};
	(void)state;

	for (uint64_t id = 0; id < CONNECTIONS; id++) { /* ids that follow each other */
		uint64_t after = drain_tell_ms(&drain, (UINT64_C(3) << 48) + id) - START;
		assert_true(after < TIME / 4);
		in_part[after * 16 / TIME]++;
	}
	for (unsigned i = 0; i < 4; i++)
		assert_in_range(in_part[i], CONNECTIONS / 4 * 9 / 10, CONNECTIONS / 4 * 11 / 10);
}

static void a_drain_without_time_is_over_at_once(void **state)
{
	struct drain drain = {0};
	(void)state;

	drain_begin(&drain, START, 0, true);
	assert_true(drain_is_last(&drain, START, UINT64_MAX));
	assert_int_equal(drain_tell_ms(&drain, 1), START);
	drain = (struct drain){0};
	drain_begin(&drain, START, 3, true); /* a quarter is nothing */
	assert_int_equal(drain_tell_ms(&drain, 1), START);
}

static void asked_twice_it_has_no_more_time(void **state)
{
	struct drain drain = begun(true);
	(void)state;

	drain_begin(&drain, START + TIME / 2, TIME, false);
	assert_false(drain_is_last(&drain, START, 0));
	assert_true(drain_is_over(&drain, START + TIME));
}

/* preStop asks for the whole drain time, then SIGTERM leaves less. */
static void asked_to_end_earlier_it_does(void **state)
{
	struct drain drain = begun(true), before = drain;
	unsigned last = 0;
	(void)state;

	drain_begin(&drain, START + TIME / 2, TIME / 4, true);
	assert_false(drain_is_over(&drain, START + TIME * 3 / 4 - 1));
	assert_true(drain_is_over(&drain, START + TIME * 3 / 4));
	for (uint64_t chance = 0; chance < TIME * 3 / 4; chance++)
		last += drain_is_last(&drain, START + TIME / 2, chance);
	assert_int_equal(last, TIME / 2);
	for (uint64_t id = 0; id < CONNECTIONS; id++) /* who was told stays told */
		assert_true(drain_tell_ms(&drain, id) <= drain_tell_ms(&before, id));
	drain_begin(&drain, START + TIME / 2, 1, false);
	assert_true(drain_is_last(&drain, START + TIME / 2, UINT64_MAX));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_asked_without_a_drain),
		cmocka_unit_test(all_are_asked_at_once),
		cmocka_unit_test(the_chance_grows_with_time),
		cmocka_unit_test(those_that_can_be_told_are_told_in_the_first_quarter),
		cmocka_unit_test(a_drain_without_time_is_over_at_once),
		cmocka_unit_test(asked_twice_it_has_no_more_time),
		cmocka_unit_test(asked_to_end_earlier_it_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
