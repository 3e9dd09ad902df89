/* Calls of adopted connections that are under way in the process that had them: it relays their
 * answers, and should it end first, each is answered as lost here.
 *
 *   handover.calls ─ rpc_owe ─> owed ─ answer ─> frames to the consumer, fewer owed
 *                                 └── settled, or the relay's end ─> CONNECTION_LOST for each
 *
 * They count as streams of their session: it is not idle, and a drain waits for them. Nothing else
 * is counted here: the process that forwarded them counts their ends.
 *
 * Owner: the session; the worker lists them (worker->handover.owed). Thread: its worker. Limits:
 * HANDOVER_CALLS_MAX calls of a connection. */
#ifndef MANAGER_RPC_OWED_H
#define MANAGER_RPC_OWED_H

#include "net/handover.h"

struct rpc_session;
struct worker_context;

/* Its handover's calls are owed from now on. */
void rpc_owe(struct rpc_session *rs, const struct handover *handover);

/* The session has ended. */
void rpc_owed_drop(struct rpc_session *rs);

/* --- what the other process says; a connection that has ended here meanwhile is nobody's */

void rpc_owed_answer(struct worker_context *worker, const struct handover_answer *answer);
/* No more answers for it … */
void rpc_owed_settled(struct worker_context *worker, uint64_t connection);
/* … or for any. */
void rpc_owed_end(struct worker_context *worker);

#endif
