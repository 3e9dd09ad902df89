/* A worker's side of giving its connections to the successor (net/handover.h).
 *
 *   begin ─ asks each of them ─┬ given ─ MAIN_GIVEN ─> main ─ channel ─> successor
 *     ^                        ├ not now: once more when one has come to a boundary
 *     └── a turn's end ────────┤
 *                              └ never: stays, and is drained
 *   over: none is left that may go, or GIVING_MS have passed; MAIN_GIVING_OVER
 *
 *   adopted ─> answers of its calls go to the relay
 *   returned ─> served here once more, drained, and not given again
 *
 * A connection that is out is nobody's until the successor has spoken, so few are at a time.
 *
 * Owner: the worker embeds it. Thread: the worker's. Timers: one, of GIVING_MS. Limits:
 * GIVING_OUT_MAX out, GIVING_TURN asked in a row. */
#ifndef SERVER_WORKER_GIVING_H
#define SERVER_WORKER_GIVING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/list.h"
#include "base/timer_wheel.h"
#include "net/handover.h"
#include "net/relay.h"

struct served;
struct worker;

enum {
	GIVING_MS = 5000,
	GIVING_OUT_MAX = 64,
	GIVING_TURN = 64,
};

/* A connection that is out, or what has become of it. On the heap: its worker's, then main's, then
 * its worker's again. */
struct given {
	struct list_node link; /* main's, while it is out */
	struct worker *worker;
	uint64_t id; /* handover's */
	struct handover handover;
};

struct worker_giving {
	struct relay_sink relay;
	struct timer timer;
	size_t to_ask;            /* in this round, from the head of worker->context.served */
	size_t waiting;           /* that could not go in this round, and may later */
	size_t out;               /* given, neither adopted nor returned */
	struct served **returned; /* not to be given again: compared, not looked at */
	size_t returned_count;
	bool is_on;
	bool is_posted; /* the round goes on by message */
};

void worker_giving_init(struct worker *worker);
void worker_giving_fini(struct worker *worker);

/* What follows is posted by main. Those that take a struct given free it. */

void worker_giving_begin(struct worker *worker, void *unused);
/* Whoever has been asked and not gone stays. Nothing once it is over. */
void worker_giving_end(struct worker *worker, void *unused);
void worker_giving_adopted(struct worker *worker, void *given);
void worker_giving_returned(struct worker *worker, void *given);
/* Its client has gone at the successor's. */
void worker_giving_void(struct worker *worker, void *given);
/* The successor has gone: nothing more is given, and what it had adopted ends. */
void worker_giving_lost(struct worker *worker, void *unused);

/* At the end of a turn, while is_on. */
COLD void worker_giving_turn(struct worker *worker);

/* Something was given that may come back, or whose answers nobody has taken yet: the worker isn't
 * empty, though nothing is served. */
bool worker_giving_holds(const struct worker *worker);

#endif
