/* What a supervisor decides: whose end counts, when it idles, when it becomes a newer program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/attributes.h"
#include "hotrestart/supervision.h"

enum { FIRST = 11, SECOND = 12, THIRD = 13, KILLED = 9 };

static int ended_with(int code)
{
	return code << 8; /* waitpid's */
}

static void call(struct supervision *s, pid_t child)
{
	const char *refusal;

	assert_int_equal(supervision_call(s, &refusal), SUPERVISION_START);
	assert_null(refusal);
	assert_int_equal(supervision_started(s, child), 0);
}

static struct supervision serving(bool is_twin)
{
	struct supervision s;

	supervision_init(&s, is_twin, false);
	assert_int_equal(supervision_state(&s), SUPERVISION_IDLE);
	call(&s, FIRST);
	assert_int_equal(supervision_state(&s), SUPERVISION_STARTING);
	assert_int_equal(supervision_ready(&s, FIRST), 0);
	assert_int_equal(supervision_state(&s), SUPERVISION_SERVING);
	return s;
}

static struct supervision upgrading(bool is_twin)
{
	struct supervision s = serving(is_twin);

	call(&s, SECOND);
	assert_int_equal(supervision_state(&s), SUPERVISION_UPGRADING);
	return s;
}

static void an_end_is_the_childs(void **state)
{
	struct supervision s = serving(false);

	(void)state;
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(5)), SUPERVISION_END);
	assert_int_equal(s.code, 5);
	s = serving(true);
	assert_int_equal(supervision_ended(&s, FIRST, KILLED), SUPERVISION_END);
	assert_int_equal(s.code, 128 + KILLED);
	supervision_init(&s, true, false);
	call(&s, FIRST); /* it never came to serve */
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(1)), SUPERVISION_END);
	assert_int_equal(s.code, 1);
}

static void a_program_that_cannot_start_is_an_end(void **state)
{
	const char *refusal;
	struct supervision s;

	(void)state;
	supervision_init(&s, false, false);
	assert_int_equal(supervision_call(&s, &refusal), SUPERVISION_START);
	assert_int_equal(supervision_started(&s, 0), SUPERVISION_END);
	assert_int_equal(s.code, 1);
	s = serving(false); /* as a successor it is none */
	assert_int_equal(supervision_call(&s, &refusal), SUPERVISION_START);
	assert_int_equal(supervision_started(&s, 0), 0);
	assert_int_equal(supervision_state(&s), SUPERVISION_SERVING);
}

static void strangers_mean_nothing(void **state)
{
	struct supervision s = upgrading(false);

	(void)state;
	for (pid_t stranger = 0; stranger < 2; stranger++) {
		assert_false(supervision_knows(&s, stranger));
		assert_int_equal(supervision_ready(&s, stranger), 0);
		assert_int_equal(supervision_replaced(&s, stranger), 0);
		assert_int_equal(supervision_ended(&s, stranger, ended_with(7)), 0);
	}
	assert_int_equal(supervision_replaced(&s, SECOND), 0);
	assert_int_equal(supervision_state(&s), SUPERVISION_UPGRADING);
}

/* Whichever of the two is heard first. */
static void a_successor_becomes_the_child(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct supervision s = upgrading(false);
		if (i)
			assert_int_equal(supervision_replaced(&s, FIRST), 0);
		assert_int_equal(supervision_ready(&s, SECOND), SUPERVISION_RENEW);
		if (!i)
			assert_int_equal(supervision_replaced(&s, FIRST), 0);
		assert_int_equal(supervision_state(&s), SUPERVISION_SERVING);
		assert_true(supervision_knows(&s, FIRST));
		assert_int_equal(supervision_ready(&s, SECOND), 0); /* once */
		assert_int_equal(supervision_ended(&s, FIRST, ended_with(9)), 0);
		assert_false(supervision_knows(&s, FIRST));
		assert_int_equal(supervision_ended(&s, SECOND, ended_with(4)), SUPERVISION_END);
		assert_int_equal(s.code, 4);
	}
}

