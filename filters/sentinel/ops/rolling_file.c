#include "filters/sentinel/ops/rolling_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attributes.h"
#include "filters/sentinel/ops/log_folder.h"

void rolling_file_init(struct rolling_file *file, const char *folder, const char *name,
		       int64_t size_max, unsigned backups)
{
	*file = (struct rolling_file){.size_max = size_max, .backups = backups, .fd = -1};
	invariant(asprintf(&file->path, "%s/%s", folder, name) >= 0);
	file->base_len = strlen(file->path);
}

void rolling_file_init_numbered(struct rolling_file *file, const char *folder, const char *name,
				int64_t size_max, unsigned files)
{
	*file = (struct rolling_file){.size_max = size_max, .backups = files - 1, .fd = -1};
	invariant(asprintf(&file->path, "%s/%s.0", folder, name) >= 0);
	file->base_len = strlen(file->path) - 2;
}

static void shut(struct rolling_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

void rolling_file_close(struct rolling_file *file)
{
	shut(file);
	free(file->path);
	file->path = NULL;
}

static char *path_with(const struct rolling_file *file, const char *suffix, unsigned number)
{
	char *path;

	int len = number ? asprintf(&path, "%.*s.%u", (int)file->base_len, file->path, number)
			 : asprintf(&path, "%s%s", file->path, suffix);
	invariant(len >= 0);
	return path;
}

static enum status open_it(struct rolling_file *file)
{
	char *end = strrchr(file->path, '/');
	enum status status;

	*end = 0;
	status = log_folder_make(file->path);
	*end = '/';
	if (status)
		return status;
	file->fd = open(file->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	return file->fd < 0 ? status_of_errno(errno) : STATUS_OK;
}

/* Whether what is open is still what the path names. */
static bool is_current(const struct rolling_file *file)
{
	struct stat own, named;

	return file->fd >= 0 && !fstat(file->fd, &own) && !stat(file->path, &named) &&
	       own.st_ino == named.st_ino && own.st_dev == named.st_dev;
}

static bool is_full(const struct rolling_file *file)
{
	struct stat about;

	return !fstat(file->fd, &about) && about.st_size >= file->size_max;
}

/* path.2 to path.3, path.1 to path.2, path to path.1: what can't be renamed stays, and grows. */
static void rename_all(struct rolling_file *file)
{
	for (unsigned number = file->backups; number > 0; number--) {
		char *from = path_with(file, "", number - 1), *to = path_with(file, "", number);
		(void)!rename(from, to);
		free(from);
		free(to);
	}
	shut(file);
}

static void roll(struct rolling_file *file)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char *lock_path = path_with(file, ".lock", 0);
	int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (lock >= 0 && !fcntl(lock, F_SETLK, &whole)) {
		if (is_current(file)) /* nobody has renamed it meanwhile */
			rename_all(file);
		unlink(lock_path);
	}
	if (lock >= 0)
		close(lock);
	free(lock_path);
}

static enum status write_all(int fd, struct slice data)
{
	while (data.len) {
		ssize_t n = write(fd, data.data, data.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return status_of_errno(errno);
		data = slice_sub(data, (size_t)n, data.len);
	}
	return STATUS_OK;
}

enum status rolling_file_append(struct rolling_file *file, struct slice lines)
{
	enum status status = STATUS_OK;

	if (!lines.len)
		return STATUS_OK;
	if (!is_current(file)) {
		shut(file);
		status = open_it(file);
	}
	if (!status)
		status = write_all(file->fd, lines);
	if (!status && is_full(file))
		roll(file);
	return status;
}
