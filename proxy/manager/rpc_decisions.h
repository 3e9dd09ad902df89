/* Where calls of one head went, by the bytes of what their route asks for: calls that say the same
 * again needn't be read, nor the rules be tried.
 *
 *   body   … | argument | … | argument asked for | … | attachments
 *                               └── bytes ──┐            └─ bytes, when they are asked for
 *   kept head ─ attachments equal ─ one of RPC_DECISIONS rows equal ─> route
 *
 * Attachments that count by their names are as arguments: what else there is may differ.
 *
 * Holds for the manager, the configuration and the needs it was made with. Where what is asked for
 * differs from call to call, looking rests for a while. Owner: the kept head (codec/rpc_kept.h), as
 * one block of malloc's. Thread: its worker. Size: some 1,300 bytes, of a head whose calls are
 * asked for more. */
#ifndef MANAGER_RPC_DECISIONS_H
#define MANAGER_RPC_DECISIONS_H

#include <stdbool.h>

struct call_needs;
struct cluster_worker;
struct route;
struct rpc_call_bytes;
struct rpc_kept;

enum {
	RPC_DECISIONS = 8,
	RPC_DECISION_ATTACHMENTS = 512, /* bytes; more aren't kept */
	RPC_DECISION_ARGUMENTS = 80,    /* of all that are asked for */
};

struct rpc_decision {
	const struct route *route;
	struct cluster_worker
		*cluster; /* of calls that need no stream; NULL: a stream has to tell */
	bool is_streams;  /* which takes the route from here */
};

/* What the last decisions needed of a call; NULL: look at nothing, there is no decision to be
 * found now. */
const struct call_needs *rpc_decisions_need(const struct rpc_kept *kept);

/* The decision of a call that has these bytes (NULL: they can't be told), or NULL. After
 * rpc_decisions_need. */
const struct rpc_decision *rpc_decisions_find(struct rpc_kept *kept,
					      const struct rpc_call_bytes *bytes);

/* Keeps a decision, made with `needs` alone. bytes: of that call, or NULL if they aren't known: the
 * next one's will be. */
void rpc_decisions_keep(struct rpc_kept *kept, const struct call_needs *needs,
			const struct rpc_call_bytes *bytes, struct rpc_decision decision);

#endif
