/* The process that has taken over adopts connections of the one before: main's side.
 *
 *   CONNECTION ─> a worker, by the connection's id       ANSWER, SETTLED ─> the same worker
 *   the end of the process before ─> every worker: calls that are owed still are answered as lost
 *
 * Owner: struct upgrade. Thread: main; workers' is server/worker_adopting.h. */
#ifndef SERVER_ADOPTING_H
#define SERVER_ADOPTING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "hotrestart/message.h"

struct channel;
struct worker;

struct adopting {
	struct worker **workers; /* NULL: nothing is adopted */
	unsigned worker_count;
	unsigned over; /* workers that adopt no more */
	int socket;    /* the channel's, once more: workers speak by it; -1 */
	uint64_t connections;
};

void adopting_init(struct adopting *adopting);
/* This process is alone in charge. Borrows the workers. */
void adopting_begin(struct adopting *adopting, const struct channel *channel,
		    struct worker **workers, unsigned worker_count);
/* CONNECTION, ANSWER or CONNECTION_WORD: takes what it needs. False: it can't be read. */
bool MUST_CHECK adopting_hear(struct adopting *adopting, struct upgrade_message *message);
/* The process before has ended, or is not to be listened to any more: then it is to hear of all
 * that was adopted, and only then of the end. */
void adopting_end(struct adopting *adopting);
/* MAIN_ADOPTING_OVER */
void adopting_end_one(struct adopting *adopting);
/* There are no workers any more. */
void adopting_fini(struct adopting *adopting);

#endif
