#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "net/loop.h"
#include "net/mailbox.h"

enum { SOME = 8, MESSAGES = 20, TURNS = 100 };

struct bench {
	struct loop loop;
	struct mailbox mailbox;
	unsigned run_count, most_a_turn, this_turn;
};

struct numbered {
	struct message message;
	unsigned number; /* from 1 */
	bool posts_another;
};

static void post(struct bench *bench, unsigned number, bool posts_another);

static void run(struct message *message, void *receiver)
{
	struct numbered *numbered = container_of(message, struct numbered, message);
	struct bench *bench = receiver;

	assert_int_equal(numbered->number, ++bench->run_count);
	bench->this_turn++;
	if (numbered->posts_another)
		post(bench, MESSAGES + 1, false);
	free(numbered);
}

static void post(struct bench *bench, unsigned number, bool posts_another)
{
	struct numbered *numbered = calloc(1, sizeof *numbered);

	assert_non_null(numbered);
	*numbered = (struct numbered){
		.message.run = run, .number = number, .posts_another = posts_another};
	mailbox_post(&bench->mailbox, &numbered->message);
}

static void on_woken(struct loop *loop)
{
	struct bench *bench = container_of(loop, struct bench, loop);

	bench->this_turn = 0;
	mailbox_drain_some(&bench->mailbox, SOME);
	if (bench->this_turn > bench->most_a_turn)
		bench->most_a_turn = bench->this_turn;
}

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	assert_non_null(bench);
	assert_int_equal(loop_init(&bench->loop, bench), STATUS_OK);
	bench->loop.woken = on_woken;
	mailbox_init(&bench->mailbox, &bench->loop, bench);
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

static void some_in_each_turn_and_none_is_forgotten(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 1; i <= MESSAGES; i++)
		post(bench, i, i == MESSAGES);
	for (unsigned turn = 0; turn < TURNS; turn++)
		loop_turn(&bench->loop, false);
	assert_int_equal(bench->run_count, MESSAGES + 1);
	assert_int_equal(bench->most_a_turn, SOME);
}

/* One is posted while some wait: its wake-up is used up by the turn that runs those. */
static void one_posted_while_others_wait(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 1; i <= MESSAGES; i++)
		post(bench, i, i == 1);
	for (unsigned turn = 0; turn < TURNS; turn++)
		loop_turn(&bench->loop, false);
	assert_int_equal(bench->run_count, MESSAGES + 1);
}

static void all_at_once_with_those_left_over_first(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 1; i <= MESSAGES; i++)
		post(bench, i, false);
	mailbox_drain_some(&bench->mailbox, SOME);
	assert_int_equal(bench->run_count, SOME);
	post(bench, MESSAGES + 1, false);
	mailbox_drain(&bench->mailbox);
	assert_int_equal(bench->run_count, MESSAGES + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(some_in_each_turn_and_none_is_forgotten, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(one_posted_while_others_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_at_once_with_those_left_over_first, set_up,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
