#include "spool/spool_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/attributes.h"
#include "base/log.h"

enum {
	NAME_SIZE = 24,
	FILE_MODE = 0600, /* requests may hold secrets */
	FOLDER_MODE = 0700,
	SEGMENT_READ_MAX = 1 << 30, /* nobody wrote a larger one */
};

static void segment_name(char name[NAME_SIZE], uint32_t number)
{
	snprintf(name, NAME_SIZE, "%010u.segment", number);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void spool_files_init(struct spool_files *files)
{
	*files = (struct spool_files){
		.folder = -1, .lock = -1, .write_fd = -1, .read_fd = -1, .next_number = 1};
}

void spool_files_close(struct spool_files *files)
{
	close_fd(&files->read_fd);
	close_fd(&files->write_fd);
	close_fd(&files->folder);
	close_fd(&files->lock);
	free(files->segments);
	spool_files_init(files);
}

/* --- segments --- */

static struct spool_segment *find(const struct spool_files *files, uint32_t number)
{
	for (uint32_t i = files->count; i--;) /* there are few, and mostly the last is meant */
		if (files->segments[i].number == number)
			return &files->segments[i];
	return NULL;
}

static struct spool_segment *add(struct spool_files *files, uint32_t number, uint64_t bytes)
{
	if (files->count == files->size) {
		files->size = files->size ? files->size * 2 : 16;
		files->segments = realloc(files->segments, files->size * sizeof *files->segments);
		invariant(files->segments);
	}
	struct spool_segment *segment = &files->segments[files->count++];
	*segment = (struct spool_segment){.number = number, .bytes = bytes};
	files->bytes += bytes;
	if (number >= files->next_number)
		files->next_number = number + 1;
	return segment;
}

void spool_files_count(struct spool_files *files, uint32_t number, bool is_more)
{
	struct spool_segment *segment = find(files, number);

	invariant(segment && (is_more || segment->live));
	segment->live += is_more ? 1 : UINT32_MAX;
}

/* The last one, too, is left for a new one when it has grown and nothing in it lives: or it would
 * take the room of the request that it waits for. */
static void rest_if_over(struct spool_files *files)
{
	const struct spool_segment *last = files->count ? &files->segments[files->count - 1] : NULL;

	if (last && !last->live && last->bytes >= files->segment_bytes / 2) {
		close_fd(&files->write_fd);
		files->is_dirty = false; /* all of it is over */
	}
}

void spool_files_trim(struct spool_files *files)
{
	uint32_t gone = 0;

	rest_if_over(files);
	uint32_t may_go = files->count - (files->write_fd >= 0);

	for (; gone < may_go && !files->segments[gone].live; gone++) {
		const struct spool_segment *segment = &files->segments[gone];
		char name[NAME_SIZE];
		segment_name(name, segment->number);
		if (unlinkat(files->folder, name, 0) && errno != ENOENT)
			break;
		files->bytes -= segment->bytes;
		if (files->read_number == segment->number)
			close_fd(&files->read_fd);
	}
	files->count -= gone;
	if (gone)
		memmove(files->segments, files->segments + gone,
			files->count * sizeof *files->segments);
}

/* --- opening --- */

static enum status take_lock(struct spool_files *files)
{
	files->lock = openat(files->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	if (files->lock < 0)
		return status_of_errno(errno);
	if (!flock(files->lock, LOCK_EX | LOCK_NB))
		return STATUS_OK;
	return errno == EWOULDBLOCK ? STATUS_EXISTS : status_of_errno(errno);
}

/* The folder is new: it stands in the one above it. */
static enum status sync_above(const struct spool_files *files)
{
	int above = openat(files->folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum status status = STATUS_OK;

	if (above < 0 || fsync(above))
		status = status_of_errno(errno);
	close_fd(&above);
	return status;
}

enum status spool_files_open(struct spool_files *files, const char *path, uint64_t segment_bytes)
{
	enum status status = STATUS_OK;

	spool_files_init(files);
	files->segment_bytes = segment_bytes;
	bool is_new = !mkdir(path, FOLDER_MODE);
	if (!is_new && errno != EEXIST)
		return status_of_errno(errno);
	files->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (files->folder < 0)
		return status_of_errno(errno);
	if (is_new && (status = sync_above(files)))
		rmdir(path); /* or nobody would try it again */
	if (!status)
		status = take_lock(files);
	if (status)
		spool_files_close(files);
	return status;
}

/* --- recovery --- */

/* The number of a segment's name; 0: it is none. */
static uint32_t number_of(const char *name)
{
	char again[NAME_SIZE];
	unsigned long number = strtoul(name, NULL, 10);

	if (!number || number > UINT32_MAX)
		return 0;
	segment_name(again, (uint32_t)number);
	return strcmp(name, again) == 0 ? (uint32_t)number : 0;
}

static int by_number(const void *a, const void *b)
{
	uint32_t left = ((const struct spool_segment *)a)->number,
		 right = ((const struct spool_segment *)b)->number;

	return (left > right) - (left < right);
}

static enum status list_segments(struct spool_files *files)
{
	int fd = openat(files->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!folder) {
		enum status status = status_of_errno(errno);
		close_fd(&fd);
		return status;
	}
	while ((entry = readdir(folder)))
		if (number_of(entry->d_name))
			add(files, number_of(entry->d_name), 0);
	closedir(folder);
	if (files->count)
		qsort(files->segments, files->count, sizeof *files->segments, by_number);
	return STATUS_OK;
}

/* All of a file; *bytes is malloc's. */
static enum status read_all(int fd, char **bytes, size_t *len)
{
	struct stat about;

	if (fstat(fd, &about))
		return status_of_errno(errno);
	if (about.st_size > SEGMENT_READ_MAX)
		return STATUS_TOO_LARGE;
	*bytes = malloc((size_t)about.st_size + 1);
	invariant(*bytes);
	for (*len = 0; *len < (size_t)about.st_size;) {
		ssize_t n = pread(fd, *bytes + *len, (size_t)about.st_size - *len, (off_t)*len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			enum status status = status_of_errno(errno);
			free(*bytes);
			return status;
		}
		if (!n)
			break;
		*len += (size_t)n;
	}
	return STATUS_OK;
}

/* How many of the bytes are whole records. */
static size_t show_records(struct slice bytes, uint32_t number, struct spool_found *found)
{
	size_t at = SPOOL_MAGIC_LEN;

	if (!slice_starts_with(bytes, SLICE(SPOOL_MAGIC)))
		return 0;
	for (;;) {
		struct spool_record record;
		ssize_t n = spool_record_read(slice_sub(bytes, at, bytes.len), &record);
		if (n < 0)
			return at;
		found->record(
			found->owner, &record,
			(struct spool_place){.segment = number, .len = (uint32_t)n, .at = at});
		at += (size_t)n;
	}
}

static enum status recover_segment(struct spool_files *files, uint32_t i, struct spool_found *found)
{
	struct spool_segment *segment = &files->segments[i];
	char name[NAME_SIZE], *bytes = NULL;
	size_t len = 0;

	segment_name(name, segment->number);
	int fd = openat(files->folder, name, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return status_of_errno(errno);
	enum status status = read_all(fd, &bytes, &len);
	if (!status) {
		size_t whole = show_records(slice_make(bytes, len), segment->number, found);
		free(bytes);
		files->segments[i].bytes = whole;
		files->bytes += whole;
		found->cut_bytes += len - whole;
		if ((whole < len && ftruncate(fd, (off_t)whole)) || fdatasync(fd))
			status = status_of_errno(errno);
	}
	close(fd);
	return status;
}

enum status spool_files_recover(struct spool_files *files, struct spool_found *found)
{
	enum status status = list_segments(files);

	for (uint32_t i = 0; !status && i < files->count; i++)
		status = recover_segment(files, i, found);
	if (!status && files->count && fsync(files->folder))
		status = status_of_errno(errno);
	return status;
}

/* --- writing --- */

/* All of it, or nothing that stays. */
static enum status write_all(int fd, struct iovec *iov, int count, uint64_t at)
{
	while (count) {
		ssize_t n = pwritev(fd, iov, count, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return status_of_errno(errno);
		at += (uint64_t)n;
		for (; count && (size_t)n >= iov->iov_len; iov++, count--)
			n -= (ssize_t)iov->iov_len;
		if (count) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return STATUS_OK;
}

/* No more goes to this segment. */
static void leave_writer(struct spool_files *files)
{
	files->is_in_doubt |= files->is_dirty;
	files->is_dirty = false;
	close_fd(&files->write_fd);
}

static enum status sync_writer(struct spool_files *files)
{
	if (!files->is_dirty)
		return STATUS_OK;
	if (fdatasync(files->write_fd)) {
		enum status status = status_of_errno(errno);
		leave_writer(files); /* the kernel forgets what it couldn't write */
		return status;
	}
	files->is_dirty = false;
	return STATUS_OK;
}

static enum status begin_segment(struct spool_files *files)
{
	char name[NAME_SIZE], magic[] = SPOOL_MAGIC;
	struct iovec iov = {magic, SPOOL_MAGIC_LEN};
	enum status status = sync_writer(files);

	if (status)
		return status;
	close_fd(&files->write_fd);
	segment_name(name, files->next_number);
	int fd = openat(files->folder, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
	if (fd < 0)
		return status_of_errno(errno);
	status = write_all(fd, &iov, 1, 0);
	if (!status && fsync(files->folder))
		status = status_of_errno(errno);
	if (status) {
		unlinkat(files->folder, name, 0);
		close(fd);
		return status;
	}
	files->write_fd = fd;
	add(files, files->next_number, SPOOL_MAGIC_LEN);
	return STATUS_OK;
}

enum status spool_files_append(struct spool_files *files, const struct spool_record *record,
			       struct spool_place *place)
{
	size_t size = spool_record_size(record);
	char front[SPOOL_REQUEST_FRONT];
	enum status status = STATUS_OK;

	if (files->write_fd < 0 ||
	    files->segments[files->count - 1].bytes + size > files->segment_bytes)
		status = begin_segment(files);
	if (status)
		return status;
	struct spool_segment *segment = &files->segments[files->count - 1];
	struct iovec iov[2] = {
		{front, spool_record_write(front, record)},
		{(void *)(uintptr_t)record->bytes.data, record->bytes.len},
	};
	status =
		write_all(files->write_fd, iov, record->type == SPOOL_OVER ? 1 : 2, segment->bytes);
	if (status) { /* what is left of it would hide what follows */
		if (ftruncate(files->write_fd, (off_t)segment->bytes))
			leave_writer(files);
		return status;
	}
	*place = (struct spool_place){
		.segment = segment->number, .len = (uint32_t)size, .at = segment->bytes};
	segment->bytes += size;
	files->bytes += size;
	files->is_dirty = true;
	return STATUS_OK;
}

enum status spool_files_sync(struct spool_files *files)
{
	enum status status = sync_writer(files);

	if (!status && files->is_in_doubt)
		status = status_of_errno(EIO);
	files->is_in_doubt = false;
	return status;
}

/* --- reading --- */

enum status spool_files_read(struct spool_files *files, struct spool_place place, char *out,
			     struct spool_record *record)
{
	char name[NAME_SIZE];

	if (files->read_fd < 0 || files->read_number != place.segment) {
		close_fd(&files->read_fd);
		segment_name(name, place.segment);
		files->read_fd = openat(files->folder, name, O_RDONLY | O_CLOEXEC);
		files->read_number = place.segment;
	}
	if (files->read_fd < 0)
		return status_of_errno(errno);
	for (uint32_t len = 0; len < place.len;) {
		ssize_t n =
			pread(files->read_fd, out + len, place.len - len, (off_t)(place.at + len));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? status_of_errno(errno) : STATUS_MALFORMED;
		len += (uint32_t)n;
	}
	return spool_record_read(slice_make(out, place.len), record) == (ssize_t)place.len
		       ? STATUS_OK
		       : STATUS_MALFORMED;
}
