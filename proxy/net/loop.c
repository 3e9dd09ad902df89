#include "net/loop.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
	FLUSH_ROUNDS = 4,
	NS_IN_MS = 1000000,
	MORE = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI,
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

uint64_t loop_clock_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static void read_clock(struct loop *loop)
{
	loop->now_ns = clock_ns(CLOCK_MONOTONIC);
	if (loop->now_ns - loop->offset_read_ns > UINT64_C(1000000000) || !loop->offset_read_ns) {
		loop->offset_read_ns = loop->now_ns;
		loop->wall_offset_ns = clock_ns(CLOCK_REALTIME) - loop->now_ns;
	}
	loop->wall_ns = loop->now_ns + loop->wall_offset_ns;
}

static void turn_begin(struct loop *loop)
{
	read_clock(loop);
	timer_wheel_advance(&loop->wheel, loop->now_ns / NS_IN_MS);
}

static void flush(struct loop *loop)
{
	for (int round = 0; round < FLUSH_ROUNDS && !list_is_empty(&loop->dirty); round++) {
		struct list_node batch;
		list_init(&batch);
		list_splice_back(&batch, &loop->dirty);
		while (!list_is_empty(&batch)) {
			struct io *io = container_of(batch.next, struct io, dirty);
			list_remove(&io->dirty);
			io->ready(io, IO_FLUSH);
		}
	}
}

/* Output that waits for the next turn may not point at what is freed or forgotten in this one. */
static void own_rest(struct loop *loop)
{
	for (struct list_node *n = loop->dirty.next; n != &loop->dirty; n = n->next) {
		struct io *io = container_of(n, struct io, dirty);
		io->ready(io, IO_OWN);
	}
}

static void empty_graves(struct loop *loop)
{
	while (loop->graves != &loop->last_grave) {
		struct grave *grave = loop->graves;
		loop->graves = grave->next;
		grave->free(grave);
	}
}

/* The alarm is only ever set earlier: timers are mostly cancelled, and a ring too early just sets
 * it anew. */
