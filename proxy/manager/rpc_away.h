/* Connections that were given away with calls under way: their answers are relayed as whole frames.
 *
 *   session ─ codec ─ frames ─> conn.out ─ transport: the relay's ─┬ held ─ adopted ─> relay_sink
 *                                                                  └ returned ─> the socket again
 *
 *   GIVEN ─ adopted ─> RELAYING ─ last call ends ─> settled        the client's end: void_
 *     └── returned ─> an ordinary session that drains
 *
 * The session goes on without a descriptor until its last call has ended, and nobody reads its
 * consumer here. Nothing leaves before the other process says that it has adopted the connection:
 * until then it can be returned, with what was sent meanwhile.
 *
 * Owner: the worker (worker->handover.away). Thread: its worker. Limits: none of its own; calls
 * were bounded when they were taken, and `output_cap` goes on to hold for nobody reads here what
 * isn't the other process's at once. */
#ifndef MANAGER_RPC_AWAY_H
#define MANAGER_RPC_AWAY_H

#include "base/status.h"
#include "net/relay.h"

struct session;
struct worker_context;

/* session_type's give_busy: STATUS_AGAIN while a message comes or leaves in parts. */
enum status rpc_give_busy(struct session *session, struct relay_sink *relay,
			  struct handover *handover);

/* The other process has it: answers that were held go to the relay now. */
void rpc_away_adopted(struct worker_context *worker, uint64_t connection);

/* The other process doesn't take it: it is served here again, and drained. Takes the descriptor and
 * copies the bytes. STATUS_NOT_FOUND: no call of it was under way; whoever adopts connections takes
 * it back. */
enum status MUST_CHECK rpc_away_return(struct worker_context *worker, struct handover *handover);

/* Its client has gone: calls that are under way end here. */
void rpc_away_void(struct worker_context *worker, uint64_t connection);

/* The other process has ended: those that it has adopted end. Others are to be returned. */
void rpc_away_end(struct worker_context *worker);

/* The worker ends, its sessions have: what nobody came for is freed. */
void rpc_away_forget(struct worker_context *worker);

#endif
