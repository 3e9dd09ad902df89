/* A listener on one worker: its acceptors and the version in force there.
 *
 * Owner: the worker, by listener slot. Thread: the worker's. Sockets are main's: each version's
 * reference to them is given back by message. */
#ifndef SERVER_WORKER_LISTENER_H
#define SERVER_WORKER_LISTENER_H

#include "base/drain.h"
#include "base/published.h"
#include "base/status.h"

struct handover;
struct worker;

/* A new version is current in the worker's pin table (or none): accepts for it, and drains what the
 * old one leaves behind. */
void worker_listener_update(struct worker *worker, uint32_t slot);

/* No more are accepted. keeps_sockets: others accept from them; else those that wait are, and new
 * connections are refused. */
void worker_listeners_stop(struct worker *worker, enum drain_scope scope, bool keeps_sockets);
/* Takes a connection that was accepted elsewhere (another worker, or the process before this one)
 * as if it had been here: by the listener of that name and the filter chain that matches its
 * addresses, if that has the name it had. Takes descriptors and copies the rest; what is left is
 * the caller's to handover_fini. Nothing was taken after STATUS_NOT_FOUND: there is no such
 * listener or chain; STATUS_EXHAUSTED: a limit of connections; STATUS_UNSUPPORTED: what would serve
 * it there doesn't take it, or a gate refuses. */
enum status MUST_CHECK worker_listener_adopt(struct worker *worker, struct handover *handover);

/* At the worker's end. */
void worker_listeners_free(struct worker *worker);

#endif
