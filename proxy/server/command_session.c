#include "server/command_session.h"

#include <stdlib.h>

#include "base/log.h"
#include "message/path.h"
#include "net/transport.h"
#include "filters/sentinel/ops/command.h"
#include "server/command_centre.h"
#include "server/server.h"
#include "stream/session.h"

/* A command on the builder. Keeps what it looks at. */
struct command_job {
	struct builder_job job;
	struct arena arena;              /* holds it all */
	struct command_session *session; /* NULL: nobody wants to know any more */
	const struct ops_rules *rules;
	void *rules_owner;
	struct command_request request;
	struct command_context context;
	struct command_answer answer;
	void *hold; /* of the rules */
};

/* Old clients of Java's may be older than HTTP/1.1. */
static const struct http1_options http1_options = {
	.max_head_bytes = HTTP1_DEFAULT_HEAD_BYTES,
	.max_headers = HTTP1_DEFAULT_HEADERS,
	.accept_http_10 = true,
	.allow_absolute_url = true,
};

/* --- answering --- */

/* What of the request still comes is read, so that the answer isn't lost to a reset. */
static void end(struct command_session *session)
{
	conn_close_flushed(&session->conn,
			   session->exchange.is_received ? 0 : SESSION_DELAYED_CLOSE_MS);
}

static void answer(struct command_session *session, unsigned status, struct slice text)
{
	struct exchange *exchange = &session->exchange;
	struct codec *codec = &session->codec.codec;
	struct headers headers;
	struct buf data;

	session->is_answered = true;
	headers_init(&headers, &session->arena, 4);
	headers_add_id(&headers, HEADER_STATUS,
		       slice_of(arena_printf(&session->arena, "%u", status)));
	headers_add_id(&headers, HEADER_CONTENT_LENGTH,
		       slice_of(arena_printf(&session->arena, "%zu", text.len)));
	headers_add_id(&headers, HEADER_CONNECTION, SLICE("close"));
	codec->type->send_headers(exchange, &headers, !text.len);
	if (text.len) {
		buf_init(&data, session->conn.out.pool);
		buf_append_owned(&data, text);
		codec->type->send_data(exchange, &data, true);
		buf_clear(&data);
	}
	end(session);
}

static void drop_body(struct command_session *session)
{
	session->centre->body_bytes -= session->body.len;
	text_free(&session->body);
}

/* --- the command --- */

static void run(struct builder_job *job)
{
	struct command_job *command = container_of(job, struct command_job, job);

	command_run(&command->context, &command->request, &command->answer);
}

static void on_done(struct builder_job *job)
{
	struct command_job *command = container_of(job, struct command_job, job);
	const struct ops_rules *rules = command->rules;
	struct command_session *session = command->session;
	struct arena arena = command->arena;

	if (command->answer.sets_rules)
		rules->set(command->rules_owner, command->answer.kind,
			   text_slice(&command->answer.rules_text));
	if (command->answer.sets_mode)
		rules->set_cluster_mode(command->rules_owner, command->answer.cluster.mode);
	if (command->answer.sets_server)
		rules->set_cluster_server(command->rules_owner, &command->answer.cluster);
	if (command->answer.change)
		rules->change_server(command->rules_owner, command->answer.change);
	command->answer.change = NULL;
	if (session) {
		session->job = NULL;
		answer(session, command->answer.status ? command->answer.status : 500,
		       text_slice(&command->answer.body));
	}
	command_answer_free(&command->answer);
	rules->give_back(command->hold);
	arena_free(&arena);
}

static void copy_paths(struct command_job *command)
{
	for (unsigned i = 0; i < RULE_KINDS; i++)
		if (command->context.rule_paths[i])
			command->context.rule_paths[i] = arena_string(
				&command->arena, slice_of(command->context.rule_paths[i]));
}

/* NULL: a broken %XX. */
static struct command_job *make_job(struct command_session *session)
{
	struct sentinel_ops *ops = session->centre->ops;
	struct arena arena;

	arena_init(&arena, 4096);
	struct command_job *command = ARENA_NEW(&arena, struct command_job);
	command->arena = arena;
	if (command_parse(&command->arena, headers_get(session->request, HEADER_PATH),
			  text_slice(&session->body), &command->request)) {
		arena = command->arena;
		arena_free(&arena);
		return NULL;
	}
	command->job = (struct builder_job){.run = run, .done = on_done};
	command->rules = sentinel_ops_rules(ops, &command->rules_owner);
	command->session = session;
	sentinel_ops_context(ops, &command->context);
	copy_paths(command);
	command->context.rules = command->rules->take(command->rules_owner, &command->hold);
	return command;
}

static void execute(struct command_session *session)
{
	struct builder *builder = &session->centre->server->dynamic.subscriptions.builder;
	struct command_job *command = make_job(session);

	conn_set_timer(&session->conn, 0);
	drop_body(session);
	if (!command) {
		answer(session, 500, COMMAND_SERVER_ERROR);
		return;
	}
	session->job = command;
	if (!builder_post(builder, &command->job))
		return;
	run(&command->job);
	on_done(&command->job);
}

/* --- the request --- */

/* Whether its Host is this machine's: an address, or "localhost". */
static bool is_for_us(const struct command_session *session)
{
	struct slice host = headers_get(session->request, HEADER_AUTHORITY);
	struct addr addr;

	if (!addr_is_loopback(&session->centre->addr) || !host.len)
		return true;
	if (!addr_parse(host, &addr) || !addr_parse_ip(host, 0, &addr))
		return true;
	host = slice_sub(host, 0, slice_find_char(host, ':', 0));
	return slice_equal_nocase(host, SLICE("localhost"));
}

