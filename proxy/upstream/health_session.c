#include "upstream/health_session.h"

#include <stdlib.h>

#include "codec/http1.h"
#include "net/conn.h"

enum { ARENA_BLOCK = 4096 };

struct health_conn {
	struct conn conn;
	struct health_session *session; /* NULL: closed, waits for its grave */
	struct http1 http1;
	struct exchange exchange;
	struct arena arena;
	char *answer; /* body, or bytes of a TCP host */
	size_t answer_len, answer_size;
	unsigned status;
	bool is_http;
	bool is_reading;                 /* codec_read runs: what closes it waits */
	bool is_degraded, fails_at_once; /* the answer's headers say so */
};

/* --- the end of a check, and of a connection
 * --------------------------------------------------------------------- */

static void conn_free(struct grave *grave)
{
	struct health_conn *hc = container_of(grave, struct health_conn, conn.io.grave);
	arena_free(&hc->arena);
	free(hc->answer);
	free(hc);
}

static void destroy(struct health_conn *hc)
{
	if (hc->is_http && hc->http1.codec.type)
		http1_codec.close(&hc->http1.codec);
	if (hc->conn.state != CONN_DEAD)
		conn_close(&hc->conn, false);
	conn_bury(&hc->conn, conn_free);
}

static void close_conn(struct health_conn *hc)
{
	hc->session->conn = NULL;
	hc->session = NULL;
	if (!hc->is_reading)
		destroy(hc);
}

static void finish(struct health_session *session, enum health_result result, bool keeps_conn)
{
	if (session->conn && (!keeps_conn || !session->config->reuses_connection))
		close_conn(session->conn);
	if (!session->is_busy)
		return;
	session->is_busy = false;
	timer_cancel(&session->loop->wheel, &session->timeout);
	session->done(session, result);
}

static void on_timeout(struct timer *timer)
{
	finish(container_of(timer, struct health_session, timeout), HEALTH_TIMEOUT, false);
}

/* --- HTTP --- */

static struct health_conn *of_exchange(struct exchange *exchange)
{
	return container_of(exchange, struct health_conn, exchange);
}

static bool is_removed(const struct health_check_config *config, struct slice name)
{
	for (uint32_t i = 0; i < config->remove_count; i++)
		if (slice_equal_nocase(config->remove_headers[i], name))
			return true;
	return false;
}

static void send_http(struct health_conn *hc)
{
	const struct health_check_config *config = hc->session->config;
	struct headers headers;

	arena_reset(&hc->arena);
	headers_init(&headers, &hc->arena, 8 + config->add_count);
	headers_add_id(&headers, HEADER_METHOD, config->method);
	headers_add_id(&headers, HEADER_SCHEME, SLICE("http"));
	headers_add_id(&headers, HEADER_AUTHORITY, hc->session->authority);
	headers_add_id(&headers, HEADER_PATH, config->path);
	if (!is_removed(config, SLICE("user-agent")))
		headers_add_id(&headers, HEADER_USER_AGENT, SLICE("Envoy/HC"));
	for (uint32_t i = 0; i < config->add_count; i++) {
		if (config->add_headers[i].is_append)
			headers_add(&headers, config->add_headers[i].name,
				    config->add_headers[i].value);
		else
			headers_set(&headers, config->add_headers[i].name,
				    config->add_headers[i].value);
	}
	hc->status = 0;
	hc->answer_len = 0;
	hc->is_degraded = hc->fails_at_once = false;
	hc->exchange = (struct exchange){.codec = &hc->http1.codec, .arena = &hc->arena};
	http1_codec.send_headers(&hc->exchange, &headers, !config->send.len);
	if (config->send.len) {
		struct buf body;
		buf_init(&body, hc->conn.out.pool);
		buf_append_copy(&body, config->send);
		http1_codec.send_data(&hc->exchange, &body, true);
	}
	conn_flush_later(&hc->conn);
}

