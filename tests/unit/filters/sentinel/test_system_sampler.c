/* What system rules get to see of the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "filters/sentinel/system_sampler.h"

static void the_line_of_all_processors(void **state)
{
	uint64_t busy = 7, all = 7;
	(void)state;

	assert_true(system_sampler_parse("cpu  10 20 30 400 50 6 7 8 90 90\n", &busy, &all));
	assert_int_equal(busy, 10 + 20 + 30 + 6 + 7 + 8); /* guests are in the first two */
	assert_int_equal(all, 10 + 20 + 30 + 400 + 50 + 6 + 7 + 8);
	assert_true(system_sampler_parse("cpu  1 2 3 4 5 6 7 8\n", &busy, &all));
	assert_int_equal(all, 36);
	assert_false(system_sampler_parse("cpu0 1 2 3 4 5 6 7 8\n", &busy, &all));
	assert_false(system_sampler_parse("cpu  1 2 3\n", &busy, &all));
	assert_false(system_sampler_parse("", &busy, &all));
	assert_int_equal(all, 36);
}

static void shares_are_of_the_time_between(void **state)
{
	struct system_sampler sampler = {.wall_ns = 0};
	uint64_t second = 1000000000;
	volatile unsigned work = 0;
	(void)state;

	struct system_status status = system_sampler_read(&sampler, second);
	assert_true(status.cpu == 0); /* since when? */
	assert_true(status.load >= 0);
	assert_true(sampler.all_ticks > 0 && sampler.busy_ticks <= sampler.all_ticks);
	assert_true(sampler.process_ns > 0);
	for (unsigned i = 0; i < 10000000; i++)
		work = work + i;
	status = system_sampler_read(&sampler, second + 1); /* a nanosecond: more than it has */
	assert_true(status.cpu == 1);
	status = system_sampler_read(&sampler, second * 1000);
	assert_true(status.cpu >= 0 && status.cpu <= 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_line_of_all_processors),
		cmocka_unit_test(shares_are_of_the_time_between),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
