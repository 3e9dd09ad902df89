/* Requests that go out; responses: bytes in, events out, the same at every split. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/http1_connection.h"
#include "support/http1_rows.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define H(status, more) "H(:status: " status more ")"
#define BAD "R(UPSTREAM_PROTOCOL_ERROR)F(UPSTREAM_PROTOCOL_ERROR http1.codec_error)"
#define BAD_FOR(details) "R(UPSTREAM_PROTOCOL_ERROR)F(UPSTREAM_PROTOCOL_ERROR " details ")"
#define HEAD_REQUEST ":method: HEAD\n:path: /\n:authority: h"
#define UPGRADE_REQUEST                                                                            \
	":method: GET\n:path: /\n:authority: h\nconnection: Upgrade\nupgrade: websocket"
#define CONNECT_REQUEST ":method: CONNECT\n:authority: h:80"

/* clang-format off */
#define TAKEN(what, input, trace) {what, HTTP1_INPUT(input), trace, .closes = false}
#define LAST(what, input, trace) {what, HTTP1_INPUT(input), trace, .closes = true}
#define TO(method, what, input, trace) {what, HTTP1_INPUT(input), trace, .request = method, .closes = false}
#define LAST_TO(method, what, input, trace) {what, HTTP1_INPUT(input), trace, .request = method, .closes = true}
#define AT_EOF(what, input, trace) {what, HTTP1_INPUT(input), trace, .eof = true, .closes = true}
/* clang-format on */

static void status_lines(void **state)
{
	static const struct http1_row rows[] = {
		TAKEN("plain", OK "content-length: 0\r\n\r\n", H("200", "|content-length: 0") "$C"),
		TAKEN("no reason", "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n",
		      H("404", "|content-length: 0") "$C"),
		TAKEN("no space before it", "HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n",
		      H("404", "|content-length: 0") "$C"),
		TAKEN("8 bit reason", "HTTP/1.1 599 \xc3\xa4 b\r\nContent-Length: 0\r\n\r\n",
		      H("599", "|content-length: 0") "$C"),
		LAST("1.0 closes", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		     "G" H("200", "|content-length: 2") "D(ok)$C"),
		TAKEN("1.0 may stay",
		      "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
		      H("200", "|content-length: 2") "D(ok)$C"),
		LAST("close", OK "Connection: Close\r\nContent-Length: 2\r\n\r\nok",
		     "G" H("200", "|content-length: 2") "D(ok)$C"),
		LAST("1.2", "HTTP/1.2 200 OK\r\n\r\n", BAD),
		LAST("2.0", "HTTP/2.0 200 OK\r\n\r\n", BAD),
		LAST("lower case", "http/1.1 200 OK\r\n\r\n", BAD),
		LAST("two digits", "HTTP/1.1 20 OK\r\n\r\n", BAD),
		LAST("four digits", "HTTP/1.1 2000 OK\r\n\r\n", BAD),
		LAST("below 100", "HTTP/1.1 099 OK\r\n\r\n", BAD),
		LAST("two spaces", "HTTP/1.1  200 OK\r\n\r\n", BAD),
		LAST("letters", "HTTP/1.1 2x0 OK\r\n\r\n", BAD),
		LAST("empty line before", "\r\n" OK "\r\n", BAD),
		LAST("control in reason", "HTTP/1.1 200 O\x01\r\n\r\n",
		     BAD_FOR("http1.invalid_characters")),
		LAST("bare LF", "HTTP/1.1 200 OK\n\n", BAD),
		LAST("folding", OK "a: b\r\n c\r\n\r\n", BAD),
		LAST("a greeting", "SSH-2.0-x\r\n", BAD),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_CLIENT);
}

static void fields(void **state)
{
	static const struct http1_row rows[] = {
		TAKEN("hop by hop",
		      OK
		      "Keep-Alive: x\r\nConnection: keep-alive, X-Y\r\nX-Y: 1\r\nUpgrade: foo\r\n"
		      "Set-Cookie: a\r\nset-cookie: b\r\nHost: kept\r\nContent-Length: 0\r\n\r\n",
		      H("200", "|set-cookie: a|set-cookie: b|host: kept|content-length: 0") "$C"),
		TAKEN("underscores are no matter here", OK "x_y: 1\r\nContent-Length: 0\r\n\r\n",
		      H("200", "|x_y: 1|content-length: 0") "$C"),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_CLIENT);
}

