/* A worker's side of adopting connections of the process before (net/handover.h).
 *
 *   main ─ worker_adopt ─> worker_listener_adopt ─┬ ADOPTED, at once   ─> the process before
 *                                                 └ REFUSED, by main   ─> the process before
 *   main ─ worker_take_answer, _word ─> manager/rpc_owed.h ─> the client
 *
 * ADOPTED is said by the worker itself, before the turn in which it adopts has read or written
 * anything: whatever becomes of this process afterwards, the one before knows whose the connection
 * was.
 *
 * Owner: the worker embeds it. Thread: the worker's. */
#ifndef SERVER_WORKER_ADOPTING_H
#define SERVER_WORKER_ADOPTING_H

#include <stdbool.h>

struct worker;

struct worker_adopting {
	int socket;   /* of the channel; main's. -1: there is none */
	bool is_over; /* the process before has ended: no answers come any more */
};

/* What follows is posted by main. Those with an argument on the heap free it. */

/* socket: int, borrowed until worker_adopting_end. */
void worker_adopting_begin(struct worker *worker, void *socket);
void worker_adopt(struct worker *worker, void *handover);
/* A whole struct upgrade_message, ANSWER or CONNECTION_WORD. */
void worker_take_answer(struct worker *worker, void *message);
void worker_take_word(struct worker *worker, void *message);
/* MAIN_ADOPTING_OVER follows: all that was to be adopted is. */
void worker_adopting_end(struct worker *worker, void *unused);

#endif
