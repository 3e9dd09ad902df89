/* What Sentinel has done and why, for operators: sentinel-record.log (RecordLog).
 *
 *   2026-11-22 00:41:47.123 INFO [FlowRuleManager] Flow rules received: [...]
 *
 *   any thread: record_log_note ─ lines wait ─> ops thread: record_log_write ─> file
 *
 * Files are those of java.util.logging: name.date.0 is the one that is written, .1 to .3 are older
 * ones of the same day. A Java application may write to the same ones.
 *
 * Owner: who embeds it. Thread: as told, never a worker: noting takes a lock. Limits:
 * RECORD_LINE_MAX, what is longer is cut; RECORD_WAITING_MAX, further lines are dropped, and
 * counted in the next. */
#ifndef SENTINEL_OPS_RECORD_LOG_H
#define SENTINEL_OPS_RECORD_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attributes.h"
#include "base/status.h"
#include "filters/sentinel/ops/rolling_file.h"
#include "telemetry/text.h"

enum {
	RECORD_LINE_MAX = 16384,
	RECORD_WAITING_MAX = 1 << 20,
	RECORD_FILE_SIZE = 200 * 1024 * 1024,
	RECORD_FILES = 4,
};

enum record_level {
	RECORD_INFO,
	RECORD_WARNING,
};

struct record_log {
	pthread_mutex_t lock; /* of the next three */
	struct text waiting;
	uint64_t dropped; /* since the last line that found room */
	bool is_open;     /* false: nothing is noted */
	char *folder;     /* owned, as the next */
	char *name;       /* "sentinel-record.log", ".pid4711" behind it maybe */
	char date[16];    /* of the file; "" : none yet */
	struct rolling_file file;
};

/* pid 0: none in the name. folder: copied. */
void record_log_open(struct record_log *log, const char *folder, int pid);
/* What waits must have been written. Does nothing to one that was never opened (zeroed). */
void record_log_close(struct record_log *log);

PRINTF_LIKE(4, 5)
void record_log_note(struct record_log *log, enum record_level level, int64_t now_ms,
		     const char *format, ...);

/* Appends what waits. One thread. */
enum status MUST_CHECK record_log_write(struct record_log *log, int64_t now_ms);

#endif
