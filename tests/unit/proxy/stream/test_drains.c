/* What a connection does when it is asked to leave: by the process, by a failing health check, or
 * because its listener's version is no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/stream_fixture.h"

enum { TIME = 8000 };

static struct codec_type codec_type;
static struct session_type session_type;
static unsigned drained_count, emptied_count;

static struct stream_fixture *fixture_of_codec(struct codec *codec)
{
	return container_of(session_of_codec(codec)->worker, struct stream_fixture, worker);
}

static void drain_codec(struct codec *codec)
{
	codec->is_draining = true;
	fixture_note(fixture_of_codec(codec), ">drain");
}

static void undrain_codec(struct codec *codec)
{
	codec->is_draining = false;
	fixture_note(fixture_of_codec(codec), ">undrain");
}

static void send_error(struct codec *codec, enum reply_reason reason, struct slice text)
{
	(void)reason, (void)text;
	fixture_note(fixture_of_codec(codec), ">error");
}

static void count_drained(struct session *session)
{
	(void)session;
	drained_count++;
}

static void count_emptied(struct served_drain *drain)
{
	(void)drain;
	emptied_count++;
}

/* As Dubbo (can be told, and told otherwise), as Bolt (has no word), or as HTTP/1. */
enum kind { LIKE_DUBBO, LIKE_BOLT, LIKE_HTTP };

static struct stream_fixture *connect_as(enum kind kind)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);

	codec_type = *f->session_base->codec->type;
	codec_type.is_multiplexed = kind != LIKE_HTTP;
	codec_type.drain = drain_codec;
	codec_type.send_error = send_error;
	codec_type.undrain = kind == LIKE_DUBBO ? undrain_codec : NULL;
	f->session_base->codec->type = &codec_type;
	session_type = *f->config.type;
	session_type.drained = count_drained;
	f->config.type = &session_type;
	drained_count = emptied_count = 0;
	return f;
}

static uint64_t now_ms(const struct stream_fixture *f)
{
	return loop_now_ms(&f->loop);
}

static void review(struct stream_fixture *f)
{
	struct served *served = &f->session_base->served;

	f->worker.is_asking = true;
	served->type->review(served);
}

static void leave(struct stream_fixture *f)
{
	f->worker.is_asking = f->worker.is_leaving = true;
	session_leave(f->session_base);
}

static void ask(struct stream_fixture *f, enum drain_scope scope, bool is_gradual)
{
	drain_begin(&f->worker.drains[scope], now_ms(f), TIME, is_gradual);
	review(f);
}

static void it_is_told_at_its_own_time(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_DUBBO);
	(void)state;

	ask(f, DRAIN_ALL, true);
	uint64_t after =
		drain_tell_ms(&f->worker.drains[DRAIN_ALL], f->session_base->id) - now_ms(f);
	assert_in_range(after, 1, TIME / 4);
	fixture_advance(f, after - 1);
	assert_string_equal(fixture_take(f), "");
	fixture_advance(f, 1);
	assert_string_equal(fixture_take(f), ">drain");
	fixture_advance(f, 10 * TIME); /* it is told once, and stays */
	assert_string_equal(fixture_take(f), "");
	assert_false(f->session_base->is_closing);
	stream_fixture_free(f);
}

static void it_is_told_at_once(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_DUBBO);
	(void)state;

	ask(f, DRAIN_ALL, false);
	review(f);
	assert_string_equal(fixture_take(f), ">drain");
	stream_fixture_free(f);
}

static void only_inbound_ones_are_told(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_DUBBO);
	(void)state;

	ask(f, DRAIN_INBOUND, false);
	assert_string_equal(fixture_take(f), "");
	assert_false(session_is_last_answer(f->session_base));
	f->config.is_inbound = true;
	review(f);
	assert_string_equal(fixture_take(f), ">drain");
	assert_true(session_is_last_answer(f->session_base));
	stream_fixture_free(f);
}

