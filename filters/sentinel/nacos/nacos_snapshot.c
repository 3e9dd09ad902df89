#include "filters/sentinel/nacos/nacos_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/log.h"
#include "filters/sentinel/ops/log_folder.h"
#include "message/text_file.h"

bool nacos_snapshot_read(const char *path, size_t max_bytes, struct slice *text)
{
	struct diag diag = {.line = 0};

	if (access(path, F_OK))
		return false;
	if (!text_file_read(path, max_bytes, text, &diag))
		return true;
	log_warn(SENTINEL, "snapshot %s: %s", path, diag.text);
	return false;
}

static enum status make_folder_of(const char *path)
{
	char *folder = strdup(path);
	enum status status;

	invariant(folder);
	*strrchr(folder, '/') = 0;
	status = log_folder_make(folder);
	free(folder);
	return status;
}

static enum status write_all(int fd, struct slice text)
{
	for (size_t done = 0; done < text.len;) {
		ssize_t n = write(fd, text.data + done, text.len - done);
		if (n < 0 && errno != EINTR)
			return status_of_errno(errno);
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) ? status_of_errno(errno) : STATUS_OK;
}

static enum status write_beside(const char *beside, const char *path, struct slice text)
{
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	enum status status;

	if (fd < 0)
		return status_of_errno(errno);
	status = write_all(fd, text);
	if (close(fd) && !status)
		status = status_of_errno(errno);
	if (!status && rename(beside, path))
		status = status_of_errno(errno);
	if (status)
		unlink(beside);
	return status;
}

void nacos_snapshot_write(const char *path, struct slice text)
{
	enum status status = make_folder_of(path);
	char *beside;

	invariant(asprintf(&beside, "%s.%ld", path, (long)gettid()) > 0);
	if (!status)
		status = write_beside(beside, path, text);
	if (status)
		log_warn(SENTINEL, "snapshot %s can't be written: %s", path, status_text(status));
	free(beside);
}

void nacos_snapshot_remove(const char *path)
{
	if (unlink(path) && errno != ENOENT)
		log_warn(SENTINEL, "snapshot %s can't be removed: %s", path,
			 status_text(status_of_errno(errno)));
}
