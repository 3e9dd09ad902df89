/* What a server's answers look like on the wire, and what they do to the connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/http1_peer.h"

#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define HEAD "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
#define UPLOAD "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc"
#define UPGRADE "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
#define CONNECT "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n"

static const struct http1_options with_trailers = {
	.max_head_bytes = 1000, .max_headers = 10, .enable_trailers = true};

/* "|": a data event of what stands between; a trailing "$" ends the message. */
struct answer {
	const char *what, *request, *head;
	bool end;
	const char *data[3];
	const char *trailers;
	const char *out;
	bool closes, is_open; /* is_open: the exchange isn't over */
	const struct http1_options *options;
};

static const struct answer answers[] = {
	{"no body",
	 GET,
	 ":status: 200\na: b",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 0\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"length",
	 GET,
	 ":status: 404\ncontent-length: 2",
	 false,
	 {"no", ""},
	 NULL,
	 "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno",
	 false,
	 false,
	 NULL},
	{"chunked",
	 GET,
	 ":status: 200",
	 false,
	 {"hello ", "world, 16 bytes.", ""},
	 NULL,
	 "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\nhello \r\n10\r\n"
	 "world, 16 bytes.\r\n0\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"chunked, empty",
	 GET,
	 ":status: 200",
	 false,
	 {""},
	 NULL,
	 "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"trailers off",
	 GET,
	 ":status: 200",
	 false,
	 {"x"},
	 "a: b",
	 "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"trailers on",
	 GET,
	 ":status: 200",
	 false,
	 {"x"},
	 "a: b\ncontent-length: 9",
	 "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\na: b\r\n\r\n",
	 false,
	 false,
	 &with_trailers},
	{"trailers behind a length",
	 GET,
	 ":status: 200\ncontent-length: 1",
	 false,
	 {"x"},
	 "a: b",
	 "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
	 false,
	 false,
	 &with_trailers},
	{"HEAD keeps the length",
	 HEAD,
	 ":status: 200\ncontent-length: 1234",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"HEAD drops the body",
	 HEAD,
	 ":status: 200\ncontent-length: 2",
	 false,
	 {"no", ""},
	 NULL,
	 "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"HEAD of a chunked body",
	 HEAD,
	 ":status: 200",
	 false,
	 {"no", ""},
	 NULL,
	 "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"204",
	 GET,
	 ":status: 204\ncontent-length: 0",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 204 No Content\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"204 drops a body",
	 GET,
	 ":status: 204",
	 false,
	 {"no", ""},
	 NULL,
	 "HTTP/1.1 204 No Content\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"304 keeps the length",
	 GET,
	 ":status: 304\ncontent-length: 10",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"304 without",
	 GET,
	 ":status: 304",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 304 Not Modified\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"an unknown status",
	 GET,
	 ":status: 299",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 299 Unknown\r\ncontent-length: 0\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"no status",
	 GET,
	 ":status: x",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"hop by hop isn't passed",
	 GET,
	 ":status: 200\nconnection: x\nkeep-alive: y\nproxy-connection: z\ntransfer-encoding: w\n"
	 "upgrade: v\nhost: kept",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 200 OK\r\nhost: kept\r\ncontent-length: 0\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"close is obeyed",
	 GET,
	 ":status: 200\nconnection: x, Close",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
	 true,
	 false,
	 NULL},
	{"shorter than announced",
	 GET,
	 ":status: 200\ncontent-length: 5",
	 false,
	 {"abc", ""},
	 NULL,
	 "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
	 true,
	 false,
	 NULL},
	{"longer than announced",
	 GET,
	 ":status: 200\ncontent-length: 5",
	 false,
	 {"abc", "defghi", ""},
	 NULL,
	 "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde",
	 true,
	 false,
	 NULL},
	{"a length that is none",
	 GET,
	 ":status: 200\ncontent-length: 5x",
	 false,
	 {"abc", ""},
	 NULL,
	 "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	 false,
	 false,
	 NULL},
	{"before the request's end",
	 UPLOAD,
	 ":status: 413",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
	 true,
	 true,
	 NULL},
	{"body before the request's end",
	 UPLOAD,
	 ":status: 413\ncontent-length: 1",
	 false,
	 {"x", ""},
	 NULL,
	 "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 1\r\n\r\nx",
	 true,
	 true,
	 NULL},
	{"upgraded",
	 UPGRADE,
	 ":status: 101\nconnection: Upgrade\nupgrade: websocket",
	 false,
	 {"raw", ""},
	 NULL,
	 "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\nraw",
	 true,
	 true,
	 NULL},
	{"upgrade refused",
	 UPGRADE,
	 ":status: 403\ncontent-length: 2",
	 false,
	 {"no", ""},
	 NULL,
	 "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno",
	 true,
	 false,
	 NULL},
	{"connected",
	 CONNECT,
	 ":status: 200\ncontent-length: 9",
	 false,
	 {"raw", ""},
	 NULL,
	 "HTTP/1.1 200 OK\r\n\r\nraw",
	 true,
	 true,
	 NULL},
	{"connect refused",
	 CONNECT,
	 ":status: 503",
	 true,
	 {0},
	 NULL,
	 "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
	 true,
	 false,
	 NULL},
};

