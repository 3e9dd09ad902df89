#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/attributes.h"
#include "hotrestart/channel.h"
#include "hotrestart/passed_sockets.h"

struct receiver {
	struct channel channel;
	struct passed_sockets sockets;
	unsigned received;
	enum status status;
};

static void on_received(struct channel *channel, struct upgrade_message *message)
{
	struct receiver *receiver = container_of(channel, struct receiver, channel);

	assert_int_equal(message->kind, MESSAGE_LISTENERS);
	receiver->status = passed_sockets_take(&receiver->sockets, message);
	receiver->received++;
}

static void on_closed(struct channel *channel, enum status why)
{
	(void)channel;
	(void)why;
	fail_msg("the channel has ended");
}

static const struct channel_events events = {on_received, on_closed};

static struct addr address(const char *text)
{
	struct addr addr;

	if (addr_parse(slice_of(text), &addr))
		addr = (struct addr){.family = ADDR_UNIX, .path = text};
	return addr;
}

static int some_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void add(struct passed_sockets *sockets, enum passed_role role, const char *text,
		bool reuse_port, unsigned count)
{
	struct addr addr = address(text);

	passed_sockets_begin_group(sockets);
	for (unsigned i = 0; i < count; i++)
		passed_sockets_add(sockets, role, &addr, reuse_port, false, some_fd());
	passed_sockets_add(sockets, role, &addr, reuse_port, false, -1); /* a worker without one */
}

static size_t find(const struct passed_sockets *sockets, enum passed_role role, const char *text,
		   bool reuse_port)
{
	struct addr addr = address(text);
	return passed_sockets_find(sockets, role, &addr, reuse_port, false);
}

/* How many it got; they are closed. */
static size_t claim(struct passed_sockets *sockets, enum passed_role role, const char *text,
		    bool reuse_port)
{
	struct addr addr = address(text);
	size_t count = passed_sockets_find(sockets, role, &addr, reuse_port, false);
	int *fds = calloc(count + 1, sizeof *fds);

	assert_non_null(fds);
	fds[count] = -7;
	passed_sockets_claim(sockets, role, &addr, reuse_port, false, fds);
	assert_int_equal(fds[count], -7);
	for (size_t i = 0; i < count; i++)
		assert_return_code(close(fds[i]), 0);
	free(fds);
	return count;
}

static void what_is_passed_can_be_claimed(void **state)
{
	struct loop loop;
	struct channel sender;
	struct receiver receiver = {.status = STATUS_AGAIN};
	struct passed_sockets from = {0};
	struct passed_sockets *to = &receiver.sockets;
	int fds[2];

	(void)state;
	assert_int_equal(loop_init(&loop, NULL), STATUS_OK);
	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	channel_open(&sender, &loop, fds[0], &events);
	channel_open(&receiver.channel, &loop, fds[1], &events);
	add(&from, PASSED_LISTENER, "127.0.0.1:80", true, 400);
	add(&from, PASSED_LISTENER, "[::1]:0", true, 2);
	add(&from, PASSED_LISTENER, "[::1]:0", true, 3);
	add(&from, PASSED_LISTENER, "/run/x.sock", false, 1);
	add(&from, PASSED_ADMIN, "127.0.0.1:80", false, 1);
	add(&from, PASSED_COMMAND_CENTRE, "0.0.0.0:8719", false, 1);
	assert_int_equal(passed_sockets_send(&from, &sender), STATUS_OK);
	passed_sockets_fini(&from, true);
	while (!receiver.received)
		loop_turn(&loop, true);
	assert_int_equal(receiver.status, STATUS_OK);
	assert_int_equal(to->count, 408);

	/* by role, address and options; each group once */
	assert_int_equal(find(to, PASSED_LISTENER, "127.0.0.1:81", true), 0);
	assert_int_equal(find(to, PASSED_LISTENER, "127.0.0.1:80", false), 0);
	assert_int_equal(claim(to, PASSED_ADMIN, "127.0.0.1:80", false), 1);
	assert_int_equal(claim(to, PASSED_LISTENER, "127.0.0.1:80", true), 400);
	assert_int_equal(claim(to, PASSED_LISTENER, "127.0.0.1:80", true), 0);
	/* equal addresses one after the other */
	assert_int_equal(claim(to, PASSED_LISTENER, "[::1]:0", true), 2);
	assert_int_equal(claim(to, PASSED_LISTENER, "[::1]:0", true), 3);
	assert_int_equal(claim(to, PASSED_LISTENER, "[::1]:0", true), 0);
	assert_int_equal(claim(to, PASSED_LISTENER, "/run/x.sock", false), 1);
	/* the command centre's stays unclaimed: it is closed with the list */
	int left = to->items[407].fd;
	assert_true(left >= 0);
	passed_sockets_fini(to, true);
	assert_int_equal(fcntl(left, F_GETFD), -1);
	channel_close(&sender);
	channel_close(&receiver.channel);
	loop_fini(&loop);
}

/* 0 descriptors where one is described, one where none is, garbage: nothing is taken. */
static void lists_that_dont_fit_are_refused(void **state)
{
	static char one[] = "\x0a\x0c\x1a\x0a"
			    "1.2.3.4:80",
		    garbage[] = "\xff\xff\xff";
	struct passed_sockets sockets = {0};
	struct upgrade_message message = {.kind = MESSAGE_LISTENERS, .data = one, .len = 14};
	int fd = some_fd();

	(void)state;
	assert_int_equal(passed_sockets_take(&sockets, &message), STATUS_MALFORMED);
	message.fds = &fd;
	message.fd_count = 1;
	message.len = 0;
	assert_int_equal(passed_sockets_take(&sockets, &message), STATUS_MALFORMED);
	message.data = garbage;
	message.len = 3;
	assert_int_equal(passed_sockets_take(&sockets, &message), STATUS_MALFORMED);
	assert_true(fd >= 0);
	assert_int_equal(sockets.count, 0);
	/* the same with what it describes is fine */
	message.data = one;
	message.len = 14;
	assert_int_equal(passed_sockets_take(&sockets, &message), STATUS_OK);
	assert_int_equal(fd, -1);
	assert_int_equal(claim(&sockets, PASSED_LISTENER, "1.2.3.4:80", false), 1);
	passed_sockets_fini(&sockets, true);
}

static void too_many_are_not_sent(void **state)
{
	struct loop loop;
	struct channel channel;
	struct passed_sockets sockets = {0};
	struct addr addr = address("127.0.0.1:80");
	int fds[2];

	(void)state;
	assert_int_equal(loop_init(&loop, NULL), STATUS_OK);
	assert_return_code(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds), 0);
	channel_open(&channel, &loop, fds[0], &events);
	passed_sockets_begin_group(&sockets);
	for (unsigned i = 0; i <= MESSAGE_LISTENER_FDS_MAX; i++)
		passed_sockets_add(&sockets, PASSED_LISTENER, &addr, true, false, fds[1]);
	assert_int_equal(passed_sockets_send(&sockets, &channel), STATUS_TOO_LARGE);
	passed_sockets_fini(&sockets, false);
	channel_close(&channel);
	close(fds[1]);
	loop_fini(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_passed_can_be_claimed),
		cmocka_unit_test(lists_that_dont_fit_are_refused),
		cmocka_unit_test(too_many_are_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