static void a_failing_health_check_is_taken_back(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_DUBBO);
	(void)state;

	f->worker.is_failing = true;
	f->config.ignores_failing = true; /* drain_type MODIFY_ONLY */
	review(f);
	assert_string_equal(fixture_take(f), "");
	assert_false(session_is_last_answer(f->session_base));
	f->config.ignores_failing = false;
	review(f);
	assert_string_equal(fixture_take(f), ">drain");
	assert_true(session_is_last_answer(f->session_base));
	f->worker.is_failing = false;
	review(f);
	assert_string_equal(fixture_take(f), ">undrain");
	f->worker.is_failing = true;
	review(f);
	ask(f, DRAIN_ALL, false);
	f->worker.is_failing = false; /* a drain isn't taken back by that */
	review(f);
	assert_string_equal(fixture_take(f), ">drain");
	stream_fixture_free(f);
}

static void one_without_a_word_is_not_asked_before_it_must_end(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_BOLT);
	(void)state;

	ask(f, DRAIN_ALL, false);
	fixture_advance(f, 10 * TIME);
	assert_string_equal(fixture_take(f), "");
	assert_false(f->session_base->is_closing);
	stream_fixture_free(f);
}

/* Its listener's version is no more: the drain is its own. */
static struct served_chain gone;

static void begin_version(struct stream_fixture *f, struct served_drain *drain, bool is_gradual)
{
	*drain = (struct served_drain){.open = 1, .emptied = count_emptied};
	drain_begin(&drain->rule, now_ms(f), TIME, is_gradual);
	gone.drain = drain;
	f->session_base->chain = &gone;
	review(f);
}

static void a_version_that_is_no_more_ends_its_connections(void **state)
{
	(void)state;
	for (unsigned kind = LIKE_DUBBO; kind <= LIKE_BOLT; kind++) {
		struct stream_fixture *f = connect_as(kind);
		struct served_drain drain;
		begin_version(f, &drain, true);
		assert_string_equal(fixture_take(f), "");
		fixture_advance(f, TIME / 4);
		assert_string_equal(fixture_take(f), ">drain");
		fixture_advance(f, SESSION_DRAIN_IDLE_MS);
		assert_true(f->session_base->is_closing);
		assert_int_equal(drained_count, 1);
		assert_int_equal(emptied_count, 0);
		stream_fixture_free(f);
		assert_int_equal(emptied_count, 1);
	}
}

static void a_call_under_way_is_answered_first(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_DUBBO);
	struct served_drain drain;
	(void)state;

	fixture_headers(f, NULL, true);
	fixture_take(f);
	begin_version(f, &drain, false);
	assert_string_equal(fixture_take(f), ">drain");
	fixture_advance(f, 10 * TIME);
	assert_false(f->session_base->is_closing);
	assert_int_equal(f->session_base->served.type->look(&f->session_base->served).wait,
			 SERVED_BUSY_CALL);
	fixture_answer_headers(f, "200", true);
	assert_int_equal(f->session_base->served.type->look(&f->session_base->served).wait,
			 SERVED_IDLE_WAIT);
	fixture_advance(f, SESSION_DRAIN_IDLE_MS - 1);
	assert_false(f->session_base->is_closing);
	fixture_advance(f, 1);
	assert_true(f->session_base->is_closing);
	stream_fixture_free(f);
}

static void answers_are_the_last_with_a_growing_chance(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_HTTP);
	struct served_drain drain;
	unsigned last[3] = {0};
	(void)state;

	begin_version(f, &drain, true);
	for (unsigned quarter = 0; quarter < 3; quarter++) {
		fixture_advance(f, TIME / 4);
		for (unsigned i = 0; i < 1000; i++)
			last[quarter] += session_is_last_answer(f->session_base);
	}
	assert_in_range(last[0], 200, 300); /* the random numbers are the same each time */
	assert_in_range(last[1], 450, 550);
	assert_in_range(last[2], 700, 800);
	fixture_advance(f, TIME / 4);
	assert_true(session_is_last_answer(f->session_base));
	assert_false(f->session_base->is_closing); /* its worker does that */
	stream_fixture_free(f);
}

static void an_idle_one_waits_for_one_more_message(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_HTTP);
	(void)state;

	leave(f);
	assert_string_equal(fixture_take(f), ">drain");
	fixture_advance(f, SESSION_DRAIN_IDLE_MS - 1);
	assert_false(f->session_base->is_closing);
	assert_true(session_is_last_answer(f->session_base));
	fixture_advance(f, 1);
	assert_true(f->session_base->is_closing);
	assert_int_equal(drained_count, 1);
	stream_fixture_free(f);
}

