#include "support/stream_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "routing/table.h"

struct fixture_session {
	struct session session;
	struct codec codec;
	struct stream_fixture *fixture;
	char sent[2048];
};

static struct fixture_session *session_of(const struct exchange *exchange)
{
	return container_of(exchange->codec, struct fixture_session, codec);
}

struct stream_fixture *fixture_of(const struct stream *s)
{
	return container_of(s->session, struct fixture_session, session)->fixture;
}

void fixture_note(struct stream_fixture *f, const char *format, ...)
{
	va_list args;
	char *out = f->trace + f->trace_len;
	size_t room = sizeof f->trace - f->trace_len;

	if (f->trace_len && room > 1) {
		*out++ = ' ';
		room--;
		f->trace_len++;
	}
	va_start(args, format);
	int len = vsnprintf(out, room, format, args);
	va_end(args);
	if ((size_t)len >= room)
		fail_msg("the trace is full");
	f->trace_len += (unsigned)len;
}

const char *fixture_take(struct stream_fixture *f)
{
	if (!f->trace_len)
		f->trace[0] = 0;
	f->trace_len = 0;
	return f->trace;
}

static void note_bytes(struct stream_fixture *f, const char *what, const struct buf *data, bool end)
{
	char text[4096];
	size_t len = buf_peek(data, text, sizeof text);

	if (len > 64)
		fixture_note(f, "%s(%zu)%s", what, data->len, end ? "." : "");
	else
		fixture_note(f, "%s(%.*s)%s", what, (int)len, text, end ? "." : "");
}

/* --- the codec --- */

static void close_if_done(struct exchange *exchange)
{
	struct codec *codec = exchange->codec;

	if (!codec || !exchange->is_received || !exchange->is_sent)
		return;
	exchange->codec = NULL;
	codec->events->closed(exchange);
}

static void send_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct fixture_session *session = session_of(exchange);
	size_t used = 0;

	for (struct header *h = NULL; (h = headers_next(headers, h));) {
		int len = snprintf(session->sent + used, sizeof session->sent - used, "%.*s=%.*s;",
				   SLICE_FMT(header_name(h)), SLICE_FMT(header_value(h)));
		used += (size_t)len;
	}
	fixture_note(session->fixture, ">h%.*s%s", SLICE_FMT(headers_get(headers, HEADER_STATUS)),
		     end ? "." : "");
	exchange->is_sent = end;
	exchange->is_tunnel = slice_equal(headers_get(headers, HEADER_STATUS), SLICE("101"));
	close_if_done(exchange);
}

static void send_informational(struct exchange *exchange, struct headers *headers)
{
	fixture_note(session_of(exchange)->fixture, ">i%.*s",
		     SLICE_FMT(headers_get(headers, HEADER_STATUS)));
}

static void send_data(struct exchange *exchange, struct buf *data, bool end)
{
	note_bytes(session_of(exchange)->fixture, ">d", data, end);
	buf_clear(data);
	exchange->is_sent = end;
	close_if_done(exchange);
}

static void send_trailers(struct exchange *exchange, struct headers *trailers)
{
	(void)trailers;
	fixture_note(session_of(exchange)->fixture, ">t.");
	exchange->is_sent = true;
	close_if_done(exchange);
}

static void render_reply(struct exchange *exchange, const struct local_reply *reply,
			 struct headers *headers, struct buf *body)
{
	headers_add_id(headers, HEADER_STATUS,
		       slice_of(arena_printf(exchange->arena, "%u", reply->http_status)));
	if (reply->content_type.len)
		headers_add_id(headers, HEADER_CONTENT_TYPE, reply->content_type);
	buf_append_turn(body, reply->text);
}

static void abandon(struct exchange *exchange)
{
	fixture_note(session_of(exchange)->fixture, ">abandon");
	exchange->codec = NULL;
}

static void resume(struct exchange *exchange)
{
	fixture_note(session_of(exchange)->fixture, ">resume");
}

static size_t read_nothing(struct codec *codec, struct slice bytes, bool eof)
{
	(void)codec, (void)eof;
	return bytes.len;
}

static void close_codec(struct codec *codec)
{
	(void)codec;
}

static const struct codec_type fixture_codec = {
	.name = "fixture",
	.is_multiplexed = true,
	.read = read_nothing,
	.send_headers = send_headers,
	.send_informational = send_informational,
	.send_data = send_data,
	.send_trailers = send_trailers,
	.render_reply = render_reply,
	.abandon = abandon,
	.resume = resume,
	.close = close_codec,
};

/* --- the session --- */

static void find_route(struct stream *s)
{
	const struct route_table *routes = fixture_of(s)->routes;
	struct route_match_input input;

	route_match_input_init(&input, s->request, s->random);
	s->route = routes ? route_table_match(routes, &input, NULL) : NULL;
}

static bool prepare_request(struct stream *s, bool end)
{
	(void)end;
	find_route(s);
	return true;
}

