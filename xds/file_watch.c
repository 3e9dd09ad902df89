#include "file_watch.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WATCH_MASK = IN_MOVED_TO | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR,
	EVENTS_ROOM = 16 * 1024,
};

static struct file_watch_entry *entry_of(struct list_node *node)
{
	return container_of(node, struct file_watch_entry, link);
}

enum status file_watch_open(struct file_watch *watch, struct diag *diag)
{
	list_init(&watch->entries);
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch->fd >= 0)
		return STATUS_OK;
	enum status status = status_of_errno(errno);
	diag_set(diag, "can't watch files: %s", status_text(status));
	return status;
}

void file_watch_close(struct file_watch *watch)
{
	invariant(list_is_empty(&watch->entries));
	close(watch->fd);
	watch->fd = -1;
}

/* Notes where the path leads now; true if that is elsewhere than before. */
static bool target_moved(struct file_watch_entry *entry)
{
	struct stat info = {0};
	dev_t device = entry->device;
	ino_t inode = entry->inode;

	if (stat(entry->path, &info))
		info = (struct stat){0};
	entry->device = info.st_dev;
	entry->inode = info.st_ino;
	return info.st_ino && (device != info.st_dev || inode != info.st_ino);
}

static bool watch_directory(struct file_watch *watch, struct file_watch_entry *entry)
{
	entry->watch = inotify_add_watch(watch->fd, entry->directory, WATCH_MASK);
	return entry->watch >= 0;
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory =
		slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	invariant(directory);
	return directory;
}

enum status file_watch_add(struct file_watch *watch, struct file_watch_entry *entry,
			   const char *path, const char *watched_directory,
			   void (*changed)(struct file_watch_entry *entry), struct diag *diag)
{
	*entry = (struct file_watch_entry){.path = strdup(path), .changed = changed};
	invariant(entry->path);
	if (watched_directory) {
		entry->directory = strdup(watched_directory);
		invariant(entry->directory);
	} else {
		const char *slash = strrchr(entry->path, '/');
		entry->directory = directory_of(path);
		entry->name = slash ? slash + 1 : entry->path;
	}
	if (!watch_directory(watch, entry)) {
		enum status status = status_of_errno(errno);
		diag_set(diag, "can't watch %s: %s", entry->directory, status_text(status));
		free(entry->path);
		free(entry->directory);
		return status;
	}
	target_moved(entry);
	list_push_back(&watch->entries, &entry->link);
	return STATUS_OK;
}

/* One inotify watch serves all entries of a directory. */
static bool is_shared(struct file_watch *watch, int number)
{
	for (struct list_node *node = watch->entries.next; node != &watch->entries;
	     node = node->next)
		if (entry_of(node)->watch == number)
			return true;
	return false;
}

void file_watch_remove(struct file_watch *watch, struct file_watch_entry *entry)
{
	list_remove(&entry->link);
	if (entry->watch >= 0 && !is_shared(watch, entry->watch))
		inotify_rm_watch(watch->fd, entry->watch);
	free(entry->path);
	free(entry->directory);
	entry->path = entry->directory = NULL;
	entry->name = NULL;
}

/* What an event in its directory means for an entry. */
static void mark(struct file_watch_entry *entry, uint32_t mask, const char *name)
{
	if (mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) {
		entry->watch = -1;
		return;
	}
	bool moved = target_moved(entry);
	if (!entry->name)
		entry->is_changed |= moved || (mask & IN_MOVED_TO);
	else
		entry->is_changed |= moved || !strcmp(entry->name, name);
}

static void take_event(struct file_watch *watch, const struct inotify_event *event)
{
	bool is_overflow = event->mask & IN_Q_OVERFLOW;

	for (struct list_node *node = watch->entries.next; node != &watch->entries;
	     node = node->next) {
		struct file_watch_entry *entry = entry_of(node);
		if (is_overflow)
			entry->is_changed = true; /* events were lost */
		else if (entry->watch == event->wd)
			mark(entry, event->mask, event->len ? event->name : "");
	}
	if (event->mask &
	    IN_MOVE_SELF) /* the directory lives on under another name, which isn't ours */
		inotify_rm_watch(watch->fd, event->wd);
}

/* A callback may remove entries, so the search begins anew after each. */
static void call_changed(struct file_watch *watch)
{
	struct list_node *node = watch->entries.next;

	while (node != &watch->entries) {
		struct file_watch_entry *entry = entry_of(node);
		node = node->next;
		if (!entry->is_changed)
			continue;
		entry->is_changed = false;
		entry->changed(entry);
		node = watch->entries.next;
	}
}

void file_watch_read(struct file_watch *watch)
{
	char events[EVENTS_ROOM] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t len;

	while ((len = read(watch->fd, events, sizeof events)) > 0)
		for (ssize_t at = 0; at < len;) {
			const struct inotify_event *event = (const void *)(events + at);
			take_event(watch, event);
			at += (ssize_t)(sizeof *event + event->len);
		}
	call_changed(watch);
}

void file_watch_retry(struct file_watch *watch)
{
	for (struct list_node *node = watch->entries.next; node != &watch->entries;
	     node = node->next) {
		struct file_watch_entry *entry = entry_of(node);
		if (entry->watch < 0 && watch_directory(watch, entry)) {
			target_moved(entry);
			entry->is_changed = true;
		}
	}
	call_changed(watch);
}
