/* The file of --log-path: where the process's own log goes instead of standard error.
 *
 * Opened for appending, made if new; opened anew after it was moved away (SIGUSR1, /reopen_logs).
 * Owner: the server. Thread: main; base/log.h writes from any. */
#ifndef SERVER_PROCESS_LOG_H
#define SERVER_PROCESS_LOG_H

#include "base/diag.h"
#include "base/status.h"

struct options;

struct process_log {
	const char *path; /* NULL: standard error */
	int fd;
};

/* Borrows the path, which may be NULL. STATUS_INVALID with path and reason if it can't be opened
 * (a pipe that nobody reads is such a one). */
enum status MUST_CHECK process_log_open(struct process_log *log, const char *path,
					struct diag *diag);

/* All that the command line says of the log. STATUS_INVALID with flag and reason. */
enum status MUST_CHECK process_log_set_up(struct process_log *log, const struct options *options,
					  struct diag *diag);

/* If it fails, the file that is open stays, and says why. */
void process_log_reopen(struct process_log *log);

/* Lines go to standard error again. */
void process_log_close(struct process_log *log);

#endif