static void assert_answer(const struct answer *row)
{
	struct http1_peer peer;
	const char *out;

	http1_peer_open(&peer, CODEC_SERVER, row->options ? row->options : &http1_default_options);
	http1_peer_feed(&peer, slice_of(row->request), false);
	http1_peer_reply(&peer, row->head, row->end);
	for (unsigned i = 0; i < COUNT_OF(row->data) && row->data[i]; i++) {
		bool is_last = i + 1 == COUNT_OF(row->data) || !row->data[i + 1];
		http1_peer_send_data(&peer, slice_of(row->data[i]), is_last && !row->trailers);
	}
	if (row->trailers)
		http1_peer_send_trailers(&peer, row->trailers);
	out = http1_peer_take_out(&peer).data;
	if (strcmp(out, row->out) || peer.http1.codec.must_close != row->closes ||
	    !!peer.exchange.codec != row->is_open)
		fail_msg("%s: closes %d, open %d, out %s", row->what, peer.http1.codec.must_close,
			 !!peer.exchange.codec, out);
	http1_peer_close(&peer);
}

static void heads_and_bodies(void **state)
{
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(answers); i++)
		assert_answer(&answers[i]);
}

static void a_chunk_in_one_with_the_end(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	http1_peer_feed(&peer, SLICE(GET), false);
	http1_peer_reply(&peer, ":status: 200", false);
	http1_peer_send_data(&peer, SLICE("abc"), true);
	assert_string_equal(http1_peer_take_out(&peer).data,
			    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
			    "3\r\nabc\r\n0\r\n\r\n");
	assert_null(peer.exchange.codec);
	http1_peer_close(&peer);
}

static void proper_case(void **state)
{
	static const struct http1_options proper = {
		.max_head_bytes = 1000, .max_headers = 9, .header_case = HTTP1_CASE_PROPER_WORDS};
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_SERVER, &proper);
	http1_peer_feed(&peer, SLICE(GET), false);
	http1_peer_reply(&peer, ":status: 200\nx-y: z\nconnection: close", true);
	assert_string_equal(http1_peer_take_out(&peer).data,
			    "HTTP/1.1 200 OK\r\nX-Y: z\r\nContent-Length: 0\r\n"
			    "Connection: close\r\n\r\n");
	http1_peer_close(&peer);
}

