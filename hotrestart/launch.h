/* How this process was started, so that another one can be started the same way: the same path
 * (which may lead to a newer program by then), arguments, directory and environment.
 *
 * What stands in /proc/self/exe is of no use later: it names the file that was, "(deleted)" behind
 * it. Owner: the server; arguments are main's. Thread: main. */
#ifndef HOTRESTART_LAUNCH_H
#define HOTRESTART_LAUNCH_H

#include <sys/types.h>

#include "base/diag.h"

struct launch {
	char *path; /* as it was called, or found when it was called by name alone */
	char *const *argv;
	int directory; /* -1: not known */
};

/* At the start, before anything changes the directory. */
void launch_save(struct launch *launch, char *const *argv);
void launch_free(struct launch *launch);

/* Starts it: with default signals, none blocked, and no descriptors but the first three (all others
 * are close-on-exec). STATUS_INVALID with the reason. */
enum status MUST_CHECK launch_spawn(const struct launch *launch, pid_t *child, struct diag *diag);

#endif
