/* The builder: one thread that reads files and builds what main must not spend its turns on.
 *
 *   main: builder_post(job) ─> run(job) on the builder's thread ─> mailbox ─> done(job) on main
 *
 * Jobs run one after the other, in the order of their posts. Owner: the server. Thread: main's, but
 * for `run`. */
#ifndef SERVER_BUILDER_H
#define SERVER_BUILDER_H

#include <pthread.h>
#include <stdbool.h>

#include "base/status.h"
#include "net/mailbox.h"

/* One piece of work. Embedded; the builder's from the post until `done`. */
struct builder_job {
	struct message message; /* on its way back */
	struct builder_job *next;
	void (*run)(struct builder_job *job);  /* the builder's thread */
	void (*done)(struct builder_job *job); /* main; owns the job from here */
};

struct builder {
	pthread_t thread;
	pthread_mutex_t lock; /* of first, last, is_stopping */
	pthread_cond_t woken;
	struct builder_job *first, *last;
	struct mailbox *mailbox; /* main's */
	bool is_started, is_stopping;
};

void builder_init(struct builder *builder, struct mailbox *mailbox);

/* Takes the job. The thread starts with the first one; a negative status when the system has no
 * thread left or the builder has stopped, and the job is the caller's again. */
enum status MUST_CHECK builder_post(struct builder *builder, struct builder_job *job);

/* Has object freed on the builder's thread: what is large would take main too long. On the caller's
 * own when there is no builder. Takes the object. */
void builder_bury(struct builder *builder, void (*free_object)(void *object), void *object);

/* Ends the thread after the job that it is at. Jobs that weren't run come back without: `done`
 * follows with the mailbox's next drain. */
void builder_stop(struct builder *builder);

#endif
