#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/loop.h"

/* One end of a socket pair, watched; the other in the test's hands. */
struct party {
	struct io io;
	struct loop *loop;
	int peer;
	unsigned reads, writes, broken;
	size_t read;  /* bytes */
	size_t takes; /* of what is there; SIZE_MAX: all, and says io_spent */
};

static void on_ready(struct io *io, int interest)
{
	struct party *p = container_of(io, struct party, io);
	char bytes[64];

	p->broken += (interest & IO_BROKEN) != 0;
	p->writes += (interest & IO_WRITE) != 0;
	if (!(interest & IO_READ))
		return;
	p->reads++;
	size_t room = p->takes < sizeof bytes ? p->takes : sizeof bytes;
	ssize_t n = read(io_fd(io), bytes, room);
	p->read += n > 0 ? (size_t)n : 0;
	if (n < 0)
		io_spent(io, true);
	else if ((size_t)n < room)
		io_spent(io, false);
}

static void party_open(struct party *p, struct loop *loop, bool by_edge)
{
	int fds[2];

	*p = (struct party){.loop = loop, .takes = SIZE_MAX};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	p->peer = fds[1];
	if (by_edge)
		io_init_edge(&p->io, fds[0], on_ready);
	else
		io_init(&p->io, fds[0], on_ready);
}

static void party_end(struct party *p)
{
	io_forget(p->loop, &p->io);
	close(io_fd(&p->io));
	if (p->peer >= 0)
		close(p->peer);
}

static void say(struct party *p, const char *text)
{
	assert_int_equal(write(p->peer, text, strlen(text)), strlen(text));
}

static void turns(struct loop *loop, int count)
{
	while (count--)
		loop_turn(loop, false);
}

static int setup(void **state)
{
	static struct loop loop;

	assert_int_equal(loop_init(&loop, NULL), STATUS_OK);
	*state = &loop;
	return 0;
}

static int teardown(void **state)
{
	loop_fini(*state);
	return 0;
}

/* --- by edge --- */

static void what_is_left_unread_is_told_again_until_it_is_spent(void **state)
{
	struct party p;

	party_open(&p, *state, true);
	p.takes = 2;
	io_watch(p.loop, &p.io, IO_READ);
	say(&p, "abcde");
	turns(p.loop, 3);
	assert_int_equal(p.reads, 3); /* two, two, and a short one */
	turns(p.loop, 3);
	assert_int_equal(p.reads, 3);
	say(&p, "f");
	turns(p.loop, 2);
	assert_int_equal(p.reads, 4);
	party_end(&p);
}

static void an_end_behind_bytes_is_told_after_them(void **state)
{
	struct party p;

	party_open(&p, *state, true);
	io_watch(p.loop, &p.io, IO_READ);
	say(&p, "abc");
	shutdown(p.peer, SHUT_WR); /* one event for both */
	turns(p.loop, 1);
	assert_int_equal(p.reads, 1);
	turns(p.loop, 1);
	assert_int_equal(p.reads, 2); /* read says 0 */
	io_watch(p.loop, &p.io, IO_NONE);
	turns(p.loop, 3);
	assert_int_equal(p.reads, 2);
	party_end(&p);
}

/* A read stops at an urgent byte's place: it is short, and there is more. */
static void bytes_behind_an_urgent_one_are_told(void **state)
{
	struct party p = {.loop = *state, .takes = SIZE_MAX};
	struct sockaddr_in name = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof name;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	p.peer = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(listener, (struct sockaddr *)&name, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &len), 0);
	assert_int_equal(connect(p.peer, (struct sockaddr *)&name, len), 0);
	io_init_edge(&p.io, accept4(listener, NULL, NULL, SOCK_NONBLOCK), on_ready);
	close(listener);
	say(&p, "before");
	assert_int_equal(send(p.peer, "!", 1, MSG_OOB), 1);
	say(&p, "after");
	io_watch(p.loop, &p.io, IO_READ);
	turns(p.loop, 4);
	assert_int_equal(p.read, sizeof "before" - 1 + sizeof "after" - 1);
	party_end(&p);
}

