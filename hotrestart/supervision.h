/* What a supervisor decides, without any I/O: an event in, what to do out.
 *
 *   IDLE ─ call, nobody serves ─> STARTING ─ ready ─> SERVING <─── ready: renews itself ──┐
 *    ^                               │                 │   │ call                         │
 *    │                               │ ends:           │   └──> UPGRADING ────────────────┘
 *    │                               │ its code        │            │ successor ends: as before
 *    │                               v                 │            │ current ends: STARTING
 *    │                          ENDING, END            │ replaced by another container's
 *    └──── twin ──── LEAVING <─────────────────────────┘
 *                       └── ends: END with its code, unless there is a twin
 *
 *   told to end (SIGTERM): ENDING ─ all have ended ─> END with the current child's code
 *
 * The current child is the one that serves, or is to serve first; only its end counts. A child that
 * was replaced drains (leaving) and is waited for, but only when this container was told to end. In
 * a twin (hotrestart/sidecarset.h) a container whose service has gone to the other one idles: if it
 * ended, it would be started again, and the pod be not ready meanwhile. What was started out of
 * idleness and can't serve leaves it idle again.
 *
 * Owner: struct supervisor. Thread: main. A child is a process id, 0: none. */
#ifndef HOTRESTART_SUPERVISION_H
#define HOTRESTART_SUPERVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/slice.h"

enum {
	SUPERVISION_LEAVING_MAX = 8,
	SUPERVISION_TEXT_MAX = 192, /* of supervision_write */
	SUPERVISION_REFUSED = 3,    /* exit code of a child that couldn't take over */
};

enum supervision_state {
	SUPERVISION_IDLE,
	SUPERVISION_STARTING,
	SUPERVISION_SERVING,
	SUPERVISION_UPGRADING,
	SUPERVISION_LEAVING,
	SUPERVISION_ENDING,
};

/* Bits. */
enum supervision_action {
	SUPERVISION_START = 1,        /* a child: supervision_started follows */
	SUPERVISION_RENEW = 2,        /* a newer program serves: become it (execve) */
	SUPERVISION_END = 4,          /* with the code */
	SUPERVISION_FORWARD = 8,      /* to those who serve, or will */
	SUPERVISION_FORWARD_ALL = 16, /* to those who leave, too */
};

struct supervision {
	pid_t current, successor;
	pid_t leaving[SUPERVISION_LEAVING_MAX];
	unsigned leaving_count;
	int code;            /* what this process ends with */
	bool is_twin;        /* idles, rather than ends, when another container has the service */
	bool is_live;        /* current has said READY */
	bool is_newer;       /* current was started after this process: its program may be newer */
	bool is_out_of_idle; /* current was: its failure changes nothing */
	bool has_begun;      /* what is started from now on isn't the first of this container */
	bool is_ending;
};

/* begins_idle: what is started later is out of idleness. */
void supervision_init(struct supervision *s, bool is_twin, bool begins_idle);

/* SIGUSR2, the start, or nobody serves: START, or 0 with the reason why none may be started now. */
unsigned supervision_call(struct supervision *s, const char **refusal);
/* After START. 0: it couldn't be started; END follows if there is nothing else to do. */
unsigned supervision_started(struct supervision *s, pid_t child);
/* It is in charge of the service. */
unsigned supervision_ready(struct supervision *s, pid_t child);
/* Somebody else is: the successor, or a process of another container. */
unsigned supervision_replaced(struct supervision *s, pid_t child);
/* As waitpid says; children that nobody knows (orphans) too. */
unsigned supervision_ended(struct supervision *s, pid_t child, int status);
/* SIGTERM: those who leave already go on, unless it isn't the first. is_at_once: SIGINT, which is
 * for all. */
unsigned supervision_end(struct supervision *s, bool is_at_once);

enum supervision_state supervision_state(const struct supervision *s);
/* The service is where it should be: here, going to the successor, in another container, or nowhere
 * as this one idles. */
bool supervision_is_well(const struct supervision *s);
/* "SERVING" */
const char *supervision_state_name(enum supervision_state state);
/* Whose message this may be. */
bool supervision_knows(const struct supervision *s, pid_t child);
/* What waitpid's status is as an exit code: 128 + the signal that killed it. */
int supervision_code_of(int status);

/* What the program that this process becomes can't find out anew, as text: its own id, the
 * descriptor that it hears its children by, and who they are; there is a current one.
 * SUPERVISION_TEXT_MAX bytes. */
void supervision_write(const struct supervision *s, pid_t self, int notify, char *text);
/* False, and nothing changed: this isn't such a text, or another process's. */
bool supervision_read(struct supervision *s, struct slice text, pid_t self, int *notify);

#endif
