#include "telemetry/log_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "telemetry/log_writer.h"
#include "telemetry/stats_server.h"

/* --- the process's files --- */

struct access_log_files *access_log_files_new(struct stats *stats, uint32_t flush_interval_ms,
					      uint32_t min_flush_kb)
{
	struct access_log_files *files = calloc(1, sizeof *files);
	invariant(files);
	files->stats = stats;
	files->scope = stat_scope_take(stats, &filesystem_stats, SLICE("filesystem"));
	files->shard = stats_add_shard(stats);
	files->flush_interval_ms = flush_interval_ms ? flush_interval_ms : 1000;
	files->min_flush = min_flush_kb && min_flush_kb < LOG_LINE_ROOM / 1024 ? min_flush_kb * 1024
									       : LOG_LINE_ROOM;
	pthread_mutex_init(&files->lock, NULL);
	files->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	invariant(files->wake_fd >= 0);
	return files;
}

static void free_blocks(struct log_block *block)
{
	while (block) {
		struct log_block *next = block->next;
		free(block);
		block = next;
	}
}

static void free_file(struct log_file *file)
{
	if (file->fd >= 0 && !file->is_standard)
		close(file->fd);
	free(file->path);
	free(file);
}

void access_log_files_free(struct access_log_files *files)
{
	if (!files)
		return;
	free_blocks(atomic_load(&files->queue));
	while (files->workers) {
		struct log_worker *worker = files->workers;
		files->workers = worker->next;
		free_blocks(worker->spare);
		free_blocks(atomic_load(&worker->returned));
		free(worker->current);
		free(worker);
	}
	while (files->files) {
		struct log_file *file = files->files;
		files->files = file->next;
		free_file(file);
	}
	stat_scope_drop(files->stats, files->scope);
	close(files->wake_fd);
	pthread_mutex_destroy(&files->lock);
	free(files);
}

void access_log_files_reopen(struct access_log_files *files)
{
	atomic_fetch_add(&files->generation, 1);
}

/* Without a reader a pipe can't be opened for writing alone, or it would be waited for. */
static int open_file(const char *path)
{
	int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK;
	int fd = open(path, O_WRONLY | flags, 0644);

	return fd < 0 && errno == ENXIO ? open(path, O_RDWR | flags, 0644) : fd;
}

enum status log_file_connect(struct log_file *file)
{
	struct stat about;
	int fd = file->is_standard ? file->fd : open_file(file->path);

	if (fd < 0)
		return status_of_errno(errno);
	if (!file->is_standard && file->fd >= 0)
		close(file->fd);
	file->fd = fd;
	file->may_block = fstat(fd, &about) || !S_ISREG(about.st_mode);
	return STATUS_OK;
}

static struct log_file *make_file(struct access_log_files *files, const char *path)
{
	struct log_file *file = calloc(1, sizeof *file);
	invariant(file);
	file->path = strdup(path);
	invariant(file->path);
	file->generation = atomic_load(&files->generation);
	file->is_standard = !strcmp(path, "/dev/stdout") || !strcmp(path, "/dev/stderr");
	file->fd = -1;
	if (file->is_standard)
		file->fd = strcmp(path, "/dev/stdout") ? STDERR_FILENO : STDOUT_FILENO;
	return file;
}

static struct log_file *find_file(const struct access_log_files *files, const char *path)
{
	struct log_file *file = files->files;
	while (file && strcmp(file->path, path))
		file = file->next;
	return file;
}

enum status log_file_open(struct access_log_files *files, const char *path, struct log_file **file)
{
	enum status status = STATUS_OK;
	pthread_mutex_lock(&files->lock);
	*file = find_file(files, path);
	if (!*file) {
		struct log_file *made = make_file(files, path);
		status = log_file_connect(made);
		if (status) {
			free_file(made);
		} else {
			made->slot = files->file_count++;
			made->next = files->files;
			files->files = made;
			*file = made;
		}
	}
	pthread_mutex_unlock(&files->lock);
	return status;
}

