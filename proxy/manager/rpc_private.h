/* The RPC session's state, shared by its files only.
 *
 *   rpc_session.c: connection, routes, streams, what is counted
 *   rpc_call.c: calls that go straight through, without a stream */
#ifndef MANAGER_RPC_PRIVATE_H
#define MANAGER_RPC_PRIVATE_H

#include "codec/dubbo.h"
#include "codec/dubbo_frame.h"
#include "codec/dubbo_head.h"
#include "codec/dubbo_heads.h"
#include "manager/rpc_manager.h"
#include "routing/table.h"
#include "telemetry/stats_network.h"

struct rpc_call;

struct rpc_session {
	struct session session;
	struct dubbo codec;
	struct dubbo_options options;
	uint64_t *words;                  /* of the manager's stats */
	struct list_node calls;           /* that go straight through */
	struct worker_host *host;         /* chosen for the call that is being read, or NULL */
	const struct rpc_call *returning; /* it becomes a stream just now */
	bool had_calls;                   /* some were under way when the connection ended */
};

static inline struct rpc_session *rpc_session_of(struct session *session)
{
	return container_of(session, struct rpc_session, session);
}

static inline uint64_t *rpc_words(struct session *session)
{
	return rpc_session_of(session)->words;
}

/* rpc_session.c */
void rpc_count_request(uint64_t *words);
void rpc_count_answer(uint64_t *words, uint8_t status, int result);
/* has_answer: not the proxy's own. */
void rpc_count_end(struct session *session, uint64_t start_ns, bool is_oneway, bool has_answer);
/* Gives a consumer up that doesn't read its answers. False: it isn't one. */
bool rpc_close_over_cap(struct session *session);

/* rpc_call.c */

/* The options' `pass`: takes a call whose route is known by its head, when a connection is at hand.
 */
bool rpc_call_pass(struct codec *codec, struct dubbo_head_slot *head, uint64_t id,
		   struct slice frame);
/* The cluster of calls that this route forwards without a look at them; NULL: it looks. */
struct cluster_worker *rpc_call_cluster(const struct session *session, const struct route *route);
/* All calls of the session end without an answer. */
void rpc_calls_abort(struct session *session);
/* The stream is what a call has become: true when it has its answer already. */
bool rpc_call_return(struct stream *s, const struct rpc_call *call);

#endif
