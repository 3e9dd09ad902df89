/* Files, blocks and the queue between threads that log and the writer: private to the access log.
 *
 *   log_worker.current[file] -> block ── files.queue (newest first) ──> writer ──> worker.returned
 *
 * Both ends are single atomic pointers to lists: pushed one by one, taken as a whole, so no element
 * is ever popped under a rival's hands. A file once opened stays until access_log_files_free.
 *
 * Thread: as the comments say. */
#ifndef TELEMETRY_LOG_FILES_H
#define TELEMETRY_LOG_FILES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/random.h"
#include "telemetry/access_log.h"
#include "telemetry/stats.h"

struct log_block {
	struct log_block *next; /* in the queue, among the returned or the spare */
	struct log_file *file;
	struct log_worker *owner;
	uint32_t len, lines;
	bool is_by_timer;
	char data[LOG_LINE_ROOM];
};

_Static_assert(sizeof(struct log_block) <= LOG_BLOCK_SIZE, "a block fits its heap size");

struct log_file {
	char *path;
	unsigned slot; /* index into log_worker.current */
	struct log_file *next;
	atomic_uint waiting; /* blocks of this file in the queue */
	/* The writer's, after it was opened: */
	int fd;
	bool is_standard; /* stdout or stderr: never opened anew */
	bool may_block;   /* a pipe, a socket, a terminal: it may take nothing for long */
	unsigned generation;
	struct log_block *unwritten; /* oldest first */
	size_t written;              /* bytes of the first one */
	struct log_file *next_busy;  /* in the writer's list of files with any */
};

struct log_worker {
	struct access_log_files *files;
	struct log_worker *next;    /* in files->workers */
	struct log_block **current; /* by file slot; NULL: none begun */
	unsigned current_count;
	struct log_block *spare;
	_Atomic(struct log_block *) returned; /* pushed by the writer */
	struct stats_shard *shard;            /* its thread's */
	uint64_t last_flush_ms;
	struct random random; /* for filters that sample */
};

struct access_log_files {
	struct stats *stats;
	struct stat_scope *scope;
	struct stats_shard *shard; /* the writer's */
	uint32_t flush_interval_ms, min_flush;
	pthread_mutex_t lock; /* the list of files: main and builder */
	struct log_file *files;
	unsigned file_count;
	struct log_worker *workers; /* all that were made: main */
	_Atomic(struct log_block *) queue;
	atomic_uint generation; /* raised by each reopen */
	atomic_bool is_stopping;
	int wake_fd; /* eventfd: the queue was empty */
};

/* The file of that path, opened for appending if it isn't yet; "/dev/stdout" and "/dev/stderr" are
 * the process's own. Main or builder. STATUS of open. */
enum status MUST_CHECK log_file_open(struct access_log_files *files, const char *path,
				     struct log_file **file);

/* Opens the file, or opens it anew. A pipe is opened whether or not somebody reads it. STATUS of
 * open, and nothing has changed. */
enum status MUST_CHECK log_file_connect(struct log_file *file);

/* Room for at least one line in the worker's block of the file, NULL when too many wait. Worker. */
struct log_block *log_worker_block(struct log_worker *logs, struct log_file *file);
/* Hands the worker's block of the file over. Worker. */
void log_worker_hand_over(struct log_worker *logs, struct log_file *file, bool is_by_timer);

#endif
