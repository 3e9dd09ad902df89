/* The operations of an application: its logs, command centre and heartbeat (ops/).
 *
 * Owner: the application. Thread: main. */
#ifndef FILTERS_SENTINEL_OPERATIONS_H
#define FILTERS_SENTINEL_OPERATIONS_H

#include <stdint.h>

struct sentinel_application;
struct sentinel_ops_options;

/* Starts them, if they aren't: the first configuration of an application that has them says how.
 * Nothing where nothing is served. */
void sentinel_operations_start(struct sentinel_application *application,
			       const struct sentinel_ops_options *given);
/* The rules in force are others. */
void sentinel_operations_record(const struct sentinel_application *application);
/* Once a second. */
void sentinel_operations_tick(const struct sentinel_application *application);
/* Blocked calls that the block log had no room for. */
uint64_t sentinel_operations_dropped(const struct sentinel_application *application);
/* The application ends. */
void sentinel_operations_stop(struct sentinel_application *application);

#endif
