#include "manager/rpc_away.h"

#include <stdlib.h>

#include "manager/rpc_private.h"
#include "net/conn_handover.h"
#include "stream/session_handover.h"

enum { IDS_AT_A_TIME = 256 };

struct rpc_away {
	struct transport transport;  /* the connection's, in the place of its socket's */
	struct list_node link;       /* worker->handover.away */
	struct rpc_session *session; /* NULL: has ended, before it was adopted */
	const struct rpc_dialect *dialect;
	struct relay_sink *relay;
	uint64_t connection;
	struct section_writer held; /* until it is adopted; then: of a frame that isn't whole */
	bool was_draining;          /* READONLY was said */
	bool is_adopted;
};

static struct rpc_away *find(const struct worker_context *worker, uint64_t connection)
{
	const struct list_node *all = &worker->handover.away;

	for (struct list_node *n = all->next; n != all; n = n->next) {
		struct rpc_away *away = container_of(n, struct rpc_away, link);
		if (away->connection == connection)
			return away;
	}
	return NULL;
}

static void away_free(struct rpc_away *away)
{
	list_remove(&away->link);
	section_writer_free(&away->held);
	free(away);
}

/* --- what the session sends */

/* Tells the relay the whole frames that bytes begin with, at most so many. Their length. */
static size_t tell_some(const struct rpc_away *away, struct slice bytes)
{
	uint64_t ids[IDS_AT_A_TIME];
	size_t count = 0, len = 0, size;

	while (count < IDS_AT_A_TIME && len < bytes.len &&
	       (size = away->dialect->answer_size(slice_sub(bytes, len, bytes.len), &ids[count])) &&
	       (!count || len + size <= HANDOVER_BYTES_MAX)) {
		len += size;
		count++;
	}
	if (count)
		away->relay->answer(away->relay, &(struct handover_answer){
							 .connection = away->connection,
							 .frames = slice_sub(bytes, 0, len),
							 .ids = ids,
							 .id_count = count,
						 });
	return len;
}

static void tell(struct rpc_away *away)
{
	struct section_writer *held = &away->held;
	size_t told = 0, len;

	while (told < held->len &&
	       (len = tell_some(away, slice_make(held->data + told, held->len - told))))
		told += len;
	if (told)
		memmove(held->data, held->data + told, held->len - told);
	held->len -= told;
}

static struct rpc_away *away_of(const struct conn *conn)
{
	return (struct rpc_away *)(uintptr_t)container_of(conn->transport, const struct rpc_away,
							  transport);
}

static ssize_t away_read(struct conn *conn, void *data, size_t size)
{
	(void)conn;
	(void)data;
	(void)size;
	return STATUS_AGAIN;
}

static ssize_t away_writev(struct conn *conn, const struct iovec *iov, int count)
{
	struct rpc_away *away = away_of(conn);
	ssize_t sum = 0;

	for (int i = 0; i < count; i++) {
		section_put_bytes(&away->held, iov[i].iov_base, iov[i].iov_len);
		sum += (ssize_t)iov[i].iov_len;
	}
	if (away->is_adopted)
		tell(away);
	return sum;
}

static void away_shutdown(struct conn *conn)
{
	(void)conn;
}

static void settle(struct rpc_away *away)
{
	away->relay->settled(away->relay, away->connection);
	away_free(away);
}

/* The session has ended. */
static void away_close(struct conn *conn)
{
	struct rpc_away *away = away_of(conn);

	away->session = NULL;
	if (away->is_adopted)
		settle(away);
}

/* --- giving */

static bool is_in_parts(const struct session *session)
{
	const struct list_node *all = &session->streams;

	if (codec_writer(session->codec))
		return true;
	for (const struct list_node *n = all->next; n != all; n = n->next)
		if (!container_of(n, struct stream, link)->down.is_received)
			return true;
	return false;
}

static void list_calls(const struct rpc_session *rs, struct handover *handover)
{
	const struct list_node *all = &rs->session.streams;
	struct handover_call *calls = calloc(rs->session.stream_count, sizeof *calls);

	invariant(calls);
	handover->calls = calls;
	handover->call_count = rpc_calls_list(rs, calls);
	for (const struct list_node *n = all->next; n != all; n = n->next)
		calls[handover->call_count++] =
			rs->dialect->call_of(&container_of(n, struct stream, link)->down);
}

static struct rpc_away *away_new(struct rpc_session *rs, struct relay_sink *relay)
{
	struct rpc_away *away = calloc(1, sizeof *away);