static void bodies(void **state)
{
	static const struct http1_row rows[] = {
		TAKEN("length", OK "Content-Length: 5\r\n\r\nhello",
		      H("200", "|content-length: 5") "D(hello)$C"),
		TAKEN("chunked", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		      H("200", "") "D(hello)$C"),
		TAKEN("blanks and an extension behind a size",
		      OK "Transfer-Encoding: chunked\r\n\r\n5 \t;a=b\r\nhello\r\n0 \r\n\r\n",
		      H("200", "") "D(hello)$C"),
		AT_EOF("until the end", OK "\r\nhello", "G" H("200", "") "D(hello)$C"),
		AT_EOF("until an early end", OK "\r\n", "G" H("200", "") "D()$C"),
		TAKEN("204", "HTTP/1.1 204 No Content\r\n\r\n", H("204", "") "$C"),
		TAKEN("204, length 0", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
		      H("204", "") "$C"),
		LAST("204, length", "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n",
		     BAD_FOR("http1.content_length_not_allowed")),
		LAST("204, chunked", "HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
		     BAD_FOR("http1.transfer_encoding_not_allowed")),
		TAKEN("304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
		      H("304", "|content-length: 10") "$C"),
		TO(HEAD_REQUEST, "HEAD", OK "Content-Length: 1234\r\n\r\n",
		   H("200", "|content-length: 1234") "$C"),
		TO(HEAD_REQUEST, "HEAD, chunked", OK "Transfer-Encoding: chunked\r\n\r\n",
		   H("200", "") "$C"),
		TO(HEAD_REQUEST, "HEAD, neither", OK "\r\n", H("200", "") "$C"),
		LAST("equal lengths", OK "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", BAD),
		LAST("both", OK "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		     BAD_FOR("http1.content_length_and_chunked_not_allowed")),
		LAST("gzip", OK "Transfer-Encoding: gzip\r\n\r\n",
		     BAD_FOR("http1.invalid_transfer_encoding")),
		LAST("1.0, chunked", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		     BAD_FOR("http1.transfer_encoding_not_allowed")),
		LAST("bad chunk", OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
		     H("200", "") "D(hello)" BAD),
		LAST("two sizes", OK "Transfer-Encoding: chunked\r\n\r\n5 6\r\nhello\r\n0\r\n\r\n",
		     H("200", "") BAD),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_CLIENT);
}

static void informational(void **state)
{
	char flood[40 * (HTTP1_INFORMATIONAL_LIMIT + 1)] = "";
	struct http1_peer peer;
	static const struct http1_row rows[] = {
		TAKEN("100", "HTTP/1.1 100 Continue\r\n\r\n" OK "Content-Length: 0\r\n\r\n",
		      "I(:status: 100)" H("200", "|content-length: 0") "$C"),
		TAKEN("several",
		      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 P\r\n\r\n" OK
		      "Content-Length: 0\r\n\r\n",
		      "I(:status: 103|link: </a>)I(:status: 102)" H("200",
								    "|content-length: 0") "$C"),
		TAKEN("length 0", "HTTP/1.1 100 C\r\nContent-Length: 0\r\n\r\n", "I(:status: 100)"),
		LAST("length", "HTTP/1.1 100 C\r\nContent-Length: 1\r\n\r\n",
		     BAD_FOR("http1.content_length_not_allowed")),
		LAST("101 that wasn't asked for",
		     "HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: "
		     "websocket\r\n\r\n",
		     BAD),
	};
	(void)state;

	http1_rows_run(rows, COUNT_OF(rows), CODEC_CLIENT);

	for (unsigned i = 0; i <= HTTP1_INFORMATIONAL_LIMIT; i++)
		strcat(flood, "HTTP/1.1 100 Continue\r\n\r\n");
	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	http1_peer_send(&peer, HEAD_REQUEST, true);
	http1_peer_feed(&peer, slice_of(flood), false);
	assert_true(peer.http1.codec.is_failed);
	http1_peer_close(&peer);
}

/* `count` options in a Connection field. False: refused. */
static bool takes_options(unsigned count)
{
	char head[4096] = OK "Content-Length: 0\r\nConnection: x";
	struct http1_peer peer;

	for (unsigned i = 1; i < count; i++)
		strcat(head, ",x");
	strcat(head, "\r\n\r\n");
	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	http1_peer_send(&peer, HEAD_REQUEST, true);
	http1_peer_feed(&peer, slice_of(head), false);
	bool is_taken = !peer.http1.codec.is_failed;
	http1_peer_close(&peer);
	return is_taken;
}

static void connection_options_are_counted(void **state)
{
	(void)state;

	assert_true(takes_options(HTTP1_RESPONSE_OPTIONS - 1));
	assert_false(takes_options(HTTP1_RESPONSE_OPTIONS));
}

static void ends_of_the_upstream(void **state)
{
	static const struct http1_row rows[] = {
		AT_EOF("before the answer", "", "R(CONNECTION_LOST)"),
		AT_EOF("in the head", "HTTP/1.1 200 OK\r\na: ", "R(CONNECTION_LOST)"),
		AT_EOF("in the body", OK "Content-Length: 9\r\n\r\nabc",
		       H("200", "|content-length: 9") "D(abc)R(CONNECTION_LOST)"),
		AT_EOF("in a chunk", OK "Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
		       H("200", "") "D(abc)R(CONNECTION_LOST)"),
		AT_EOF("before the last chunk", OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
		       H("200", "") "D(abc)R(CONNECTION_LOST)"),
		AT_EOF("before the end of trailers",
		       OK "Transfer-Encoding: chunked\r\n\r\n0\r\na: b\r\n",
		       H("200", "") "R(CONNECTION_LOST)"),
		AT_EOF("after the answer", OK "Content-Length: 1\r\n\r\nx",
		       H("200", "|content-length: 1") "D(x)$C"),
		LAST("bytes that nobody asked for",
		     OK "Content-Length: 0\r\n\r\nHTTP/1.1 408 T\r\n\r\n",
		     H("200", "|content-length: 0") "$CG"),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_CLIENT);
}

static void tunnels(void **state)
{
#define UPGRADED "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
#define UPGRADED_HEADERS H("101", "|connection: Upgrade|upgrade: websocket")
	static const struct http1_row rows[] = {
		LAST_TO(CONNECT_REQUEST, "connect",
			"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw", H("200", "") "D(raw)"),
		LAST_TO(CONNECT_REQUEST, "connect, chunked",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
			BAD_FOR("http1.invalid_transfer_encoding")),
		LAST_TO(UPGRADE_REQUEST, "another upgrade than asked is the manager's",
			"HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
			H("101", "|connection: upgrade|upgrade: x")),
		LAST_TO(UPGRADE_REQUEST, "101 without upgrade", "HTTP/1.1 101 S\r\n\r\n", BAD),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_CLIENT);

	struct http1_peer peer;
	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	http1_peer_send(&peer, UPGRADE_REQUEST, false);
	assert_string_equal(http1_peer_take_out(&peer).data,
			    "GET / HTTP/1.1\r\nhost: h\r\nconnection: Upgrade\r\n"
			    "upgrade: websocket\r\n\r\n");
	http1_peer_feed(&peer, SLICE(UPGRADED "raw"), false);
	assert_true(peer.exchange.is_tunnel);
	http1_peer_send_data(&peer, SLICE("up"), false);
	http1_peer_send_data(&peer, SLICE("ward"), true);
	assert_string_equal(http1_peer_take_out(&peer).data, "upward");
	assert_non_null(peer.exchange.codec);
	http1_peer_feed(&peer, SLICE("more"), false);
	http1_peer_feed(&peer, SLICE(""), true);
	assert_string_equal(http1_peer_trace(&peer), UPGRADED_HEADERS "D(rawmore)$C");
	http1_peer_close(&peer);
}

static void refused_upgrades_end_the_connection(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	http1_peer_send(&peer, UPGRADE_REQUEST, false);
	http1_peer_feed(&peer, SLICE("HTTP/1.1 403 F\r\nContent-Length: 2\r\n\r\nno"), false);
	assert_string_equal(http1_peer_trace(&peer), "G" H("403", "|content-length: 2") "D(no)$C");
	assert_true(peer.http1.codec.must_close);
	http1_peer_close(&peer);
}

static void requests_on_the_wire(void **state)
{
	static const struct http1_options proper = {
		.max_head_bytes = 1000, .max_headers = 9, .header_case = HTTP1_CASE_PROPER_WORDS};
	static const struct {
		const char *lines;
		bool end;
		const char *out;
		const struct http1_options *options;
	} rows[] = {
		{":method: GET\n:scheme: http\n:path: /a?b\n:authority: h:1\nx-a: b\nx-a: c", true,
		 "GET /a?b HTTP/1.1\r\nhost: h:1\r\nx-a: b\r\nx-a: c\r\n\r\n", NULL},
		{":method: POST\n:path: /\n:authority: h", true,
		 "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\n", NULL},
		{":method: POST\n:path: /\n:authority: h", false,
		 "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n", NULL},
		{":method: DELETE\n:path: /\n:authority: h", true,
		 "DELETE / HTTP/1.1\r\nhost: h\r\n\r\n", NULL},
		{":method: PUT\n:path: /\n:authority: h\ncontent-length: 3", false,
		 "PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\n", NULL},
		{":method: GET\n:path: /\nhost: only\nte: trailers", true,
		 "GET / HTTP/1.1\r\nhost: only\r\nte: trailers\r\n\r\n", NULL},
		{":method: GET\n:path: /\n:authority: a\nhost: b\nconnection: x\nkeep-alive: y\n"
		 "proxy-connection: z\ntransfer-encoding: w\nupgrade: v",
		 true, "GET / HTTP/1.1\r\nhost: a\r\n\r\n", NULL},
		{":method: CONNECT\n:authority: h:443", false,
		 "CONNECT h:443 HTTP/1.1\r\nhost: h:443\r\n\r\n", NULL},
		{":method: POST\n:path: /\n:authority: h\nx-a1b-c$d: 1\ncontent-type: t", false,
		 "POST / HTTP/1.1\r\nHost: h\r\nX-A1b-C$D: 1\r\nContent-Type: t\r\n"
		 "Transfer-Encoding: chunked\r\n\r\n",
		 &proper},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct http1_peer peer;
		http1_peer_open(&peer, CODEC_CLIENT,
				rows[i].options ? rows[i].options : &http1_default_options);
		http1_peer_send(&peer, rows[i].lines, rows[i].end);
		assert_string_equal(http1_peer_take_out(&peer).data, rows[i].out);
		http1_peer_close(&peer);
	}
}

static void every_length_of_name_and_value(void **state)
{
	(void)state;

	for (size_t n = 1; n < 150; n++) {
		char name[160], value[160], lines[512], expected[640];
		for (size_t i = 0; i < n; i++) {
			name[i] = (char)('a' + i % 26);
			value[i] = (char)('!' + i % 90);
		}
		name[0] = 'q'; /* no well-known name begins so */
		name[n] = value[n - 1] = 0;
		snprintf(lines, sizeof lines, ":method: GET\n:path: /\n:authority: h\n%s: %s", name,
			 value);
		snprintf(expected, sizeof expected, "GET / HTTP/1.1\r\nhost: h\r\n%s: %s\r\n\r\n",
			 name, value);
		struct http1_peer peer;
		http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
		http1_peer_send(&peer, lines, true);
		assert_string_equal(http1_peer_take_out(&peer).data, expected);
		http1_peer_close(&peer);
	}
}

static void connections_are_used_again(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(http1_codec.room(&peer.http1.codec), 1);
		http1_peer_send(&peer, HEAD_REQUEST, true);
		assert_int_equal(http1_codec.room(&peer.http1.codec), 0);
		http1_peer_feed(&peer, SLICE(OK "\r\n"), false);
	}
	assert_int_equal(peer.closed, 3);
	http1_codec.drain(&peer.http1.codec);
	assert_int_equal(http1_codec.room(&peer.http1.codec), 0);
	http1_peer_close(&peer);
}

