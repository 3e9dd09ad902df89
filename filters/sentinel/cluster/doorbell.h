/* Notes from any thread to one loop, with a bell of their own: for parts that share a loop with
 * others, whose mailbox is the loop's owner's.
 *
 *   put: push on the stack, ring if it was empty     ready: take the stack, turn it round, read
 *
 * Owner: who embeds it. Thread: put any; the rest its loop's. */
#ifndef SENTINEL_CLUSTER_DOORBELL_H
#define SENTINEL_CLUSTER_DOORBELL_H

#include <stdatomic.h>

#include "base/status.h"
#include "net/loop.h"

struct note {
	struct note *next;
};

struct doorbell {
	struct io io; /* an eventfd */
	struct loop *loop;
	_Atomic(struct note *) newest;
	/* Owns the note from here. In the order in which they were put. */
	void (*read)(struct doorbell *bell, struct note *note);
};

/* STATUS_EXHAUSTED: no descriptor is to be had. */
enum status MUST_CHECK doorbell_open(struct doorbell *bell, struct loop *loop,
				     void (*read)(struct doorbell *bell, struct note *note));
/* On its loop: nothing is read any more. What is put meanwhile stays. */
void doorbell_rest(struct doorbell *bell);
/* Resting, and nobody puts anything any more: calls fn for each note that is left. */
void doorbell_close(struct doorbell *bell, void (*fn)(struct note *note));
/* Takes the note. */
void doorbell_put(struct doorbell *bell, struct note *note);

#endif
