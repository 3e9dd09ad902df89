/* Both sides' steps: every state with every event, by what must hold of all of them, and the paths
 * that an upgrade takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/attributes.h"
#include "hotrestart/new_steps.h"
#include "hotrestart/old_steps.h"

/* --- old --- */

static bool is_upgrading(enum old_state state)
{
	return state >= OLD_CALLED && state <= OLD_PARKED;
}

static void old_step_holds(enum old_state from, enum old_event event)
{
	struct old_step step = old_step_of(from, event);
	unsigned actions = step.actions;
	bool is_back = is_upgrading(from) && (step.next == OLD_SERVING || step.next == OLD_GONE);

	/* what was parked goes on, and only that; a failure is always told */
	assert_int_equal(!!(actions & OLD_TAKE_BACK),
			 is_back && (from == OLD_WARMED || from == OLD_PARKED));
	assert_int_equal(!!(actions & OLD_DISMISS), is_back);
	/* there is one way to each of these */
	assert_int_equal(!!(actions & OLD_OFFER), from == OLD_MET && event == OLD_ON_HELLO);
	assert_int_equal(!!(actions & OLD_PARK), from == OLD_OFFERED && event == OLD_ON_READY);
	assert_int_equal(!!(actions & OLD_FINISH), from == OLD_WARMED && event == OLD_ON_PARKED);
	assert_int_equal(!!(actions & OLD_LEAVE), from == OLD_PARKED && event == OLD_ON_LIVE);
	assert_int_equal(step.next == OLD_LEAVING && from != OLD_LEAVING, !!(actions & OLD_LEAVE));
	assert_int_equal(!!(actions & OLD_END), from == OLD_LEAVING && step.next == OLD_GONE);
	/* what new was given comes back when it has gone */
	assert_int_equal(!!(actions & OLD_RECLAIM), from == OLD_LEAVING && event == OLD_ON_LOST);
	/* who comes is taken or turned away, never forgotten */
	if (event == OLD_ON_CONNECTED)
		assert_int_equal(actions, from <= OLD_CALLED ? OLD_GREET : OLD_TURN_AWAY);
	else
		assert_false(actions & (OLD_GREET | OLD_TURN_AWAY));
	/* it goes on step by step, or back to the start */
	assert_true(step.next == from || step.next == OLD_SERVING || step.next == OLD_GONE ||
		    step.next == from + 1 || (from == OLD_SERVING && step.next == OLD_MET));
	/* what has left never serves again */
	if (from >= OLD_LEAVING)
		assert_true(step.next == from || step.next == OLD_GONE);
}

static void every_step_of_old_holds(void **state)
{
	(void)state;
	for (int s = 0; s < OLD_STATES; s++)
		for (int e = 0; e < OLD_EVENTS; e++)
			old_step_holds((enum old_state)s, (enum old_event)e);
}

/* With somebody at the other end, each of these ends the attempt. */
static void every_failure_leaves_old_as_it_was(void **state)
{
	static const enum old_event failures[] = {OLD_ON_REFUSED, OLD_ON_LOST, OLD_ON_TIMEOUT};

	(void)state;
	for (int s = OLD_MET; s <= OLD_PARKED; s++)
		for (size_t i = 0; i < COUNT_OF(failures); i++)
			assert_int_equal(old_step_of((enum old_state)s, failures[i]).next,
					 OLD_SERVING);
	assert_int_equal(old_step_of(OLD_CALLED, OLD_ON_TIMEOUT).next, OLD_SERVING);
	assert_int_equal(old_step_of(OLD_CALLED, OLD_ON_CHILD_END).next, OLD_SERVING);
}

