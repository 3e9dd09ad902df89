/* A worker's side of drains: whom it asks to leave, and what a listener has left behind.
 *
 *   main (drain_manager) ─ worker_post ─> ask, stop, leave, look
 *   a listener is replaced or removed ─> worker_drain_version: its connections have --drain-time-s
 *     ─ all have left, or are closed then ─> main hears (struct listener_drain_event)
 *
 * A connection whose filter chain the new version has, too, under the same frame, stays as it is.
 * Owner: the worker embeds it. Thread: the worker's. Timers: one for the ends of all versions: what
 * is overdue then is closed in one look at the connections, at most every 100 ms. */
#ifndef SERVER_WORKER_DRAIN_H
#define SERVER_WORKER_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/drain.h"
#include "base/list.h"
#include "base/timer_wheel.h"
#include "net/served.h"

struct listener;
struct pin;
struct worker;

enum { DRAIN_NAME_MAX = 128, DRAIN_DIRECTIONS = 3 };

/* What is still open, and why. */
struct drain_look {
	uint32_t open;
	uint32_t by_protocol[SERVED_PROTOCOLS], by_wait[SERVED_WAITS];
	uint32_t by_direction[DRAIN_DIRECTIONS]; /* enum listener_direction */
};

enum listener_drain_step {
	LISTENER_DRAIN_BEGUN,   /* look: what is to leave */
	LISTENER_DRAIN_OVERDUE, /* look: what is closed now */
	LISTENER_DRAIN_ENDED,
};

/* On the heap, for main: one worker's news. */
struct listener_drain_event {
	uint64_t number; /* of the listener's version that is no more */
	enum listener_drain_step step;
	unsigned chains; /* how many of its filter chains; 0: all of it */
	struct drain_look look;
	char name[DRAIN_NAME_MAX];
};

struct worker_drains {
	struct list_node of_listeners; /* struct listener_drain, the oldest first */
	struct list_node changes;      /* struct listener_change: not looked at yet */
	struct timer over_timer;       /* the oldest one's end */
	uint64_t time_ms;              /* of these */
	bool is_gradual;
	bool is_stopped[DRAIN_SCOPES]; /* no new connections there */
	bool keeps_sockets;            /* … because a successor accepts them */
	bool has_told_empty;
};

void worker_drain_init(struct worker *worker, uint64_t time_ms, bool is_gradual);

/* Clients are asked to leave from now on; those that accept go on accepting. */
void worker_drain_ask(struct worker *worker, enum drain_scope scope, uint64_t time_ms,
		      bool is_gradual);
/* /healthcheck/fail, and whether it is so no more. */
void worker_drain_fail(struct worker *worker, bool is_failing);
/* No new connections. */
void worker_drain_stop(struct worker *worker, enum drain_scope scope);
/* None of any listener, of a version to come neither: a successor accepts. */
void worker_drain_give_sockets(struct worker *worker);
/* No new connections, and each ends at its next boundary; MAIN_DRAINED follows when none
 * is left. keeps_sockets: a successor accepts from them, what waits too. */
void worker_drain_leave(struct worker *worker, bool keeps_sockets);
/* Sends MAIN_DRAIN_LOOK: a struct drain_look on the heap, of the connections that are to leave. */
void worker_drain_look(struct worker *worker);
/* At the end of each turn once it is_leaving: tells when the last one has left. */
COLD void worker_drain_turn(struct worker *worker);
/* Versions that weren't looked at yet are forgotten: the worker ends. */
void worker_drain_forget(struct worker *worker);

/* Whether new versions of a listener accept. */
bool worker_drain_accepts(const struct worker *worker, const struct listener *listener);
/* `old` was in force until now; now it is `current` (NULL: the listener is gone). What it leaves
 * behind is looked for soon, once for all that have changed. Takes both pins. */
void worker_drain_version(struct worker *worker, struct pin *old, struct pin *current);

#endif
