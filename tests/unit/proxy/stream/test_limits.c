/* What a stream has time for: one alarm for all its limits, which outlives it and rings early
 * rather than being moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/stream_fixture.h"

static struct stream_fixture *begin(uint64_t idle_ms)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);

	f->config.stream_idle_timeout_ms = idle_ms;
	fixture_headers(f, NULL, true);
	fixture_take(f);
	return f;
}

static void an_idle_stream_is_given_up(void **state)
{
	struct stream_fixture *f = begin(100);
	(void)state;

	fixture_advance(f, 99);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 1);
	assert_non_null(strstr(fixture_take(f), ">h504"));
	stream_fixture_free(f);
}

static void what_comes_gives_it_more_time(void **state)
{
	struct stream_fixture *f = begin(100);
	(void)state;

	fixture_advance(f, 60);
	fixture_answer_headers(f, "200", false);
	fixture_take(f);
	fixture_advance(f, 99); /* the alarm rings at 100, too early */
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 1);
	assert_non_null(strstr(fixture_take(f), "ended"));
	assert_true(f->flags & UINT64_C(1) << RESPONSE_FLAG_STREAM_IDLE_TIMEOUT);
	stream_fixture_free(f);
}

/* The second stream is in the memory of the first, whose alarm still runs. */
static void the_alarm_of_an_ended_stream_harms_nobody(void **state)
{
	struct stream_fixture *f = begin(100);
	const struct stream *first = f->stream;
	(void)state;

	fixture_answer_headers(f, "200", true);
	fixture_settle(f);
	fixture_advance(f, 50);
	fixture_headers(f, NULL, true);
	assert_ptr_equal(f->stream, first);
	fixture_take(f);
	fixture_advance(f, 99);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 1);
	assert_non_null(strstr(fixture_take(f), ">h504"));

	fixture_settle(f);
	fixture_advance(f, 1000); /* nobody is there */
	assert_string_equal(fixture_take(f), "");
	assert_int_equal(timer_wheel_next_ms(&f->loop.wheel), UINT64_MAX);
	stream_fixture_free(f);
}

static void the_earliest_limit_rings_first(void **state)
{
	struct stream_fixture *f = begin(0);
	(void)state;

	fixture_set_source(f);
	stream_limit_start(f->stream, STREAM_LIMIT_TOTAL, 30);
	stream_limit_start(f->stream, STREAM_LIMIT_TRY, 20);
	stream_limit_start(f->stream, STREAM_LIMIT_TRY_IDLE, 10);
	stream_limit_stop(f->stream, STREAM_LIMIT_TRY_IDLE);
	fixture_advance(f, 19);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 1);
	assert_string_equal(fixture_take(f), "~timed_out");
	fixture_advance(f, 9);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 1);
	assert_string_equal(fixture_take(f), "~timed_out");
	fixture_advance(f, 1000);
	assert_string_equal(fixture_take(f), "");
	stream_fixture_free(f);
}

static void a_limit_started_anew_counts_from_then(void **state)
{
	struct stream_fixture *f = begin(0);
	(void)state;

	fixture_set_source(f);
	stream_limit_start(f->stream, STREAM_LIMIT_TRY_IDLE, 20);
	fixture_advance(f, 15);
	stream_limit_start(f->stream, STREAM_LIMIT_TRY_IDLE, 20);
	fixture_advance(f, 19);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 1);
	assert_string_equal(fixture_take(f), "~timed_out");
	stream_fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_idle_stream_is_given_up),
		cmocka_unit_test(what_comes_gives_it_more_time),
		cmocka_unit_test(the_alarm_of_an_ended_stream_harms_nobody),
		cmocka_unit_test(the_earliest_limit_rings_first),
		cmocka_unit_test(a_limit_started_anew_counts_from_then),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