static void bytes_that_came_while_nobody_wanted_them_are_told_afterwards(void **state)
{
	for (int packets = 1; packets <= 3; packets++) {
		struct party p;

		party_open(&p, *state, true);
		io_watch(p.loop, &p.io, IO_READ);
		turns(p.loop, 1);
		io_watch(p.loop, &p.io, IO_NONE);
		for (int i = 0; i < packets; i++) { /* the second takes it out of the set */
			say(&p, "abc");
			turns(p.loop, 1);
		}
		assert_int_equal(p.reads, 0);
		io_watch(p.loop, &p.io, IO_READ);
		turns(p.loop, 2);
		assert_int_equal(p.reads, 1);
		party_end(&p);
	}
}

static unsigned waits_that_found;

static int counted_wait(int set, struct epoll_event *events, int room, int timeout_ms)
{
	int n = sys_real.epoll_wait(set, events, room, timeout_ms);
	waits_that_found += n > 0;
	return n;
}

static void who_rests_is_not_woken(void **state)
{
	struct party p;
	struct sys sys = sys_real;

	sys.epoll_wait = counted_wait;
	party_open(&p, *state, true);
	p.loop->sys = &sys;
	io_watch(p.loop, &p.io, IO_READ);
	turns(p.loop, 1);
	io_watch(p.loop, &p.io, IO_NONE);
	io_rest(p.loop, &p.io, IO_READ);
	waits_that_found = 0;
	for (int i = 0; i < 5; i++) {
		say(&p, "abc");
		turns(p.loop, 1);
	}
	assert_int_equal(waits_that_found, 0);
	io_watch(p.loop, &p.io, IO_READ);
	turns(p.loop, 2);
	assert_int_equal(p.reads, 1);
	party_end(&p);
}

static void room_to_write_is_told_when_the_peer_has_taken_some(void **state)
{
	static const char zeros[65536];
	static char taken[1 << 20];
	struct party p;

	party_open(&p, *state, true);
	while (write(io_fd(&p.io), zeros, sizeof zeros) > 0)
		;
	io_watch(p.loop, &p.io, IO_READ | IO_WRITE);
	turns(p.loop, 2);
	assert_int_equal(p.writes, 0);
	assert_true(read(p.peer, taken, sizeof taken) > 0);
	turns(p.loop, 2);
	assert_int_equal(p.writes, 1);
	party_end(&p);
}

static unsigned changes;

static int counted_ctl(int set, int op, int fd, struct epoll_event *event)
{
	changes++;
	return sys_real.epoll_ctl(set, op, fd, event);
}

static void stopping_and_starting_costs_no_system_call(void **state)
{
	struct party p;
	struct sys sys = sys_real;

	sys.epoll_ctl = counted_ctl;
	party_open(&p, *state, true);
	p.loop->sys = &sys;
	changes = 0;
	for (int i = 0; i < 10; i++) {
		io_watch(p.loop, &p.io, IO_READ);
		say(&p, "abc");
		turns(p.loop, 1);
		io_watch(p.loop, &p.io, IO_NONE);
	}
	assert_int_equal(p.reads, 10);
	assert_int_equal(changes, 1);
	party_end(&p);
}

/* --- by level --- */

static void by_level_it_is_told_in_each_turn(void **state)
{
	struct party p;

	party_open(&p, *state, false);
	p.takes = 1;
	io_watch(p.loop, &p.io, IO_READ);
	say(&p, "abc");
	turns(p.loop, 5);
	assert_int_equal(p.reads, 3);
	io_watch(p.loop, &p.io, IO_READ | IO_WRITE);
	turns(p.loop, 2);
	assert_int_equal(p.writes, 2);
	io_watch(p.loop, &p.io, IO_NONE);
	say(&p, "d");
	turns(p.loop, 2);
	assert_int_equal(p.reads, 3);
	io_watch(p.loop, &p.io, IO_READ); /* as if it had never been watched */
	turns(p.loop, 1);
	assert_int_equal(p.reads, 4);
	party_end(&p);
}

