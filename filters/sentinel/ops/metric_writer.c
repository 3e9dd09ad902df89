#include "filters/sentinel/ops/metric_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/attributes.h"
#include "filters/sentinel/ops/local_time.h"
#include "filters/sentinel/ops/log_folder.h"
#include "filters/sentinel/ops/metric_files.h"

enum { DAY_SECONDS = 86400 };

void metric_writer_init(struct metric_writer *writer, const char *folder, const char *base,
			int64_t file_size, unsigned files, int64_t now_ms)
{
	*writer = (struct metric_writer){
		.folder = folder,
		.base = base,
		.file_size = file_size > 0 ? file_size : METRIC_FILE_SIZE,
		.files = files ? files : METRIC_FILES,
		.last = now_ms / 1000,
		.epoch = local_time_epoch(),
		.metric = -1,
		.index = -1,
	};
}

static char *join(const char *folder, const char *name, const char *suffix)
{
	char *path;

	invariant(asprintf(&path, "%s/%s%s", folder, name, suffix) >= 0);
	return path;
}

static void remove_file(const struct metric_writer *writer, const char *name)
{
	char *path = join(writer->folder, name, ""), *index = join(writer->folder, name, ".idx");

	unlink(path); /* what can't be removed stays, and is tried again with the next file */
	unlink(index);
	free(path);
	free(index);
}

static int open_new(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

void metric_writer_close(struct metric_writer *writer)
{
	if (writer->metric >= 0)
		close(writer->metric);
	if (writer->index >= 0)
		close(writer->index);
	free(writer->path);
	free(writer->index_path);
	writer->path = writer->index_path = NULL;
	writer->metric = writer->index = -1;
}

static enum status open_next(struct metric_writer *writer, int64_t second)
{
	const struct local_time time = local_time_of(second);
	struct metric_files files;
	enum status status = log_folder_make(writer->folder);

	metric_writer_close(writer);
	if (status)
		return status;
	metric_files_list(&files, writer->folder, writer->base);
	char *name = metric_files_next(&files, writer->base, local_time_date(&time));
	for (size_t i = 0; i + writer->files < files.count + 1; i++)
		remove_file(writer, files.names[i]);
	metric_files_free(&files);
	writer->path = join(writer->folder, name, "");
	writer->index_path = join(writer->folder, name, ".idx");
	free(name);
	writer->metric = open_new(writer->path);
	if (writer->metric >= 0)
		writer->index = open_new(writer->index_path);
	if (writer->index >= 0)
		return STATUS_OK;
	status = status_of_errno(errno);
	metric_writer_close(writer);
	return status;
}

static enum status write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return status_of_errno(errno);
		data += n;
		len -= (size_t)n;
	}
	return STATUS_OK;
}

static void put_long(unsigned char *out, int64_t value)
{
	for (int i = 0; i < 8; i++)
		out[i] = (unsigned char)((uint64_t)value >> (56 - 8 * i));
}

static int64_t position(const struct metric_writer *writer)
{
	return (int64_t)lseek(writer->metric, 0, SEEK_CUR);
}

static enum status write_index(const struct metric_writer *writer, int64_t second)
{
	unsigned char pair[16];

	put_long(pair, second);
	put_long(pair + 8, position(writer));
	return write_all(writer->index, (const char *)pair, sizeof pair);
}

static bool is_there(const struct metric_writer *writer)
{
	return writer->path && !access(writer->path, F_OK) && !access(writer->index_path, F_OK);
}

static bool is_new_day(const struct metric_writer *writer, int64_t second)
{
	return (second - writer->epoch) / DAY_SECONDS >
	       (writer->last - writer->epoch) / DAY_SECONDS;
}

/* The pair of a second that has begun, and the file of a day that has. */
static enum status begin_second(struct metric_writer *writer, int64_t second)
{
	enum status status = write_index(writer, second);

	if (!status && is_new_day(writer, second))
		status = open_next(writer, second);
	writer->last = second;
	return status;
}

enum status metric_writer_write(struct metric_writer *writer, int64_t time_ms, struct slice lines)
{
	int64_t second = time_ms / 1000;
	enum status status = is_there(writer) ? STATUS_OK : open_next(writer, second);

	if (status || second < writer->last)
		return status;
	if (second > writer->last)
		status = begin_second(writer, second);
	if (!status)
		status = write_all(writer->metric, lines.data, lines.len);
	if (!status && position(writer) >= writer->file_size)
		status = open_next(writer, second);
	return status;
}
