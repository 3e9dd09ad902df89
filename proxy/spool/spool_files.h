/* The files of a spool: segments that are only appended to, in a folder that one process holds.
 *
 *   folder/  lock                      held (flock) as long as it is open
 *            0000000007.segment        all requests in it are over, and no older one is there:
 *            0000000008.segment        removed
 *            0000000009.segment        written to
 *
 * A segment goes only when all older ones have gone: that a request is over stands in the same
 * segment or in a later one, so nothing that is over comes back. Whoever is killed leaves at most
 * one record that is cut short, at the end of the last segment: it was never told to be written.
 *
 * Owner: the spool. Thread: the spool's; all calls may block on the disk. */
#ifndef SPOOL_SPOOL_FILES_H
#define SPOOL_SPOOL_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/spool_index.h"
#include "spool/spool_record.h"

struct spool_segment {
	uint32_t number;
	uint32_t live; /* requests in it that aren't over */
	uint64_t bytes;
};

struct spool_files {
	int folder, lock; /* descriptors; -1: not open */
	int write_fd;     /* of the last segment; -1: the next record begins a new one */
	int read_fd;      /* of the segment read_number; -1: none */
	uint32_t read_number, next_number;
	struct spool_segment *segments; /* by number */
	uint32_t count, size;
	uint64_t bytes; /* of all of them */
	uint64_t segment_bytes;
	bool is_dirty;    /* something was written since the last sync */
	bool is_in_doubt; /* what was written before isn't known to be on disk */
};

/* What recovery found. */
struct spool_found {
	void (*record)(void *owner, const struct spool_record *record, struct spool_place place);
	void *owner;
	uint64_t cut_bytes; /* out: that were no records, or behind such ones */
};

void spool_files_init(struct spool_files *files);
/* Makes the folder if it isn't there, for good. STATUS_EXISTS: another process has it. */
enum status MUST_CHECK spool_files_open(struct spool_files *files, const char *path,
					uint64_t segment_bytes);
/* Shows all records in the order in which they were written; the caller counts
 * the live ones. When it returns, they are on disk: who wrote them may not have come so far.
 * Fails like read, or fdatasync; then nothing may be written. */
enum status MUST_CHECK spool_files_recover(struct spool_files *files, struct spool_found *found);
void spool_files_close(struct spool_files *files);

/* STATUS of write: nothing was written. */
enum status MUST_CHECK spool_files_append(struct spool_files *files,
					  const struct spool_record *record,
					  struct spool_place *place);
/* What was appended since the last call survives the machine. STATUS of fdatasync, or -EIO: nobody
 * knows whether all of it does, and the next record begins a new segment. */
enum status MUST_CHECK spool_files_sync(struct spool_files *files);
/* The record at the place, whole, to out[place.len]; it is checked. */
enum status MUST_CHECK spool_files_read(struct spool_files *files, struct spool_place place,
					char *out, struct spool_record *record);

/* One live request more, or less, in that segment. */
void spool_files_count(struct spool_files *files, uint32_t segment, bool is_more);
/* Removes the oldest segments, as long as nothing in them lives. */
void spool_files_trim(struct spool_files *files);

#endif