static void keep_bytes(struct health_conn *hc, struct slice bytes, size_t limit)
{
	if (bytes.len > limit - hc->answer_len)
		bytes.len = limit - hc->answer_len;
	if (!bytes.len)
		return;
	if (hc->answer_size < hc->answer_len + bytes.len) {
		hc->answer_size = (hc->answer_len + bytes.len) * 2;
		hc->answer = realloc(hc->answer, hc->answer_size);
		invariant(hc->answer);
	}
	memcpy(hc->answer + hc->answer_len, bytes.data, bytes.len);
	hc->answer_len += bytes.len;
}

static enum health_result judge_http(const struct health_conn *hc)
{
	const struct health_check_config *config = hc->session->config;
	enum health_result result = health_of_status(config, hc->status);

	if (hc->fails_at_once)
		return HEALTH_REFUSED;
	if (result != HEALTH_SUCCESS)
		return result;
	if (!health_has_payloads(config, slice_make(hc->answer, hc->answer_len)))
		return HEALTH_REFUSED;
	return hc->is_degraded ? HEALTH_DEGRADED : HEALTH_SUCCESS;
}

static void on_headers(struct exchange *exchange, struct headers *headers, bool end)
{
	struct health_conn *hc = of_exchange(exchange);
	uint64_t status = 0;

	(void)end; /* `closed` follows */
	if (!hc->session)
		return;
	if (slice_to_uint64(headers_get(headers, HEADER_STATUS), &status))
		hc->status = (unsigned)status;
	hc->is_degraded = headers_has(headers, HEADER_X_ENVOY_DEGRADED);
	hc->fails_at_once = headers_has(headers, HEADER_X_ENVOY_IMMEDIATE_HEALTH_CHECK_FAIL);
}

static void on_data(struct exchange *exchange, struct buf *data, bool end)
{
	struct health_conn *hc = of_exchange(exchange);

	(void)end;
	if (!hc->session || !hc->session->config->receive_count)
		return;
	size_t limit = hc->session->config->response_buffer_size;
	if (!limit || limit > HEALTH_HTTP_ANSWER_MAX)
		limit = HEALTH_HTTP_ANSWER_MAX;
	for (const struct buf_segment *s = data->first; s; s = s->next)
		keep_bytes(hc, slice_make(s->data, s->len), limit);
}

static void on_closed_exchange(struct exchange *exchange)
{
	struct health_conn *hc = of_exchange(exchange);
	if (hc->session)
		finish(hc->session, judge_http(hc), !hc->http1.codec.must_close);
}

static void on_reset(struct exchange *exchange, enum reply_reason reason)
{
	struct health_conn *hc = of_exchange(exchange);
	(void)reason;
	if (hc->session)
		finish(hc->session, HEALTH_NETWORK, false);
}

static void ignore_informational(struct exchange *exchange, struct headers *headers)
{
	(void)exchange;
	(void)headers;
}

static void ignore_trailers(struct exchange *exchange, struct headers *trailers)
{
	(void)exchange;
	(void)trailers;
}

/* on_read looks at is_failed and is_draining itself. */
static void on_failed(struct codec *codec, enum reply_reason reason, struct slice details)
{
	(void)codec;
	(void)reason;
	(void)details;
}

static void on_draining(struct codec *codec)
{
	(void)codec;
}

static const struct codec_events http_events = {
	.headers = on_headers,
	.informational = ignore_informational,
	.data = on_data,
	.trailers = ignore_trailers,
	.reset = on_reset,
	.closed = on_closed_exchange,
	.failed = on_failed,
	.draining = on_draining,
};

/* --- TCP --- */

static void send_tcp(struct health_conn *hc)
{
	const struct health_check_config *config = hc->session->config;

	hc->answer_len = 0;
	if (config->send.len) {
		buf_append_copy(&hc->conn.out, config->send);
		conn_flush_later(&hc->conn);
	}
	if (!config->receive_count) /* connecting is all that is asked for */
		finish(hc->session, HEALTH_SUCCESS, config->send.len);
}

