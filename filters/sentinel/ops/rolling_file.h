/* A log file that is renamed to path.1 when it has grown to its limit, path.1 to path.2 and so on
 * (EagleEyeRollingFileAppender), or path.0 to path.1. Other processes may write to the same one: a
 * lock on path.lock says who renames, and a file that was renamed by another is opened anew.
 *
 * Owner: who embeds it. Thread: one, not a worker's: it waits for the disk. Limits: size_max,
 * backups. */
#ifndef SENTINEL_OPS_ROLLING_FILE_H
#define SENTINEL_OPS_ROLLING_FILE_H

#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

struct rolling_file {
	char *path;      /* owned: of the one that is written */
	size_t base_len; /* of it: what numbers are put behind */
	int64_t size_max;
	unsigned backups;
	int fd; /* -1: not open */
};

/* folder and name: copied. */
void rolling_file_init(struct rolling_file *file, const char *folder, const char *name,
		       int64_t size_max, unsigned backups);
/* One whose numbers begin with the file that is written: path.0 (java.util.logging.FileHandler).
 * files: of all. */
void rolling_file_init_numbered(struct rolling_file *file, const char *folder, const char *name,
				int64_t size_max, unsigned files);
void rolling_file_close(struct rolling_file *file);

/* Appends whole lines, with one write where the system takes them so. STATUS of what failed; the
 * next call tries anew. */
enum status MUST_CHECK rolling_file_append(struct rolling_file *file, struct slice lines);

#endif
