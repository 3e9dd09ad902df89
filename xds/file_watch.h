/* Says which files changed: those that were closed after writing, moved into place, or that a
 * symbolic link on their way now points elsewhere; and, for a watched directory (Kubernetes'
 * mounts), any move into it.
 *
 *   inotify fd ── readable ──> file_watch_read() ── once a changed entry ──> changed(entry)
 *
 * Watches directories, never files, so a file may come and go. A directory that went away is looked
 * for again by file_watch_retry.
 *
 * Owner: main; the entries are embedded in what they watch for. Thread: main. `fd` is for its loop
 * to poll. */
#ifndef XDS_FILE_WATCH_H
#define XDS_FILE_WATCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/diag.h"
#include "base/list.h"
#include "base/status.h"

struct file_watch {
	int fd;
	struct list_node entries;
};

struct file_watch_entry {
	struct list_node link;
	char *path;       /* heap: the file */
	char *directory;  /* heap: where its changes show */
	const char *name; /* in path: the file's name; NULL: any move into the directory counts */
	int watch;        /* inotify's number, -1: the directory is away */
	dev_t device;     /* of what the path led to */
	ino_t inode;      /* 0: nothing */
	bool is_changed;
	void (*changed)(struct file_watch_entry *entry); /* may remove any entry but add none */
};

/* Negated errno when the system has no watch left; diag says so. */
MUST_CHECK enum status file_watch_open(struct file_watch *watch, struct diag *diag);

/* All entries must be removed. */
void file_watch_close(struct file_watch *watch);

/* Watches path; watched_directory, when not NULL, says where its changes show instead of its own
 * directory. On failure (no such directory) the entry isn't added. */
MUST_CHECK enum status file_watch_add(struct file_watch *watch, struct file_watch_entry *entry,
				      const char *path, const char *watched_directory,
				      void (*changed)(struct file_watch_entry *entry),
				      struct diag *diag);

void file_watch_remove(struct file_watch *watch, struct file_watch_entry *entry);

/* Reads what there is to read, and calls `changed` of each changed entry once. */
void file_watch_read(struct file_watch *watch);

/* Looks for directories that went away, and calls `changed` of the entries whose directory is back.
 */
void file_watch_retry(struct file_watch *watch);

#endif
