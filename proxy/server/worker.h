/* A worker: one thread with its loop, connections, streams, pools and stat shard.
 *
 *   main: worker_new ─ publish … ─ worker_start ─ worker_stop ─ join ─ worker_free
 *                                  └ mailbox ─> loop
 *
 * Owner: the server. Thread: main makes and frees it; in between all but the mailbox is its own
 * thread's. */
#ifndef SERVER_WORKER_H
#define SERVER_WORKER_H

#include <pthread.h>
#include <stdbool.h>

#include "net/loop.h"
#include "net/mailbox.h"
#include "server/publisher.h"
#include "server/worker_adopting.h"
#include "server/worker_drain.h"
#include "server/worker_giving.h"
#include "stream/worker_context.h"

struct publication;
struct server;
struct worker_listener;

struct worker {
	struct worker_context context;
	struct loop loop;
	struct mailbox mailbox;
	struct mailbox *main_mailbox;
	struct publication *publications; /* arrived, not applied in full yet: oldest first */
	pthread_t thread;
	bool is_started;
	struct worker_listener **listeners; /* by listener slot; NULL: none */
	uint32_t listener_size;
	struct timer flush_timer; /* of access logs, once a second */
	struct worker_drains drains;
	struct worker_giving giving;
	struct worker_adopting adopting;
	bool is_over;        /* it closes everything */
	bool shares_sockets; /* another process listens on them, too: they are never shut down */
	void (*turn_end)(struct worker *worker, void *arg); /* worker_at_turn_end's; NULL: none */
	void *turn_end_arg;
};

/* STATUS_EXHAUSTED when the system has no more event sets. */
struct worker *worker_new(unsigned index, struct mailbox *main_mailbox, struct stats *stats);
enum status MUST_CHECK worker_start(struct worker *worker);
/* Posts the end and joins. Connections are closed. */
void worker_stop(struct worker *worker);
void worker_free(struct worker *worker);

/* What a worker tells main, with a pointer each. */
enum main_event {
	MAIN_REFERENCE_BACK,   /* struct published: a version is no longer used here */
	MAIN_SOCKETS_RELEASED, /* struct listen_sockets: not accepted from any more for one version
				*/
	MAIN_HOST_REPORT,      /* struct host_report on the heap: what came of requests to a host */
	MAIN_ERRAND_DONE,      /* struct sentinel_errand: this worker has done it */
	MAIN_DRAINED,          /* the worker: its last connection has left */
	MAIN_DRAIN_LOOK,       /* struct drain_look on the heap: what is still open */
	MAIN_LISTENER_DRAIN,   /* struct listener_drain_event on the heap */
	MAIN_PARKED,           /* struct park: the worker stands still */
	MAIN_GIVEN,            /* struct given on the heap: a connection for the successor */
	MAIN_GIVING_OVER,      /* the worker: it gives no more */
	MAIN_ADOPTING_OVER,    /* the worker: it adopts no more */
	MAIN_SAYS,             /* struct worker_saying on the heap */
};
void worker_tell_main(struct worker *worker, enum main_event event, void *subject);

/* Runs fn(worker, arg) on the worker's thread, in the order of the posts. */
void worker_post(struct worker *worker, void (*fn)(struct worker *worker, void *arg), void *arg);

/* On its thread: fn(worker, arg) once at the end of this turn, when all output is written. One at a
 * time. */
void worker_at_turn_end(struct worker *worker, void (*fn)(struct worker *worker, void *arg),
			void *arg);

/* From publication messages: on its thread. */
void worker_apply(struct worker *worker, const struct publication_change *change);

#endif
