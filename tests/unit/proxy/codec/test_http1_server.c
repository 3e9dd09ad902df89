/* Requests: bytes in, events out, the same at every split; and the answers that go out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/http1_rows.h"

#define GET "GET / HTTP/1.1\r\nHost: h\r\n"
#define POST "POST / HTTP/1.1\r\nHost: h\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define H(more) "H(:method: GET|:scheme: http|:authority: h|:path: /" more ")"
#define P(more) "H(:method: POST|:scheme: http|:authority: h|:path: /" more ")"
#define LINE(method, target) "H(:method: " method "|:scheme: http|:authority: h|:path: " target ")$"

#define BAD "F(BAD_REQUEST http1.codec_error)"
#define BAD_CHARACTERS "F(BAD_REQUEST http1.invalid_characters)"
#define LOW_VERSION "F(UPGRADE_REQUIRED low_version)"
#define BAD_CODING "F(NOT_IMPLEMENTED http1.invalid_transfer_encoding)"
#define BOTH "F(BAD_REQUEST http1.content_length_and_chunked_not_allowed)"
#define BAD_URL "F(BAD_REQUEST http1.invalid_url)"
#define BAD_HOST "F(BAD_REQUEST http.invalid_authority)"

/* A row that is refused. */
#define REFUSED(what, input, trace)                                                                \
	{                                                                                          \
		what, HTTP1_INPUT(input), trace, .closes = true                                    \
	}
#define TAKEN(what, input, trace)                                                                  \
	{                                                                                          \
		what, HTTP1_INPUT(input), trace, .closes = false                                   \
	}