/* --- a thread that logs --- */

struct log_worker *log_worker_new(struct access_log_files *files, struct stats_shard *shard)
{
	struct log_worker *logs = calloc(1, sizeof *logs);
	struct timespec now;
	invariant(logs);
	clock_gettime(CLOCK_MONOTONIC, &now);
	random_init(&logs->random, (uint64_t)now.tv_nsec ^ (uint64_t)(uintptr_t)logs);
	logs->files = files;
	logs->shard = shard;
	logs->next = files->workers;
	files->workers = logs;
	return logs;
}

static void hand_over_all(struct log_worker *logs, bool is_by_timer)
{
	for (unsigned slot = 0; slot < logs->current_count; slot++)
		if (logs->current[slot] && logs->current[slot]->len)
			log_worker_hand_over(logs, logs->current[slot]->file, is_by_timer);
}

void log_worker_free(struct log_worker *logs)
{
	if (!logs)
		return;
	hand_over_all(logs, false);
	for (unsigned slot = 0; slot < logs->current_count; slot++) {
		free(logs->current[slot]);
		logs->current[slot] = NULL;
	}
}

void log_worker_flush(struct log_worker *logs, uint64_t now_ms)
{
	/* A little early rather than a whole call late. */
	if (now_ms - logs->last_flush_ms + 50 < logs->files->flush_interval_ms)
		return;
	logs->last_flush_ms = now_ms;
	hand_over_all(logs, true);
}

static COLD void grow_current(struct log_worker *logs, unsigned slot)
{
	unsigned count = slot + 8;
	logs->current = realloc(logs->current, count * sizeof *logs->current);
	invariant(logs->current);
	memset(logs->current + logs->current_count, 0,
	       (count - logs->current_count) * sizeof *logs->current);
	logs->current_count = count;
}

/* An empty block: a spare one, one that the writer gave back, or a new one. */
static struct log_block *take_block(struct log_worker *logs)
{
	if (!logs->spare)
		logs->spare = atomic_exchange_explicit(&logs->returned, NULL, memory_order_acquire);
	struct log_block *block = logs->spare;
	if (block) {
		logs->spare = block->next;
		return block;
	}
	block = malloc(LOG_BLOCK_SIZE);
	invariant(block);
	return block;
}

static struct log_block *begin_block(struct log_worker *logs, struct log_file *file)
{
	if (atomic_load_explicit(&file->waiting, memory_order_relaxed) >= LOG_WAITING_MAX)
		return NULL;
	struct log_block *block = take_block(logs);
	block->next = NULL;
	block->file = file;
	block->owner = logs;
	block->len = block->lines = 0;
	block->is_by_timer = false;
	return logs->current[file->slot] = block;
}

struct log_block *log_worker_block(struct log_worker *logs, struct log_file *file)
{
	if (UNLIKELY(file->slot >= logs->current_count))
		grow_current(logs, file->slot);
	struct log_block *block = logs->current[file->slot];
	return LIKELY(block) ? block : begin_block(logs, file);
}

void log_worker_hand_over(struct log_worker *logs, struct log_file *file, bool is_by_timer)
{
	struct access_log_files *files = logs->files;
	struct log_block *block = logs->current[file->slot];
	logs->current[file->slot] = NULL;
	block->is_by_timer = is_by_timer;
	atomic_fetch_add_explicit(&file->waiting, 1, memory_order_relaxed);
	struct log_block *newest = atomic_load_explicit(&files->queue, memory_order_relaxed);
	do
		block->next = newest;
	while (!atomic_compare_exchange_weak_explicit(&files->queue, &newest, block,
						      memory_order_release, memory_order_relaxed));
	/* Who found it empty wakes the writer: a busy one looks again by itself. */
	if (!newest)
		log_writer_wake(files);
}