static void read_tcp(struct health_conn *hc, struct slice bytes)
{
	keep_bytes(hc, bytes, HEALTH_TCP_ANSWER_MAX);
	if (hc->session->is_busy &&
	    health_has_payloads(hc->session->config, slice_make(hc->answer, hc->answer_len)))
		finish(hc->session, HEALTH_SUCCESS, true);
}

/* --- the connection's events
 * ------------------------------------------------------------------------------------- */

static void ask(struct health_conn *hc)
{
	if (hc->is_http)
		send_http(hc);
	else
		send_tcp(hc);
}

static void on_connected(struct conn *conn)
{
	ask(container_of(conn, struct health_conn, conn));
}

/* What a read leads to. The session may have ended, or let go of the connection. */
static void after_read(struct health_conn *hc, bool eof)
{
	const struct codec *codec = hc->is_http ? &hc->http1.codec : NULL;

	/* An end in the middle is a failure, one between checks only the end of the connection. */
	if (hc->session && (eof || (codec && codec->is_failed)))
		finish(hc->session, HEALTH_NETWORK, false);
	if (hc->session && !hc->session->is_busy && codec &&
	    (codec->must_close || codec->is_draining))
		close_conn(hc);
}

static size_t on_read(struct conn *conn, struct slice bytes, bool eof)
{
	struct health_conn *hc = container_of(conn, struct health_conn, conn);
	size_t consumed = bytes.len;

	hc->is_reading = true;
	if (hc->is_http)
		consumed = codec_read(&hc->http1.codec, bytes, eof);
	else if (hc->session)
		read_tcp(hc, bytes);
	after_read(hc, eof);
	hc->is_reading = false;
	if (hc->session)
		return consumed;
	destroy(hc);
	return bytes.len;
}

static void on_closed(struct conn *conn, enum status why)
{
	struct health_conn *hc = container_of(conn, struct health_conn, conn);
	(void)why;
	if (hc->session)
		finish(hc->session, HEALTH_NETWORK, false);
}

static const struct conn_events conn_events = {
	.read = on_read,
	.connected = on_connected,
	.closed = on_closed,
};

static void connect_to(struct health_session *session)
{
	struct health_conn *hc = calloc(1, sizeof *hc);
	invariant(hc);
	hc->session = session;
	hc->is_http = session->config->type == HEALTH_CHECK_HTTP;
	arena_init(&hc->arena, ARENA_BLOCK);
	session->conn = hc;
	enum status status = conn_connect(&hc->conn, session->loop, &session->addr,
					  session->options, 0, &plain_transport, &conn_events);
	if (status) {
		finish(session, HEALTH_NETWORK, false);
		return;
	}
	if (hc->is_http)
		http1_open(&hc->http1, CODEC_CLIENT, &http1_default_options, &http_events, hc,
			   &hc->conn.out);
}

/* --- the session --- */

void health_session_init(struct health_session *session, struct loop *loop, const struct addr *addr,
			 struct slice authority,
			 void (*done)(struct health_session *session, enum health_result result))
{
	*session = (struct health_session){
		.loop = loop, .addr = *addr, .authority = authority, .done = done};
	timer_init(&session->timeout, on_timeout);
}

void health_session_start(struct health_session *session, const struct health_check_config *config,
			  const struct conn_options *options)
{
	invariant(!session->is_busy);
	session->config = config;
	session->options = options;
	session->is_busy = true;
	timer_start(&session->loop->wheel, &session->timeout, config->timeout_ms);
	if (session->conn && session->conn->is_http != (config->type == HEALTH_CHECK_HTTP))
		close_conn(session->conn);
	if (session->conn)
		ask(session->conn);
	else
		connect_to(session);
}

void health_session_fini(struct health_session *session)
{
	timer_cancel(&session->loop->wheel, &session->timeout);
	session->is_busy = false;
	if (session->conn)
		close_conn(session->conn);
}