/* --- the set --- */

static struct party *victims[2];

static void on_ready_ends_all(struct io *io, int interest)
{
	(void)interest;
	container_of(io, struct party, io)->reads++;
	for (int i = 0; i < 2; i++)
		io_forget(victims[i]->loop, &victims[i]->io);
}

static void what_is_forgotten_is_not_told_in_the_same_turn(void **state)
{
	struct party a, b;

	party_open(&a, *state, true);
	party_open(&b, *state, true);
	victims[0] = &a;
	victims[1] = &b;
	a.io.ready = b.io.ready = on_ready_ends_all;
	io_watch(a.loop, &a.io, IO_READ);
	io_watch(b.loop, &b.io, IO_READ);
	say(&a, "a");
	say(&b, "b");
	turns(a.loop, 1);
	assert_int_equal(a.reads + b.reads, 1);
	party_end(&a);
	party_end(&b);
}

static int full_ctl(int set, int op, int fd, struct epoll_event *event)
{
	(void)set, (void)op, (void)fd, (void)event;
	return -ENOSPC;
}

static void a_set_without_room_is_told(void **state)
{
	struct party p;
	struct sys sys = sys_real;

	sys.epoll_ctl = full_ctl;
	party_open(&p, *state, true);
	p.loop->sys = &sys;
	io_watch(p.loop, &p.io, IO_READ);
	turns(p.loop, 2);
	assert_int_equal(p.broken, 1);
	party_end(&p);
}

static void on_fired(struct timer *timer)
{
	(void)timer;
}

static void a_sleep_ends_with_the_next_timer(void **state)
{
	struct loop *loop = *state;
	struct timer timer;
	uint64_t began_ns = loop_clock_ns();

	timer_init(&timer, on_fired);
	timer_start(&loop->wheel, &timer, 20);
	while (timer_is_running(&timer))
		loop_turn(loop, true);
	assert_true(loop_clock_ns() - began_ns >= UINT64_C(19000000));
	timer_start(&loop->wheel, &timer, 60000);
	turns(loop, 1);
	struct timer sooner;
	timer_init(&sooner, on_fired);
	timer_start(&loop->wheel, &sooner, 5); /* the alarm is set earlier */
	while (timer_is_running(&sooner))
		loop_turn(loop, true);
	assert_true(timer_is_running(&timer));
	timer_cancel(&loop->wheel, &timer);
}

static unsigned wakes;

static void on_woken(struct loop *loop)
{
	(void)loop;
	wakes++;
}

static void a_wake_ends_the_sleep(void **state)
{
	struct loop *loop = *state;

	loop->woken = on_woken;
	wakes = 0;
	for (unsigned i = 1; i <= 3; i++) {
		loop_wake(loop);
		loop_wake(loop);
		loop_turn(loop, true);
		assert_int_equal(wakes, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		LOOP_TEST(what_is_left_unread_is_told_again_until_it_is_spent),
		LOOP_TEST(an_end_behind_bytes_is_told_after_them),
		LOOP_TEST(bytes_behind_an_urgent_one_are_told),
		LOOP_TEST(bytes_that_came_while_nobody_wanted_them_are_told_afterwards),
		LOOP_TEST(who_rests_is_not_woken),
		LOOP_TEST(room_to_write_is_told_when_the_peer_has_taken_some),
		LOOP_TEST(stopping_and_starting_costs_no_system_call),
		LOOP_TEST(by_level_it_is_told_in_each_turn),
		LOOP_TEST(what_is_forgotten_is_not_told_in_the_same_turn),
		LOOP_TEST(a_set_without_room_is_told),
		LOOP_TEST(a_sleep_ends_with_the_next_timer),
		LOOP_TEST(a_wake_ends_the_sleep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