static void a_successor_that_fails_changes_nothing(void **state)
{
	struct supervision s = upgrading(false);

	(void)state;
	assert_int_equal(supervision_ended(&s, SECOND, ended_with(1)), 0);
	assert_int_equal(supervision_state(&s), SUPERVISION_SERVING);
	call(&s, THIRD);
	assert_int_equal(supervision_ready(&s, THIRD), SUPERVISION_RENEW);
}

/* It finds that nobody has the service. */
static void a_successor_goes_on_without_the_child(void **state)
{
	struct supervision s = upgrading(false);

	(void)state;
	assert_int_equal(supervision_ended(&s, FIRST, KILLED), 0);
	assert_int_equal(supervision_state(&s), SUPERVISION_STARTING);
	assert_int_equal(supervision_ready(&s, SECOND), SUPERVISION_RENEW);
	s = upgrading(false);
	assert_int_equal(supervision_ended(&s, FIRST, KILLED), 0);
	assert_int_equal(supervision_ended(&s, SECOND, ended_with(6)), SUPERVISION_END);
	assert_int_equal(s.code, 6);
	s = upgrading(false); /* it dies between LIVE and READY */
	assert_int_equal(supervision_replaced(&s, FIRST), 0);
	assert_int_equal(supervision_ended(&s, SECOND, KILLED), SUPERVISION_END);
	assert_int_equal(s.code, 128 + KILLED);
}

static void one_upgrade_at_a_time(void **state)
{
	struct supervision s = upgrading(false);
	const char *refusal;

	(void)state;
	assert_int_equal(supervision_call(&s, &refusal), 0);
	assert_non_null(refusal);
	supervision_ready(&s, SECOND); /* the first drains still */
	assert_int_equal(supervision_call(&s, &refusal), 0);
	assert_non_null(strstr(refusal, "replaced"));
	supervision_ended(&s, FIRST, 0);
	call(&s, THIRD);
	supervision_init(&s, false, false);
	call(&s, FIRST); /* isn't ready yet */
	assert_int_equal(supervision_call(&s, &refusal), 0);
	supervision_end(&s, false);
	assert_int_equal(supervision_call(&s, &refusal), 0);
	assert_non_null(strstr(refusal, "ending"));
}

static void another_container_takes_over(void **state)
{
	struct supervision s = serving(false);

	(void)state;
	assert_int_equal(supervision_replaced(&s, FIRST), 0);
	assert_int_equal(supervision_state(&s), SUPERVISION_LEAVING);
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(0)), SUPERVISION_END);
	assert_int_equal(s.code, 0);

	s = serving(true);
	supervision_replaced(&s, FIRST);
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(0)), 0);
	assert_int_equal(supervision_state(&s), SUPERVISION_IDLE);
	call(&s, SECOND); /* rolled back, or nobody serves there any more; it can't */
	assert_int_equal(supervision_ended(&s, SECOND, ended_with(1)), 0);
	assert_int_equal(supervision_state(&s), SUPERVISION_IDLE);
	call(&s, SECOND); /* it can */
	assert_int_equal(supervision_ready(&s, SECOND), 0);
	assert_int_equal(supervision_ended(&s, SECOND, ended_with(8)), SUPERVISION_END);
	assert_int_equal(s.code, 8);

	s = upgrading(true); /* both wanted it: its own successor is refused */
	supervision_replaced(&s, FIRST);
	assert_int_equal(supervision_ended(&s, SECOND, ended_with(SUPERVISION_REFUSED)), 0);
	assert_int_equal(supervision_state(&s), SUPERVISION_LEAVING);
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(0)), 0);
	assert_int_equal(supervision_state(&s), SUPERVISION_IDLE);
}

