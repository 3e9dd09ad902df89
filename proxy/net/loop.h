/* One thread's event loop, and the order of its turn.
 *
 *   wake ── check: read the clock, fire timers, take the mailbox
 *        ── I/O callbacks: read, parse, run filters, queue output
 *        ── prepare: flush what is dirty (IO_FLUSH), until nothing is, at most 4 rounds;
 *           own what still is (IO_OWN), turn_end, empty the graves, rewind
 *        ── sleep, unless something is dirty
 *
 * Nothing is freed while output may still point at it: frees wait in the graves for the end of the
 * turn.
 *
 * Owner: its thread (a worker, or main). Thread: its own; only loop_wake may be called by others.
 * The clock is read once a turn: now_* are the turn's time. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

/* What libev leaves to its user in every watcher: instead of its void *data. */
struct io;
#define EV_COMMON void (*ready)(struct io * io, int interest);

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/status.h"
#include "base/timer_wheel.h"
#include "net/sys.h"

struct loop;

enum io_interest {
	IO_NONE = 0,
	IO_READ = EV_READ,
	IO_WRITE = EV_WRITE,
	/* Not of the descriptor: it was marked dirty, and the turn ends … */
	IO_FLUSH = EV_CUSTOM,
	/* … but not with this flush, of which the next turn has the rest: own what is queued. */
	IO_OWN = EV_CUSTOM << 1,
};

/* What is freed at the end of the turn. Embedded. */
struct grave {
	struct grave *next; /* never NULL in the graves: what is buried can't be marked dirty */
	void (*free)(struct grave *grave);
};

/* A descriptor that is watched, and may have output to flush at the end of the turn. Embedded.
 * watcher.ready is told what it is ready for: IO_READ | IO_WRITE, or IO_FLUSH or IO_OWN alone. */
struct io {
	ev_io watcher;
	union {
		struct list_node dirty; /* in loop->dirty */
		struct grave grave;     /* then it is closed: io_bury */
	};
};

struct loop {
	struct ev_loop *ev;
	const struct sys *sys;
	ev_prepare prepare;
	ev_check check;
	ev_timer alarm;
	ev_async wakeup;
	uint64_t alarm_ms;        /* when `alarm` is set to ring; UINT64_MAX: it is stopped */
	struct timer_wheel wheel; /* milliseconds of CLOCK_MONOTONIC */
	struct buf_pool pool;
	struct list_node dirty; /* struct io */
	struct grave *graves;   /* ends at last_grave */
	struct grave last_grave;
	uint64_t now_ns;         /* CLOCK_MONOTONIC */
	uint64_t wall_ns;        /* CLOCK_REALTIME */
	uint64_t wall_offset_ns; /* wall - monotonic, refreshed once a second */
	uint64_t offset_read_ns;
	void (*woken)(struct loop *loop);    /* after loop_wake: takes the mailbox. May be NULL */
	void (*turn_end)(struct loop *loop); /* after the flush, before sleeping. May be NULL */
	void *owner;
	bool is_stopping;
};

/* STATUS_EXHAUSTED if the kernel gives no event set. */
enum status MUST_CHECK loop_init(struct loop *loop, void *owner);
/* All watchers must be stopped. Empties the graves. */
void loop_fini(struct loop *loop);

/* Flushes what is dirty and empties the graves, outside of a turn. For the end. */
void loop_settle(struct loop *loop);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);
/* One turn; waits for an event only if `wait`. For tests and draining. */
void loop_turn(struct loop *loop, bool wait);
/* Ends loop_run after this turn. From the loop's own thread. */
void loop_stop(struct loop *loop);
/* Makes the loop call `woken` soon. Any thread, async-signal-safe. */
void loop_wake(struct loop *loop);

/* CLOCK_MONOTONIC at this moment, not the turn's: for who measures what a turn takes. */
uint64_t loop_clock_ns(void);

static inline uint64_t loop_now_ms(const struct loop *loop)
{
	return loop->wheel.now_ms;
}

void io_init(struct io *io, int fd, void (*ready)(struct io *io, int interest));
/* Watches for exactly `interest` (IO_NONE: stops). Costs a system call only when the interest
 * changed. */
void io_watch(struct loop *loop, struct io *io, int interest);
static inline int io_fd(const struct io *io)
{
	return io->watcher.fd;
}

static inline void loop_bury(struct loop *loop, struct grave *grave,
			     void (*free)(struct grave *grave))
{
	grave->free = free;
	grave->next = loop->graves;
	loop->graves = grave;
}

/* IO_FLUSH at the end of the turn, once, however often it is marked. */
static inline void io_mark_dirty(struct loop *loop, struct io *io)
{
	if (!list_is_linked(&io->dirty))
		list_push_back(&loop->dirty, &io->dirty);
}

static inline void io_unmark_dirty(struct io *io)
{
	if (list_is_linked(&io->dirty))
		list_remove(&io->dirty);
}

/* Buries what embeds it, when nothing watches it any more. */
static inline void io_bury(struct loop *loop, struct io *io, void (*free)(struct grave *grave))
{
	io_unmark_dirty(io);
	loop_bury(loop, &io->grave, free);
}

#endif
