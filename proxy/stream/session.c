#include "stream/session.h"

#include "codec/bolt.h"
#include "codec/dubbo.h"
#include "codec/http1.h"
#include "stream/reply.h"
#include "stream/session_handover.h"

static void set_closing(struct session *session, uint64_t linger_ms)
{
	if (session->is_closing)
		return;
	session->is_closing = true;
	conn_close_flushed(&session->conn, linger_ms);
}

/* Whether it is to end when it has been idle for a while, not as soon as it is. */
static bool is_slow_to_end(const struct session *session)
{
	return session->codec->type->is_multiplexed || session->is_patient;
}

/* Closes once nothing is under way any more and the codec or a drain wants it. */
static void close_if_over(struct session *session)
{
	if (session->stream_count || session->is_reading || session->is_closing)
		return;
	if (session->codec->must_close || (session->is_draining && !is_slow_to_end(session)))
		set_closing(session, session->conn.left || session->has_unread_request
					     ? session->config->delayed_close_timeout_ms
					     : 0);
}

static void abort_streams(struct session *session, struct slice details)
{
	if (session->config->type->gone)
		session->config->type->gone(session);
	while (!list_is_empty(&session->streams)) {
		struct stream *s = container_of(session->streams.next, struct stream, link);
		stream_abort(s, RESPONSE_FLAG_DOWNSTREAM_CONNECTION_TERMINATION, details);
	}
}

void session_uncount(struct session *session)
{
	uint64_t lived_ms = loop_now_ms(session->worker->loop) - session->start_ms;

	if (LIKELY(session->end != NULL))
		accepted_ended(session->end,
			       session->leaving == SESSION_GIVEN ? ACCEPTED_GIVEN_AWAY : lived_ms);
	session->end = NULL;
}

static void session_gone(struct session *session)
{
	session->is_closing = true;
	abort_streams(session, reply_reasons[REPLY_DOWNSTREAM_DISCONNECT].details);
	session->codec->type->close(session->codec);
	served_end(&session->served, session->chain);
	session_uncount(session);
	struct pin *listener = session->listener;
	addr_packed_free(session->remote);
	addr_packed_free(session->local);
	if (UNLIKELY(session->has_reserve))
		session->worker->end_reserve(session->worker->upstream, session->id);
	session->config->type->ended(session);
	pin_drop(listener);
}

void session_given(struct session *session)
{
	session->leaving = SESSION_GIVEN;
	session->codec->must_close = session->codec->is_draining = true; /* and says so to nobody */
	if (session->conn.state == CONN_DEAD)
		session_gone(session);
}

void session_close(struct session *session)
{
	conn_close(&session->conn, false);
	session_gone(session);
}

static void fail(struct session *session, enum reply_reason reason, struct slice details)
{
	struct codec *codec = session->codec;

	session->config->type->request_failed(session, reason, details);
	if (session->config->type->send_error)
		session->config->type->send_error(session, reason);
	else
		codec->type->send_error(codec, reason, reply_reasons[reason].text);
	set_closing(session, session->config->delayed_close_timeout_ms);
}

/* --- limits of time: one timer for all, set to the earliest, which rings early rather than being
 * moved
 */

static void wait_begins(struct session *session)
{
	session->waits_since_ms = (uint32_t)loop_now_ms(session->worker->loop);
	session->is_head_begun = false;
}

static uint64_t waited_ms(const struct session *session)
{
	return (uint32_t)loop_now_ms(session->worker->loop) - session->waits_since_ms;
}

/* How long it may wait without a stream; 0: for ever. Many streams share a multiplexed connection:
 * who was told to leave goes elsewhere, and it ends when none has been open for a while. A patient
 * one waits as long for the message whose answer tells its client. */
static uint64_t wait_limit_ms(const struct session *session)
{
	if (session->is_head_begun)
		return session->config->request_headers_timeout_ms;
	return session->is_draining && is_slow_to_end(session) ? SESSION_DRAIN_IDLE_MS
							       : session->config->idle_timeout_ms;
}

static bool has_duration(const struct session *session)
{
	return session->config->max_connection_duration_ms && !session->is_draining;
}

/* How much is left of a limit; 0: it is over. */
static uint64_t rest_ms(uint64_t limit_ms, uint64_t passed_ms)
{
	return limit_ms > passed_ms ? limit_ms - passed_ms : 0;
}

/* Something is under way, be it only a message that isn't whole: a drain waits for that, too, until
 * its own time is over. */
static bool is_at_work(const struct session *session)
{
	return session->stream_count ||
	       (session->is_draining && session->conn.left && !session->is_head_begun);
}

