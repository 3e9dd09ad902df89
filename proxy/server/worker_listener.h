/* A listener on one worker: its acceptors and the version in force there.
 *
 * Owner: the worker, by listener slot. Thread: the worker's. Sockets are main's: each version's
 * reference to them is given back by message. */
#ifndef SERVER_WORKER_LISTENER_H
#define SERVER_WORKER_LISTENER_H

#include "base/drain.h"
#include "base/published.h"

struct worker;

/* A new version is current in the worker's pin table (or none): accepts for it, and drains what the
 * old one leaves behind. */
void worker_listener_update(struct worker *worker, uint32_t slot);

/* No more are accepted. keeps_sockets: others accept from them; else those that wait are, and new
 * connections are refused. */
void worker_listeners_stop(struct worker *worker, enum drain_scope scope, bool keeps_sockets);

/* At the worker's end. */
void worker_listeners_free(struct worker *worker);

#endif