static void an_idle_one_starts_when_it_is_called(void **state)
{
	const char *refusal;
	struct supervision s;

	(void)state;
	supervision_init(&s, true, true);
	assert_int_equal(supervision_call(&s, &refusal), SUPERVISION_START);
	assert_int_equal(supervision_started(&s, 0), 0); /* nothing to start: it idles on */
	assert_int_equal(supervision_state(&s), SUPERVISION_IDLE);
	call(&s, FIRST);
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(1)), 0);
	assert_int_equal(supervision_end(&s, false), SUPERVISION_END);
	assert_int_equal(s.code, 0);
}

/* What the ready file shows. */
static void all_is_well_all_through_an_upgrade(void **state)
{
	struct supervision s;

	(void)state;
	supervision_init(&s, false, false);
	call(&s, FIRST);
	assert_false(supervision_is_well(&s)); /* it doesn't serve yet */
	supervision_ready(&s, FIRST);
	assert_true(supervision_is_well(&s));
	call(&s, SECOND);
	assert_true(supervision_is_well(&s));
	supervision_replaced(&s, FIRST);
	assert_int_equal(supervision_state(&s), SUPERVISION_STARTING);
	assert_true(supervision_is_well(&s));
	supervision_ready(&s, SECOND);
	assert_true(supervision_is_well(&s));
	supervision_ended(&s, FIRST, 0);
	call(&s, THIRD);
	supervision_ended(&s, SECOND, KILLED);
	assert_false(supervision_is_well(&s)); /* nobody serves till the third does */
	supervision_ready(&s, THIRD);
	assert_true(supervision_is_well(&s));
	supervision_end(&s, false);
	assert_false(supervision_is_well(&s));

	s = serving(true);
	supervision_replaced(&s, FIRST);
	assert_true(supervision_is_well(&s));
	supervision_ended(&s, FIRST, 0);
	assert_true(supervision_is_well(&s));
}

static void it_ends_after_its_children(void **state)
{
	struct supervision s = serving(false);

	(void)state;
	assert_int_equal(supervision_end(&s, false), SUPERVISION_FORWARD);
	assert_int_equal(supervision_end(&s, false), SUPERVISION_FORWARD_ALL);
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(2)), SUPERVISION_END);
	assert_int_equal(s.code, 2);

	s = upgrading(true);
	supervision_ready(&s, SECOND);
	assert_int_equal(supervision_end(&s, false), SUPERVISION_FORWARD);
	assert_int_equal(supervision_ended(&s, SECOND, ended_with(3)), 0); /* FIRST drains still */
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(0)), SUPERVISION_END);
	assert_int_equal(s.code, 3);

	s = upgrading(true);
	assert_int_equal(supervision_end(&s, false), SUPERVISION_FORWARD);
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(0)), 0);
	assert_int_equal(supervision_ended(&s, SECOND, ended_with(3)), SUPERVISION_END);
	assert_int_equal(s.code, 0);

	s = serving(true); /* what left for another container is waited for, too */
	supervision_replaced(&s, FIRST);
	assert_int_equal(supervision_end(&s, false), 0);
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(0)), SUPERVISION_END);
}

/* SIGINT. */
static void all_are_told_to_end_at_once(void **state)
{
	struct supervision s = serving(false);

	(void)state;
	assert_int_equal(supervision_end(&s, true), SUPERVISION_FORWARD_ALL);
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(0)), SUPERVISION_END);

	s = serving(true); /* though only one that leaves is there */
	supervision_replaced(&s, FIRST);
	assert_int_equal(supervision_end(&s, true), SUPERVISION_FORWARD_ALL);
	assert_int_equal(supervision_ended(&s, FIRST, ended_with(0)), SUPERVISION_END);

	s = serving(true);
	supervision_replaced(&s, FIRST);
	assert_int_equal(supervision_end(&s, false), 0);
	assert_int_equal(supervision_end(&s, true), SUPERVISION_FORWARD_ALL);

	supervision_init(&s, true, true); /* nobody is there */
	assert_int_equal(supervision_end(&s, true), SUPERVISION_END);
}

