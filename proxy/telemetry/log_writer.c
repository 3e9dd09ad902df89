#include "telemetry/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "base/log.h"
#include "telemetry/log_files.h"
#include "telemetry/stats_server.h"

enum { WAIT_MS = 200 }; /* for a file that takes nothing, before it is seen that the process ends */

/* Opens the file anew when that was asked for. A failure keeps the old one, and is tried again. */
static void reopen_if_asked(struct access_log_files *files, struct log_file *file)
{
	unsigned generation = atomic_load(&files->generation);
	if (file->generation == generation || file->is_standard)
		return;
	if (log_file_connect(file))
		stat_inc(files->shard, files->scope, FILESYSTEM_STAT_REOPEN_FAILED);
	else
		file->generation = generation;
}

/* False: the process ends, and the file still takes nothing. */
static bool wait_until_writable(struct access_log_files *files, int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	for (;;) {
		bool is_stopping = atomic_load(&files->is_stopping);
		if (poll(&wait, 1, WAIT_MS) > 0)
			return true;
		if (is_stopping)
			return false;
	}
}

/* What may block is written in pieces that a pipe which is writable takes whole. */
static bool write_all(struct access_log_files *files, const struct log_file *file, const char *data,
		      size_t len)
{
	while (len) {
		size_t piece = file->may_block && len > PIPE_BUF ? PIPE_BUF : len;
		if (file->may_block && !wait_until_writable(files, file->fd))
			return false;
		ssize_t n = write(file->fd, data, piece);
		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno != EINTR && errno != EAGAIN) {
			return false;
		}
	}
	return true;
}

static void write_block(struct access_log_files *files, const struct log_block *block)
{
	struct stats_shard *shard = files->shard;
	const struct stat_scope *scope = files->scope;
	reopen_if_asked(files, block->file);
	bool is_written = write_all(files, block->file, block->data, block->len);
	stat_inc(shard, scope,
		 is_written ? FILESYSTEM_STAT_WRITE_COMPLETED : FILESYSTEM_STAT_WRITE_FAILED);
	stat_gauge_sub(shard, scope, FILESYSTEM_STAT_WRITE_TOTAL_BUFFERED, block->len);
}

/* What was taken, oldest first, counted as waiting. */
static struct log_block *in_order(struct access_log_files *files, struct log_block *newest)
{
	struct log_block *oldest = NULL;
	while (newest) {
		struct log_block *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
		stat_add(files->shard, files->scope, FILESYSTEM_STAT_WRITE_BUFFERED, oldest->lines);
		stat_gauge_add(files->shard, files->scope, FILESYSTEM_STAT_WRITE_TOTAL_BUFFERED,
			       oldest->len);
		if (oldest->is_by_timer)
			stat_inc(files->shard, files->scope, FILESYSTEM_STAT_FLUSHED_BY_TIMER);
	}
	return oldest;
}

static void give_back(struct log_block *block)
{
	struct log_worker *owner = block->owner;
	atomic_fetch_sub_explicit(&block->file->waiting, 1, memory_order_relaxed);
	struct log_block *newest = atomic_load_explicit(&owner->returned, memory_order_relaxed);
	do
		block->next = newest;
	while (!atomic_compare_exchange_weak_explicit(&owner->returned, &newest, block,
						      memory_order_release, memory_order_relaxed));
}

void log_writer_run(struct access_log_files *files)
{
	for (;;) {
		bool is_stopping = atomic_load(&files->is_stopping);
		struct log_block *block = in_order(
			files, atomic_exchange_explicit(&files->queue, NULL, memory_order_acquire));
		unsigned lines = log_drain();
		if (!block && is_stopping)
			return;
		if (!block && !lines)
			while (sem_wait(&files->wake) && errno == EINTR)
				;
		while (block) {
			struct log_block *next = block->next;
			write_block(files, block);
			give_back(block);
			block = next;
		}
	}
}

void log_writer_wake(void *files)
{
	struct access_log_files *f = files;
	sem_post(&f->wake);
}

void log_writer_stop(struct access_log_files *files)
{
	atomic_store(&files->is_stopping, true);
	log_writer_wake(files);
}
