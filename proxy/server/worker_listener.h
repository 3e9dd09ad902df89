/* A listener on one worker: its acceptors and the version in force there.
 *
 * Owner: the worker, by listener slot. Thread: the worker's. Sockets are main's: each version's
 * reference to them is given back by message. */
#ifndef SERVER_WORKER_LISTENER_H
#define SERVER_WORKER_LISTENER_H

#include "base/published.h"

struct worker;

/* A new version is current in the worker's pin table (or none): accepts for it. */
void worker_listener_update(struct worker *worker, uint32_t slot);

/* Refuses new connections, on all listeners. inbound_only: on those of traffic_direction INBOUND.
 */
void worker_listeners_stop(struct worker *worker, bool inbound_only);

/* At the worker's end. */
void worker_listeners_free(struct worker *worker);

#endif