static void prepare_response(struct stream *s, struct headers *headers, bool end)
{
	(void)s, (void)headers, (void)end;
}

static void stream_ended(struct stream *s)
{
	struct stream_fixture *f = fixture_of(s);

	fixture_note(f, "ended");
	f->flags = s->info.flags;
	snprintf(f->details, sizeof f->details, "%.*s", SLICE_FMT(s->info.response_code_details));
	f->live_streams--;
	if (f->stream == s)
		f->stream = NULL;
}

static void request_failed(struct session *session, enum reply_reason reason, struct slice details)
{
	(void)session, (void)reason, (void)details;
}

static void session_free(struct grave *grave)
{
	struct session *session = container_of(grave, struct session, conn.io.grave);
	free(container_of(session, struct fixture_session, session));
}

static void ended(struct session *session)
{
	conn_bury(&session->conn, session_free);
}

static void amend_reply(struct stream *s, const struct local_reply *reply, struct headers *headers,
			struct buf *body)
{
	struct stream_fixture *f = fixture_of(s);
	if (f->amend_reply)
		f->amend_reply(s, reply, headers, body);
}

static const struct session_type fixture_session_type = {
	.protocol = STREAM_PROTOCOL_HTTP11,
	.prepare_request = prepare_request,
	.prepare_response = prepare_response,
	.amend_reply = amend_reply,
	.find_route = find_route,
	.stream_ended = stream_ended,
	.request_failed = request_failed,
	.ended = ended,
};

static void listener_ended(struct accepted_end *end, uint64_t lived_ms)
{
	(void)end, (void)lived_ms;
}

/* --- the sink --- */

static enum filter_status sink_headers(struct filter *f, struct headers *headers, bool end)
{
	(void)headers;
	fixture_note(fixture_of(f->stream), "R:H%s", end ? "." : "");
	return FILTER_CONTINUE;
}

static enum filter_status sink_data(struct filter *f, struct buf *data, bool end)
{
	note_bytes(fixture_of(f->stream), "R:D", data, end);
	buf_clear(data);
	return FILTER_CONTINUE;
}

static enum filter_status sink_trailers(struct filter *f, struct headers *trailers)
{
	(void)trailers;
	fixture_note(fixture_of(f->stream), "R:T.");
	return FILTER_CONTINUE;
}

static const struct filter_type sink = {
	.name = "sink",
	.is_terminal = true,
	.request_headers = sink_headers,
	.request_data = sink_data,
	.request_trailers = sink_trailers,
};

static void source_pause(void *source)
{
	fixture_note(source, "~pause");
}

static void source_resume(void *source)
{
	fixture_note(source, "~resume");
}

static void source_cancel(void *source)
{
	fixture_note(source, "~cancel");
}

static void source_timed_out(void *source, enum stream_limit limit)
{
	(void)limit;
	fixture_note(source, "~timed_out");
}

static const struct response_source fixture_source = {source_pause, source_resume, source_cancel,
						      source_timed_out};

/* --- life --- */

static void open_session(struct stream_fixture *f)
{
	int fds[2] = {-1, -1};

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	f->peer = fds[1];
	static const struct served_chain no_chain = {0};
	static struct accepted_end end = {listener_ended};
	struct accepted accepted = {.fd = fds[0],
				    .worker = &f->worker,
				    .listener = &f->pin,
				    .chain = &no_chain,
				    .end = &end};
	f->session = calloc(1, sizeof *f->session);
	assert_non_null(f->session);
	f->session->fixture = f;
	f->session_base = &f->session->session;
	f->config.type = &fixture_session_type;
	session_init(&f->session->session, &f->config, &accepted);
	f->session->codec = (struct codec){.type = &fixture_codec,
					   .events = &session_codec_events,
					   .owner = &f->session->session,
					   .out = &f->session->session.conn.out};
	session_start(&f->session->session, &f->session->codec);
}

struct stream_fixture *stream_fixture_new(const struct chain_entry *entries, unsigned count)
{
	struct stream_fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	f->pin.count = 1;
	assert_true(count <= FIXTURE_FILTERS_MAX);
	for (unsigned i = 0; i < count; i++)
		f->entries[i] = entries[i];
	f->entries[count] = (struct chain_entry){.type = &sink, .name = SLICE("sink")};
	chain_config_init(&f->config.chain, f->entries, count + 1);
	assert_int_equal(loop_init(&f->loop, &f->worker), 0);
	f->stats = stats_new();
	f->worker.loop = &f->loop;
	f->worker.stats = stats_main_shard(f->stats);
	random_init(&f->worker.random, 1);
	list_init(&f->worker.served);
	arena_init(&f->arena, 4096);
	open_session(f);
	return f;
}

