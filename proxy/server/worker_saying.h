/* What a worker has to say to the other process of an upgrade: packed on its thread, sent by main.
 *
 *   worker ─ struct worker_saying ─ MAIN_SAYS ─> main ─ channel ─> the other process
 *
 * In the order in which the worker says it. Owner: on the heap, from the worker to main. Thread:
 * the worker's says it, main takes it. */
#ifndef SERVER_WORKER_SAYING_H
#define SERVER_WORKER_SAYING_H

#include <stdbool.h>

#include "base/section.h"
#include "hotrestart/message.h"
#include "net/handover.h"

struct worker;

struct worker_saying {
	enum message_kind kind;
	bool to_successor; /* else to the process before */
	struct section_writer payload;
};

/* To the successor. Copies. */
void worker_say_answer(struct worker *worker, const struct handover_answer *answer);
/* reason: "" for most. */
void worker_say_word(struct worker *worker, bool to_successor, enum handover_word word,
		     uint64_t connection, const char *reason);

void worker_saying_free(struct worker_saying *saying);

#endif
