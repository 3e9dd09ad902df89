/* The RPC session's state, shared by its files only.
 *
 *   rpc_session.c: connection, streams, what is counted
 *   rpc_route.c: routes, and what is read for them
 *   rpc_call.c: calls that go straight through, without a stream
 *   rpc_dubbo.c, rpc_bolt.c: what is Dubbo's, Bolt's own */
#ifndef MANAGER_RPC_PRIVATE_H
#define MANAGER_RPC_PRIVATE_H

#include "codec/bolt.h"
#include "codec/dubbo.h"
#include "manager/rpc_decisions.h"
#include "manager/rpc_dialect.h"
#include "manager/rpc_manager.h"
#include "routing/table.h"
#include "telemetry/stats_network.h"

struct rpc_call;
struct rpc_owed;

struct rpc_session {
	struct session session;
	const struct rpc_dialect *dialect;
	uint64_t *words;        /* of the manager's stats */
	struct list_node calls; /* that go straight through */
	/* Of the call that is being read, when it turned out to need a stream: */
	struct worker_host *host;  /* chosen for it, or NULL */
	const struct route *route; /* found for it, if is_routed: may be NULL */
	bool is_routed;
	const struct rpc_call *returning; /* it becomes a stream just now */
	struct rpc_call *answering;       /* it has the codec's writer; NULL: none of them */
	uint64_t left_since_ns;           /* a call has begun to come (while times are measured) */
	bool had_calls;                   /* some were under way when the connection ended */
	struct rpc_owed *owed; /* it was adopted, with calls under way elsewhere; NULL: none */
	union {                /* by dialect */
		struct {
			struct dubbo codec;
			struct dubbo_options options;
		} dubbo;
		struct {
			struct bolt codec;
			struct bolt_options options;
		} bolt;
	};
};

static inline struct rpc_session *rpc_session_of(struct session *session)
{
	return container_of(session, struct rpc_session, session);
}

static inline uint64_t *rpc_words(struct session *session)
{
	return rpc_session_of(session)->words;
}

static inline void rpc_count(struct session *session, enum rpc_stat id)
{
	stat_word_add(rpc_words(session) + id, 1);
}

/* rpc_dialects.c: what a server codec deals with by itself is counted. */
void rpc_noticed(struct codec *codec, enum rpc_notice notice);

/* rpc_session.c */
void rpc_count_request(uint64_t *words);
void rpc_count_answer(uint64_t *words, enum rpc_answer answer);
/* has_answer: not the proxy's own. */
void rpc_count_end(struct session *session, uint64_t start_ns, bool is_oneway, bool has_answer);
/* Gives a consumer up that doesn't read its answers. False: it isn't one. */
bool rpc_close_over_cap(struct session *session);

/* rpc_route.c: the session type's find_route, argument and attachment … */
void rpc_find_route(struct stream *s);
bool rpc_argument(struct stream *s, const struct argument_path *path, struct argument_value *value);
bool rpc_attachment(struct stream *s, struct slice name, struct slice *text);
/* … and headers of all attachments, once. */
void rpc_publish(struct stream *s);
/* Where a whole call goes, like those that a memo says a table is asked for (memo.asks). Route
 * NULL: there is none, or only a stream can tell. */
struct rpc_decision rpc_ask_route(struct rpc_session *rs, struct rpc_kept *kept,
				  struct slice frame);
/* The stream's call has been asked for: rpc_find_route knows the answer. */
void rpc_take_route(struct stream *s);

/* For the codec: whether a call that isn't whole yet may go on in parts. */
bool rpc_takes_parts(struct codec *codec, struct headers *headers);

/* rpc_call.c */

/* An answer in parts holds up too many others: it is given up. */
COLD void rpc_held_up(struct codec *codec);
/* The session type's pause_parts. */
COLD void rpc_pause_parts(struct session *session, bool pauses);

/* Shown a whole call by its codec: takes it when its route is known by its head, or by what stands
 * behind it, and a connection is at hand. False: it goes the usual way. */
bool rpc_call_pass(struct codec *codec, struct rpc_kept *kept, uint64_t id, struct slice frame);
/* The cluster of calls that this route forwards without a look at them; NULL: it looks, or they
 * need a stream anyway. */
struct cluster_worker *rpc_call_cluster(const struct session *session, const struct route *route);
/* Whether the caller waits for the answer to a call of that id which goes straight through; among
 * many it isn't looked for everywhere. */
bool rpc_call_is_passed(struct codec *codec, uint64_t id);
/* Writes down all of them: at most session.stream_count. How many they are. */
size_t rpc_calls_list(const struct rpc_session *rs, struct handover_call *calls);
/* All calls of the session end without an answer. */
void rpc_calls_abort(struct session *session);
/* The stream is what a call has become: true when it has its answer already. */
bool rpc_call_return(struct stream *s, const struct rpc_call *call);

#endif
