#include "message/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FIRST_READ = 64 * 1024,
};

static enum status fail(const char *path, enum status status, struct diag *diag)
{
	snprintf(diag->file, sizeof diag->file, "%s", path);
	diag->line = diag->column = 0;
	diag_set(diag, "can't be read: %s", status_text(status));
	return status;
}

/* Reads to the end. *data grows and is the caller's even after a failure. */
static enum status read_all(int fd, size_t max_bytes, char **data, size_t *len)
{
	struct stat info;
	size_t room = FIRST_READ;

	if (!fstat(fd, &info) && S_ISREG(info.st_mode) && info.st_size > 0 &&
	    (size_t)info.st_size < max_bytes)
		room = (size_t)info.st_size + 1;
	for (;;) {
		if (!*data || *len == room) {
			room = *data ? room * 2 : room;
			*data = realloc(*data, room);
			invariant(*data);
		}
		ssize_t got = read(fd, *data + *len, room - *len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return status_of_errno(errno);
		if (!got)
			return STATUS_OK;
		*len += (size_t)got;
		if (*len > max_bytes)
			return STATUS_TOO_LARGE;
	}
}

enum status text_file_read(const char *path, size_t max_bytes, struct slice *text,
			   struct diag *diag)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *data = NULL;
	size_t len = 0;

	if (fd < 0)
		return fail(path, status_of_errno(errno), diag);
	enum status status = read_all(fd, max_bytes, &data, &len);
	close(fd);
	if (status) {
		free(data);
		return fail(path, status, diag);
	}
	*text = slice_make(data, len);
	return STATUS_OK;
}
