/* The process that serves, ready to be replaced: listens at the meeting's path, greets a successor
 * and walks the steps of hotrestart/old_steps.h with it.
 *
 *   giver_listen ─ on connect ─ messages ─> old_step_of ─> struct giver_type's functions
 *
 * Owner: the server embeds it. Thread: main. Timers: one, of the state (old_state_limit_ms); one,
 * once a second while LEAVING, for the tail sections. One peer at a time; others hear why not. */
#ifndef HOTRESTART_GIVER_H
#define HOTRESTART_GIVER_H

#include <sys/types.h>

#include "hotrestart/channel.h"
#include "hotrestart/meeting.h"
#include "hotrestart/old_steps.h"
#include "hotrestart/passed_sockets.h"
#include "hotrestart/section.h"

struct giver;

enum { GIVER_REASON_MAX = 1024, GIVER_FIRST_TAIL_MS = 50, GIVER_TAIL_MS = 1000 };

/* What the process does at the steps. owner is the giver's. */
struct giver_type {
	/* Adds every listening socket, in the order in which they were opened. */
	void (*list_sockets)(void *owner, struct passed_sockets *sockets);
	/* Accept no more, close the admin page, stand still at a turn's end: giver_parked when all
	 * do, giver_parked in a later turn of the loop. */
	void (*park)(void *owner);
	/* All of that undone, at any point of it. */
	void (*take_back)(void *owner);
	/* Go on with what is in flight, accepting nothing: giver_empty when nothing is. */
	void (*leave)(void *owner);
	/* The process ends. */
	void (*end)(void *owner);
	/* A connection's word from new (LEAVING only). May be NULL: nothing was handed over. */
	void (*word)(void *owner, const struct upgrade_message *message);
	/* New has gone (LEAVING only): what it hasn't adopted is this process's again. May be NULL.
	 */
	void (*reclaim)(void *owner);
	/* Why this process can't be replaced now; NULL: it can. */
	const char *(*is_busy)(void *owner);
};

struct giver_options {
	const struct giver_type *type;
	void *owner;
	struct loop *loop;
	const struct meeting *meeting;
	const struct section *sections;
	size_t section_count;
	uint32_t epoch; /* this process's */
	uint32_t workers;
	uint64_t start_wall_ns; /* of the service's first process */
};

struct giver {
	struct giver_options options;
	struct io listening;
	bool is_listening;
	struct channel channel;
	struct timer timer, tail_timer;
	enum old_state state;
	pid_t child;  /* the successor started here; 0: none, or known to be over */
	int newcomer; /* while an event says that it is there; -1 */
	uint64_t refusals, successes;
	char reason[GIVER_REASON_MAX]; /* why the last one failed; "" */
};

void giver_init(struct giver *giver);
/* From now on it can be replaced. Needs the right to serve. */
enum status MUST_CHECK giver_listen(struct giver *giver, const struct giver_options *options,
				    struct diag *diag);
/* Ends everything without a word. The path stays: who comes next replaces it. */
void giver_close(struct giver *giver);

/* Why no upgrade may begin now; NULL: one may. Borrowed. */
const char *giver_refusal(const struct giver *giver);

/* A successor was started. giver_refusal must have been NULL. */
void giver_called(struct giver *giver, pid_t child);
/* A successor that was to be started couldn't. */
void giver_call_failed(struct giver *giver, const char *reason);
/* status: waitpid's. Others' children are none of its business. */
void giver_child_ended(struct giver *giver, pid_t child, int status);
void giver_parked(struct giver *giver);
void giver_empty(struct giver *giver);
void giver_deadline(struct giver *giver);
/* What new says (LEAVING only) can't be true: it isn't listened to any more. */
void giver_distrust(struct giver *giver);
/* The process is about to end for another reason. */
void giver_stop(struct giver *giver);

/* Its sockets are a successor's, too, which doesn't serve yet. */
static inline bool giver_shares_sockets(const struct giver *giver)
{
	return giver->state >= OLD_OFFERED && giver->state <= OLD_PARKED;
}

static inline bool giver_is_leaving(const struct giver *giver)
{
	return giver->state == OLD_LEAVING;
}

#endif