static void set_alarm(struct loop *loop)
{
	uint64_t next_ms = timer_wheel_next_ms(&loop->wheel);
	if (next_ms >= loop->alarm_ms)
		return;
	loop->alarm_ms = next_ms;
	struct itimerspec at = {.it_value = {.tv_sec = (time_t)(next_ms / 1000),
					     .tv_nsec = (long)(next_ms % 1000) * NS_IN_MS}};
	timerfd_settime(loop->alarm.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* Descriptors that only ever wake us are never read: each ring is an edge. */
static void on_alarm(struct io *io, int interest)
{
	struct loop *loop = container_of(io, struct loop, alarm);
	(void)interest;
	io_spent(io, true);
	loop->alarm_ms = UINT64_MAX;
}

static void on_wakeup(struct io *io, int interest)
{
	struct loop *loop = container_of(io, struct loop, wakeup);
	(void)interest;
	io_spent(io, true);
	if (loop->woken)
		loop->woken(loop);
}

static void close_all(struct loop *loop)
{
	const int fds[] = {loop->alarm.fd, loop->wakeup.fd, loop->set};
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void turn_end(struct loop *loop)
{
	flush(loop);
	own_rest(loop);
	if (loop->turn_end)
		loop->turn_end(loop);
	empty_graves(loop);
	buf_pool_rewind(&loop->pool);
	set_alarm(loop);
}

/* --- telling --- */

static void tell_again(struct loop *loop, struct io *io)
{
	if (!list_is_linked(&io->again))
		list_push_back(&loop->again, &io->again);
}

static void stop_again(struct io *io)
{
	if (UNLIKELY(list_is_linked(&io->again)))
		list_remove(&io->again);
}

/* What is there still and wanted still is told in the next turn. */
static void tell_rest(struct loop *loop, struct io *io)
{
	if (UNLIKELY(io->is_readable && io->wanted & IO_READ))
		tell_again(loop, io);
}

static int interest_of(uint32_t events)
{
	return (events & (EPOLLIN | MORE) ? IO_READ : 0) |
	       (events & (EPOLLOUT | EPOLLHUP | EPOLLERR) ? IO_WRITE : 0);
}

static void tell(struct loop *loop, struct io *io, uint32_t events)
{
	int news = interest_of(events);
	int interest = news & io->wanted;
	bool was_readable = io->is_readable;

	if (io->is_by_edge && news & IO_READ) {
		io->is_readable = true;
		if (UNLIKELY(events & MORE))
			io->has_more = true;
		stop_again(io);
	}
	if (LIKELY(interest)) {
		io->ready(io, interest);
		if (io->is_by_edge)
			tell_rest(loop, io);
	} else if (was_readable) {
		io_rest(loop, io,
			IO_READ & ~io->wanted); /* it goes on coming, and nobody wants it */
	}
}

static void tell_events(struct loop *loop, int count)
{
	loop->next_event = loop->events;
	loop->events_end = loop->events + (count > 0 ? count : 0);
	while (loop->next_event != loop->events_end) {
		struct epoll_event *event = loop->next_event++;
		if (LIKELY(event->data.ptr != NULL))
			tell(loop, event->data.ptr, event->events);
	}
}

/* Without news: `batch` was to be told again. */
static void tell_batch(struct loop *loop, struct list_node *batch)
{
	while (!list_is_empty(batch)) {
		struct io *io = container_of(batch->next, struct io, again);
		list_remove(&io->again);
		int interest = (io->is_readable ? IO_READ & io->wanted : 0);
		if (UNLIKELY(io->is_broken))
			interest = IO_BROKEN | io->wanted;
		io->is_broken = false;
		if (interest)
			io->ready(io, interest);
		tell_rest(loop, io);
	}
}

/* --- the loop --- */

enum status loop_init(struct loop *loop, void *owner)
{
	*loop = (struct loop){.sys = &sys_real, .owner = owner, .alarm_ms = UINT64_MAX};
	loop->set = epoll_create1(EPOLL_CLOEXEC);
	int alarm = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	int wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	loop->graves = &loop->last_grave;
	list_init(&loop->dirty);
	list_init(&loop->again);
	io_init_edge(&loop->alarm, alarm, on_alarm);
	io_init_edge(&loop->wakeup, wakeup, on_wakeup);
	if (loop->set >= 0 && alarm >= 0 && wakeup >= 0) {
		io_watch(loop, &loop->alarm, IO_READ);
		io_watch(loop, &loop->wakeup, IO_READ);
	}
	if (!loop->alarm.is_in_set || !loop->wakeup.is_in_set) {
		close_all(loop);
		return STATUS_EXHAUSTED;
	}
	read_clock(loop);
	timer_wheel_init(&loop->wheel, loop->now_ns / NS_IN_MS);
	buf_pool_init(&loop->pool);
	return STATUS_OK;
}

void loop_settle(struct loop *loop)
{
	flush(loop);
	own_rest(loop);
	empty_graves(loop);
	buf_pool_rewind(&loop->pool);
}

void loop_fini(struct loop *loop)
{
	loop_settle(loop);
	close_all(loop);
	buf_pool_fini(&loop->pool);
}

void loop_turn(struct loop *loop, bool wait)
{
	struct list_node batch;

	turn_end(loop); /* of the one before, or of what was begun outside of a turn */
	bool is_busy = !list_is_empty(&loop->dirty) || !list_is_empty(&loop->again);
	int count = loop->sys->epoll_wait(loop->set, loop->events, LOOP_EVENTS,
					  wait && !is_busy ? -1 : 0);
	turn_begin(loop);
	list_init(&batch);
	list_splice_back(&batch, &loop->again);
	tell_events(loop, count);
	tell_batch(loop, &batch);
}

void loop_run(struct loop *loop)
{
	while (!loop->is_stopping)
		loop_turn(loop, true);
	turn_end(loop);
}

void loop_stop(struct loop *loop)
{
	loop->is_stopping = true;
}

void loop_wake(struct loop *loop)
{
	uint64_t one = 1;
	ssize_t n = write(loop->wakeup.fd, &one, sizeof one);
	(void)n; /* it can only fail by being full, then the loop is awake */
}

/* --- watching --- */

void io_init(struct io *io, int fd, void (*ready)(struct io *io, int interest))
{
	*io = (struct io){.ready = ready, .fd = fd};
}

void io_init_edge(struct io *io, int fd, void (*ready)(struct io *io, int interest))
{
	*io = (struct io){.ready = ready, .fd = fd, .is_by_edge = true};
}

/* Has the kernel tell of `watched`, in whose set it is from now on. */
static void set_watched(struct loop *loop, struct io *io, int watched)
{
	struct epoll_event event = {.data.ptr = io, .events = io->is_by_edge ? EPOLLET : 0};
	if (watched & IO_READ)
		event.events |= EPOLLIN | (io->is_by_edge ? EPOLLRDHUP | EPOLLPRI : 0);
	if (watched & IO_WRITE)
		event.events |= EPOLLOUT;
	int op = io->is_in_set ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (loop->sys->epoll_ctl(loop->set, op, io->fd, &event)) {
		io->is_broken = true;
		tell_again(loop, io);
		return;
	}
	io->is_in_set = true;
	io->watched = (uint8_t)watched;
}

void io_forget(struct loop *loop, struct io *io)
{
	if (UNLIKELY(loop->shares_fds) && io->is_in_set)
		loop->sys->epoll_ctl(loop->set, EPOLL_CTL_DEL, io->fd, NULL);
	io->wanted = io->watched = IO_NONE;
	io->is_in_set = io->is_readable = io->has_more = io->is_broken = false;
	stop_again(io);
	for (struct epoll_event *e = loop->next_event; e != loop->events_end; e++)
		if (e->data.ptr == io)
			e->data.ptr = NULL;
}

void io_release(struct loop *loop, struct io *io)
{
	if (io->is_in_set)
		loop->sys->epoll_ctl(loop->set, EPOLL_CTL_DEL, io->fd, NULL);
	io_forget(loop, io);
}

static void watch_by_level(struct loop *loop, struct io *io, int interest)
{
	if (interest)
		set_watched(loop, io, interest);
	else if (io->is_in_set)
		io_release(loop, io);
}

/* What is news to the kernel's set is told by it, what only we had put aside by us. */
static void watch_by_edge(struct loop *loop, struct io *io, int interest)
{
	int missing = interest & ~io->watched;

	if (!missing) {
		tell_rest(loop, io);
		return;
	}
	if (missing & IO_READ)
		io->is_readable = false;
	set_watched(loop, io, io->watched | missing | (io->is_in_set ? 0 : IO_READ));
}

void io_watch(struct loop *loop, struct io *io, int interest)
{
	if (io->wanted == interest)
		return;
	io->wanted = (uint8_t)interest;
	if (io->is_by_edge)
		watch_by_edge(loop, io, interest);
	else
		watch_by_level(loop, io, interest);
}

void io_rest(struct loop *loop, struct io *io, int interest)
{
	invariant(!(interest & io->wanted));
	if (io->watched & interest)
		set_watched(loop, io, io->watched & ~interest);
}
