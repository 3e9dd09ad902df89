/* Calls that ran in the process before this one when its core was taken over (core_transfer.h):
 * they count as running here until they are over there.
 *
 *   old                          new
 *   sentinel_export ──────────>  sentinel_import ─ inheritance_add… ─> sentinel.inherited
 *   sentinel_export_running ──>  sentinel_import_running               again and again
 *   ends                         sentinel_import_end                   none is left
 *
 * Owner: an inheritance is the sentinel's. Thread: main, and from the first call that is begun on
 * that of worker 0. */
#ifndef SENTINEL_CORE_CORE_RUNNING_H
#define SENTINEL_CORE_CORE_RUNNING_H

#include <stdint.h>

#include "base/section.h"

struct inheritance;
struct node;
struct rule_set;
struct sentinel;

/* Returns owned. */
struct inheritance *inheritance_new(void);
/* NULL is fine. */
void inheritance_free(struct inheritance *inherited);

/* So many of the node's threads are another process's. */
void inheritance_add_threads(struct inheritance *inherited, struct node *node, int32_t threads);
/* All that hot-parameter rules on threads count. */
void inheritance_add_values(struct inheritance *inherited, const struct rule_set *rules);
/* Nothing more is added. */
void inheritance_close(struct inheritance *inherited);

/* Appends how many calls run, by node, and by value of hot-parameter rules on threads. rules: the
 * version that holds, or NULL. Whoever counts meanwhile. */
void sentinel_export_running(const struct sentinel *sentinel, const struct rule_set *rules,
			     struct section_writer *out);

/* Of the calls that ran in the old process only those do still. On the thread of worker 0. rules:
 * the version that holds, or NULL. NULL, or why not. */
const char *sentinel_import_running(struct sentinel *sentinel, struct rule_set *rules,
				    struct slice bytes);

/* Breakers that are half open for a call of the old process let another one probe at once: nobody
 * may tell what that call comes to. */
void sentinel_import_probes(const struct rule_set *rules);

/* The old process has gone. On the thread of worker 0. rules: the version that holds. */
void sentinel_import_end(struct sentinel *sentinel, const struct rule_set *rules);

#endif