static uint64_t rest_of_wait_ms(const struct session *session)
{
	return rest_ms(wait_limit_ms(session), is_at_work(session) ? 0 : waited_ms(session));
}

static uint64_t rest_of_duration_ms(const struct session *session)
{
	return rest_ms(session->config->max_connection_duration_ms,
		       loop_now_ms(session->worker->loop) - session->start_ms);
}

/* --- what drains ask of it --- */

static bool is_concerned(const struct session *session, unsigned scope)
{
	return scope == DRAIN_ALL || session->config->is_inbound;
}

static bool heeds_failing(const struct session *session)
{
	return session->worker->is_failing && !session->config->ignores_failing;
}

bool session_is_last_answer(struct session *session)
{
	struct worker_context *worker = session->worker;
	uint64_t now_ms = loop_now_ms(worker->loop), chance = random_next(&worker->random);
	bool is_last = session->is_draining || heeds_failing(session);

	for (unsigned scope = 0; scope < DRAIN_SCOPES; scope++)
		is_last |= is_concerned(session, scope) &&
			   drain_is_last(&worker->drains[scope], now_ms, chance);
	return is_last || (session->chain->drain &&
			   drain_is_last(&session->chain->drain->rule, now_ms, chance));
}

/* When it is told, and goes on; UINT64_MAX: never. */
static uint64_t ask_at_ms(const struct session *session)
{
	uint64_t at_ms = heeds_failing(session) ? 0 : UINT64_MAX;

	for (unsigned scope = 0; scope < DRAIN_SCOPES; scope++) {
		uint64_t tell_ms = drain_tell_ms(&session->worker->drains[scope], session->id);
		if (is_concerned(session, scope) && tell_ms < at_ms)
			at_ms = tell_ms;
	}
	return session->codec->type->undrain ? at_ms : UINT64_MAX;
}

/* When it is told, and ends: its listener is in force no more. */
static uint64_t end_at_ms(const struct session *session)
{
	const struct served_drain *drain = session->chain->drain;
	return drain ? drain_tell_ms(&drain->rule, session->id) : UINT64_MAX;
}

/* UINT64_MAX: there is nothing to tell it, or not before the next answer. */
static uint64_t rest_until_told_ms(const struct session *session)
{
	uint64_t now_ms = loop_now_ms(session->worker->loop), at_ms = end_at_ms(session);

	if (session->is_draining || !session->codec->type->is_multiplexed)
		return UINT64_MAX;
	if (!session->codec->is_draining && ask_at_ms(session) < at_ms)
		at_ms = ask_at_ms(session);
	return at_ms == UINT64_MAX ? at_ms : rest_ms(at_ms, now_ms);
}

static void set_timer(struct session *session)
{
	uint64_t delay_ms = UINT64_MAX;

	if (wait_limit_ms(session))
		delay_ms = rest_of_wait_ms(session);
	if (has_duration(session) && rest_of_duration_ms(session) < delay_ms)
		delay_ms = rest_of_duration_ms(session);
	if (UNLIKELY(session->worker->is_asking) && rest_until_told_ms(session) < delay_ms)
		delay_ms = rest_until_told_ms(session);
	if (delay_ms != UINT64_MAX && conn_is_open(&session->conn))
		conn_set_timer(&session->conn, delay_ms ? delay_ms : 1);
}

/* Tells the peer what it is to do now, if its protocol has a word for it. Who is asked with an
 * answer is asked there. */
static void review(struct session *session)
{
	const struct codec_type *type = session->codec->type;
	uint64_t now_ms = loop_now_ms(session->worker->loop);

	if (session->is_draining || session->is_closing || session->leaving == SESSION_GIVEN ||
	    !type->is_multiplexed)
		return;
	if (now_ms >= end_at_ms(session)) {
		session_drain(session);
		return;
	}
	bool is_asked = now_ms >= ask_at_ms(session);
	if (type->undrain && is_asked != session->codec->is_draining) {
		if (is_asked)
			type->drain(session->codec);
		else
			type->undrain(session->codec);
		conn_flush_later(&session->conn);
	}
	set_timer(session);
}

static void on_timed_out(struct conn *conn)
{
	struct session *session = container_of(conn, struct session, conn);

	if (UNLIKELY(session->worker->is_asking))
		review(session);
	if (has_duration(session) && !rest_of_duration_ms(session))
		session_drain(session);
	if (session->is_closing)
		return;
	if (!wait_limit_ms(session) || rest_of_wait_ms(session)) {
		set_timer(session);
	} else if (session->is_head_begun) {
		fail(session, REPLY_REQUEST_HEADERS_TIMEOUT, (struct slice){0});
	} else {
		void (*count)(struct session * session) =
			session->is_draining ? session->config->type->drained
					     : session->config->type->idle_timed_out;
		if (count)
			count(session);
		set_closing(session, 0);
	}
}