static void an_answer_before_the_request_has_ended(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	http1_peer_send(&peer, ":method: POST\n:path: /\n:authority: h", false);
	http1_peer_feed(&peer, SLICE("HTTP/1.1 413 L\r\nContent-Length: 0\r\n\r\n"), false);
	assert_string_equal(http1_peer_trace(&peer), "G" H("413", "|content-length: 0") "$");
	assert_true(peer.http1.codec.must_close);
	http1_peer_send_data(&peer, SLICE("late"), true);
	assert_string_equal(http1_peer_trace(&peer), "G" H("413", "|content-length: 0") "$C");
	assert_int_equal(http1_codec.room(&peer.http1.codec), 0);
	http1_peer_close(&peer);
}

static void abandoning_gives_the_connection_up(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	http1_peer_send(&peer, HEAD_REQUEST, true);
	http1_codec.abandon(&peer.exchange);
	assert_null(peer.exchange.codec);
	assert_true(peer.http1.codec.must_close);
	http1_peer_feed(&peer, SLICE(OK "\r\n"), true);
	assert_string_equal(http1_peer_trace(&peer), "");
	http1_peer_close(&peer);
}

static void a_connection_that_ended_takes_no_request(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	http1_peer_feed(&peer, SLICE("HTTP/1.1 408 T\r\nConnection: close\r\n\r\n"), false);
	assert_int_equal(http1_codec.room(&peer.http1.codec), 0);
	http1_peer_send(&peer, HEAD_REQUEST, true);
	assert_null(peer.exchange.codec);
	assert_int_equal(peer.out.len, 0);
	assert_string_equal(http1_peer_trace(&peer), "GR(CONNECTION_LOST)");
	http1_peer_close(&peer);
}