static void start_lines(void **state)
{
	static const struct http1_row rows[] = {
		TAKEN("get", GET "\r\n", H("") "$"),
		TAKEN("methods", "OPTIONS / HTTP/1.1\r\nHost: h\r\n\r\n", LINE("OPTIONS", "/")),
		TAKEN("query", "GET /a?b=c&d=%20 HTTP/1.1\r\nHost: h\r\n\r\n",
		      LINE("GET", "/a?b=c&d=%20")),
		TAKEN("odd but legal", "GET /a\"b|c`{}[]\\^<> HTTP/1.1\r\nHost: h\r\n\r\n",
		      LINE("GET", "/a\"b|c`{}[]\\^<>")),
		TAKEN("double slash", "GET //x//y HTTP/1.1\r\nHost: h\r\n\r\n",
		      LINE("GET", "//x//y")),
		TAKEN("fragment, the manager's", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n",
		      LINE("GET", "/a#b")),
		TAKEN("asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", LINE("OPTIONS", "*")),
		TAKEN("no host, the manager's", "GET / HTTP/1.1\r\n\r\n",
		      "H(:method: GET|:scheme: http|:path: /)$"),
		TAKEN("empty lines before", "\r\n\r\n" GET "\r\n", H("") "$"),
		REFUSED("bare LF before", "\n" GET "\r\n", BAD),
		REFUSED("space before", " " GET "\r\n", BAD),
		REFUSED("lower-case method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("unknown method", "FOO / HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("method of odd bytes", "GE(T / HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("8 bit method", "G\xc3\xa9T / HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("no method", "/path HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("no target", "GET  HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("two spaces", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("tab", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("trailing space", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n", BAD),
		REFUSED("space in target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("tab in target", "GET /a\tb HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("8 bit target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("control in target", "GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n",
			BAD_CHARACTERS),
		REFUSED("delete in target", "GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n",
			BAD_CHARACTERS),
		REFUSED("relative target", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("query alone", "GET ?q HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("asterisk to GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", BAD_URL),
		REFUSED("authority to GET", "GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("junk", "hello world\r\n\r\n", BAD),
		REFUSED("TLS", "\x16\x03\x01", BAD_CHARACTERS),
		REFUSED("a response", "HTTP/1.1 200 OK\r\n\r\n", BAD),
		REFUSED("bare LF", "GET / HTTP/1.1\nHost: h\r\n\r\n", BAD),
		REFUSED("bare CR", "GET / HTTP/1.1\rHost: h\r\n\r\n", BAD),
		REFUSED("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", BAD),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void versions(void **state)
{
	static const struct http1_row rows[] = {
		REFUSED("0.9", "GET /\r\n", LOW_VERSION),
		REFUSED("1.0", "GET / HTTP/1.0\r\n\r\n", LOW_VERSION),
		REFUSED("1.2", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", LOW_VERSION),
		REFUSED("2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", LOW_VERSION),
		REFUSED("lower case", "GET / http/1.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("01.1", "GET / HTTP/01.1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("1", "GET / HTTP/1\r\nHost: h\r\n\r\n", BAD),
		REFUSED("1.10", "GET / HTTP/1.10\r\nHost: h\r\n\r\n", BAD),
		REFUSED("1.1x", "GET / HTTP/1.1x\r\nHost: h\r\n\r\n", BAD),
		REFUSED("another protocol", "GET / HTCPCP/1.1\r\nHost: h\r\n\r\n", BAD),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void targets_of_other_forms(void **state)
{
	static const struct http1_options no_absolute = {
		.max_head_bytes = 1000, .max_headers = 10, .allow_absolute_url = false};
	static const struct http1_row rows[] = {
		TAKEN("absolute", "GET http://abs.host/p?q HTTP/1.1\r\nHost: other\r\n\r\n",
		      "H(:method: GET|:scheme: http|:authority: abs.host|:path: /p?q)$"),
		TAKEN("https and no path", "GET https://abs:8443 HTTP/1.1\r\nHost: o\r\n\r\n",
		      "H(:method: GET|:scheme: https|:authority: abs:8443|:path: /)$"),
		TAKEN("upper case", "GET HTTP://ABS/P HTTP/1.1\r\nHost: o\r\n\r\n",
		      "H(:method: GET|:scheme: http|:authority: ABS|:path: /P)$"),
		TAKEN("user", "GET http://u:p@abs:81/p HTTP/1.1\r\nHost: o\r\n\r\n",
		      "H(:method: GET|:scheme: http|:authority: abs:81|:path: /p)$"),
		TAKEN("without Host", "GET http://abs/ HTTP/1.1\r\n\r\n",
		      "H(:method: GET|:scheme: http|:authority: abs|:path: /)$"),
		TAKEN("query without path", "GET http://abs?x HTTP/1.1\r\nHost: o\r\n\r\n",
		      "H(:method: GET|:scheme: http|:authority: abs|:path: ?x)$"),
		TAKEN("address", "GET http://[::1]:80/ HTTP/1.1\r\nHost: o\r\n\r\n",
		      "H(:method: GET|:scheme: http|:authority: [::1]:80|:path: /)$"),
		REFUSED("ftp", "GET ftp://abs/p HTTP/1.1\r\nHost: o\r\n\r\n",
			"F(BAD_REQUEST http1.invalid_scheme)"),
		REFUSED("no host in it", "GET http:///p HTTP/1.1\r\nHost: o\r\n\r\n", BAD_URL),
		REFUSED("only a user", "GET http://u@/p HTTP/1.1\r\nHost: o\r\n\r\n", BAD_URL),
		REFUSED("port too large", "GET http://a:99999/ HTTP/1.1\r\nHost: o\r\n\r\n",
			BAD_URL),
		REFUSED("port 0", "GET http://a:0/ HTTP/1.1\r\nHost: o\r\n\r\n", BAD_URL),
		REFUSED("port of letters", "GET http://a:8a/ HTTP/1.1\r\nHost: o\r\n\r\n", BAD_URL),
		REFUSED("bad address", "GET http://[::1/ HTTP/1.1\r\nHost: o\r\n\r\n", BAD_URL),
		REFUSED("bad byte in host", "GET http://a\\b/ HTTP/1.1\r\nHost: o\r\n\r\n",
			BAD_URL),
		{"absolute, off", HTTP1_INPUT("GET http://abs/p HTTP/1.1\r\nHost: h\r\n\r\n"),
		 LINE("GET", "http://abs/p"), .options = &no_absolute},
		TAKEN("connect", "CONNECT x.host:443 HTTP/1.1\r\nHost: x.host:443\r\n\r\n",
		      "H(:method: CONNECT|:scheme: http|:authority: x.host:443)"),
		TAKEN("connect with length 0",
		      "CONNECT x:443 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		      "H(:method: CONNECT|:scheme: http|:authority: x:443)"),
		REFUSED("connect with a body",
			"CONNECT x:443 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
			"F(BAD_REQUEST http1.body_disallowed)"),
		REFUSED("connect, chunked",
			"CONNECT x:443 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
			BAD_CODING),
		REFUSED("connect to a path", "CONNECT /x HTTP/1.1\r\nHost: x\r\n\r\n", BAD_URL),
		REFUSED("connect without port", "CONNECT x HTTP/1.1\r\nHost: x\r\n\r\n", BAD_URL),
		REFUSED("connect without host", "CONNECT :80 HTTP/1.1\r\nHost: x\r\n\r\n", BAD_URL),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void fields(void **state)
{
	static const struct http1_row rows[] = {
		TAKEN("lowered names", GET "X-MiXed: Value\r\nACCEPT: */*\r\n\r\n",
		      H("|x-mixed: Value|accept: */*") "$"),
		TAKEN("a long name",
		      GET "X-A-Name-That-Is-Longer-Than-Three-Blocks-Of-Sixteen: v\r\n\r\n",
		      H("|x-a-name-that-is-longer-than-three-blocks-of-sixteen: v") "$"),
		TAKEN("well-known long name",
		      GET "X-Envoy-Upstream-Rq-Timeout-Alt-Response: 204\r\n\r\n",
		      H("|x-envoy-upstream-rq-timeout-alt-response: 204") "$"),
		TAKEN("all token bytes", GET "!#$%&'*+-.^_`|~09aZ: v\r\n\r\n",
		      H("|!#$%&'*+-.^_`|~09az: v") "$"),
		TAKEN("empty values", GET "A:\r\nB:   \r\n\r\n", H("|a: |b: ") "$"),
		TAKEN("white space around", GET "A: \t v w \t \r\n\r\n", H("|a: v w") "$"),
		TAKEN("8 bit values", GET "A: \xe9\xff\xc3\xa9\r\n\r\n",
		      H("|a: \xe9\xff\xc3\xa9") "$"),
		TAKEN("tab within", GET "A: a\tb\r\n\r\n", H("|a: a\tb") "$"),
		TAKEN("kept in order, repeated", GET "A: 1\r\nB: z\r\na: 2\r\n\r\n",
		      H("|a: 1|b: z|a: 2") "$"),
		REFUSED("space before colon", GET "A : v\r\n\r\n", BAD),
		REFUSED("tab before colon", GET "A\t: v\r\n\r\n", BAD),
		REFUSED("no colon", GET "NoColon\r\n\r\n", BAD),
		REFUSED("no name", GET ": v\r\n\r\n", BAD),
		REFUSED("pseudo header", GET ":path: /x\r\n\r\n", BAD),
		REFUSED("space within", GET "A B: v\r\n\r\n", BAD),
		REFUSED("8 bit name", GET "A\xe9: v\r\n\r\n", BAD),
		REFUSED("separators in name", GET "A(B)@C: v\r\n\r\n", BAD),
		REFUSED("NUL in name", GET "A\0: v\r\n\r\n", BAD_CHARACTERS),
		REFUSED("NUL in value", GET "A: a\0b\r\n\r\n", BAD_CHARACTERS),
		REFUSED("controls in value", GET "A: a\x01\x1f\r\n\r\n", BAD_CHARACTERS),
		REFUSED("bare LF", GET "A: b\nC: d\r\n\r\n", BAD),
		REFUSED("bare CR", GET "A: b\rC: d\r\n\r\n", BAD),
		REFUSED("CR CR LF", GET "A: b\r\r\n\r\n", BAD),
		REFUSED("bare LF ends the head", GET "A: b\r\n\n", BAD),
		REFUSED("folded by space", GET "A: b\r\n c\r\n\r\n", BAD),
		REFUSED("folded by tab", GET "A: b\r\n\tc\r\n\r\n", BAD),
		REFUSED("folded Host", GET " .evil\r\n\r\n", BAD),
		REFUSED("space alone", GET "A: b\r\n \r\n\r\n", BAD),
		REFUSED("two Hosts", GET "Host: h\r\n\r\n", BAD),
		REFUSED("space in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", BAD_HOST),
		REFUSED("list in Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", BAD_HOST),
		REFUSED("path in Host", "GET / HTTP/1.1\r\nHost: a/x\r\n\r\n", BAD_HOST),
		REFUSED("user in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", BAD_HOST),
		TAKEN("empty Host", "GET / HTTP/1.1\r\nHost: \r\n\r\n",
		      "H(:method: GET|:scheme: http|:authority: |:path: /)$"),
		TAKEN("odd Hosts", "GET / HTTP/1.1\r\nHost:\tT.x:99999\r\n\r\n",
		      "H(:method: GET|:scheme: http|:authority: T.x:99999|:path: /)$"),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void hop_by_hop_fields(void **state)
{
	static const struct http1_row rows[] = {
		TAKEN("dropped",
		      GET "Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: gzip\r\n"
			  "Upgrade: foo\r\nConnection: keep-alive\r\nA: b\r\n\r\n",
		      H("|a: b") "$"),
		TAKEN("te keeps trailers", GET "TE: gzip, Trailers;q=1\r\n\r\n",
		      H("|te: Trailers") "$"),
		TAKEN("named ones", GET "X-Secret: 1\r\nConnection: X-SECRET\r\nB: 2\r\n\r\n",
		      H("|b: 2") "$"),
		TAKEN("te named", GET "Connection: te\r\nTE: trailers\r\n\r\n",
		      H("|te: trailers") "$"),
		TAKEN("named length still frames",
		      POST "Connection: Content-Length\r\nContent-Length: 5\r\n\r\nhello",
		      P("") "D(hello)$"),
		TAKEN("named coding still frames",
		      POST "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n"
			   "1\r\nx\r\n0\r\n\r\n",
		      P("") "D(x)$"),
		TAKEN("h2c is not taken",
		      GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
			  "HTTP2-Settings: AAA\r\n\r\n",
		      H("") "$"),
		TAKEN("upgrade",
		      GET "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
		      H("|connection: keep-alive, Upgrade|upgrade: websocket")),
		TAKEN("upgrade not named", GET "Upgrade: websocket\r\n\r\n", H("") "$"),
		TAKEN("upgrade with a body",
		      POST "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\nokXYZ",
		      P("|connection: Upgrade|upgrade: tcp|content-length: 2") "D(ok)"),
		REFUSED("upgrade, chunked",
			POST "Connection: Upgrade\r\nUpgrade: tcp\r\n"
			     "Transfer-Encoding: chunked\r\n\r\n",
			"F(BAD_REQUEST http1.body_disallowed)"),
		REFUSED("x-forwarded-for named",
			GET "Connection: X-Forwarded-For\r\nX-Forwarded-For: 1\r\n\r\n",
			"F(BAD_REQUEST http1.connection_header_rejected)"),
		REFUSED("Host named", GET "Connection: close, Host\r\n\r\n",
			"F(MISSING_HOST missing_host_header)"),
		REFUSED("too many named",
			GET "Connection: a,b,c,d,e\r\nConnection: f,g,h,i,j\r\n\r\n",
			"F(BAD_REQUEST http1.connection_header_rejected)"),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void framing(void **state)
{
	static const struct http1_options lax = {
		.max_head_bytes = 1000, .max_headers = 10, .allow_chunked_length = true};
	static const struct http1_row rows[] = {
		TAKEN("length", POST "Content-Length: 5\r\n\r\nhello",
		      P("|content-length: 5") "D(hello)$"),
		TAKEN("length 0", POST "Content-Length: 0\r\n\r\n", P("|content-length: 0") "$"),
		TAKEN("leading zeros", POST "Content-Length: 0005\r\n\r\nhello",
		      P("|content-length: 0005") "D(hello)$"),
		TAKEN("no length", POST "\r\n", P("") "$"),
		TAKEN("a GET with a body", GET "Content-Length: 3\r\n\r\nabc",
		      H("|content-length: 3") "D(abc)$"),
		TAKEN("chunked", CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
		      P("") "D(hello world)$"),
		TAKEN("chunked in any case",
		      POST "transfer-encoding: CHUNKED\r\n\r\n1\r\nx\r\n0\r\n\r\n", P("") "D(x)$"),
		REFUSED("both", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
			BOTH),
		REFUSED("both, length 0",
			POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", BOTH),
		REFUSED("length and identity",
			POST "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n", BOTH),
		REFUSED("length and an empty coding",
			POST "Transfer-Encoding: \r\nContent-Length: 5\r\n\r\n", BOTH),
		{"both, allowed",
		 HTTP1_INPUT(POST "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
				  "1\r\nx\r\n0\r\n\r\n"),
		 P("") "D(x)$", .options = &lax},
		REFUSED("gzip", POST "Transfer-Encoding: gzip\r\n\r\n", BAD_CODING),
		REFUSED("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
			BAD_CODING),
		REFUSED("chunked, identity", POST "Transfer-Encoding: chunked, identity\r\n\r\n",
			BAD_CODING),
		REFUSED("chunked twice",
			POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
			BAD_CODING),
		REFUSED("quoted", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", BAD_CODING),
		REFUSED("trailing comma", POST "Transfer-Encoding: chunked,\r\n\r\n", BAD_CODING),
		REFUSED("vertical tab",
			POST "Transfer-Encoding: \x0b"
			     "chunked\r\n\r\n",
			BAD_CHARACTERS),
		REFUSED("equal lengths", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
			BAD),
		REFUSED("length list", POST "Content-Length: 5, 5\r\n\r\nhello", BAD),
		REFUSED("minus", POST "Content-Length: -5\r\n\r\n", BAD),
		REFUSED("plus", POST "Content-Length: +5\r\n\r\n", BAD),
		REFUSED("hex", POST "Content-Length: 0x5\r\n\r\n", BAD),
		REFUSED("junk behind", POST "Content-Length: 5x\r\n\r\n", BAD),
		REFUSED("space within", POST "Content-Length: 1 0\r\n\r\n", BAD),
		REFUSED("empty", POST "Content-Length: \r\n\r\n", BAD),
		REFUSED("2^63", POST "Content-Length: 9223372036854775808\r\n\r\n", BAD),
		REFUSED("over 64 bits", POST "Content-Length: 18446744073709551621\r\n\r\n", BAD),
		TAKEN("2^63 - 1", POST "Content-Length: 9223372036854775807\r\n\r\nx",
		      P("|content-length: 9223372036854775807") "D(x)"),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void chunks(void **state)
{
#define AFTER_HEAD(trace) P("") trace
#define BAD_BODY "R(BAD_REQUEST)" BAD
	static const struct http1_row rows[] = {
		TAKEN("extension", CHUNKED "5;a=\"b;\\\"c\"\r\nhello\r\n0;last\r\n\r\n",
		      AFTER_HEAD("D(hello)$")),
		TAKEN("space behind", CHUNKED "5 \t\r\nhello\r\n0\r\n\r\n",
		      AFTER_HEAD("D(hello)$")),
		TAKEN("hex", CHUNKED "A\r\n0123456789\r\n00\r\n\r\n", AFTER_HEAD("D(0123456789)$")),
		TAKEN("zeros", CHUNKED "0000000000000000000000000005\r\nhello\r\n0\r\n\r\n",
		      AFTER_HEAD("D(hello)$")),
		TAKEN("empty body", CHUNKED "0\r\n\r\n", AFTER_HEAD("D()$")),
		TAKEN("trailers dropped", CHUNKED "1\r\nx\r\n0\r\nX-T: v\r\nHost: e\r\n\r\n",
		      AFTER_HEAD("D(x)$")),
		TAKEN("half", CHUNKED "5\r\nhel", AFTER_HEAD("D(hel)")),
		TAKEN("large", CHUNKED "100000005\r\nhello\r\n0\r\n\r\n",
		      AFTER_HEAD("D(hello\r\n0\r\n\r\n)")),
		REFUSED("LF in extension", CHUNKED "5;a\nhello\r\n0\r\n\r\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("CR in extension", CHUNKED "5;a\rb\r\nhello\r\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("NUL in extension", CHUNKED "5;a\0b\r\nhello\r\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("space before", CHUNKED " 5\r\nhello\r\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("0x", CHUNKED "0x5\r\nhello\r\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("plus", CHUNKED "+5\r\nhello\r\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("no size", CHUNKED "\r\nhello\r\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("extension alone", CHUNKED ";a\r\nhello\r\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("junk", CHUNKED "5z\r\nhello\r\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("over 64 bits", CHUNKED "10000000000000005\r\nh", AFTER_HEAD(BAD_BODY)),
		REFUSED("64 bits", CHUNKED "ffffffffffffffff\r\nh", AFTER_HEAD(BAD_BODY)),
		REFUSED("bare LF", CHUNKED "5\nhello\n0\n\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("bare CR", CHUNKED "5\rhello\r0\r\r", AFTER_HEAD(BAD_BODY)),
		REFUSED("data too long", CHUNKED "5\r\nhelloXX\r\n0\r\n\r\n",
			AFTER_HEAD("D(hello)" BAD_BODY)),
		REFUSED("last line by LF", CHUNKED "5\r\nhello\r\n0\n\n",
			AFTER_HEAD("D(hello)" BAD_BODY)),
		REFUSED("end by LF", CHUNKED "5\r\nhello\r\n0\r\n\n",
			AFTER_HEAD("D(hello)" BAD_BODY)),
		REFUSED("NUL in trailer", CHUNKED "0\r\nX: a\0\r\n\r\n",
			AFTER_HEAD("R(BAD_REQUEST)" BAD_CHARACTERS)),
		REFUSED("trailer without colon", CHUNKED "0\r\nx y\r\n\r\n", AFTER_HEAD(BAD_BODY)),
		REFUSED("folded trailer", CHUNKED "0\r\nX: a\r\n b\r\n\r\n", AFTER_HEAD(BAD_BODY)),
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void trailers(void **state)
{
	static const struct http1_options with_trailers = {
		.max_head_bytes = 400, .max_headers = 4, .enable_trailers = true};
	static const struct http1_row rows[] = {
		{"passed on", HTTP1_INPUT(CHUNKED "1\r\nx\r\n0\r\nX-T: 1\r\nx-U:2\r\n\r\n"),
		 P("") "D(x)T(x-t: 1|x-u: 2)", .options = &with_trailers},
		{"framing in them dropped",
		 HTTP1_INPUT(CHUNKED "0\r\nContent-Length: 9\r\nHost: e\r\nA: b\r\n\r\n"),
		 P("") "T(a: b)", .options = &with_trailers},
		{"nothing left", HTTP1_INPUT(CHUNKED "1\r\nx\r\n0\r\nConnection: close\r\n\r\n"),
		 P("") "D(x)$", .options = &with_trailers},
		{"too many", HTTP1_INPUT(CHUNKED "0\r\na:1\r\na:1\r\na:1\r\na:1\r\na:1\r\n\r\n"),
		 P("") "R(HEADERS_TOO_LARGE)F(HEADERS_TOO_LARGE http1.too_many_headers)",
		 .options = &with_trailers, .closes = true},
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void options(void **state)
{
	static const struct http1_options rejecting = {
		.max_head_bytes = 1000, .max_headers = 9, .underscores = HTTP1_UNDERSCORES_REJECT};
	static const struct http1_options dropping = {
		.max_head_bytes = 1000, .max_headers = 9, .underscores = HTTP1_UNDERSCORES_DROP};
	static const struct http1_options custom = {
		.max_head_bytes = 1000, .max_headers = 9, .allow_custom_methods = true};
	static const struct http1_row rows[] = {
		TAKEN("underscores pass", GET "x_a: 1\r\n\r\n", H("|x_a: 1") "$"),
		{"underscores refuse", HTTP1_INPUT(GET "x_a: 1\r\n\r\n"),
		 "F(BAD_REQUEST http1.unexpected_underscore)", .options = &rejecting,
		 .closes = true},
		{"underscores drop", HTTP1_INPUT(GET "x_a: 1\r\nX-B: 2\r\n\r\n"), H("|x-b: 2") "$",
		 .options = &dropping},
		{"custom method", HTTP1_INPUT("f!O / HTTP/1.1\r\nHost: h\r\n\r\n"),
		 LINE("f!O", "/"), .options = &custom},
		{"custom, no token", HTTP1_INPUT("G@T / HTTP/1.1\r\nHost: h\r\n\r\n"), BAD,
		 .options = &custom, .closes = true},
	};
	struct http1_peer peer;
	(void)state;

	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);

	http1_peer_open(&peer, CODEC_SERVER, &dropping);
	http1_peer_feed(&peer, SLICE(GET "x_a: 1\r\ny_: 1\r\n\r\n"), false);
	assert_int_equal(peer.noticed[HTTP1_NOTICE_DROPPED_UNDERSCORES], 2);
	http1_peer_close(&peer);
	http1_peer_open(&peer, CODEC_SERVER, &rejecting);
	http1_peer_feed(&peer, SLICE(GET "x_a: 1\r\n\r\n"), false);
	assert_int_equal(peer.noticed[HTTP1_NOTICE_REJECTED_UNDERSCORES], 1);
	http1_peer_close(&peer);
}

static void limits(void **state)
{
	static const struct http1_options small = {.max_head_bytes = 60, .max_headers = 3};
#define TOO_MANY "F(HEADERS_TOO_LARGE http1.too_many_headers)"
#define TOO_LARGE "F(HEADERS_TOO_LARGE http1.headers_too_large)"
	static const struct http1_row rows[] = {
		{"as many as allowed", HTTP1_INPUT(GET "a: 1\r\nb: 2\r\n\r\n"), H("|a: 1|b: 2") "$",
		 .options = &small},
		{"one too many", HTTP1_INPUT(GET "a: 1\r\nb: 2\r\nc: 3\r\n\r\n"), TOO_MANY,
		 .options = &small, .closes = true},
		{"as long as allowed", HTTP1_INPUT(GET "a: 1234567890123456789012345678\r\n\r\n"),
		 H("|a: 1234567890123456789012345678") "$", .options = &small},
		{"one byte too long", HTTP1_INPUT(GET "a: 12345678901234567890123456789\r\n\r\n"),
		 TOO_LARGE, .options = &small, .closes = true},
		{"long target",
		 HTTP1_INPUT("GET /56789012345678901234567890123456789012345678901234"
			     "567890 HTTP/1.1\r\n"),
		 TOO_LARGE, .options = &small, .closes = true},
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

/* A chunk's size line of `len` bytes with its CR. */
static bool takes_chunk_line(size_t len)
{
	char body[HTTP1_CHUNK_LINE_LIMIT + 16] = "1;";
	struct http1_peer peer;

	memset(body + 2, 'e', len - 3);
	strcpy(body + len - 1, "\r\nx\r\n");
	http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
	http1_peer_feed(&peer, SLICE(CHUNKED), false);
	http1_peer_feed(&peer, slice_of(body), false);
	bool is_taken = !peer.http1.codec.is_failed;
	assert_true(is_taken == (strstr(http1_peer_trace(&peer), "D(x)") != NULL));
	http1_peer_close(&peer);
	return is_taken;
}

static void lines_of_chunks_have_a_limit(void **state)
{
	(void)state;

	assert_true(takes_chunk_line(HTTP1_CHUNK_LINE_LIMIT));
	assert_false(takes_chunk_line(HTTP1_CHUNK_LINE_LIMIT + 1));
}

/* What is configured beyond the most counts as that. */
static void no_head_is_larger_than_the_most(void **state)
{
	static const struct http1_options wide = {.max_head_bytes = UINT32_MAX,
						  .max_headers = UINT32_MAX};
	size_t room = HTTP1_MOST_HEAD_BYTES + 100, len = strlen(GET);
	char *head = malloc(room);
	struct http1_peer peer;
	(void)state;

	assert_non_null(head);
	strcpy(head, GET);
	for (unsigned i = 0; i <= HTTP1_MOST_HEADERS; i++)
		len += (size_t)sprintf(head + len, "a:b\r\n");
	http1_peer_open(&peer, CODEC_SERVER, &wide);
	http1_peer_feed(&peer, slice_make(head, len), false);
	assert_string_equal(http1_peer_trace(&peer), TOO_MANY);
	http1_peer_close(&peer);

	memset(head, 'v', room);
	memcpy(head, GET "a:", strlen(GET "a:"));
	http1_peer_open(&peer, CODEC_SERVER, &wide);
	http1_peer_feed(&peer, slice_make(head, room), false);
	assert_string_equal(http1_peer_trace(&peer), TOO_LARGE);
	http1_peer_close(&peer);
	free(head);
}

static void default_limits_are_envoys(void **state)
{
	static const unsigned counts[] = {100, 101, 102};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(counts); i++) {
		char head[4096] = "GET / HTTP/1.1\r\n";
		struct http1_peer peer;
		size_t len = strlen(head);
		for (unsigned n = 0; n < counts[i]; n++)
			len += (size_t)sprintf(head + len, "x-%u: v\r\n", n);
		memcpy(head + len, "\r\n", 3);
		http1_peer_open(&peer, CODEC_SERVER, &http1_default_options);
		http1_peer_feed(&peer, slice_of(head), false);
		if (counts[i] == 100)
			assert_memory_equal(http1_peer_trace(&peer), "H(", 2);
		else
			assert_string_equal(http1_peer_trace(&peer), TOO_MANY);
		http1_peer_close(&peer);
	}
}

static void pipelining(void **state)
{
	static const struct http1_row rows[] = {
		{"three",
		 HTTP1_INPUT(GET "\r\n" POST "Content-Length: 2\r\n\r\nok" GET "A: b\r\n\r\n"),
		 H("") "$C" P("|content-length: 2") "D(ok)$C" H("|a: b") "$C",
		 .answer = HTTP1_PEER_AT_END,
		 .out = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
			"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
			"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"},
		{"the second bad", HTTP1_INPUT(GET "\r\nBAD\r\n\r\n"), H("") "$C" BAD,
		 .answer = HTTP1_PEER_AT_END, .closes = true,
		 .out = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
			"HTTP/1.1 400 Bad Request\r\ncontent-length: 11\r\n"
			"content-type: text/plain\r\nconnection: close\r\n\r\nBad Request"},
		{"after close nothing is read",
		 HTTP1_INPUT(GET "Connection: close\r\n\r\n" GET "\r\n"), H("") "$C",
		 .answer = HTTP1_PEER_AT_END, .closes = true,
		 .out = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"},
		TAKEN("one waits for the other", GET "\r\n" GET "\r\n", H("") "$"),
		{"a body behind a body", HTTP1_INPUT(CHUNKED "1\r\nx\r\n0\r\n\r\n" GET "\r\n"),
		 P("") "D(x)$C" H("") "$C", .answer = HTTP1_PEER_ECHO, .out = NULL},
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void answers_before_the_end(void **state)
{
	static const struct http1_row rows[] = {
		{"the rest is dropped",
		 HTTP1_INPUT(POST "Content-Length: 5\r\n\r\nhello" GET "\r\n"),
		 P("|content-length: 5"), .answer = HTTP1_PEER_AT_HEADERS, .closes = true,
		 .out = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"},
		{"not so without a body", HTTP1_INPUT(GET "\r\n" GET "\r\n"), H("") "$C" H("") "$C",
		 .answer = HTTP1_PEER_AT_HEADERS},
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void ends_of_the_client(void **state)
{
	static const struct http1_row rows[] = {
		{"before anything", HTTP1_INPUT(""), "", .eof = true, .closes = true},
		{"in a head", HTTP1_INPUT("GET / HT"), "", .eof = true, .closes = true},
		{"in a body", HTTP1_INPUT(POST "Content-Length: 10\r\n\r\nabc"),
		 P("|content-length: 10") "D(abc)R(DOWNSTREAM_DISCONNECT)", .eof = true,
		 .closes = true},
		{"in a chunk", HTTP1_INPUT(CHUNKED "5\r\nabc"),
		 P("") "D(abc)R(DOWNSTREAM_DISCONNECT)", .eof = true, .closes = true},
		{"waiting for the answer", HTTP1_INPUT(GET "\r\n"), H("") "$", .eof = true,
		 .closes = true},
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

static void old_clients(void **state)
{
	static const struct http1_options old = {.max_head_bytes = 1000,
						 .max_headers = 10,
						 .accept_http_10 = true,
						 .default_host = {"dflt", 4}};
#define OLD(host, more) "H(:method: GET|:scheme: http" host more ")"
	static const struct http1_row rows[] = {
		{"closes by itself", HTTP1_INPUT("GET / HTTP/1.0\r\nHost: h\r\n\r\n"), H("") "$C",
		 .options = &old, .answer = HTTP1_PEER_AT_END, .closes = true,
		 .out = "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"},
		{"keep-alive",
		 HTTP1_INPUT("GET / HTTP/1.0\r\nHost: h\r\nConnection: Keep-Alive\r\n\r\n"),
		 H("") "$C", .options = &old, .answer = HTTP1_PEER_AT_END,
		 .out = "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n"},
		{"default host", HTTP1_INPUT("GET / HTTP/1.0\r\n\r\n"),
		 "H(:method: GET|:scheme: http|:path: /|:authority: dflt)$", .options = &old,
		 .closes = true},
		{"expectations are ignored",
		 HTTP1_INPUT("GET / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\n\r\n"),
		 H("") "$", .options = &old, .closes = true},
		{"chunked is refused",
		 HTTP1_INPUT("GET / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
		 "F(BAD_REQUEST http1.transfer_encoding_not_allowed)", .options = &old,
		 .closes = true},
		{"upgrades are ignored",
		 HTTP1_INPUT(
			 "GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
		 H("") "$", .options = &old, .closes = true},
		{"answers are not chunked",
		 HTTP1_INPUT("POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"),
		 P("|content-length: 3") "D(abc)$C", .options = &old, .answer = HTTP1_PEER_ECHO,
		 .closes = true, .out = "HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nabc"},
		{"1.2 is not 1.0", HTTP1_INPUT("GET / HTTP/1.2\r\nHost: h\r\n\r\n"), LOW_VERSION,
		 .options = &old, .closes = true},
	};
	(void)state;
	http1_rows_run(rows, COUNT_OF(rows), CODEC_SERVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_lines),
		cmocka_unit_test(versions),
		cmocka_unit_test(targets_of_other_forms),
		cmocka_unit_test(fields),
		cmocka_unit_test(hop_by_hop_fields),
		cmocka_unit_test(framing),
		cmocka_unit_test(chunks),
		cmocka_unit_test(trailers),
		cmocka_unit_test(options),
		cmocka_unit_test(limits),
		cmocka_unit_test(lines_of_chunks_have_a_limit),
		cmocka_unit_test(no_head_is_larger_than_the_most),
		cmocka_unit_test(default_limits_are_envoys),
		cmocka_unit_test(pipelining),
		cmocka_unit_test(answers_before_the_end),
		cmocka_unit_test(ends_of_the_client),
		cmocka_unit_test(old_clients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
