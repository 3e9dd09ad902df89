/* The process that starts the one that serves, and replaces it: process 1 of a container, or any
 * with --supervise.
 *
 *   supervisor (pid file) ─ fork ─> the process that serves ── READY=1 ──> supervisor
 *       SIGUSR2 ─ fork ─> its successor, which takes over by itself ── READY=1 ──> supervisor,
 *                         which becomes the newer program too (execve: same pid, same children)
 *
 * It has no part in the upgrade itself: it starts processes, hears who serves (hotrestart/notify.h:
 * it knows senders by the kernel's word, so nobody else can say it), passes signals on, reaps
 * whatever process 1 must reap. What it decides stands in hotrestart/supervision.h.
 *
 * Owner: main. Thread: its only one. No timer, but for a twin that idles: it looks once a second
 * whether somebody serves, and after STANDBY_LOOKS looks without serves itself. */
#ifndef SERVER_SUPERVISOR_H
#define SERVER_SUPERVISOR_H

#include <stdbool.h>

struct options;

enum {
	SUPERVISOR_LOOK_MS = 1000,
	SUPERVISOR_STANDBY_LOOKS = 10,
	SUPERVISOR_AWAIT_MS = 180000, /* longer than an upgrade may take */
};

/* Sees whether this process is the child of a supervisor: then the pid file is that one's. */
void supervisor_find(struct options *options);

/* With --upgrade-socket: process 1, --supervise, --ready-file, or one of a SidecarSet's twins. */
bool supervisor_is_wanted(const struct options *options);

/* Until it is told to end, or the process that serves ends; the process's exit code. */
int supervisor_run(const struct options *options);

/* --mode await: until the ready file is there. 0, or 1 after SUPERVISOR_AWAIT_MS. */
int supervisor_await(const struct options *options);

#endif