static void draining_closes_with_the_next_answer(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	http1_codec.drain(&peer.http1.codec);
	assert_false(peer.http1.codec.must_close);
	http1_peer_feed(&peer, SLICE(GET GET), false);
	http1_peer_reply(&peer, ":status: 200", true);
	assert_string_equal(http1_peer_take_out(&peer).data,
			    "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
	assert_true(peer.http1.codec.must_close);
	http1_peer_feed(&peer, SLICE(GET), false);
	assert_int_equal(peer.begun, 1);
	http1_peer_close(&peer);
}

static void informational_answers(void **state)
{
	static const struct http1_options old = {
		.max_head_bytes = 1000, .max_headers = 9, .accept_http_10 = true};
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_SERVER, &old);
	http1_peer_feed(&peer,
			SLICE("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
			      "Content-Length: 1\r\n\r\n"),
			false);
	assert_non_null(strstr(http1_peer_trace(&peer), "expect: 100-continue"));
	http1_peer_reply(&peer, ":status: 100", false);
	http1_peer_reply(&peer, ":status: 103\nlink: x\ncontent-length: 0", false);
	http1_peer_feed(&peer, SLICE("x"), false);
	http1_peer_reply(&peer, ":status: 200\ncontent-length: 1", false);
	http1_peer_reply(&peer, ":status: 100", false); /* too late */
	http1_peer_send_data(&peer, SLICE("y"), true);
	assert_string_equal(http1_peer_take_out(&peer).data,
			    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n"
			    "\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\ny");
	assert_false(peer.http1.codec.must_close);

	http1_peer_feed(&peer, SLICE("GET / HTTP/1.0\r\nHost: h\r\n\r\n"), false);
	http1_peer_reply(&peer, ":status: 100", false);
	assert_int_equal(peer.out.len, 0);
	http1_peer_close(&peer);
}

static void a_tunnel_carries_bytes_until_both_ends_close(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	http1_peer_feed(&peer, SLICE(CONNECT "early"), false);
	assert_int_equal(peer.left_len, 5); /* waits for the answer */
	http1_peer_reply(&peer, ":status: 200", false);
	assert_true(peer.exchange.is_tunnel);
	http1_peer_feed(&peer, SLICE(GET), false);
	http1_peer_feed(&peer, SLICE(""), true);
	assert_true(peer.exchange.is_received);
	assert_non_null(peer.exchange.codec);
	http1_peer_send_data(&peer, SLICE("down"), true);
	assert_null(peer.exchange.codec);
	assert_string_equal(http1_peer_trace(&peer),
			    "H(:method: CONNECT|:scheme: http|:authority: h:80)D(early" GET ")$C");
	http1_peer_close(&peer);
}

static void an_upgrade_may_have_a_body_before_its_tunnel(void **state)
{
	struct http1_peer peer;
	(void)state;

	for (int accepted_early = 0; accepted_early < 2; accepted_early++) {
		http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
		http1_peer_feed(&peer,
				SLICE("POST / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n"
				      "Upgrade: tcp\r\nContent-Length: 4\r\n\r\nbo"),
				false);
		if (accepted_early)
			http1_peer_reply(&peer, ":status: 101\nconnection: upgrade\nupgrade: tcp",
					 false);
		http1_peer_feed(&peer, SLICE("dytunnel"), false);
		assert_int_equal(peer.left_len, accepted_early ? 0 : 6);
		if (!accepted_early)
			http1_peer_reply(&peer, ":status: 101\nconnection: upgrade\nupgrade: tcp",
					 false);
		http1_peer_feed(&peer, SLICE("led"), true);
		assert_non_null(strstr(http1_peer_trace(&peer), "D(bodytunnelled)$"));
		http1_peer_close(&peer);
	}
}