/* --- the connection's events --- */

/* A head has begun, and isn't whole: it has its time from its first byte on. */
static void time_head(struct session *session, bool has_left)
{
	bool is_begun = has_left && !session->stream_count && !session->is_closing;

	if (is_begun && !session->is_head_begun) {
		wait_begins(session);
		session->is_head_begun = true;
		set_timer(session);
	}
	session->is_head_begun = is_begun;
}

static bool has_tunnel(const struct session *session)
{
	return !list_is_empty(&session->streams) &&
	       container_of(session->streams.next, struct stream, link)->down.is_tunnel;
}

static size_t on_read(struct conn *conn, struct slice bytes, bool eof)
{
	struct session *session = container_of(conn, struct session, conn);
	size_t consumed = bytes.len;

	if (session->codec->is_failed)
		return consumed;
	session->is_reading = true;
	consumed = codec_read(session->codec, bytes, eof);
	session->is_reading = false;

	if (UNLIKELY(eof) && !has_tunnel(session)) {
		session->is_closed_by_peer = true;
		abort_streams(session, reply_reasons[REPLY_DOWNSTREAM_DISCONNECT].details);
		set_closing(session, 0);
	}
	/* What waits behind an open exchange of HTTP/1, or is of a paused one, is look-ahead. */
	if (UNLIKELY(bytes.len - consumed >= SESSION_LOOK_AHEAD) && session->stream_count &&
	    (!session->codec->type->is_multiplexed || session->codec->is_stopped) &&
	    !session->is_read_held) {
		session->is_read_held = true;
		conn_read_pause(conn);
	}
	if (session->conn.out.len)
		conn_flush_later(conn);
	/* It may have stopped at a flood of answers: on_unblocked lets it go on. */
	if (UNLIKELY(consumed < bytes.len && conn->out.len > conn->high_mark))
		conn_check_output(conn);
	if (UNLIKELY(session->config->request_headers_timeout_ms))
		time_head(session, consumed < bytes.len);
	if (UNLIKELY(session->config->notes_reads))
		session->config->type->was_read(session, consumed < bytes.len);
	close_if_over(session);
	return consumed;
}

void session_pause_writer(struct session *session, bool pauses)
{
	struct codec_writer *writer = codec_writer(session->codec);

	if (!writer || writer->is_paused == pauses)
		return;
	writer->is_paused = pauses;
	if (!writer->exchange)
		session->config->type->pause_parts(session, pauses);
	else if (pauses)
		stream_response_pause(container_of(writer->exchange, struct stream, down));
	else
		stream_response_resume(container_of(writer->exchange, struct stream, down));
}

static void on_blocked(struct conn *conn)
{
	struct session *session = container_of(conn, struct session, conn);

	session->is_output_full = true;
	if (session->codec->type->is_multiplexed) {
		conn_read_pause(conn);
		session_pause_writer(session, true);
		return;
	}
	for (struct list_node *n = session->streams.next; n != &session->streams; n = n->next)
		stream_response_pause(container_of(n, struct stream, link));
}

static void on_unblocked(struct conn *conn)
{
	struct session *session = container_of(conn, struct session, conn);

	session->is_output_full = false;
	if (session->codec->type->is_multiplexed) {
		conn_read_resume(conn);
		session_pause_writer(session, false);
		return;
	}
	session_read_on(session); /* the codec stops at a flood of answers */
	for (struct list_node *n = session->streams.next, *next; n != &session->streams; n = next) {
		next = n->next;
		stream_response_resume(container_of(n, struct stream, link));
	}
}

static void on_closed(struct conn *conn, enum status why)
{
	struct session *session = container_of(conn, struct session, conn);
	if (why != STATUS_OK)
		session->is_closed_by_peer = true;
	session_gone(session);
}

static const struct conn_events conn_events = {
	.read = on_read,
	.blocked = on_blocked,
	.unblocked = on_unblocked,
	.timed_out = on_timed_out,
	.closed = on_closed,
};

/* --- the codec's events --- */

static struct exchange *on_begin(struct codec *codec)
{
	struct session *session = session_of_codec(codec);
	if (session->is_closing)
		return NULL;
	return &stream_open(session)->down;
}