/* A byte of a frame or head has come: it is left with the connection. */
static void receive_part(struct stream_fixture *f)
{
	size_t room;
	struct conn_left *left =
		(void *)buf_pool_take(&f->loop.pool, sizeof(struct conn_left) + 1, &room);

	*left = (struct conn_left){.len = 1, .room = (uint32_t)(room - sizeof *left)};
	f->session_base->conn.left = left;
}

static void receive_rest(struct stream_fixture *f)
{
	buf_pool_give(&f->loop.pool, (char *)f->session_base->conn.left);
	f->session_base->conn.left = NULL;
	fixture_headers(f, NULL, true);
}

static void a_message_that_is_not_whole_is_waited_for(void **state)
{
	(void)state;
	for (unsigned kind = LIKE_DUBBO; kind <= LIKE_HTTP; kind++) {
		struct stream_fixture *f = connect_as(kind);
		struct session *session = f->session_base;
		receive_part(f);
		leave(f);
		fixture_advance(f, 5 * SESSION_DRAIN_IDLE_MS);
		assert_false(session->is_closing);
		receive_rest(f);
		fixture_answer_headers(f, "200", true);
		fixture_advance(f, SESSION_DRAIN_IDLE_MS - 1);
		assert_false(session->is_closing);
		fixture_advance(f, 1);
		assert_true(session->is_closing);
		stream_fixture_free(f);
	}
}

/* … but no longer than a head may take. */
static void a_head_that_takes_too_long_is_not_waited_for(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_HTTP);
	struct session *session = f->session_base;
	(void)state;

	f->config.request_headers_timeout_ms = 2 * SESSION_DRAIN_IDLE_MS;
	receive_part(f);
	session->is_head_begun = true;
	leave(f);
	fixture_advance(f, 2 * SESSION_DRAIN_IDLE_MS - 1);
	assert_string_equal(fixture_take(f), ">drain");
	fixture_advance(f, 1);
	assert_string_equal(fixture_take(f), ">error");
	assert_true(session->is_closing);
	stream_fixture_free(f);
}

/* One that is accepted while its worker leaves is told then, and with all others. */
static void asked_to_leave_twice_it_waits_all_the_same(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_HTTP);
	(void)state;

	leave(f);
	fixture_advance(f, SESSION_DRAIN_IDLE_MS / 2);
	leave(f);
	assert_false(f->session_base->is_closing);
	fixture_advance(f, SESSION_DRAIN_IDLE_MS / 2 - 1);
	assert_false(f->session_base->is_closing);
	fixture_advance(f, 1); /* no longer than asked once */
	assert_true(f->session_base->is_closing);
	assert_string_equal(fixture_take(f), ">drain");
	stream_fixture_free(f);
}

/* … and a limit of its life doesn't. */
static void one_that_is_too_old_does_not_wait(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_HTTP);
	(void)state;

	session_drain(f->session_base);
	assert_true(f->session_base->is_closing);
	stream_fixture_free(f);
}

static void a_tunnel_cannot_be_drained(void **state)
{
	struct stream_fixture *f = connect_as(LIKE_HTTP);
	struct served *served = &f->session_base->served;
	(void)state;

	fixture_headers(f, NULL, false);
	fixture_answer_headers(f, "101", false);
	assert_int_equal(served->type->look(served).wait, SERVED_NOT_DRAINABLE);
	stream_fixture_free(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_told_at_its_own_time),
		cmocka_unit_test(it_is_told_at_once),
		cmocka_unit_test(only_inbound_ones_are_told),
		cmocka_unit_test(a_failing_health_check_is_taken_back),
		cmocka_unit_test(one_without_a_word_is_not_asked_before_it_must_end),
		cmocka_unit_test(a_version_that_is_no_more_ends_its_connections),
		cmocka_unit_test(a_call_under_way_is_answered_first),
		cmocka_unit_test(answers_are_the_last_with_a_growing_chance),
		cmocka_unit_test(an_idle_one_waits_for_one_more_message),
		cmocka_unit_test(a_message_that_is_not_whole_is_waited_for),
		cmocka_unit_test(a_head_that_takes_too_long_is_not_waited_for),
		cmocka_unit_test(asked_to_leave_twice_it_waits_all_the_same),
		cmocka_unit_test(one_that_is_too_old_does_not_wait),
		cmocka_unit_test(a_tunnel_cannot_be_drained),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
