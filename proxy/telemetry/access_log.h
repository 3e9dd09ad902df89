/* Access logs: who is logged (filters), how (a compiled format), and where (a file).
 *
 *   worker: access_log_write ─ filters ─ format ─> its block of the file, 64 KiB
 *           full, or log_worker_flush ──> queue ──> writer thread: write(2) ──> block goes back
 *
 * A worker never waits and makes no system call but a wake-up of an idle writer: when
 * LOG_WAITING_MAX blocks of a file wait for a slow disk, its lines are dropped and counted
 * (filesystem.write_dropped). Blocks are taken from the heap until that many exist, then reused.
 *
 * Owner and thread: struct access_log lies in its listener's arena, immutable; struct
 * access_log_files is the process's (main and builder open files, the writer writes them); struct
 * log_worker belongs to one thread that logs. Limits: LOG_LINE_MAX for a line (longer ones are
 * dropped and counted), LOG_WAITING_MAX. */
#ifndef TELEMETRY_ACCESS_LOG_H
#define TELEMETRY_ACCESS_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/status.h"

struct Envoy__Config__Accesslog__V3__AccessLog;
struct Envoy__Config__Bootstrap__V3__LayeredRuntime;
struct access_log;
struct access_log_files;
struct log_worker;
struct stats;
struct stats_shard;
struct stream_info;

enum {
	LOG_BLOCK_SIZE = 65536, /* heap size of a block */
	LOG_LINE_ROOM = 65024,  /* of its bytes for lines: the longest line */
	LOG_WAITING_MAX = 16,   /* blocks of one file that wait for the writer */
};

/* --- the process: main thread --- */

/* flush_interval_ms: how old a line may become in a worker's block (0: 1000). min_flush_kb: a block
 * is handed over when it holds that much (0, or more than 63: when it is full). Returns owned. */
struct access_log_files *access_log_files_new(struct stats *stats, uint32_t flush_interval_ms,
					      uint32_t min_flush_kb);
/* The writer must have ended, every log_worker be freed. NULL: nothing. */
void access_log_files_free(struct access_log_files *files);

/* All files are opened anew before they are next written (SIGUSR1, /reopen_logs). Any thread. */
void access_log_files_reopen(struct access_log_files *files);

/* --- a thread that logs --- */

/* Main, before the thread starts. shard: the thread's, to count what is lost. Returns owned. */
struct log_worker *log_worker_new(struct access_log_files *files, struct stats_shard *shard);
/* Hands over what it still holds. After its thread; before the writer is stopped. Its memory lives
 * until access_log_files_free. NULL: nothing. */
void log_worker_free(struct log_worker *logs);

/* Hands over blocks that have waited for the flush interval: call once a second. */
void log_worker_flush(struct log_worker *logs, uint64_t now_ms);

/* Writes a line to each logger whose filter lets it pass. log NULL: nothing. */
void access_log_write(const struct access_log *log, struct log_worker *logs,
		      const struct stream_info *info);

/* --- configuration: main or builder (access_log_config.c) --- */

/* Where logs are loaded to, and what they ask while they are. */
struct access_log_place {
	struct access_log_files *files;
	struct arena *arena;
	const struct Envoy__Config__Bootstrap__V3__LayeredRuntime *runtime; /* NULL: none */
};

/* Opens the files (or finds them open). *log is NULL if count is 0. STATUS_INVALID and a diag for
 * an unknown logger, a bad format or filter, or a file that can't be opened. */
enum status MUST_CHECK access_log_load(
	struct Envoy__Config__Accesslog__V3__AccessLog *const *messages, size_t count,
	const struct access_log_place *place, const struct access_log **log, struct diag *diag);

#endif
