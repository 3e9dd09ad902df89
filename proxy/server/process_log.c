#include "server/process_log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"
#include "server/options.h"

enum { FILE_MODE = 0644 };

/* Not blocking: a pipe without a reader may not hold up the start. */
static int open_file(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, FILE_MODE);
}

enum status process_log_open(struct process_log *log, const char *path, struct diag *diag)
{
	*log = (struct process_log){.fd = -1};
	if (!path)
		return STATUS_OK;
	int fd = open_file(path);
	if (fd < 0)
		return diag_at(diag, "--log-path", "cannot open '%s': %s", path,
			       status_text(status_of_errno(errno)));
	*log = (struct process_log){.path = path, .fd = fd};
	log_set_fd(fd);
	return STATUS_OK;
}

enum status process_log_set_up(struct process_log *log, const struct options *options,
			       struct diag *diag)
{
	enum status status = STATUS_OK;

	*log = (struct process_log){.fd = -1};
	log_set_level(options->log_level);
	if (options->component_log_level)
		status = log_set_component_levels(slice_of(options->component_log_level), diag);
	if (!status && options->log_format)
		status = log_set_format(slice_of(options->log_format), diag);
	return status ? status : process_log_open(log, options->log_path, diag);
}

/* The new file takes the descriptor's number: whoever is writing notices nothing. */
void process_log_reopen(struct process_log *log)
{
	if (!log->path)
		return;
	int fd = open_file(log->path);
	if (fd < 0 || dup3(fd, log->fd, O_CLOEXEC) < 0)
		log_error(MAIN, "--log-path: cannot reopen '%s': %s", log->path,
			  status_text(status_of_errno(errno)));
	if (fd >= 0)
		close(fd);
}

void process_log_close(struct process_log *log)
{
	if (!log->path)
		return;
	log_set_fd(STDERR_FILENO);
	close(log->fd);
	log->path = NULL;
}
