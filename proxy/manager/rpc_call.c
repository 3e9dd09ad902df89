/* A call that nobody asks anything of but to be forwarded: no filters, a route that follows from
 * its head and values, a connection at hand. Its frames pass with another id each; it is counted as
 * a stream is.
 *
 *   frame ─ rpc_call_pass ─> connection to the host ─ passed ─> consumer        (given back)
 *                              └─ reset: the call becomes a stream, which goes on
 *
 * Whatever isn't plain goes the usual way from the beginning. Owner: its session's list; memory
 * from the worker's free list. No timers: an RPC route has no timeout. */
#include <stdlib.h>

#include "manager/rpc_private.h"
#include "routing/route.h"
#include "stream/reply.h"
#include "upstream/upstream_worker.h"

enum { FREE_CALLS = 4096, LOOKED_AT = 256, CALL_ARENA = 16384 };

struct rpc_call {
	struct upstream_request request;
	struct rpc_session *owner;
	struct list_node link; /* owner->calls */
	struct rpc_call *next_free;
	struct rpc_kept *kept; /* held */
	uint64_t id;           /* the consumer's */
	uint64_t start_ns;
	enum reply_reason lost; /* why it returns */
	bool is_unsent;         /* it may go again */
	bool is_paused;         /* the consumer's reads are, once, by this call */
};

static struct rpc_call *of_request(struct upstream_request *request)
{
	return container_of(request, struct rpc_call, request);
}

/* --- memory */

static COLD struct rpc_call *call_new(void)
{
	struct rpc_call *call = calloc(1, sizeof *call);
	invariant(call);
	return call;
}

static struct rpc_call *call_take(struct worker_context *worker)
{
	struct rpc_call *call = worker->free_calls;

	if (UNLIKELY(!call))
		return call_new();
	worker->free_calls = call->next_free;
	worker->free_call_count--;
	return call;
}

static void call_give(struct worker_context *worker, struct rpc_call *call)
{
	if (UNLIKELY(worker->free_call_count >= FREE_CALLS)) {
		free(call);
		return;
	}
	call->next_free = worker->free_calls;
	worker->free_calls = call;
	worker->free_call_count++;
}

void rpc_call_init_spares(struct worker_context *worker)
{
	arena_init(&worker->call_arena, CALL_ARENA);
}

void rpc_call_free_spares(struct worker_context *worker)
{
	arena_free(&worker->call_arena);
	while (worker->free_calls) {
		struct rpc_call *call = worker->free_calls;
		worker->free_calls = call->next_free;
		free(call);
	}
	worker->free_call_count = 0;
}

/* --- the end */

static void resume(struct rpc_call *call)
{
	if (LIKELY(!call->is_paused))
		return;
	call->is_paused = false;
	conn_read_resume(&call->owner->session.conn);
}

/* Its request is over; it is no longer its session's. */
static void leave(struct rpc_call *call)
{
	resume(call);
	list_remove(&call->link);
	call->owner->session.stream_count--;
	rpc_kept_release(call->kept);
}

/* All of an answer in parts has come, or no more of it will. */
static COLD void end_parts(struct rpc_call *call, bool is_broken)
{
	struct session *session = &call->owner->session;

	call->owner->answering = NULL;
	if (!is_broken || !codec_writer(session->codec))
		return;
	call->owner->dialect->break_answer(session->codec);
	conn_flush_later(&session->conn);
}

static void end(struct rpc_call *call)
{
	struct session *session = &call->owner->session;

	if (UNLIKELY(call->owner->answering == call))
		end_parts(call, true);
	rpc_count_end(session, call->start_ns, false, true);
	leave(call);
	call_give(session->worker, call);
	if (UNLIKELY(session->is_draining || session->leaving != SESSION_STAYS ||
		     session->codec->must_close))
		session_stream_closed(session, NULL);
	else if (!session->stream_count)
		session->waits_since_ms = (uint32_t)loop_now_ms(session->worker->loop);
}

size_t rpc_calls_list(const struct rpc_session *rs, struct handover_call *calls)
{
	size_t count = 0;

	for (const struct list_node *n = rs->calls.next; n != &rs->calls; n = n->next)
		calls[count++] = rs->dialect->call_of_passed(
			container_of(n, const struct rpc_call, link)->id);
	return count;
}

