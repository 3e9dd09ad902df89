/* What a Nacos server said last, on disk, for a start without it.
 *
 * A file is whole or the one before: written beside, synced, renamed. Thread: one that may wait for
 * the disk; failures are logged. */
#ifndef SENTINEL_NACOS_SNAPSHOT_H
#define SENTINEL_NACOS_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

/* False: there is none. text: on the heap. */
bool nacos_snapshot_read(const char *path, size_t max_bytes, struct slice *text);
/* Folders above it are made. */
void nacos_snapshot_write(const char *path, struct slice text);
void nacos_snapshot_remove(const char *path);

#endif
