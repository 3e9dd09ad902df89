/* Why a configuration was refused: where, and in words.
 *
 *   envoy.yaml:12:9: static_resources.listeners[0].filters[2].rate: must be > 0
 *
 * Owner: the caller, usually on its stack. Filled once, by who finds the fault; a path is completed
 * on the way out by diag_prefix. Long texts are cut, never refused. */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"
#include "base/status.h"

struct diag {
	char file[256];        /* "" when not from a file */
	unsigned line, column; /* from 1; 0: unknown */
	char path[512];        /* "static_resources.clusters[0].name", or "" */
	char text[512];
};

/* Writes the text (and leaves place and path as they are). Returns STATUS_INVALID, so that a check
 * reads `return diag_set(diag, "must be > 0");`. */
PRINTF_LIKE(2, 3) enum status diag_set(struct diag *diag, const char *format, ...);

/* The same with a path, which replaces the one there. */
PRINTF_LIKE(3, 4) enum status diag_at(struct diag *diag, const char *path, const char *format, ...);

/* Puts "outer." (or "outer" before a '[') in front of the path: how callers complete what a callee
 * reported. */
PRINTF_LIKE(2, 3) void diag_prefix(struct diag *diag, const char *format, ...);

static inline bool diag_is_set(const struct diag *diag)
{
	return diag->text[0];
}

/* "file:line:column: path: text" with what is known; cut to size. Returns out. */
char *diag_format(const struct diag *diag, char *out, size_t size);

#endif