void rpc_calls_abort(struct session *session)
{
	struct rpc_session *rs = rpc_session_of(session);

	while (!list_is_empty(&rs->calls)) {
		struct rpc_call *call = container_of(rs->calls.next, struct rpc_call, link);
		upstream_request_cancel(&call->request);
		end(call);
	}
}

/* --- the request's events */

static void on_passed(struct upstream_request *request, struct slice frame)
{
	struct rpc_call *call = of_request(request);
	struct rpc_session *rs = call->owner;

	rpc_count_answer(rs->words, rs->dialect->pass_answer(rs->session.codec, call->id, frame));
	if (UNLIKELY(rpc_close_over_cap(&rs->session))) /* and this call with it */
		return;
	conn_flush_later(&rs->session.conn);
	end(call);
}

/* --- an answer in parts: what else the caller gets waits for its end */

static bool takes_parts(struct upstream_request *request, uint8_t serialization)
{
	struct rpc_session *rs = of_request(request)->owner;

	return rs->dialect->begin_answer && !codec_writer(rs->session.codec) &&
	       rs->dialect->answers_in_parts(serialization);
}

static void on_passed_part(struct upstream_request *request, struct slice head, struct slice bytes,
			   uint32_t left)
{
	struct rpc_call *call = of_request(request);
	struct rpc_session *rs = call->owner;

	if (head.len) {
		rpc_count_answer(rs->words, rs->dialect->begin_answer(rs->session.codec, call->id,
								      head, bytes));
		rs->answering = call;
	}
	rs->dialect->put_part(rs->session.codec, bytes);
	conn_flush_later(&rs->session.conn);
	if (!left) {
		end_parts(call, false);
		end(call);
	} else if (rs->session.is_output_full) {
		session_pause_writer(&rs->session, true);
	}
}

void rpc_pause_parts(struct session *session, bool pauses)
{
	struct rpc_call *call = rpc_session_of(session)->answering;

	if (pauses)
		upstream_pause(&call->request);
	else
		upstream_resume(&call->request);
}

void rpc_held_up(struct codec *codec)
{
	struct session *session = session_of_codec(codec);
	struct rpc_call *call = rpc_session_of(session)->answering;

	if (call) {
		upstream_request_cancel(&call->request);
		end(call);
	} else {
		stream_abort(container_of(codec_writer(codec)->exchange, struct stream, down),
			     RESPONSE_FLAG_OVERLOAD_MANAGER, SLICE("answer_held_others_up"));
	}
}

/* --- the call's return */

/* The stream begins where the call stood: nothing is counted twice. It sends the call again, if no
 * host can have seen any of it, or answers for it. */
static void on_reset(struct upstream_request *request, enum reply_reason reason)
{
	struct rpc_call *call = of_request(request);
	struct rpc_session *rs = call->owner;
	struct buf frame;

	if (UNLIKELY(rs->answering == call)) { /* its caller has the head of an answer already */
		end(call);
		return;
	}
	buf_init(&frame, &rs->session.worker->loop->pool);
	call->lost = reason;
	call->is_unsent =
		reason == REPLY_CONNECTION_LOST && upstream_request_unsent_frame(request, &frame);
	rs->returning = call;
	rpc_kept_hold(call->kept);
	leave(call);
	rs->session.request_count--;
	rs->dialect->take_back(rs->session.codec, call->kept, call->id, &frame);
	rs->returning = NULL;
	rpc_kept_release(call->kept);
	call_give(rs->session.worker, call);
}

bool rpc_call_return(struct stream *s, const struct rpc_call *call)
{
	s->info.times.start_ns = call->start_ns;
	if (call->is_unsent)
		return false;
	reply_send_reason(s, call->lost, (struct slice){0});
	return true;
}

static void on_blocked(struct upstream_request *request)
{
	struct rpc_call *call = of_request(request);

	call->is_paused = true;
	conn_read_pause(&call->owner->session.conn);
}

static void on_unblocked(struct upstream_request *request)
{
	resume(of_request(request));
}

static const struct upstream_request_events request_events = {
	.passed = on_passed,
	.takes_parts = takes_parts,
	.passed_part = on_passed_part,
	.reset = on_reset,
	.blocked = on_blocked,
	.unblocked = on_unblocked,
};

/* --- the beginning */

