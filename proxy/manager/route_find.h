/* Finds the route of a stream in the table in force: the listener's own, or the one that RDS gave.
 *
 * Thread: the stream's worker. The table stays pinned for the stream's life. */
#ifndef MANAGER_ROUTE_FIND_H
#define MANAGER_ROUTE_FIND_H

#include <stdint.h>

struct route;
struct route_table;
struct stream;

/* Sets s->routes: `own`, the listener's table, or (NULL) the one of the slot, if it is there. */
void route_find_table(struct stream *s, const struct route_table *own, uint32_t slot);

/* Sets s->route (NULL: none) and what follows from it: s->virtual_host, the log's names. */
void route_found(struct stream *s, const struct route *route);

/* Both (the table, if it isn't set yet), with the route that the table gives for the request. */
void route_find(struct stream *s, const struct route_table *own, uint32_t slot);

#endif
