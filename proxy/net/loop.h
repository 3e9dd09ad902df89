/* One thread's event loop, and the order of its turn.
 *
 *   wake ── read the clock, fire timers
 *        ── I/O callbacks, and the mailbox: read, parse, run filters, queue output
 *        ── flush what is dirty (IO_FLUSH), until nothing is, at most 4 rounds;
 *           own what still is (IO_OWN), turn_end, empty the graves, rewind
 *        ── sleep, unless something is dirty or ready still
 *
 * Nothing is freed while output may still point at it: frees wait in the graves for the end of the
 * turn.
 *
 * On epoll(7). Sockets are watched by edge: the set is told of them once, a request costs no
 * epoll_ctl, and an event that was taken isn't looked at again by the next wait. What edges ask of
 * their user stands here and at io_spent. The wait itself has no time limit, the next timer is a
 * timerfd that is set only when an earlier one is wanted: a sleep then arms no timer of the
 * kernel's.
 *
 * Owner: its thread (a worker, or main). Thread: its own; only loop_wake may be called by others.
 * The clock is read once a turn: now_* are the turn's time. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/status.h"
#include "base/timer_wheel.h"
#include "net/sys.h"

struct loop;

enum { LOOP_EVENTS = 128 }; /* taken in a turn, at most */

enum io_interest {
	IO_NONE = 0,
	IO_READ = 1,
	IO_WRITE = 2,
	/* Not of the descriptor: it was marked dirty, and the turn ends … */
	IO_FLUSH = 4,
	/* … but not with this flush, of which the next turn has the rest: own what is queued. */
	IO_OWN = 8,
	/* With others: the kernel has no room to watch it, nothing more will be told. */
	IO_BROKEN = 16,
};

/* What is freed at the end of the turn. Embedded. */
struct grave {
	struct grave *next; /* never NULL in the graves: what is buried can't be marked dirty */
	void (*free)(struct grave *grave);
};

/* A descriptor that is watched, and may have output to flush at the end of the turn. Embedded.
 * `ready` is told what it is ready for: IO_READ | IO_WRITE of what it wants, or IO_FLUSH or IO_OWN
 * alone.
 *
 * By level: told in each turn in which it is so; each change of interest is a system call.
 * By edge: IO_READ is told in each turn until io_spent; IO_WRITE once after the kernel refused
 * bytes. Interest changes for free, but the first time. */
struct io {
	void (*ready)(struct io *io, int interest);
	union {
		struct list_node dirty; /* in loop->dirty */
		struct grave grave;     /* then it is closed: io_bury */
	};
	struct list_node again; /* in loop->again: to be told without news */
	int fd;
	uint8_t wanted;  /* IO_READ | IO_WRITE */
	uint8_t watched; /* of these, what the kernel tells us of */
	bool is_by_edge : 1;
	bool is_in_set : 1;
	bool is_readable : 1; /* by edge: there may be something to read */
	bool has_more : 1;  /* by edge: a short read proves nothing, as the peer's end, an error or
			       an urgent byte waits behind it */
	bool is_broken : 1; /* IO_BROKEN is to be told */
};

struct loop {
	const struct sys *sys;
	int set;                /* of epoll */
	struct io alarm;        /* a timerfd */
	struct io wakeup;       /* an eventfd */
	uint64_t alarm_ms;      /* when `alarm` is set to ring; UINT64_MAX: it isn't */
	struct list_node again; /* struct io: the next turn tells them */
	struct epoll_event *next_event, *events_end; /* of `events`: not told yet */
	struct timer_wheel wheel;                    /* milliseconds of CLOCK_MONOTONIC */
	struct buf_pool pool;
	struct list_node dirty; /* struct io */
	struct grave *graves;   /* ends at last_grave */
	struct grave last_grave;
	uint64_t now_ns;         /* CLOCK_MONOTONIC */
	uint64_t wall_ns;        /* CLOCK_REALTIME */
	uint64_t wall_offset_ns; /* wall - monotonic, refreshed once a second */
	uint64_t offset_read_ns;
	uint64_t spliced_ns;              /* the turn that last served long splices: net/splice.h */
	void (*woken)(struct loop *loop); /* after loop_wake: takes the mailbox. May be NULL */
	void (*turn_end)(struct loop *loop); /* after the flush, before sleeping. May be NULL */
	void *owner;
	bool is_stopping;
	bool shares_fds; /* another process may have its descriptors open, too (one that is being
			    started has all of them for a moment): the kernel doesn't forget them
			    when they are closed here */
	struct epoll_event events[LOOP_EVENTS];
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

/* To be watched by level. What embeds it is not freed before the turn's end (io_bury, loop_bury),
 * or not while it is watched. */
void io_init(struct io *io, int fd, void (*ready)(struct io *io, int interest));
/* To be watched by edge. */
void io_init_edge(struct io *io, int fd, void (*ready)(struct io *io, int interest));

/* Watches for exactly `interest`. IO_NONE by level: the set forgets it. By edge it stays there,
 * until io_forget or the next event that nobody wants. */
void io_watch(struct loop *loop, struct io *io, int interest);

/* By edge: has the kernel not even wake us for `interest`, which isn't wanted now and won't be for
 * a while. Ends when it is wanted. */
void io_rest(struct loop *loop, struct io *io, int interest);

/* Nothing is told any more: its descriptor is about to be closed, and nobody else has it open but
 * as loop->shares_fds says. */
void io_forget(struct loop *loop, struct io *io);

/* Nothing is told any more, nor watched: its descriptor stays open, and goes elsewhere. */
void io_release(struct loop *loop, struct io *io);

/* By edge: a read took all there was (it got less than it had room for), or would_block: there was
 * nothing at all. Only then are new bytes news. */
static inline void io_spent(struct io *io, bool would_block)
{
	if (would_block)
		io->has_more = false;
	io->is_readable = io->has_more;
}

static inline int io_fd(const struct io *io)
{
	return io->fd;
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