static void errors_without_an_exchange(void **state)
{
	struct http1_peer peer;
	struct headers headers;
	(void)state;

	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	http1_codec.send_error(&peer.http1.codec, REPLY_UPGRADE_REQUIRED, SLICE(""));
	assert_string_equal(http1_peer_take_out(&peer).data,
			    "HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\n"
			    "connection: close\r\n\r\n");
	http1_codec.send_error(&peer.http1.codec, REPLY_BAD_REQUEST, SLICE("again"));
	assert_int_equal(peer.out.len, 0);
	http1_peer_close(&peer);

	/* Within an answer an error would be read as a part of it. */
	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	http1_peer_feed(&peer,
			SLICE("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
			false);
	http1_peer_reply(&peer, ":status: 200", false);
	http1_peer_take_out(&peer);
	http1_peer_feed(&peer, SLICE("zz\r\n"), false);
	assert_true(peer.http1.codec.is_failed);
	assert_int_equal(peer.out.len, 0);
	http1_peer_close(&peer);

	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	headers_init(&headers, &peer.arena, 4);
	headers_add_id(&headers, HEADER_DATE, SLICE("today"));
	headers_add_id(&headers, HEADER_SERVER, SLICE("me"));
	http1_send_error_with(&peer.http1, REPLY_BAD_REQUEST, SLICE("bad"), &headers);
	http1_codec.send_error(&peer.http1.codec, REPLY_BAD_REQUEST, SLICE("again"));
	assert_string_equal(http1_peer_take_out(&peer).data,
			    "HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n"
			    "content-type: text/plain\r\ndate: today\r\nserver: me\r\n"
			    "connection: close\r\n\r\nbad");
	http1_peer_close(&peer);
}

static void assert_reply(const char *request, const struct local_reply *reply, const char *expected)
{
	struct http1_peer peer;
	struct headers headers;
	struct buf body;
	char text[512] = "";

	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	http1_peer_feed(&peer, slice_of(request), false);
	headers_init(&headers, &peer.arena, 8);
	buf_init(&body, &peer.pool);
	http1_codec.render_reply(&peer.exchange, reply, &headers, &body);
	for (struct header *h = NULL; (h = headers_next(&headers, h));)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s: %.*s\n",
			 SLICE_FMT(header_name(h)), SLICE_FMT(header_value(h)));
	struct slice flat = buf_flat(&body);
	snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s", SLICE_FMT(flat));
	assert_string_equal(text, expected);
	buf_clear(&body);
	http1_peer_close(&peer);
}

static void local_replies(void **state)
{
#define GRPC "POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/grpc+proto\r\n\r\n"
	(void)state;

	assert_reply(
		GET,
		&(struct local_reply){REPLY_RATE_LIMITED, 429, -1, SLICE("slow down"), SLICE("")},
		":status: 429\ncontent-length: 9\ncontent-type: text/plain\nslow down");
	assert_reply(GET,
		     &(struct local_reply){REPLY_DIRECT_RESPONSE, 200, -1, SLICE("<p>"),
					   SLICE("text/html")},
		     ":status: 200\ncontent-length: 3\ncontent-type: text/html\n<p>");
	assert_reply(GET, &(struct local_reply){REPLY_NO_ROUTE, 404, -1, SLICE(""), SLICE("")},
		     ":status: 404\n");
	assert_reply(GRPC, &(struct local_reply){REPLY_NO_ROUTE, 404, -1, SLICE(""), SLICE("")},
		     ":status: 200\ncontent-type: application/grpc\ngrpc-status: 12\n");
	assert_reply(GRPC,
		     &(struct local_reply){REPLY_FAULT_ABORT, 401, -1, SLICE("50% \xc3\xa4\n"),
					   SLICE("")},
		     ":status: 200\ncontent-type: application/grpc\ngrpc-status: 16\n"
		     "grpc-message: 50%25 %C3%A4%0A\n");
	assert_reply(GRPC, &(struct local_reply){REPLY_DENIED, 403, 9, SLICE("x"), SLICE("")},
		     ":status: 200\ncontent-type: application/grpc\ngrpc-status: 9\n"
		     "grpc-message: x\n");
}

static void a_refused_exchange_ends_the_connection(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	peer.refuses_exchanges = true;
	http1_peer_feed(&peer, SLICE(UPLOAD GET), false);
	assert_string_equal(http1_peer_trace(&peer), "");
	assert_true(peer.http1.codec.must_close);
	assert_int_equal(peer.left_len, 0);
	http1_peer_close(&peer);
}

static void requests_wait_while_answers_pile_up(void **state)
{
	static char block[HTTP1_OUT_LIMIT];
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	http1_peer_feed(&peer, SLICE(GET GET), false);
	http1_peer_reply(&peer, ":status: 200", false);
	memset(block, 'x', sizeof block);
	http1_peer_send_data(&peer, slice_make(block, sizeof block), true);
	http1_peer_feed(&peer, SLICE(""), false);
	assert_int_equal(peer.begun, 1);
	assert_int_equal(peer.noticed[HTTP1_NOTICE_RESPONSE_FLOOD], 1);
	http1_peer_take_out(&peer);
	http1_peer_feed(&peer, SLICE(""), false);
	assert_int_equal(peer.begun, 2);
	http1_peer_close(&peer);
}

