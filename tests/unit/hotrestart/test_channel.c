#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attributes.h"
#include "hotrestart/channel.h"

enum { LARGE = 3 << 20, TURNS_MAX = 10000 };

struct end {
	struct channel channel;
	unsigned received, closed;
	size_t last_len;
	uint64_t sum;
	uint8_t last_kind;
	size_t last_fds;
	enum status why;
	bool closes_when_received;
};

struct bench {
	struct loop loop;
	struct end a, b;
};

static void on_received(struct channel *channel, struct upgrade_message *message)
{
	struct end *end = container_of(channel, struct end, channel);

	end->received++;
	end->last_kind = message->kind;
	end->last_len = message->len;
	end->last_fds = message->fd_count;
	for (size_t i = 0; i < message->len; i++)
		end->sum = end->sum * 31 + (uint8_t)message->data[i];
	if (end->closes_when_received)
		channel_close(channel);
}

static void on_closed(struct channel *channel, enum status why)
{
	struct end *end = container_of(channel, struct end, channel);

	end->closed++;
	end->why = why;
	assert_false(channel->is_open);
}

static const struct channel_events events = {on_received, on_closed};

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);
	int fds[2];

	assert_non_null(bench);
	assert_int_equal(loop_init(&bench->loop, bench), STATUS_OK);
	assert_return_code(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	channel_open(&bench->a.channel, &bench->loop, fds[0], &events);
	channel_open(&bench->b.channel, &bench->loop, fds[1], &events);
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	channel_close(&bench->a.channel);
	channel_close(&bench->b.channel);
	channel_close(&bench->b.channel);
	loop_fini(&bench->loop);
	free(bench);
	return 0;
}

static void turn_until(struct bench *bench, const unsigned *count, unsigned wanted)
{
	for (unsigned i = 0; *count < wanted; i++) {
		assert_true(i < TURNS_MAX);
		loop_turn(&bench->loop, true);
	}
}

static void words_arrive_in_order(void **state)
{
	struct bench *bench = *state;

	for (unsigned i = 0; i < 100; i++)
		channel_send(&bench->a.channel, MESSAGE_READY, slice_make(NULL, 0), NULL, 0);
	channel_send(&bench->a.channel, MESSAGE_LIVE, slice_make(NULL, 0), NULL, 0);
	turn_until(bench, &bench->b.received, 101);
	assert_int_equal(bench->b.last_kind, MESSAGE_LIVE);
	assert_int_equal(bench->b.closed, 0);
}

/* Far more than a socket holds: it waits its turn, and arrives as it was. */
static void a_large_message_arrives_whole(void **state)
{
	struct bench *bench = *state;
	char *bytes = malloc(LARGE);
	uint64_t sum = 0;

	assert_non_null(bytes);
	for (size_t i = 0; i < LARGE; i++) {
		bytes[i] = (char)(i * 13 >> 3);
		sum = sum * 31 + (uint8_t)bytes[i];
	}
	channel_send(&bench->a.channel, MESSAGE_SECTION, slice_make(bytes, LARGE), NULL, 0);
	free(bytes); /* it was copied */
	assert_int_equal(channel_queued(&bench->a.channel), LARGE);
	turn_until(bench, &bench->b.received, 1);
	assert_int_equal(bench->b.last_len, LARGE);
	assert_true(bench->b.sum == sum);
	assert_int_equal(channel_queued(&bench->a.channel), 0);
}

static void descriptors_are_copied_and_closed(void **state)
{
	struct bench *bench = *state;
	int pipes[2], fds[300];
	char byte;

	assert_return_code(pipe(pipes), 0);
	for (size_t i = 0; i < COUNT_OF(fds); i++)
		fds[i] = pipes[1];
	channel_send(&bench->a.channel, MESSAGE_LISTENERS, SLICE("x"), fds, COUNT_OF(fds));
	close(pipes[1]); /* the queue's own are open still */
	turn_until(bench, &bench->b.received, 1);
	assert_int_equal(bench->b.last_fds, COUNT_OF(fds));
	/* nobody took them: all are closed */
	assert_int_equal(read(pipes[0], &byte, 1), 0);
	close(pipes[0]);
}

static void the_last_words_before_an_end_are_heard(void **state)
{
	struct bench *bench = *state;

	channel_send(&bench->a.channel, MESSAGE_REFUSAL, SLICE("\x0a\x02no"), NULL, 0);
	channel_close(&bench->a.channel);
	/* the other side is about to say something itself */
	channel_send(&bench->b.channel, MESSAGE_READY, slice_make(NULL, 0), NULL, 0);
	turn_until(bench, &bench->b.closed, 1);
	assert_int_equal(bench->b.received, 1);
	assert_int_equal(bench->b.last_kind, MESSAGE_REFUSAL);
	assert_int_equal(bench->b.why, STATUS_CLOSED);
	assert_int_equal(bench->a.closed, 0);
	channel_send(&bench->b.channel, MESSAGE_READY, slice_make(NULL, 0), NULL, 0);
}

static void garbage_ends_it(void **state)
{
	struct bench *bench = *state;

	assert_int_equal(send(io_fd(&bench->a.channel.io), "garbage", 7, 0), 7);
	turn_until(bench, &bench->b.closed, 1);
	assert_int_equal(bench->b.received, 0);
	assert_int_equal(bench->b.why, STATUS_MALFORMED);
	turn_until(bench, &bench->a.closed, 1);
	assert_int_equal(bench->a.why, STATUS_CLOSED);
}

static void it_can_be_closed_while_it_tells(void **state)
{
	struct bench *bench = *state;

	bench->b.closes_when_received = true;
	for (unsigned i = 0; i < 5; i++)
		channel_send(&bench->a.channel, MESSAGE_READY, slice_make(NULL, 0), NULL, 0);
	turn_until(bench, &bench->a.closed, 1);
	assert_int_equal(bench->b.received, 1);
	assert_int_equal(bench->b.closed, 0);
}

/* What a process does that has no loop yet. */
static void it_serves_without_a_loop(void **state)
{
	struct bench *bench = *state;

	channel_send(&bench->a.channel, MESSAGE_OFFERED, slice_make(NULL, 0), NULL, 0);
	channel_wait(&bench->b.channel, 1000);
	assert_int_equal(bench->b.received, 1);
	assert_false(channel_is_hung_up(&bench->b.channel));
	channel_send(&bench->a.channel, MESSAGE_GO, slice_make(NULL, 0), NULL, 0);
	channel_close(&bench->a.channel);
	assert_true(channel_is_hung_up(&bench->b.channel)); /* though GO is there to be read */
	channel_wait(&bench->b.channel, 1000);
	assert_int_equal(bench->b.received, 2);
	assert_int_equal(bench->b.closed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(words_arrive_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_large_message_arrives_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(descriptors_are_copied_and_closed, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_last_words_before_an_end_are_heard, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(garbage_ends_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_can_be_closed_while_it_tells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_serves_without_a_loop, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