struct cluster_worker *rpc_call_cluster(const struct session *session, const struct route *route)
{
	if (!route || route->kind != ROUTE_FORWARD || !route->is_plain)
		return NULL;
	const struct route_action *action = route->forward;
	if (route->cluster.kind != CLUSTER_NAMED || route->cluster.slot == CLUSTER_SLOT_NONE ||
	    action->hash_policies.count || action->timeout_ms || route->policy)
		return NULL;
	struct cluster_worker *cluster =
		cluster_worker_find(session->worker->upstream, route->cluster.slot);
	const struct cluster *config = cluster ? cluster_worker_config(cluster) : NULL;
	return config && !config->uses_header_for_original_dst && !config->has_pool_per_downstream
		       ? cluster
		       : NULL;
}

/* Where the caller wanted to go, if the cluster takes it there. */
static struct worker_host *choose_destination(const struct session *session,
					      struct cluster_worker *cluster)
{
	const struct cluster *config = cluster_worker_config(cluster);
	struct addr destination;

	if (config->type != CLUSTER_ORIGINAL_DST)
		return NULL;
	addr_unpack(session->local, &destination);
	if (config->original_dst_port)
		destination.port = config->original_dst_port;
	return cluster_worker_pick(
		cluster,
		&(struct pick){.address = &destination, .attempts = 1, .index = BALANCE_NONE});
}

static struct worker_host *choose_host(const struct session *session,
				       struct cluster_worker *cluster, const struct route *route)
{
	struct worker_host *only = cluster_worker_only(cluster);
	const struct host_set *set = cluster_worker_hosts(cluster);

	if (LIKELY(only != NULL))
		return only;
	if (UNLIKELY(!set))
		return choose_destination(session, cluster);
	if (set->drop_count)
		return NULL;
	return cluster_worker_pick(cluster, &(struct pick){.match = route->cluster.metadata_match,
							   .attempts = 1,
							   .index = BALANCE_NONE});
}

/* A frame that comes back (on_reset) can be read again as long as it fits a block. */
static struct rpc_decision find_way(struct rpc_session *rs, struct rpc_kept *kept,
				    struct slice frame)
{
	const struct rpc_memo *memo = &kept->memo;

	if (LIKELY(memo->straight_to || !memo->asks || frame.len > BUF_TURN_BLOCK_SIZE))
		return (struct rpc_decision){memo->found, memo->straight_to, false};
	return rpc_ask_route(rs, kept, frame);
}

/* host: whose turn it was, or NULL. */
static bool leave_to_stream(struct rpc_session *rs, const struct rpc_decision *way,
			    struct worker_host *host)
{
	rs->host = host;
	rs->route = way->route;
	rs->is_routed = way->is_streams;
	return false;
}

bool rpc_call_pass(struct codec *codec, struct rpc_kept *kept, uint64_t id, struct slice frame)
{
	struct session *session = session_of_codec(codec);
	struct rpc_session *rs = rpc_session_of(session);
	struct worker_context *worker = session->worker;
	const struct rpc_memo *memo = &kept->memo;

	if (UNLIKELY(memo->of != rpc_manager_of(session) || memo->epoch != worker->config_epoch ||
		     session->is_closing ||
		     session->stream_count >= rpc_manager_of(session)->max_in_flight))
		return false;
	struct rpc_decision way = find_way(rs, kept, frame);
	struct worker_host *host =
		way.cluster ? choose_host(session, way.cluster, way.route) : NULL;
	if (UNLIKELY(!host))
		return leave_to_stream(rs, &way, NULL);
	struct rpc_call *call = call_take(worker);
	call->request.priority = way.route->forward->is_high_priority ? CLUSTER_PRIORITY_HIGH
								      : CLUSTER_PRIORITY_DEFAULT;
	if (UNLIKELY(!upstream_request_pass(&call->request, host, rs->dialect->stream_protocol,
					    frame, &request_events))) {
		call_give(worker, call);
		return leave_to_stream(rs, &way, host);
	}
	call->owner = rs;
	call->kept = kept;
	call->id = id;
	call->start_ns = worker->loop->now_ns;
	call->is_paused = false;
	rpc_kept_hold(kept);
	list_push_back(&rs->calls, &call->link);
	session->stream_count++;
	session->request_count++;
	rpc_count_request(rpc_words(session));
	return true;
}

bool rpc_call_is_passed(struct codec *codec, uint64_t id)
{
	struct rpc_session *rs = rpc_session_of(session_of_codec(codec));
	const struct list_node *node = rs->calls.next;

	for (unsigned i = 0; i < LOOKED_AT && node != &rs->calls; i++, node = node->next)
		if (container_of(node, struct rpc_call, link)->id == id)
			return true;
	return false;
}
