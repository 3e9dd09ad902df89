/* Writes the metric log: a file of lines and an index beside it, rotated by size and by day
 * (MetricWriter).
 *
 *   .idx:  i64 second, i64 offset    big-endian, one pair a second, written before its lines
 *
 * As in Java: lines of a second are never in two files; the first second of a writer has no pair;
 * at midnight the new day's first pair is in the old file's index; seconds before the last one are
 * dropped. A file that somebody removed is begun anew.
 *
 * Owner: who embeds it. Thread: one, not a worker's: it waits for the disk. Limits: file_size, and
 * how many files there are. */
#ifndef SENTINEL_OPS_METRIC_WRITER_H
#define SENTINEL_OPS_METRIC_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "base/status.h"

enum {
	METRIC_FILE_SIZE = 50 * 1024 * 1024,
	METRIC_FILES = 6,
};

struct metric_writer {
	const char *folder, *base; /* borrowed */
	int64_t file_size;         /* a file that has as much is the last one's */
	unsigned files;            /* the oldest go */
	int64_t last;              /* second */
	int64_t epoch;             /* days are counted from it */
	char *path, *index_path;   /* NULL: none was opened yet */
	int metric, index;         /* -1: none */
};

/* folder: made when it isn't there; base: metric_files_base(). file_size, files 0: the defaults. */
void metric_writer_init(struct metric_writer *writer, const char *folder, const char *base,
			int64_t file_size, unsigned files, int64_t now_ms);

/* Writes fat lines of the second that began at time_ms. STATUS of what failed; the next call tries
 * anew. */
enum status MUST_CHECK metric_writer_write(struct metric_writer *writer, int64_t time_ms,
					   struct slice lines);

void metric_writer_close(struct metric_writer *writer);

#endif