/* The room that the largest head would need isn't taken for each of many small ones. */
static void small_heads_take_little_of_a_turn(void **state)
{
	enum { COUNT = 500 };
	static const struct http1_options wide = {.max_head_bytes = HTTP1_DEFAULT_HEAD_BYTES,
						  .max_headers = HTTP1_MOST_HEADERS};
	char requests[COUNT * (sizeof GET - 1)];
	struct http1_peer peer;
	(void)state;

	for (unsigned i = 0; i < COUNT; i++)
		memcpy(requests + i * (sizeof GET - 1), GET, sizeof GET - 1);
	http1_peer_open(&peer, CODEC_SERVER, &wide);
	peer.answer = HTTP1_PEER_AT_END;
	http1_peer_feed(&peer, slice_make(requests, sizeof requests), false);
	assert_int_equal(peer.closed, COUNT);
	assert_in_range(peer.pool.turn_taken, 1, BUF_TURN_LIMIT);
	http1_peer_close(&peer);
}

static void pauses_hold_what_follows(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	peer.pauses_at_headers = true;
	http1_peer_feed(&peer, SLICE(UPLOAD), false);
	assert_int_equal(peer.left_len, 3);
	peer.exchange.read_pauses = 0;
	http1_peer_feed(&peer, SLICE("def"), false);
	assert_non_null(strstr(http1_peer_trace(&peer), "D(abcdef)"));
	http1_codec.abandon(&peer.exchange);
	http1_peer_feed(&peer, SLICE("ghi" GET), false);
	assert_int_equal(peer.left_len, 0);
	assert_null(strstr(http1_peer_trace(&peer), "ghi"));
	http1_peer_close(&peer);
}

static void heads_larger_than_a_turn_block(void **state)
{
	static const struct http1_options wide = {.max_head_bytes = 2 << 20, .max_headers = 9000};
	static char value[BUF_TURN_BLOCK_SIZE + 100];
	struct http1_peer peer;
	struct headers headers;
	(void)state;

	memset(value, 'v', sizeof value);
	http1_peer_open(&peer, CODEC_SERVER, &wide);
	http1_peer_feed(&peer, SLICE("GET / HTTP/1.1\r\nHost: h\r\nx: "), false);
	http1_peer_feed(&peer, slice_make(value, sizeof value), false);
	http1_peer_feed(&peer, SLICE("\r\n\r\n"), false);
	assert_non_null(peer.exchange.codec);
	headers_init(&headers, &peer.arena, 4);
	headers_add_id(&headers, HEADER_STATUS, SLICE("200"));
	headers_add_id(&headers, HEADER_SERVER, slice_make(value, sizeof value));
	http1_codec.send_headers(&peer.exchange, &headers, true);
	assert_int_equal(peer.out.len, sizeof value + strlen("HTTP/1.1 200 OK\r\nserver: \r\n"
							     "content-length: 0\r\n\r\n"));
	http1_peer_close(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_and_bodies),
		cmocka_unit_test(a_chunk_in_one_with_the_end),
		cmocka_unit_test(proper_case),
		cmocka_unit_test(draining_closes_with_the_next_answer),
		cmocka_unit_test(informational_answers),
		cmocka_unit_test(a_tunnel_carries_bytes_until_both_ends_close),
		cmocka_unit_test(an_upgrade_may_have_a_body_before_its_tunnel),
		cmocka_unit_test(errors_without_an_exchange),
		cmocka_unit_test(local_replies),
		cmocka_unit_test(a_refused_exchange_ends_the_connection),
		cmocka_unit_test(requests_wait_while_answers_pile_up),
		cmocka_unit_test(small_heads_take_little_of_a_turn),
		cmocka_unit_test(pauses_hold_what_follows),
		cmocka_unit_test(heads_larger_than_a_turn_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
