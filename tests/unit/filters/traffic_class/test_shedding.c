/* Which classes are let in, as pressures come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "filters/traffic_class/learned.h"
#include "filters/traffic_class/shared_guard.h"

/* 0 is never shed, 1 from 900 to 800, 2 from 700 to 500. */
static const struct shedding three = {
	.count = 3,
	.enter = {SHEDDING_NEVER, 900, 700},
	.leave = {SHEDDING_NEVER, 800, 500},
	.hold_ms = 1000,
};

static void it_falls_at_once_and_rises_step_by_step(void **state)
{
	static const struct {
		uint32_t shed_from, pressure, since_ms, next;
	} rows[] = {
		{SHEDDING_NONE, 0, 0, SHEDDING_NONE},
		{SHEDDING_NONE, 699, 5000, SHEDDING_NONE},
		{SHEDDING_NONE, 700, 0, 2},
		{SHEDDING_NONE, 900, 0, 1}, /* both at once */
		{2, 899, 0, 2},
		{2, 900, 0, 1},
		{2, 500, 5000, 2}, /* not below leave */
		{2, 499, 999, 2},  /* not long enough */
		{2, 499, 1000, SHEDDING_NONE},
		{1, 0, 999, 1},
		{1, 0, 1000, 2}, /* one class at a time */
		{1, 799, 1000, 2},
		{1, 800, 1000, 1},
		{1, 100000, 0, 1},        /* 0 never */
		{7, 0, 0, SHEDDING_NONE}, /* of a configuration with more classes */
		{0, 0, 0, SHEDDING_NONE}, /* of one that shed its first */
		{0, 750, 0, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(shedding_next(&three, rows[i].shed_from, rows[i].pressure,
					       rows[i].since_ms),
				 rows[i].next);
}

/* Whatever the pressure does: who is shed has reached `enter`, and comes back only below `leave`
 * and after `hold`. */
static void any_course_keeps_the_rules(void **state)
{
	uint32_t shed_from = SHEDDING_NONE;
	uint64_t changed = 0;
	unsigned falls = 0, rises = 0;
	struct random random;

	(void)state;
	random_init(&random, 2);
	for (uint64_t now = 0; now < 200000; now += random_below(&random, 700)) {
		uint32_t pressure = random_below(&random, 1200);
		uint32_t next = shedding_next(&three, shed_from, pressure, now - changed);
		if (next < shed_from) {
			assert_true(pressure >= three.enter[next]);
			falls++;
		}
		if (next > shed_from) {
			rises++;
			assert_true(pressure < three.leave[shed_from]);
			assert_true(now - changed >= three.hold_ms);
			assert_int_equal(next, shed_from == 2 ? SHEDDING_NONE : shed_from + 1);
		}
		if (next != shed_from)
			changed = now;
		assert_true(next != 0);
		shed_from = next;
	}
	assert_true(falls > 20 && rises > 20);
}

/* --- learned --- */

static const struct learned_options options = {.min = 4, .max = 100, .tolerance = 1200};

static void a_limit_grows_while_answers_are_quick(void **state)
{
	struct learned learned = {.limit = 0};

	(void)state;
	learned_window(&learned, &options, 0, 0, 0);
	assert_int_equal(learned.limit, 4);
	for (int i = 0; i < 200; i++)
		learned_window(&learned, &options, UINT64_C(100) * 10000, 100, learned.limit);
	assert_int_equal(learned.limit, 100);
	assert_int_equal(learned.base_us, 10000);
	learned.limit = 50;
	learned_window(&learned, &options, UINT64_C(100) * 10000, 100, 20); /* not in use */
	assert_int_equal(learned.limit, 50);
	learned_window(&learned, &options, UINT64_C(9) * 90000, 9, 50); /* too few to tell */
	assert_int_equal(learned.limit, 50);
}

static void a_limit_shrinks_when_answers_wait(void **state)
{
	struct learned learned = {.limit = 50, .base_us = 10000};

	(void)state;
	learned_window(&learned, &options, UINT64_C(100) * 11900, 100, 50);
	assert_int_equal(learned.limit, 53);
	learned_window(&learned, &options, UINT64_C(100) * 13000, 100, 50);
	assert_int_equal(learned.limit, 47);
	for (int i = 0; i < 100; i++)
		learned_window(&learned, &options, UINT64_C(100) * 40000, 100, 50);
	assert_int_equal(learned.limit, 4);
	assert_int_equal(learned_delay_us(&learned, 2 * (learned.base_us + 500), 2), 500);
	assert_int_equal(learned_delay_us(&learned, 10, 10), 0);
	assert_int_equal(learned_delay_us(&learned, 0, 0), 0);
}

/* An upstream that serves `slots` at a time in 10 ms each, and a client that fills the limit. */
static void a_limit_settles_near_what_the_upstream_takes(void **state)
{
	(void)state;
	for (uint32_t slots = 8; slots <= 64; slots *= 2) {
		struct learned learned = {.limit = 4};
		uint32_t least = UINT32_MAX, most = 0;
		for (int i = 0; i < 400; i++) {
			uint32_t limit = learned.limit ? learned.limit : 4;
			uint64_t took_us = limit > slots ? 10000 * (uint64_t)limit / slots : 10000;
			learned_window(&learned, &options, took_us * 100, 100, limit);
			if (i < 200)
				continue;
			least = learned.limit < least ? learned.limit : least;
			most = learned.limit > most ? learned.limit : most;
		}
		assert_true(least >= slots && most <= slots + slots / 2 + 2);
	}
}

/* --- the guard --- */

static struct shared_guard *guard_new(void)
{
	return shared_take(&shared_guard_type, SLICE("it"), 0, sizeof(struct shared_guard), NULL);
}

static void lower_classes_leave_room_for_higher_ones(void **state)
{
	const struct guard_limits limits = {.shedding = three, .max_in_flight = 10};
	struct shared_guard *guard = guard_new();
	uint32_t shed, let_in;

	(void)state;
	for (int i = 0; i < 7; i++)
		assert_true(guard_enter(guard, &limits, 2, 1000));
	assert_int_equal(guard_pressure(guard, &limits), 700);
	assert_false(guard_enter(guard, &limits, 2, 1000));
	assert_true(guard_enter(guard, &limits, 1, 1000));
	assert_true(guard_enter(guard, &limits, 1, 1000));
	assert_false(guard_enter(guard, &limits, 1, 1000));
	assert_int_equal(guard_shed_from(guard), 1);
	for (int i = 0; i < 20; i++)
		assert_true(guard_enter(guard, &limits, 0, 1000));
	assert_true(guard_take_news(guard, &shed, &let_in));
	assert_int_equal(shed, 2);
	assert_int_equal(let_in, 0);
	assert_false(guard_take_news(guard, &shed, &let_in));
	for (int i = 0; i < 29; i++)
		guard_leave(guard);
	assert_false(guard_enter(guard, &limits, 2, 1999)); /* 1 must come back first */
	assert_true(guard_enter(guard, &limits, 1, 2100));
	assert_false(guard_enter(guard, &limits, 2, 2200));
	assert_false(guard_enter_replay(guard, &limits, 500, 2200));
	assert_true(guard_enter_replay(guard, &limits, 500, 3200));
	assert_true(guard_enter(guard, &limits, 2, 3200));
	shared_drop(guard);
}

static void replays_stay_below_their_share(void **state)
{
	const struct guard_limits limits = {.shedding = three, .max_in_flight = 10};
	struct shared_guard *guard = guard_new();

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_true(guard_enter_replay(guard, &limits, 500, 1000));
	assert_false(guard_enter_replay(guard, &limits, 500, 1000));
	guard_leave(guard);
	assert_true(guard_enter_replay(guard, &limits, 500, 1000));
	shared_drop(guard);
}

static void waiting_is_a_pressure_until_it_has_gone(void **state)
{
	const struct guard_limits limits = {.shedding = three, .delay_us = 10000};
	struct shared_guard *guard = guard_new();

	(void)state;
	assert_true(guard_enter(guard, &limits, 2, 1000));
	for (int i = 0; i < 20; i++)
		guard_answered(guard, 1000);
	assert_true(guard_enter(guard, &limits, 2, 1100));
	assert_int_equal(guard_pressure(guard, &limits), 0);
	for (int i = 0; i < 20; i++)
		guard_answered(guard, 9000);
	assert_false(guard_enter(guard, &limits, 2, 1200));
	assert_int_equal(guard_pressure(guard, &limits), 798); /* the base has moved a little */
	assert_true(guard_enter(guard, &limits, 1, 1200));
	assert_false(guard_enter(guard, &limits, 2, 1300)); /* no answers, no pressure: but hold */
	assert_true(guard_enter(guard, &limits, 2, 2300));
	shared_drop(guard);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_falls_at_once_and_rises_step_by_step),
		cmocka_unit_test(any_course_keeps_the_rules),
		cmocka_unit_test(a_limit_grows_while_answers_are_quick),
		cmocka_unit_test(a_limit_shrinks_when_answers_wait),
		cmocka_unit_test(a_limit_settles_near_what_the_upstream_takes),
		cmocka_unit_test(lower_classes_leave_room_for_higher_ones),
		cmocka_unit_test(replays_stay_below_their_share),
		cmocka_unit_test(waiting_is_a_pressure_until_it_has_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
