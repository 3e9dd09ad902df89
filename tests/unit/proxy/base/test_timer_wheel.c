/* Time is an argument, so every test is arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/timer_wheel.h"

struct alarm {
	struct timer timer;
	uint64_t fired_ms; /* 0: not yet */
	unsigned count;
	struct timer_wheel *wheel;
	struct timer *to_cancel;
};

static void ring(struct timer *timer)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);
	alarm->fired_ms = alarm->wheel->now_ms;
	alarm->count++;
	if (alarm->to_cancel)
		timer_cancel(alarm->wheel, alarm->to_cancel);
}

static struct alarm alarm_on(struct timer_wheel *wheel)
{
	struct alarm alarm = {.wheel = wheel};
	timer_init(&alarm.timer, ring);
	return alarm;
}

static void fires_in_its_millisecond_whatever_the_level(void **state)
{
	static const uint64_t starts_ms[] = {
		0, 1, 63, 64, 4095, 4096, (1 << 24) - 1, 1 << 24, UINT64_C(1) << 40};
	static const uint64_t delays_ms[] = {
		1, 2, 63, 64, 65, 4095, 4096, 4097, 262143, 262144, 16777215, 16777216, 50000000};
	(void)state;

	for (unsigned s = 0; s < sizeof starts_ms / sizeof *starts_ms; s++) {
		for (unsigned d = 0; d < sizeof delays_ms / sizeof *delays_ms; d++) {
			struct timer_wheel wheel;
			timer_wheel_init(&wheel, starts_ms[s]);
			struct alarm alarm = alarm_on(&wheel);
			timer_start(&wheel, &alarm.timer, delays_ms[d]);

			timer_wheel_advance(&wheel, starts_ms[s] + delays_ms[d] - 1);
			assert_int_equal(alarm.count, 0);
			timer_wheel_advance(&wheel, starts_ms[s] + delays_ms[d] + 7);
			assert_int_equal(alarm.count, 1);
			assert_int_equal(alarm.fired_ms, starts_ms[s] + delays_ms[d]);
			assert_int_equal(timer_wheel_next_ms(&wheel), UINT64_MAX);
		}
	}
}

static void a_callback_may_cancel_its_neighbour(void **state)
{
	struct timer_wheel wheel;
	(void)state;

	timer_wheel_init(&wheel, 10);
	struct alarm first = alarm_on(&wheel), second = alarm_on(&wheel);
	first.to_cancel = &second.timer;
	timer_start(&wheel, &first.timer, 5);
	timer_start(&wheel, &second.timer, 5);
	timer_wheel_advance(&wheel, 100);

	assert_int_equal(first.count, 1);
	assert_int_equal(second.count, 0);
	assert_false(timer_is_running(&second.timer));
}

static void agrees_with_a_sorted_list(void **state)
{
	enum { ALARMS = 200, STEPS = 20000 };
	static struct alarm alarms[ALARMS];
	static uint64_t due_ms[ALARMS]; /* 0: not running */
	struct timer_wheel wheel;
	uint64_t now_ms = 12345;
	(void)state;

	srand(1);
	timer_wheel_init(&wheel, now_ms);
	for (unsigned i = 0; i < ALARMS; i++)
		alarms[i] = alarm_on(&wheel);
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned i = (unsigned)rand() % ALARMS;
		uint64_t delay_ms = (uint64_t)rand() >> (unsigned)rand() % 31;
		if (rand() % 4) {
			timer_start(&wheel, &alarms[i].timer, delay_ms);
			due_ms[i] = now_ms + (delay_ms ? delay_ms : 1);
		} else {
			timer_cancel(&wheel, &alarms[i].timer);
			due_ms[i] = 0;
		}
		now_ms += (uint64_t)rand() >> (unsigned)rand() % 31;
		timer_wheel_advance(&wheel, now_ms);
		for (unsigned k = 0; k < ALARMS; k++) {
			bool due = due_ms[k] && due_ms[k] <= now_ms;
			assert_int_equal(timer_is_running(&alarms[k].timer), due_ms[k] && !due);
			if (due) {
				assert_int_equal(alarms[k].fired_ms, due_ms[k]);
				due_ms[k] = 0;
			}
			if (due_ms[k])
				assert_true(timer_wheel_next_ms(&wheel) <= due_ms[k]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fires_in_its_millisecond_whatever_the_level),
		cmocka_unit_test(a_callback_may_cancel_its_neighbour),
		cmocka_unit_test(agrees_with_a_sorted_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