static void what_it_knew_is_known_to_the_newer_program(void **state)
{
	struct supervision s = upgrading(true), after;
	char text[SUPERVISION_TEXT_MAX];
	int notify;

	(void)state;
	supervision_ready(&s, SECOND);
	supervision_write(&s, 1, 5, text);
	assert_string_equal(text, "1 1 5 12 11");
	supervision_init(&after, true, false);
	assert_false(supervision_read(&after, slice_of(text), 2, &notify)); /* another process */
	assert_true(supervision_read(&after, slice_of(text), 1, &notify));
	assert_int_equal(notify, 5);
	assert_int_equal(supervision_state(&after), SUPERVISION_SERVING);
	assert_int_equal(supervision_ended(&after, FIRST, 0), 0);
	call(&after, THIRD);
	assert_int_equal(supervision_ready(&after, THIRD), SUPERVISION_RENEW);
	assert_int_equal(supervision_ended(&after, SECOND, 0), 0);
	assert_int_equal(supervision_ended(&after, THIRD, ended_with(5)), SUPERVISION_END);
}

static void texts_that_are_none_change_nothing(void **state)
{
	static const char *const wrong[] = {
		"",
		"1",
		"1 ",
		"1 1",
		"1 1 5",
		"1 1 5 ",
		"2 1 5 12",
		"1 1 5 0",
		"1 1 5 x",
		"x 1 5 12",
		"1 x 5 12",
		"1 1 x 12",
		"1 1 5 12,",
		"1 1 5 12 0",
		"1 1 5 -5",
		"1 2 5 12",
		"1 1 5 12  7",
		"1 1 5 99999999999",
		"1 1 5 1 2 3 4 5 6 7 8 9 10",
	};
	struct supervision s = serving(false);
	int notify = -1;

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(wrong); i++) {
		assert_false(supervision_read(&s, slice_of(wrong[i]), 1, &notify));
		assert_int_equal(s.current, FIRST);
		assert_int_equal(notify, -1);
	}
}

/* More than it can list: the oldest are orphans then; never a byte beyond. */
static void many_that_leave(void **state)
{
	struct supervision s = serving(true);
	char text[SUPERVISION_TEXT_MAX];
	int notify;

	(void)state;
	for (pid_t next = INT32_MAX - 20; next < INT32_MAX; next++) {
		s.successor = next;
		assert_int_equal(supervision_ready(&s, next), SUPERVISION_RENEW);
		supervision_write(&s, INT32_MAX, INT32_MAX, text);
		assert_true(strlen(text) < sizeof text - 1);
		assert_true(supervision_read(&s, slice_of(text), INT32_MAX, &notify));
	}
	assert_int_equal(s.leaving_count, SUPERVISION_LEAVING_MAX);
	assert_false(supervision_knows(&s, FIRST));
}

static void states_have_names(void **state)
{
	(void)state;
	for (int i = 0; i <= SUPERVISION_ENDING; i++)
		assert_string_not_equal(supervision_state_name((enum supervision_state)i), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_end_is_the_childs),
		cmocka_unit_test(a_program_that_cannot_start_is_an_end),
		cmocka_unit_test(strangers_mean_nothing),
		cmocka_unit_test(a_successor_becomes_the_child),
		cmocka_unit_test(a_successor_that_fails_changes_nothing),
		cmocka_unit_test(a_successor_goes_on_without_the_child),
		cmocka_unit_test(one_upgrade_at_a_time),
		cmocka_unit_test(another_container_takes_over),
		cmocka_unit_test(an_idle_one_starts_when_it_is_called),
		cmocka_unit_test(all_is_well_all_through_an_upgrade),
		cmocka_unit_test(it_ends_after_its_children),
		cmocka_unit_test(all_are_told_to_end_at_once),
		cmocka_unit_test(what_it_knew_is_known_to_the_newer_program),
		cmocka_unit_test(texts_that_are_none_change_nothing),
		cmocka_unit_test(many_that_leave),
		cmocka_unit_test(states_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