/* What new says at the wrong moment ends the attempt, too. */
static void words_out_of_turn_end_it(void **state)
{
	static const struct {
		enum old_event word;
		enum old_state in;
	} words[] = {
		{OLD_ON_HELLO, OLD_MET}, {OLD_ON_READY, OLD_OFFERED}, {OLD_ON_LIVE, OLD_PARKED}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		for (int s = OLD_MET; s <= OLD_PARKED; s++)
			if (s != (int)words[i].in)
				assert_int_equal(old_step_of((enum old_state)s, words[i].word).next,
						 OLD_SERVING);
}

static void every_wait_of_old_has_an_end(void **state)
{
	(void)state;
	for (int s = 0; s < OLD_STATES; s++)
		assert_int_equal(!!old_state_limit_ms((enum old_state)s),
				 is_upgrading((enum old_state)s));
}

static void an_end_stops_what_is_under_way(void **state)
{
	(void)state;
	for (int s = 0; s < OLD_STATES; s++)
		assert_int_equal(old_step_of((enum old_state)s, OLD_ON_STOP).next, OLD_GONE);
}

/* --- new --- */

static void new_step_holds(enum new_state from, enum new_event event)
{
	struct new_step step = new_step_of(from, event);
	unsigned actions = step.actions;
	bool ends = step.next == NEW_ENDED && from != NEW_ENDED;

	assert_int_equal(!!(actions & NEW_SAY_HELLO),
			 step.next == NEW_ADOPTING && from < NEW_ADOPTING);
	assert_int_equal(!!(actions & NEW_SAY_READY), step.next == NEW_READY && from < NEW_READY);
	assert_int_equal(!!(actions & NEW_INSTALL),
			 from == NEW_READY && step.next == NEW_INSTALLING);
	assert_int_equal(!!(actions & NEW_SAY_LIVE),
			 from == NEW_INSTALLING && step.next == NEW_LIVE);
	assert_int_equal(!!(actions & NEW_OWN), from == NEW_LIVE && step.next == NEW_ALONE);
	/* what hasn't served just ends; what has, finishes it */
	assert_int_equal(!!(actions & NEW_END), ends && from < NEW_LIVE);
	assert_int_equal(!!(actions & NEW_DRAIN), ends && from == NEW_LIVE);
	/* old is told why, unless it has said so itself, isn't there, or goes on anyway */
	if (actions & NEW_SAY_REFUSAL)
		assert_true(ends && from < NEW_LIVE && event != NEW_ON_LOST &&
			    event != NEW_ON_REFUSED && event != NEW_ON_NO_RIGHT);
	/* the right is asked for where old may have died, and what it decides is decided by it */
	if (actions & NEW_ASK_RIGHT)
		assert_true(from >= NEW_WARMING && from <= NEW_LIVE && step.next == from);
	if (event == NEW_ON_NO_RIGHT && from >= NEW_WARMING && from <= NEW_LIVE)
		assert_int_equal(step.next, NEW_ENDED);
	/* step by step, or the end */
	assert_true(step.next == from || step.next == from + 1 || step.next == NEW_ENDED);
	/* who is alone in charge stays so, whatever comes */
	if (from == NEW_ALONE)
		assert_int_equal(step.next, NEW_ALONE);
	if (from == NEW_ENDED)
		assert_int_equal(actions, 0);
}

static void every_step_of_new_holds(void **state)
{
	(void)state;
	for (int s = 0; s < NEW_STATES; s++)
		for (int e = 0; e < NEW_EVENTS; e++)
			new_step_holds((enum new_state)s, (enum new_event)e);
}

static void old_that_dies_leaves_new_complete(void **state)
{
	(void)state;
	/* while it warms: it finds out, goes on, and finds it again when it would say READY */
	assert_int_equal(new_step_of(NEW_WARMING, NEW_ON_LOST).actions, NEW_ASK_RIGHT);
	assert_int_equal(new_step_of(NEW_WARMING, NEW_ON_RIGHT).next, NEW_WARMING);
	assert_int_equal(new_step_of(NEW_READY, NEW_ON_LOST).actions, NEW_ASK_RIGHT);
	assert_int_equal(new_step_of(NEW_READY, NEW_ON_RIGHT).next, NEW_INSTALLING);
	/* after GO */
	assert_int_equal(new_step_of(NEW_LIVE, NEW_ON_LOST).actions, NEW_ASK_RIGHT);
	assert_int_equal(new_step_of(NEW_LIVE, NEW_ON_RIGHT).next, NEW_ALONE);
	assert_int_equal(new_step_of(NEW_LIVE, NEW_ON_RIGHT).actions, NEW_OWN | NEW_FORGET_OLD);
}

static void every_name_is_there(void **state)
{
	(void)state;
	for (int s = 0; s < OLD_STATES; s++)
		assert_non_null(old_state_name((enum old_state)s));
	for (int s = 0; s < NEW_STATES; s++)
		assert_non_null(new_state_name((enum new_state)s));
	for (int e = 0; e < OLD_EVENTS; e++)
		assert_non_null(old_event_name((enum old_event)e));
	for (int e = 0; e < NEW_EVENTS; e++)
		assert_non_null(new_event_name((enum new_event)e));
}

/* --- both: whatever is lost on the way, one of them serves, and one alone in the end --- */

struct walk {
	enum old_state old;
	enum new_state new;
};

/* Messages cross one after the other; after `cut` of them the channel breaks, in the direction of
 * the next one: who said it doesn't know. */
static struct walk walk_until(unsigned cut)
{
	static const struct {
		bool to_old;
		int event;  /* of who hears it */
		int before; /* own event of who says it, first; -1 */
	} course[] = {
		{true, OLD_ON_HELLO, NEW_ON_CONNECTED}, {false, NEW_ON_OFFERED, -1},
		{true, OLD_ON_READY, NEW_ON_WARMED},    {false, NEW_ON_GO, OLD_ON_PARKED},
		{true, OLD_ON_LIVE, NEW_ON_INSTALLED},  {false, NEW_ON_YIELDED, -1},
	};
	struct walk walk = {old_step_of(OLD_SERVING, OLD_ON_CONNECTED).next, NEW_DIALLING};

	for (unsigned i = 0; i < COUNT_OF(course); i++) {
		if (course[i].before >= 0 && course[i].to_old)
			walk.new = new_step_of(walk.new, (enum new_event)course[i].before).next;
		else if (course[i].before >= 0)
			walk.old = old_step_of(walk.old, (enum old_event)course[i].before).next;
		if (i == cut)
			return walk;
		if (course[i].to_old)
			walk.old = old_step_of(walk.old, (enum old_event)course[i].event).next;
		else
			walk.new = new_step_of(walk.new, (enum new_event)course[i].event).next;
	}
	return walk;
}

static void the_whole_way_ends_with_new(void **state)
{
	struct walk walk = walk_until(UINT32_MAX);

	(void)state;
	assert_int_equal(walk.old, OLD_LEAVING);
	assert_int_equal(walk.new, NEW_ALONE);
	assert_int_equal(old_step_of(walk.old, OLD_ON_EMPTY).actions, OLD_END);
}

static enum new_state new_after_loss(enum new_state at, bool old_holds_right)
{
	struct new_step step = new_step_of(at, NEW_ON_LOST);

	if (!(step.actions & NEW_ASK_RIGHT))
		return step.next;
	return new_step_of(step.next, old_holds_right ? NEW_ON_NO_RIGHT : NEW_ON_RIGHT).next;
}

static void a_broken_channel_leaves_one_that_serves(void **state)
{
	(void)state;
	for (unsigned cut = 0; cut < 6; cut++) {
		struct walk walk = walk_until(cut);
		bool has_left =
			walk.old == OLD_LEAVING; /* and given up the right before it said so */
		enum old_state old = old_step_of(walk.old, OLD_ON_LOST).next;
		enum new_state new = new_after_loss(walk.new, !has_left);
		assert_int_equal(old, has_left ? OLD_LEAVING : OLD_SERVING);
		assert_int_equal(new, has_left ? NEW_ALONE : NEW_ENDED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_of_old_holds),
		cmocka_unit_test(every_failure_leaves_old_as_it_was),
		cmocka_unit_test(words_out_of_turn_end_it),
		cmocka_unit_test(every_wait_of_old_has_an_end),
		cmocka_unit_test(an_end_stops_what_is_under_way),
		cmocka_unit_test(every_step_of_new_holds),
		cmocka_unit_test(old_that_dies_leaves_new_complete),
		cmocka_unit_test(every_name_is_there),
		cmocka_unit_test(the_whole_way_ends_with_new),
		cmocka_unit_test(a_broken_channel_leaves_one_that_serves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
