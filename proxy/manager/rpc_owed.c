#include "manager/rpc_owed.h"

#include <stdlib.h>

#include "manager/rpc_private.h"

struct owed_call {
	uint64_t id;
	uint8_t kind;
	bool is_owed;
};

struct rpc_owed {
	struct list_node link; /* worker->handover.owed */
	struct rpc_session *session;
	uint64_t connection;
	size_t count;
	unsigned left;            /* that are owed still */
	struct owed_call calls[]; /* by id */
};

static struct rpc_owed *find(const struct worker_context *worker, uint64_t connection)
{
	const struct list_node *all = &worker->handover.owed;

	for (struct list_node *n = all->next; n != all; n = n->next) {
		struct rpc_owed *owed = container_of(n, struct rpc_owed, link);
		if (owed->connection == connection)
			return owed;
	}
	return NULL;
}

/* --- the table */

static uint64_t key_of(const struct rpc_owed *owed, uint64_t id)
{
	return id & owed->session->dialect->id_mask;
}

/* Where calls of that id, or of greater ones, begin. */
static size_t place_of(const struct rpc_owed *owed, uint64_t id)
{
	size_t low = 0, high = owed->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (key_of(owed, owed->calls[middle].id) < key_of(owed, id))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A consumer may use an id for several calls at a time: each answer settles one. */
static void settle_call(struct rpc_owed *owed, uint64_t id)
{
	for (size_t i = place_of(owed, id);
	     i < owed->count && key_of(owed, owed->calls[i].id) == key_of(owed, id); i++) {
		if (!owed->calls[i].is_owed)
			continue;
		owed->calls[i].is_owed = false;
		owed->left--;
		owed->session->session.stream_count--;
		return;
	}
}

static int compare(const void *a, const void *b, void *mask)
{
	uint64_t x = ((const struct owed_call *)a)->id & *(const uint64_t *)mask;
	uint64_t y = ((const struct owed_call *)b)->id & *(const uint64_t *)mask;

	return x < y ? -1 : x > y;
}

void rpc_owe(struct rpc_session *rs, const struct handover *handover)
{
	struct rpc_owed *owed =
		calloc(1, sizeof *owed + handover->call_count * sizeof owed->calls[0]);
	uint64_t mask = rs->dialect->id_mask;

	invariant(owed);
	for (size_t i = 0; i < handover->call_count; i++) {
		const struct handover_call *call = &handover->calls[i];
		if (call->is_one_way)
			continue;
		owed->calls[owed->count++] = (struct owed_call){call->id, call->kind, true};
		rs->session.stream_count++;
	}
	qsort_r(owed->calls, owed->count, sizeof owed->calls[0], compare, &mask);
	owed->session = rs;
	owed->connection = handover->id;
	owed->left = (unsigned)owed->count;
	rs->owed = owed;
	list_push_back(&rs->session.worker->handover.owed, &owed->link);
}

/* None is owed any more. */
static void owed_free(struct rpc_owed *owed)
{
	for (; owed->left; owed->left--)
		owed->session->session.stream_count--;
	owed->session->owed = NULL;
	list_remove(&owed->link);
	free(owed);
}

void rpc_owed_drop(struct rpc_session *rs)
{
	struct worker_context *worker = rs->session.worker;
	uint64_t connection = rs->owed->connection;

	owed_free(rs->owed);
	if (worker->handover.owed_is_void)
		worker->handover.owed_is_void(worker, connection);
}

/* --- what the other process says */

void rpc_owed_answer(struct worker_context *worker, const struct handover_answer *answer)
{
	struct rpc_owed *owed = find(worker, answer->connection);

	if (!owed)
		return;
	struct rpc_session *rs = owed->session;
	struct session *session = &rs->session;
	for (size_t i = 0; i < answer->id_count; i++)
		settle_call(owed, answer->ids[i]);
	if (session->is_closing)
		return;
	rs->dialect->put_frames(session->codec, answer->frames);
	if (rpc_close_over_cap(session)) /* and owed with it */
		return;
	conn_flush_later(&session->conn);
	if (!session->stream_count)
		session_stream_closed(session, NULL);
}

static void end(struct rpc_owed *owed)
{
	struct rpc_session *rs = owed->session;
	struct session *session = &rs->session;

	for (size_t i = 0; i < owed->count; i++) {
		const struct owed_call *call = &owed->calls[i];
		if (!call->is_owed || session->is_closing)
			continue;
		rs->dialect->answer_lost(session->codec, call->id, call->kind);
		rpc_count(session, RPC_STAT_LOCAL_RESPONSE_BUSINESS_EXCEPTION);
	}
	owed_free(owed);
	conn_flush_later(&session->conn);
	if (!session->stream_count)
		session_stream_closed(session, NULL);
}

void rpc_owed_settled(struct worker_context *worker, uint64_t connection)
{
	struct rpc_owed *owed = find(worker, connection);

	if (owed)
		end(owed);
}

void rpc_owed_end(struct worker_context *worker)
{
	while (!list_is_empty(&worker->handover.owed))
		end(container_of(worker->handover.owed.next, struct rpc_owed, link));
}