static void pauses_hold_the_body(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	peer.pauses_at_headers = true;
	http1_peer_send(&peer, ":method: GET\n:path: /\n:authority: h", true);
	http1_peer_feed(&peer, SLICE(OK "\r\nbody"), true);
	assert_string_equal(http1_peer_trace(&peer), "G" H("200", ""));
	assert_int_equal(peer.left_len, 4);
	peer.exchange.read_pauses--;
	http1_peer_feed(&peer, SLICE(""), true);
	assert_string_equal(http1_peer_trace(&peer), "G" H("200", "") "D(body)$C");
	http1_peer_close(&peer);
}

static void bodies_may_be_moved_past_the_codec(void **state)
{
	struct http1_peer peer;
	(void)state;

	http1_peer_open(&peer, CODEC_CLIENT, &http1_default_options);
	http1_peer_send(&peer, ":method: PUT\n:path: /\n:authority: h\ncontent-length: 10", false);
	http1_peer_send_data(&peer, SLICE("abc"), false);
	assert_int_equal(http1_send_left(&peer.http1), 7);
	http1_skip_send(&peer.http1, 3);
	assert_false(peer.exchange.is_sent);
	http1_skip_send(&peer.http1, 4);
	assert_false(peer.exchange.is_sent);
	http1_peer_send_data(&peer, SLICE(""), true);
	assert_true(peer.exchange.is_sent);

	assert_int_equal(http1_body_left(&peer.http1), 0);
	http1_peer_feed(&peer, SLICE(OK "Content-Length: 100\r\n\r\nabc"), false);
	assert_int_equal(http1_body_left(&peer.http1), 97);
	http1_skip_body(&peer.http1, 90);
	assert_int_equal(http1_body_left(&peer.http1), 7);
	assert_non_null(peer.exchange.codec);
	http1_skip_body(&peer.http1, 7);
	assert_string_equal(http1_peer_trace(&peer), H("200", "|content-length: 100") "D(abc)$C");
	assert_int_equal(http1_codec.room(&peer.http1.codec), 1);
	http1_peer_close(&peer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_lines),
		cmocka_unit_test(fields),
		cmocka_unit_test(bodies),
		cmocka_unit_test(informational),
		cmocka_unit_test(connection_options_are_counted),
		cmocka_unit_test(ends_of_the_upstream),
		cmocka_unit_test(tunnels),
		cmocka_unit_test(refused_upgrades_end_the_connection),
		cmocka_unit_test(requests_on_the_wire),
		cmocka_unit_test(every_length_of_name_and_value),
		cmocka_unit_test(connections_are_used_again),
		cmocka_unit_test(an_answer_before_the_request_has_ended),
		cmocka_unit_test(abandoning_gives_the_connection_up),
		cmocka_unit_test(a_connection_that_ended_takes_no_request),
		cmocka_unit_test(pauses_hold_the_body),
		cmocka_unit_test(bodies_may_be_moved_past_the_codec),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