static bool is_form(struct slice type)
{
	struct slice name = slice_trim(slice_sub(type, 0, slice_find_char(type, ';', 0)));

	return slice_equal_nocase(name, SLICE("application/x-www-form-urlencoded"));
}

/* As Java refuses it: answers, false. */
static bool check_post(struct command_session *session)
{
	const struct headers *request = session->request;
	struct slice type = headers_get(request, HEADER_CONTENT_TYPE);
	uint64_t length = 0;

	if (type.len && !is_form(type))
		answer(session, 415, SLICE("Only form-encoded post request is supported"));
	else if (!slice_to_uint64(headers_get(request, HEADER_CONTENT_LENGTH), &length) || !length)
		answer(session, 411, SLICE("No legal Content-Length"));
	else if (length > COMMAND_BODY_MAX)
		answer(session, 413, SLICE("Request body is too big"));
	return !session->is_answered;
}

static struct command_session *session_of(struct exchange *exchange)
{
	return container_of(exchange, struct command_session, exchange);
}

static struct exchange *on_begin(struct codec *codec)
{
	struct command_session *session = codec->owner;

	if (session->has_begun)
		return NULL;
	session->has_begun = true;
	session->exchange.arena = &session->arena;
	return &session->exchange;
}

static void on_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct command_session *session = session_of(exchange);

	session->request = headers;
	if (!is_for_us(session)) {
		answer(session, 403, SLICE("Forbidden"));
		return;
	}
	if (slice_equal(headers_get(headers, HEADER_METHOD), SLICE("POST")) && !check_post(session))
		return;
	if (end)
		execute(session);
}

static void on_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct command_session *session = session_of(exchange);

	if (session->is_answered)
		return;
	session->centre->body_bytes += data->len;
	if (session->body.len + data->len > COMMAND_BODY_MAX ||
	    session->centre->body_bytes > COMMAND_BODIES_MAX) {
		session->centre->body_bytes -= data->len;
		answer(session, 413, SLICE("Request body is too big"));
		return;
	}
	while (data->len) {
		char bytes[4096];
		size_t n = buf_peek(data, bytes, sizeof bytes);
		text_add(&session->body, slice_make(bytes, n));
		buf_drain(data, n);
	}
	if (end)
		execute(session);
}

static void on_trailers(struct exchange *exchange, struct headers *trailers)
{
	(void)trailers;
	if (!session_of(exchange)->is_answered)
		execute(session_of(exchange));
}

static void on_reset(struct exchange *exchange, enum reply_reason reason)
{
	(void)exchange;
	(void)reason; /* `failed` follows */
}

static void on_exchange_closed(struct exchange *exchange)
{
	(void)exchange; /* the connection is being closed */
}

static void on_failed(struct codec *codec, enum reply_reason reason, struct slice details)
{
	struct command_session *session = codec->owner;

	(void)details;
	if (session->is_answered)
		return;
	session->is_answered = true;
	codec->type->send_error(codec, reason, reply_reasons[reason].text);
	end(session);
}

static void on_draining(struct codec *codec)
{
	(void)codec;
}

static const struct codec_events codec_events = {
	.begin = on_begin,
	.headers = on_headers,
	.data = on_data,
	.trailers = on_trailers,
	.reset = on_reset,
	.closed = on_exchange_closed,
	.failed = on_failed,
	.draining = on_draining,
};

/* --- the connection --- */

static void session_free(struct grave *grave)
{
	struct conn *conn = container_of(grave, struct conn, io.grave);
	free(container_of(conn, struct command_session, conn));
}

static void gone(struct command_session *session)
{
	if (session->job)
		session->job->session = NULL;
	session->codec.codec.type->close(&session->codec.codec);
	session->centre->session_count--;
	list_remove(&session->link);
	drop_body(session);
	arena_free(&session->arena);
	conn_bury(&session->conn, session_free);
}

void command_session_close(struct command_session *session)
{
	conn_close(&session->conn, false);
	gone(session);
}

static size_t on_read(struct conn *conn, struct slice bytes, bool eof)
{
	struct command_session *session = container_of(conn, struct command_session, conn);
	struct codec *codec = &session->codec.codec;
	size_t consumed = bytes.len;

	if (!codec->is_failed && !session->is_answered)
		consumed = codec_read(codec, bytes, eof);
	if (conn->out.len)
		conn_flush_later(conn);
	if (eof && !session->job && !session->is_answered && conn_is_open(conn))
		conn_close_flushed(conn, 0); /* the rest of the request won't come */
	return consumed;
}

/* The request isn't whole yet. */
static void on_timed_out(struct conn *conn)
{
	conn_close_flushed(conn, 0);
}

static void on_closed(struct conn *conn, enum status why)
{
	(void)why;
	gone(container_of(conn, struct command_session, conn));
}

static const struct conn_events conn_events = {
	.read = on_read,
	.timed_out = on_timed_out,
	.closed = on_closed,
};

void command_session_open(struct command_centre *centre, int fd)
{
	struct command_session *session = calloc(1, sizeof *session);

	invariant(session);
	session->centre = centre;
	centre->session_count++;
	list_push_back(&centre->sessions, &session->link);
	arena_init(&session->arena, 1024);
	conn_open(&session->conn, &centre->server->loop, fd, &plain_transport, &conn_events);
	http1_open(&session->codec, CODEC_SERVER, &http1_options, &codec_events, session,
		   &session->conn.out);
	conn_set_timer(&session->conn, COMMAND_REQUEST_MS);
}