void stream_fixture_free(struct stream_fixture *f)
{
	session_close(&f->session->session);
	fixture_settle(f);
	assert_int_equal(f->live_streams, 0);
	assert_int_equal(f->loop.pool.blocks_out, 0);
	assert_int_equal(f->pin.count, 1);
	stream_free_spares(&f->worker);
	close(f->peer);
	loop_fini(&f->loop);
	arena_free(&f->arena);
	stats_free(f->stats);
	free(f);
}

/* --- events --- */

static void add_lines(struct headers *headers, const char *lines)
{
	char method[32] = "GET", path[256] = "/", host[64] = "h";

	if (lines && sscanf(lines, "%31s %255s %63s", method, path, host) < 2)
		fail_msg("no request line: %s", lines);
	headers_add_id(headers, HEADER_METHOD, arena_slice(headers->arena, slice_of(method)));
	headers_add_id(headers, HEADER_PATH, arena_slice(headers->arena, slice_of(path)));
	headers_add_id(headers, HEADER_AUTHORITY, arena_slice(headers->arena, slice_of(host)));
	while (lines && (lines = strchr(lines, '\n'))) {
		struct slice line = slice_of(++lines);
		line = slice_sub(line, 0, slice_find_char(line, '\n', 0));
		size_t colon = slice_find_char(line, ':', 1); /* of a pseudo header: the second */
		if (colon == line.len)
			fail_msg("no header field: %.*s", SLICE_FMT(line));
		headers_add(headers, arena_slice(headers->arena, slice_sub(line, 0, colon)),
			    arena_slice(headers->arena,
					slice_trim(slice_sub(line, colon + 1, line.len))));
	}
}

static struct headers *new_headers(struct stream *s)
{
	struct headers *headers = ARENA_NEW(&s->arena, struct headers);
	headers_init(headers, &s->arena, 8);
	return headers;
}

void fixture_headers(struct stream_fixture *f, const char *lines, bool end)
{
	struct codec *codec = &f->session->codec;
	struct exchange *exchange = codec->events->begin(codec);

	assert_non_null(exchange);
	exchange->codec = codec;
	exchange->is_received = end;
	f->stream = container_of(exchange, struct stream, down);
	f->live_streams++;
	f->request = new_headers(f->stream);
	add_lines(f->request, lines);
	codec->events->headers(exchange, f->request, end);
	close_if_done(exchange);
}

void fixture_data(struct stream_fixture *f, const char *text, bool end)
{
	struct buf data;

	if (!f->stream || !f->stream->down.codec)
		return;
	struct exchange *exchange = &f->stream->down;
	buf_init(&data, &f->loop.pool);
	buf_append_copy(&data, slice_of(text));
	exchange->is_received = end;
	session_codec_events.data(exchange, &data, end);
	buf_clear(&data);
	close_if_done(exchange);
}

void fixture_trailers(struct stream_fixture *f)
{
	if (!f->stream || !f->stream->down.codec)
		return;
	struct exchange *exchange = &f->stream->down;
	exchange->is_received = true;
	session_codec_events.trailers(exchange, new_headers(f->stream));
	close_if_done(exchange);
}

void fixture_reset(struct stream_fixture *f)
{
	struct exchange *exchange = &f->stream->down;
	exchange->codec = NULL;
	session_codec_events.reset(exchange, REPLY_DOWNSTREAM_DISCONNECT);
}

void fixture_answer_headers(struct stream_fixture *f, const char *status, bool end)
{
	struct stream *s = f->stream;

	if (!s)
		return;
	struct headers *headers = new_headers(s);
	headers_add_id(headers, HEADER_STATUS, slice_of(status));
	if (end)
		stream_clear_source(s);
	if (status[0] == '1' && strcmp(status, "101"))
		stream_response_informational(s, headers);
	else
		stream_response_headers(s, headers, end);
}

void fixture_answer_data(struct stream_fixture *f, const char *text, bool end)
{
	struct buf data;

	if (!f->stream)
		return;
	buf_init(&data, &f->loop.pool);
	buf_append_copy(&data, slice_of(text));
	if (end)
		stream_clear_source(f->stream);
	stream_response_data(f->stream, &data, end);
	buf_clear(&data);
}

void fixture_answer_trailers(struct stream_fixture *f)
{
	if (!f->stream)
		return;
	stream_clear_source(f->stream);
	stream_response_trailers(f->stream, new_headers(f->stream));
}

void fixture_set_source(struct stream_fixture *f)
{
	stream_set_source(f->stream, &fixture_source, f);
}

void fixture_clear_source(struct stream_fixture *f)
{
	if (f->stream)
		stream_clear_source(f->stream);
}

void fixture_advance(struct stream_fixture *f, uint64_t ms)
{
	f->loop.now_ns += ms * 1000000;
	timer_wheel_advance(&f->loop.wheel, f->loop.wheel.now_ms + ms);
}

void fixture_settle(struct stream_fixture *f)
{
	loop_settle(&f->loop);
}

const char *fixture_sent_headers(struct stream_fixture *f)
{
	return f->session->sent;
}
