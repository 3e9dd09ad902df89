#include "net/loop.h"

#include <time.h>

enum { FLUSH_ROUNDS = 4 };

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
	timer_wheel_advance(&loop->wheel, loop->now_ns / 1000000);
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
			io->watcher.ready(io, IO_FLUSH);
		}
	}
}

/* Output that waits for the next turn may not point at what is freed or forgotten in this one. */
static void own_rest(struct loop *loop)
{
	for (struct list_node *n = loop->dirty.next; n != &loop->dirty; n = n->next) {
		struct io *io = container_of(n, struct io, dirty);
		io->watcher.ready(io, IO_OWN);
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
	uint64_t now_ms = loop->now_ns / 1000000;
	loop->alarm_ms = next_ms;
	loop->alarm.repeat = next_ms > now_ms ? (double)(next_ms - now_ms) / 1e3 : 1e-4;
	ev_timer_again(loop->ev, &loop->alarm);
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

static void on_check(struct ev_loop *ev, ev_check *check, int events)
{
	struct loop *loop = container_of(check, struct loop, check);
	(void)ev;
	(void)events;
	turn_begin(loop);
}

static void on_prepare(struct ev_loop *ev, ev_prepare *prepare, int events)
{
	struct loop *loop = container_of(prepare, struct loop, prepare);
	(void)events;
	turn_end(loop);
	if (!list_is_empty(&loop->dirty))
		ev_feed_event(ev, &loop->wakeup, EV_ASYNC); /* more rounds, without sleeping */
}

static void on_alarm(struct ev_loop *ev, ev_timer *alarm, int events)
{
	struct loop *loop = container_of(alarm, struct loop, alarm);
	(void)events;
	ev_timer_stop(ev, alarm);
	loop->alarm_ms = UINT64_MAX;
}

static void on_wakeup(struct ev_loop *ev, ev_async *wakeup, int events)
{
	struct loop *loop = container_of(wakeup, struct loop, wakeup);
	(void)ev;
	(void)events;
	if (loop->woken)
		loop->woken(loop);
}

enum status loop_init(struct loop *loop, void *owner)
{
	*loop = (struct loop){.sys = &sys_real, .owner = owner, .alarm_ms = UINT64_MAX};
	loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);
	if (!loop->ev)
		return STATUS_EXHAUSTED;
	loop->graves = &loop->last_grave;
	read_clock(loop);
	timer_wheel_init(&loop->wheel, loop->now_ns / 1000000);
	buf_pool_init(&loop->pool);
	list_init(&loop->dirty);

	ev_check_init(&loop->check, on_check);
	ev_set_priority(&loop->check, EV_MAXPRI);
	ev_check_start(loop->ev, &loop->check);
	ev_prepare_init(&loop->prepare, on_prepare);
	ev_prepare_start(loop->ev, &loop->prepare);
	ev_init(&loop->alarm, on_alarm);
	ev_set_priority(&loop->alarm, EV_MAXPRI);
	ev_async_init(&loop->wakeup, on_wakeup);
	ev_set_priority(&loop->wakeup, EV_MAXPRI - 1);
	ev_async_start(loop->ev, &loop->wakeup);
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
	ev_async_stop(loop->ev, &loop->wakeup);
	ev_timer_stop(loop->ev, &loop->alarm);
	ev_prepare_stop(loop->ev, &loop->prepare);
	ev_check_stop(loop->ev, &loop->check);
	ev_loop_destroy(loop->ev);
	buf_pool_fini(&loop->pool);
}

void loop_run(struct loop *loop)
{
	while (!loop->is_stopping)
		ev_run(loop->ev, 0);
	turn_end(loop);
}

void loop_turn(struct loop *loop, bool wait)
{
	ev_run(loop->ev, wait ? EVRUN_ONCE : EVRUN_NOWAIT);
}

void loop_stop(struct loop *loop)
{
	loop->is_stopping = true;
	ev_break(loop->ev, EVBREAK_ONE);
}

void loop_wake(struct loop *loop)
{
	ev_async_send(loop->ev, &loop->wakeup);
}

static void on_io(struct ev_loop *ev, ev_io *watcher, int events)
{
	struct io *io = container_of(watcher, struct io, watcher);
	(void)ev;
	watcher->ready(io, events);
}

void io_init(struct io *io, int fd, void (*ready)(struct io *io, int interest))
{
	ev_io_init(&io->watcher, on_io, fd, EV_NONE);
	io->watcher.ready = ready;
	io->dirty = (struct list_node){0};
}

void io_watch(struct loop *loop, struct io *io, int interest)
{
	int now = ev_is_active(&io->watcher) ? io->watcher.events & (EV_READ | EV_WRITE) : 0;
	if (now == interest)
		return;
	if (now)
		ev_io_stop(loop->ev, &io->watcher);
	if (interest) {
		ev_io_modify(&io->watcher, interest);
		ev_io_start(loop->ev, &io->watcher);
	}
}
