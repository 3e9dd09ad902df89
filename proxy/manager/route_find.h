/* Finds the route of a stream in the table in force: the listener's own, or the one that RDS gave.
 *
 * Thread: the stream's worker. The table stays pinned for the stream's life. */
#ifndef MANAGER_ROUTE_FIND_H
#define MANAGER_ROUTE_FIND_H

#include <stdint.h>

struct route_table;
struct stream;

/* Sets s->route (NULL: none), s->virtual_host, s->routes and the log's names. own: the listener's
 * table, NULL: the one of the slot, if it is there. */
void route_find(struct stream *s, const struct route_table *own, uint32_t slot);

#endif
