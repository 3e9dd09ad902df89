/* Workers that stand still at a turn's end, so that main may look at all that is theirs.
 *
 *   main: park_all ─ a message to each ─> worker: the turn ends, then it sleeps here
 *     <─ MAIN_PARKED from each ─         … main looks …
 *   main: park_release(fn) ─> each does fn, if there is one, and goes on
 *
 * It costs a worker nothing while nobody parks: the message changes the loop's turn_end for that
 * one turn. What a worker wrote before it parked is visible to main after its MAIN_PARKED, what
 * main writes before park_release is visible to the worker after it.
 *
 * Owner: the server embeds it. Thread: main; workers in park.c alone. */
#ifndef SERVER_PARK_H
#define SERVER_PARK_H

#include <pthread.h>
#include <stdbool.h>

struct worker;

struct park {
	pthread_mutex_t lock;
	pthread_cond_t released;
	/* under the lock */
	unsigned round;                               /* of park_all: ended by park_release */
	unsigned parked;                              /* workers that stand still in this round */
	unsigned workers;                             /* asked in this round */
	bool is_on;                                   /* it is asked and not ended */
	void (*fn)(struct worker *worker, void *arg); /* what the last round ended with */
	void *arg;
};

void park_init(struct park *park);
void park_fini(struct park *park);

/* MAIN_PARKED follows from each of them, with the park. */
void park_all(struct park *park, struct worker **workers, unsigned count);
/* They all stand still. After MAIN_PARKED. */
bool park_is_complete(struct park *park);
/* All go on, parked already or about to. fn: what each that parked does before anything else, on
 * its thread; NULL: nothing. Nothing happens if none was asked to park. */
void park_release(struct park *park, void (*fn)(struct worker *worker, void *arg), void *arg);

#endif
