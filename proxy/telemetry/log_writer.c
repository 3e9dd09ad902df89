#include "telemetry/log_writer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "telemetry/log_files.h"
#include "telemetry/stats_server.h"

enum {
	WAIT_MS = 200,   /* for files that take nothing, when the process ends */
	POLLED_MAX = 64, /* of them are watched; others are tried again every WAIT_MS */
};

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

/* --- blocks, from the queue to their files and back --- */

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

static void count_waiting(struct access_log_files *files, const struct log_block *block)
{
	stat_add(files->shard, files->scope, FILESYSTEM_STAT_WRITE_BUFFERED, block->lines);
	stat_gauge_add(files->shard, files->scope, FILESYSTEM_STAT_WRITE_TOTAL_BUFFERED,
		       block->len);
	if (block->is_by_timer)
		stat_inc(files->shard, files->scope, FILESYSTEM_STAT_FLUSHED_BY_TIMER);
}

/* Behind those that the file has already; a file without any joins the busy ones. */
static void hand_to_file(struct log_block *block, struct log_file **busy)
{
	struct log_file *file = block->file;
	struct log_block **at = &file->unwritten;

	if (!*at) {
		file->next_busy = *busy;
		*busy = file;
	}
	while (*at) /* LOG_WAITING_MAX of them at most */
		at = &(*at)->next;
	block->next = NULL;
	*at = block;
}

static void take_queue(struct access_log_files *files, struct log_file **busy)
{
	struct log_block *newest =
		atomic_exchange_explicit(&files->queue, NULL, memory_order_acquire);
	struct log_block *oldest = NULL;

	while (newest) {
		struct log_block *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest) {
		struct log_block *next = oldest->next;
		count_waiting(files, oldest);
		hand_to_file(oldest, busy);
		oldest = next;
	}
}

/* The file's first block is over. */
static void end_block(struct access_log_files *files, struct log_file *file, bool is_written)
{
	struct log_block *block = file->unwritten;

	file->unwritten = block->next;
	file->written = 0;
	stat_inc(files->shard, files->scope,
		 is_written ? FILESYSTEM_STAT_WRITE_COMPLETED : FILESYSTEM_STAT_WRITE_FAILED);
	stat_gauge_sub(files->shard, files->scope, FILESYSTEM_STAT_WRITE_TOTAL_BUFFERED,
		       block->len);
	give_back(block);
}

/* --- writing --- */

/* What isn't ours to make non-blocking is asked first, and written to in pieces that a pipe which
 * is writable takes whole. Bytes, or a negated errno. */
static ssize_t write_once(const struct log_file *file, const char *data, size_t len)
{
	if (file->is_standard && file->may_block) {
		struct pollfd ask = {.fd = file->fd, .events = POLLOUT};
		if (poll(&ask, 1, 0) <= 0)
			return -EAGAIN;
		len = len < PIPE_BUF ? len : PIPE_BUF;
	}
	ssize_t n = write(file->fd, data, len);
	return n < 0 ? -errno : n;
}

/* Goes on with the file's first block. False: the file takes nothing more now. */
static bool write_block(struct access_log_files *files, struct log_file *file)
{
	const struct log_block *block = file->unwritten;

	if (!file->written)
		reopen_if_asked(files, file);
	while (file->written < block->len) {
		ssize_t n =
			write_once(file, block->data + file->written, block->len - file->written);
		if (n == -EAGAIN || n == 0)
			return false;
		if (n < 0 && n != -EINTR) {
			end_block(files, file, false);
			return true;
		}
		file->written += n > 0 ? (size_t)n : 0;
	}
	end_block(files, file, true);
	return true;
}

/* A block for each file in turn. True if any took something. */
static bool write_round(struct access_log_files *files, struct log_file **busy)
{
	bool any = false;

	for (struct log_file **at = busy; *at;) {
		struct log_file *file = *at;
		size_t before = file->written;
		any |= write_block(files, file) || file->written != before;
		if (file->unwritten)
			at = &file->next_busy;
		else
			*at = file->next_busy;
	}
	return any;
}

/* The process ends, and these still take nothing. */
static void give_up(struct access_log_files *files, struct log_file *busy)
{
	for (; busy; busy = busy->next_busy)
		while (busy->unwritten)
			end_block(files, busy, false);
}

enum woken {
	WOKEN_BY_NOBODY, /* time is over */
	WOKEN_BY_QUEUE,
	WOKEN_BY_FILE, /* one of the watched takes bytes again, or says so */
};

static enum woken wait_for_work(const struct access_log_files *files,
				const struct log_file *watched, int wait_ms)
{
	struct pollfd fds[1 + POLLED_MAX] = {{.fd = files->wake_fd, .events = POLLIN}};
	nfds_t count = 1;
	eventfd_t woken;

	for (; watched && count <= POLLED_MAX; watched = watched->next_busy)
		fds[count++] = (struct pollfd){.fd = watched->fd, .events = POLLOUT};
	if (poll(fds, count, wait_ms) <= 0)
		return WOKEN_BY_NOBODY;
	if (!fds[0].revents)
		return WOKEN_BY_FILE;
	(void)eventfd_read(files->wake_fd, &woken);
	return WOKEN_BY_QUEUE;
}

void log_writer_run(struct access_log_files *files)
{
	struct log_file *busy = NULL;
	bool is_liar = false; /* a file said that it takes bytes, and took none: it isn't watched */

	for (;;) {
		bool is_stopping = atomic_load(&files->is_stopping);
		take_queue(files, &busy);
		unsigned lines = log_drain();
		if (write_round(files, &busy) || lines) {
			is_liar = false;
			continue;
		}
		if (!busy && is_stopping)
			return;
		enum woken woken = wait_for_work(files, is_liar ? NULL : busy,
						 busy || is_stopping ? WAIT_MS : -1);
		is_liar = woken == WOKEN_BY_FILE;
		if (woken == WOKEN_BY_NOBODY && is_stopping) {
			give_up(files, busy);
			busy = NULL;
		}
	}
}

void log_writer_wake(void *files)
{
	const struct access_log_files *f = files;
	eventfd_write(f->wake_fd, 1); /* fails when it has been woken 2^64 times without looking */
}

void log_writer_stop(struct access_log_files *files)
{
	atomic_store(&files->is_stopping, true);
	log_writer_wake(files);
}
