/* Who is asked to leave, and when what has not left is ended: the one place for SIGTERM,
 * /drain_listeners, listeners that LDS replaces or removes, and a successor.
 *
 *   the process    SERVING ─ SIGTERM ─> ASKING: all is accepted, clients are asked to leave
 *                     │                    │ --min-drain-time-s; 0: at once
 *                     │                    v
 *                     └─ successor ───> LEAVING: nothing new, each at its next boundary
 *                                          │ all have left, or the time is over and a last look
 *                                          v is taken and told
 *                                        OVER
 *   listeners      asked ─ drain time ─> stopped      /drain_listeners?graceful
 *   a version      asked ─ drain time ─> closed       LDS; each worker does it (worker_drain.h)
 *
 * The time is --drain-time-s; after a successor has taken over, --parent-shutdown-time-s.
 *
 * It decides and counts; what is to be done it orders (struct drain_orders), so that a test can do
 * it. Owner: the server embeds it. Thread: main. Timers: one for each state and scope; a look at
 * what is open once a second while any drain of the process is on, once in 10 s when the time of
 * /drain_listeners is over. Stats: "drain", and listener_manager's gauges of draining listeners and
 * chains. */
#ifndef SERVER_DRAIN_MANAGER_H
#define SERVER_DRAIN_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/drain.h"
#include "base/map.h"
#include "base/timer_wheel.h"
#include "server/worker_drain.h"

struct stat_scope;
struct stats;

enum {
	DRAIN_LOOK_MS = 1000,
	DRAIN_LATE_LOOK_MS = 10000, /* after the drain time, if the process doesn't end */
};

enum drain_state {
	DRAIN_SERVING,
	DRAIN_ASKING,
	DRAIN_LEAVING,
	DRAIN_LAST_LOOK, /* the time is over */
	DRAIN_OVER,
};

enum drain_cause {
	DRAIN_FOR_END,       /* SIGTERM */
	DRAIN_FOR_SUCCESSOR, /* another process has the listeners' sockets */
};

struct drain_manager;

/* Each runs on all workers, some time later. */
struct drain_orders {
	void (*ask)(struct drain_manager *manager, enum drain_scope scope, uint64_t time_ms,
		    bool is_gradual);
	void (*stop)(struct drain_manager *manager, enum drain_scope scope);
	void (*leave)(struct drain_manager *manager, bool keeps_sockets);
	/* drain_manager_seen follows once a worker. */
	void (*look)(struct drain_manager *manager);
	void (*end)(struct drain_manager *manager); /* the process, now */
};

struct drain_times {
	uint64_t drain_ms, min_drain_ms, parent_shutdown_ms;
	bool is_gradual;
};

/* /drain_listeners of one scope. */
struct drain_sequence {
	struct drain_manager *manager;
	struct timer timer; /* then they stop */
	enum drain_scope scope;
	bool is_asked, is_stopped;
};

struct drain_manager {
	const struct drain_orders *orders;
	struct drain_times times;
	struct timer_wheel *wheel;
	struct stats *stats;
	struct stat_scope *scope, *listener_scope;
	unsigned worker_count;
	enum drain_state state;
	enum drain_cause cause;
	uint64_t began_ms, deadline_ms;
	uint64_t seldom_ms; /* from then on looks are seldom, unless the process ends */
	struct timer step_timer, deadline_timer, look_timer;
	struct drain_sequence sequences[DRAIN_SCOPES];
	unsigned left_count;    /* workers whose last connection has gone */
	unsigned seen_count;    /* of the look that goes on */
	bool is_looking;        /* … it does */
	struct drain_look look; /* the last whole one */
	struct drain_look next; /* what is seen of the one that goes on */
	struct drain_look told; /* in the log */
	uint64_t told_ms;
	struct map versions;                          /* struct drained_version, by number */
	uint64_t draining_listeners, draining_chains; /* of these */
};

/* worker_count is set when they are there. */
void drain_manager_init(struct drain_manager *manager, const struct drain_orders *orders,
			const struct drain_times *times, struct timer_wheel *wheel,
			struct stats *stats);
void drain_manager_fini(struct drain_manager *manager);

/* The process is to end. scope: who is asked while all is still accepted. A second time: now. */
void drain_manager_end(struct drain_manager *manager, enum drain_cause cause,
		       enum drain_scope scope);
/* /drain_listeners. graceful: they accept until the drain time is over; else they stop now.
 * skip_exit: they don't stop. Asked once more, a drain goes on as it was. */
void drain_manager_listeners(struct drain_manager *manager, enum drain_scope scope, bool graceful,
			     bool skip_exit);

/* What workers say. */
void drain_manager_worker_left(struct drain_manager *manager);
void drain_manager_seen(struct drain_manager *manager, const struct drain_look *look);
void drain_manager_version(struct drain_manager *manager, const struct listener_drain_event *event);

/* The process is to end, and does not accept for ever any more. */
static inline bool drain_manager_is_ending(const struct drain_manager *manager)
{
	return manager->state != DRAIN_SERVING;
}

/* Some listeners accept no more, or won't when a drain time is over, though the process goes on. */
bool drain_manager_stops_listeners(const struct drain_manager *manager);

/* "5 connections are open: 3 http1, 2 dubbo; 1 idle_wait, 4 busy_call". */
void drain_look_format(const struct drain_look *look, char *text, size_t size);
const char *drain_protocol_name(enum served_protocol protocol);
const char *drain_wait_name(enum served_wait wait);

#endif