	invariant(away);
	*away = (struct rpc_away){
		.transport = {.name = "relay",
			      .read = away_read,
			      .writev = away_writev,
			      .shutdown = away_shutdown,
			      .close = away_close},
		.session = rs,
		.dialect = rs->dialect,
		.relay = relay,
		.connection = rs->session.id,
		.was_draining = rs->session.codec->is_draining,
	};
	list_push_back(&rs->session.worker->handover.away, &away->link);
	return away;
}

enum status rpc_give_busy(struct session *session, struct relay_sink *relay,
			  struct handover *handover)
{
	struct rpc_session *rs = rpc_session_of(session);

	if (rs->owed || session->stream_count > HANDOVER_CALLS_MAX || is_in_parts(session))
		return STATUS_AGAIN;
	if (!session_describe(session, handover))
		return STATUS_UNSUPPORTED;
	list_calls(rs, handover);
	if (session->leaving != SESSION_LEAVES_HELD)
		conn_read_pause(&session->conn);
	conn_unload(&session->conn, &handover->sockets[0]);
	handover->sockets[0].fd =
		conn_exchange(&session->conn, -1, &away_new(rs, relay)->transport);
	session_given(session);
	return STATUS_OK;
}

/* --- what the other process says */

void rpc_away_adopted(struct worker_context *worker, uint64_t connection)
{
	struct rpc_away *away = find(worker, connection);

	if (!away)
		return;
	away->is_adopted = true;
	tell(away);
	if (away->session)
		session_uncount(&away->session->session);
	else
		settle(away);
}

/* What was to be sent, what was sent to the relay since, and what is queued now. */
static void queue_all(struct rpc_away *away, const struct handover_socket *socket)
{
	struct conn *conn = &away->session->session.conn;
	struct buf queued;

	buf_init(&queued, conn->out.pool);
	buf_move_all(&queued, &conn->out);
	conn_load(conn, socket);
	buf_append_owned(&conn->out, slice_make(away->held.data, away->held.len));
	buf_move_all(&conn->out, &queued);
	conn_flush_later(conn);
}

/* It ends with this turn: what it has yet to send is put aside. */
static void end_at_once(struct rpc_away *away)
{
	struct session *session = &away->session->session;

	for (const struct buf_segment *s = session->conn.out.first; s; s = s->next)
		section_put_bytes(&away->held, s->data, s->len);
	session_close(session);
}

/* The session has ended meanwhile: what it sent goes behind what was unsent, and another one serves
 * it. */
static enum status return_ended(struct rpc_away *away, struct handover_socket *socket)
{
	size_t len = socket->unsent_len + away->held.len;
	char *unsent = realloc(socket->unsent, len + 1);

	invariant(unsent);
	if (away->held.len)
		memcpy(unsent + socket->unsent_len, away->held.data, away->held.len);
	socket->unsent = unsent;
	socket->unsent_len = len;
	away_free(away);
	return STATUS_NOT_FOUND;
}

enum status rpc_away_return(struct worker_context *worker, struct handover *handover)
{
	struct rpc_away *away = find(worker, handover->id);
	struct handover_socket *socket = &handover->sockets[0];

	if (!away)
		return STATUS_NOT_FOUND;
	free(handover->calls);
	handover->calls = NULL;
	handover->call_count = 0;
	if (away->session && away->session->session.is_closing)
		end_at_once(away);
	if (!away->session)
		return return_ended(away, socket);
	struct session *session = &away->session->session;
	queue_all(away, socket);
	session->leaving = SESSION_STAYS;
	session->codec->must_close = false;
	session->codec->is_draining = away->was_draining;
	conn_exchange(&session->conn, socket->fd, &plain_transport);
	conn_read_resume(&session->conn);
	socket->fd = -1;
	away_free(away);
	session_drain(session);
	return STATUS_OK;
}

void rpc_away_void(struct worker_context *worker, uint64_t connection)
{
	struct rpc_away *away = find(worker, connection);

	if (!away)
		return;
	if (!away->session) {
		settle(away);
		return;
	}
	away->is_adopted = true;
	session_close(&away->session->session);
}

void rpc_away_forget(struct worker_context *worker)
{
	struct list_node *all = &worker->handover.away;

	while (all->next && !list_is_empty(all))
		away_free(container_of(all->next, struct rpc_away, link));
}

void rpc_away_end(struct worker_context *worker)
{
	struct list_node *all = &worker->handover.away;

	for (struct list_node *n = all->next, *next; n != all; n = next) {
		struct rpc_away *away = container_of(n, struct rpc_away, link);
		next = n->next;
		if (away->is_adopted)
			session_close(&away->session->session);
	}
}
