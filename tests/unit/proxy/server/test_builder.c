#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "net/loop.h"
#include "server/builder.h"

enum { JOBS = 200 };

struct bench {
	struct loop loop;
	struct mailbox mailbox;
	struct builder builder;
	unsigned run_count, done_count;
};

struct job {
	struct builder_job job;
	struct bench *bench;
	unsigned number, ran_as; /* ran_as: from 1; 0: it didn't */
};

static void run(struct builder_job *base)
{
	struct job *job = container_of(base, struct job, job);
	job->ran_as = ++job->bench->run_count;
}

static void done(struct builder_job *base)
{
	struct job *job = container_of(base, struct job, job);

	assert_true(!job->ran_as || job->ran_as == job->number);
	job->bench->done_count++;
	free(job);
}

static void on_woken(struct loop *loop)
{
	mailbox_drain(&container_of(loop, struct bench, loop)->mailbox);
}

static void post(struct bench *bench, unsigned number)
{
	struct job *job = calloc(1, sizeof *job);

	assert_non_null(job);
	*job = (struct job){.job = {.run = run, .done = done}, .bench = bench, .number = number};
	assert_int_equal(builder_post(&bench->builder, &job->job), STATUS_OK);
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	assert_non_null(bench);
	assert_int_equal(loop_init(&bench->loop, bench), STATUS_OK);
	bench->loop.woken = on_woken;
	mailbox_init(&bench->mailbox, &bench->loop, bench);
	builder_init(&bench->builder, &bench->mailbox);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	loop_fini(&bench->loop);
	free(bench);
	return 0;
}

static void jobs_run_in_order_and_come_back(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 1; i <= JOBS; i++)
		post(bench, i);
	while (bench->done_count < JOBS)
		loop_turn(&bench->loop, true);
	assert_int_equal(bench->run_count, JOBS);
	builder_stop(&bench->builder);
}

/* Every job comes back, run or not: nothing is lost and nothing leaks. */
static void what_waits_comes_back_when_it_stops(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 1; i <= JOBS; i++)
		post(bench, i);
	builder_stop(&bench->builder);
	mailbox_drain(&bench->mailbox);
	assert_int_equal(bench->done_count, JOBS);
	assert_true(bench->run_count <= JOBS);
}

static void it_stops_without_ever_having_run(void **state)
{
	struct bench *bench = *state;

	builder_stop(&bench->builder);
	assert_int_equal(bench->done_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(jobs_run_in_order_and_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_waits_comes_back_when_it_stops, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(it_stops_without_ever_having_run, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
