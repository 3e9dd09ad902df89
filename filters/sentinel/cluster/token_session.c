#include "filters/sentinel/cluster/token_session.h"

#include <stdlib.h>

#include "base/attributes.h"
#include "filters/sentinel/cluster/token_codec.h"

static struct token_session *session_of(struct conn *conn)
{
	return container_of(conn, struct token_session, conn);
}

static void session_free(struct grave *grave)
{
	free(container_of(grave, struct token_session, conn.io.grave));
}

/* --- the end --- */

/* The connection is DEAD. */
static void gone(struct token_session *session)
{
	struct token_server *server = session->server;

	if (session->name_space)
		token_arbiter_leave(&server->arbiter, session->name_space);
	session->name_space = NULL;
	list_remove(&session->link);
	server->session_count--;
	conn_bury(&session->conn, session_free);
}

void token_session_close(struct token_session *session)
{
	conn_close(&session->conn, false);
	gone(session);
}

static void on_closed(struct conn *conn, enum status why)
{
	struct token_server *server = session_of(conn)->server;

	(void)why;
	token_server_lock(server);
	gone(session_of(conn));
	token_server_unlock(server);
}

static void on_timed_out(struct conn *conn)
{
	struct token_server *server = session_of(conn)->server;

	token_server_lock(server);
	server->counts.idle++;
	token_session_close(session_of(conn));
	token_server_unlock(server);
}

/* --- questions --- */

static void send_response(struct token_session *session, const struct token_response *response)
{
	char frame[TOKEN_FRAME_MAX];

	buf_append_copy(&session->conn.out,
			slice_make(frame, token_write_response(frame, response)));
}

/* The client is one of that name space from now on. */
static void take_ping(struct token_session *session, const struct token_request *request)
{
	struct token_arbiter *arbiter = &session->server->arbiter;
	struct token_name_space *joined = token_arbiter_join(arbiter, request->name_space);
	struct token_response response = {.xid = request->xid, .type = TOKEN_PING};

	if (joined && session->name_space)
		token_arbiter_leave(arbiter, session->name_space);
	if (joined)
		session->name_space = joined;
	response.status = joined ? TOKEN_OK : TOKEN_FAIL;
	response.remaining = joined ? (int32_t)joined->connected : 0;
	send_response(session, &response);
}

static void take_frame(struct token_session *session, struct slice payload, int64_t now_ms)
{
	struct token_server *server = session->server;
	struct token_request request;
	struct token_response response;

	if (token_read_request(payload, &request)) {
		server->counts.malformed++;
	} else if (request.type == TOKEN_PING) {
		take_ping(session, &request);
	} else {
		token_arbiter_ask(&server->arbiter, &request, now_ms, &response);
		send_response(session, &response);
	}
}

/* Returns how much was consumed, or a status: it can't go on. */
static ssize_t take_frames(struct token_session *session, struct slice bytes)
{
	int64_t now_ms = token_server_now_ms(session->server);
	struct slice payload;
	ssize_t size, at = 0;

	while ((size = token_read_frame(slice_sub(bytes, (size_t)at, bytes.len), &payload)) > 0) {
		take_frame(session, payload, now_ms);
		at += size;
	}
	return size < 0 ? size : at;
}

static size_t on_read(struct conn *conn, struct slice bytes, bool eof)
{
	struct token_session *session = session_of(conn);
	struct token_server *server = session->server;

	token_server_lock(server);
	ssize_t taken = take_frames(session, bytes);
	if (taken < 0)
		server->counts.garbage++;
	conn_set_timer(conn, server->wanted.idle_ms);
	token_server_unlock(server);
	if (conn->out.len)
		conn_flush_later(conn);
	if (taken < 0 || eof)
		conn_close_flushed(conn, 0);
	else
		conn_check_output(conn);
	return taken < 0 ? bytes.len : (size_t)taken;
}

/* --- a client that doesn't take its answers --- */

static void on_blocked(struct conn *conn)
{
	struct token_session *session = session_of(conn);

	if (!session->is_paused)
		conn_read_pause(conn);
	session->is_paused = true;
}

static void on_unblocked(struct conn *conn)
{
	struct token_session *session = session_of(conn);

	if (session->is_paused)
		conn_read_resume(conn);
	session->is_paused = false;
}

/* --- the beginning --- */

static const struct conn_events events = {
	.read = on_read,
	.blocked = on_blocked,
	.unblocked = on_unblocked,
	.timed_out = on_timed_out,
	.closed = on_closed,
};

void token_session_open(struct token_server *server, int fd, const struct addr *remote)
{
	struct token_session *session = calloc(1, sizeof(*session));

	invariant(session);
	session->server = server;
	session->remote = *remote;
	token_server_lock(server);
	list_push_back(&server->sessions, &session->link);
	server->session_count++;
	server->counts.accepted++;
	conn_open(&session->conn, &server->loop, fd, &plain_transport, &events);
	conn_set_timer(&session->conn, server->wanted.idle_ms);
	token_server_unlock(server);
}