static struct stream *stream_of(struct exchange *exchange)
{
	return container_of(exchange, struct stream, down);
}

static void on_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct stream *s = stream_of(exchange);

	s->request = headers;
	s->info.request = headers;
	s->is_request_end_seen = end;
	if (exchange->protocol)
		s->info.protocol = exchange->protocol;
	if (end)
		s->info.times.request_end_ns = s->worker->loop->now_ns;
	if (!s->session->config->type->prepare_request(s, end) || !stream_is_open(s) ||
	    s->is_replied)
		return;
	chain_open(s, &s->session->config->chain);
	chain_headers(s, DIRECTION_REQUEST, headers, end);
}

static void request_ended(struct stream *s)
{
	s->is_request_end_seen = true;
	s->info.times.request_end_ns = s->worker->loop->now_ns;
	stream_limit_stop(s, STREAM_LIMIT_REQUEST);
}

static void on_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct stream *s = stream_of(exchange);

	s->info.request_body_bytes += data->len;
	stream_touch(s);
	if (end)
		request_ended(s);
	if (stream_is_open(s) && !s->is_replied)
		chain_data(s, DIRECTION_REQUEST, data, end);
}

static void on_trailers(struct exchange *exchange, struct headers *trailers)
{
	struct stream *s = stream_of(exchange);

	s->info.request_trailers = trailers;
	request_ended(s);
	if (stream_is_open(s) && !s->is_replied)
		chain_trailers(s, DIRECTION_REQUEST, trailers);
}

static void on_reset(struct exchange *exchange, enum reply_reason reason)
{
	struct stream *s = stream_of(exchange);
	enum response_flag flag = reason == REPLY_DOWNSTREAM_DISCONNECT
					  ? RESPONSE_FLAG_DOWNSTREAM_CONNECTION_TERMINATION
					  : RESPONSE_FLAG_DOWNSTREAM_PROTOCOL_ERROR;
	stream_abort(s, flag, reply_reasons[reason].details);
}

static void on_exchange_closed(struct exchange *exchange)
{
	stream_finish(stream_of(exchange));
}

static void on_failed(struct codec *codec, enum reply_reason reason, struct slice details)
{
	fail(session_of_codec(codec), reason, details);
}

static void on_draining(struct codec *codec)
{
	(void)codec; /* a client that opens nothing more closes by itself */
}

static void on_noticed(struct codec *codec, unsigned what, unsigned n)
{
	struct session *session = session_of_codec(codec);
	if (session->config->type->noticed)
		session->config->type->noticed(session, what, n);
}

const struct codec_events session_codec_events = {
	.begin = on_begin,
	.headers = on_headers,
	.data = on_data,
	.trailers = on_trailers,
	.reset = on_reset,
	.closed = on_exchange_closed,
	.failed = on_failed,
	.draining = on_draining,
	.noticed = on_noticed,
};

/* --- the response sink --- */

/* Said before the codec is told: its `closed` may end the stream at once. */
static void end_is_sent(struct stream *s)
{
	s->has_sent_end = true;
	s->info.times.last_tx_ns = s->worker->loop->now_ns;
}

/* The codec emits `closed` when both messages are complete; an answer before the request's end
 * needs more. */
static void response_sent(struct stream *s)
{
	if (!stream_is_open(s))
		return;
	if (s->down.codec && !s->down.is_received) {
		s->session->has_unread_request = true;
		stream_abort(s, RESPONSE_FLAG_COUNT, (struct slice){0});
	}
}

void session_send_headers(struct stream *s, struct headers *headers, bool end)
{
	struct session *session = s->session;

	if (!stream_is_open(s) || !s->down.codec)
		return;
	session->config->type->prepare_response(s, headers, end);
	if (UNLIKELY(!s->down.codec)) /* it gave the connection up */
		return;
	s->has_sent_headers = true;
	s->info.times.first_tx_ns = s->worker->loop->now_ns;
	if (end)
		end_is_sent(s);
	conn_flush_later(&session->conn);
	session->codec->type->send_headers(&s->down, headers, end);
	if (end)
		response_sent(s);
}

void session_send_data(struct stream *s, struct buf *data, bool end)
{
	struct session *session = s->session;

	if (!stream_is_open(s) || !s->down.codec) {
		buf_clear(data);
		return;
	}
	s->info.response_body_bytes += data->len;
	if (end)
		end_is_sent(s);
	conn_flush_later(&session->conn);
	session->codec->type->send_data(&s->down, data, end);
	if (end)
		response_sent(s);
	else if (UNLIKELY(session->is_output_full))
		session_pause_writer(session, true);
}

void session_send_trailers(struct stream *s, struct headers *trailers)
{
	if (!stream_is_open(s) || !s->down.codec)
		return;
	end_is_sent(s);
	conn_flush_later(&s->session->conn);
	s->session->codec->type->send_trailers(&s->down, trailers);
	response_sent(s);
}

/* --- life --- */

void session_read_on(struct session *session)
{
	if (session->is_closing)
		return;
	if (session->is_read_held) {
		session->is_read_held = false;
		conn_read_resume(&session->conn);
	}
	if (session->conn.left)
		conn_read_again(&session->conn);
}

void session_stream_closed(struct session *session, struct stream *s)
{
	(void)s;
	if (!session->stream_count)
		wait_begins(session);
	if (session->is_draining && !session->codec->is_draining)
		session_drain(session);
	if (UNLIKELY(session->leaving != SESSION_STAYS))
		session_leave_on(session);
	if (!session->is_reading && !session->is_closing) {
		close_if_over(session);
		session_read_on(session);
	}
}

void session_drain(struct session *session)
{
	const struct codec_type *type = session->codec->type;
	bool was_draining = session->is_draining;

	session->is_draining = true;
	if (session->is_closing || session->leaving == SESSION_GIVEN)
		return;
	if (!session->codec->is_draining && type->drain) {
		type->drain(session->codec);
		conn_flush_later(&session->conn);
	}
	if (!was_draining && is_slow_to_end(session) && type->drain) {
		if (!session->is_head_begun)
			wait_begins(session);
		set_timer(session);
	}
	close_if_over(session);
}

void session_leave(struct session *session)
{
	if (!session->is_draining) /* else it was told already: before, or as it was accepted */
		session->is_patient = true;
	session_drain(session);
}

static void served_review(struct served *served)
{
	review(container_of(served, struct session, served));
}

static void served_drain(struct served *served)
{
	session_leave(container_of(served, struct session, served));
}

static void served_close(struct served *served)
{
	session_close(container_of(served, struct session, served));
}

static struct served_look served_look(const struct served *served)
{
	const struct session *session = container_of(served, const struct session, served);
	const struct codec_type *type = session->codec->type;
	struct served_look look = {SERVED_OTHER, SERVED_IDLE_WAIT};

	if (type == &http1_codec)
		look.protocol = SERVED_HTTP1;
	else if (type == &dubbo_codec)
		look.protocol = SERVED_DUBBO;
	else if (type == &bolt_codec)
		look.protocol = SERVED_BOLT;
	if (has_tunnel(session))
		look.wait = SERVED_NOT_DRAINABLE;
	else if (session->stream_count)
		look.wait = SERVED_BUSY_CALL;
	return look;
}

static struct served_origin served_origin(struct served *served)
{
	struct session *session = container_of(served, struct session, served);
	return (struct served_origin){session->listener, &session->chain};
}

static const struct served_type served_type = {
	.drain = served_drain,
	.review = served_review,
	.close = served_close,
	.look = served_look,
	.origin = served_origin,
	.give = session_give,
	.keep = session_keep,
};

void session_init(struct session *session, const struct session_config *config,
		  const struct accepted *accepted)
{
	memset(session, 0, sizeof *session);
	session->config = config;
	session->worker = accepted->worker;
	session->remote = addr_pack(&accepted->remote);
	session->local = addr_pack(&accepted->local);
	session->chain = accepted->chain;
	session->listener = pin_take(accepted->listener);
	session->end = accepted->end;
	session->id = ++session->worker->next_id;
	session->start_ms = loop_now_ms(session->worker->loop);
	wait_begins(session);
	list_init(&session->streams);
	conn_open(&session->conn, session->worker->loop, accepted->fd, &plain_transport,
		  &conn_events);
	session->buffer_limit =
		accepted->buffer_limit ? accepted->buffer_limit : SESSION_BUFFER_LIMIT;
	if (accepted->buffer_limit && accepted->buffer_limit < CONN_DEFAULT_HIGH_MARK)
		session->conn.high_mark = accepted->buffer_limit;
}

void session_start(struct session *session, struct codec *codec)
{
	session->codec = codec;
	session->conn.reads_bulk = codec->type->is_multiplexed;
	served_begin(&session->served, &served_type, &session->worker->served, session->chain);
	set_timer(session);
	if (UNLIKELY(session->worker->is_leaving))
		session_leave(session);
	else if (UNLIKELY(session->worker->is_asking || codec->is_draining))
		review(session);
}
