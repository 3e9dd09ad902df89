/* Formats against what Envoy 1.40 wrote and refused for the same ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "message/format.h"
#include "message/headers.h"
#include "message/rpc_head.h"
#include "message/stream_info.h"

static struct arena arena;
static struct headers request, response, trailers;
static struct stream_info info;
static struct addr client, listener, upstream, source;

static struct addr ip(const char *text, uint16_t port)
{
	struct addr addr;
	assert_int_equal(addr_parse_ip(slice_of(text), port, &addr), STATUS_OK);
	return addr;
}

static void add(struct headers *headers, const char *name, const char *value)
{
	headers_add(headers, slice_of(name), slice_of(value));
}

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	headers_init(&request, &arena, 16);
	headers_init(&response, &arena, 16);
	headers_init(&trailers, &arena, 16);
	add(&request, ":method", "GET");
	add(&request, ":scheme", "http");
	add(&request, ":authority", "h.example:80");
	add(&request, ":path", "/p%20x?a=1&b=%20z&c&d=%0a%zz");
	add(&request, "x-q", "abcdef");
	add(&request, "x-empty", "");
	add(&request, "x-two", "1");
	add(&request, "x-two", "2");
	add(&response, ":status", "200");
	add(&response, "server", "envoy");
	client = ip("127.0.0.1", 40408);
	listener = ip("::1", 19950);
	upstream = ip("10.1.2.3", 19906);
	source = ip("10.1.2.4", 44766);
	const uint64_t ms = 1000000;
	info = (struct stream_info){
		.times = {.start_ns = 1000 * ms,
			  .request_end_ns = 1000 * ms,
			  .upstream_start_ns = 1001 * ms,
			  .upstream_end_ns = 1002 * ms,
			  .response_start_ns = 1004 * ms,
			  .response_end_ns = 1005 * ms + 1234,
			  .first_tx_ns = 1006 * ms,
			  .last_tx_ns = 1007 * ms,
			  .end_ns = 1012 * ms,
			  .pool_ready_ns = 1001 * ms},
		.start_wall_ns = UINT64_C(1795264367207258000),
		.connection_id = 7,
		.upstream_connection_id = 9,
		.request_body_bytes = 11,
		.response_body_bytes = 12,
		.response_code = 200,
		.protocol = STREAM_PROTOCOL_HTTP11,
		.upstream_protocol = STREAM_PROTOCOL_HTTP2,
		.attempt_count = 2,
		.log_type = LOG_TYPE_DOWNSTREAM_END,
		.response_code_details = SLICE("via upstream"),
		.cluster_name = SLICE("c1"),
		.route_name = SLICE("rn"),
		.upstream_host_name = SLICE("hn:99"),
		.downstream_remote = &client,
		.downstream_direct_remote = &client,
		.downstream_local = &listener,
		.upstream_remote = &upstream,
		.upstream_local = &source,
		.request = &request,
		.response = &response,
		.response_trailers = &trailers,
	};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* The format's result for `info`, or "! " and the reason. */
static const char *render(const char *text, unsigned flags)
{
	static char out[4096];
	const struct format *format;
	struct diag diag = {.text = ""};
	if (format_compile_with(slice_of(text), flags, &arena, &format, &diag)) {
		snprintf(out, sizeof out, "! %s", diag.text);
		return out;
	}
	size_t len = format_write(format, &info, out, sizeof out - 1);
	assert_true(len < sizeof out);
	out[len] = 0;
	return out;
}

static void check(const char *text, const char *expected)
{
	assert_string_equal(render(text, 0), expected);
}

static void literal_text_and_percent(void **state)
{
	(void)state;
	check("", "");
	check("plain", "plain");
	check("%%", "%");
	check("100%% %PROTOCOL%%% a%%%%b", "100% HTTP/1.1% a%%b");
	check("%REQ(x-q)%%PROTOCOL%", "abcdefHTTP/1.1");
	check("%PROTOCOL%:5", "HTTP/1.1:5");
	check("%DURATION%()", "12()");
}

static void bad_syntax_is_refused_in_envoys_words(void **state)
{
	static const char *const cases[][2] = {
		{"%", "Incorrect configuration: %. Couldn't find valid command at position 0"},
		{"%%%", "Incorrect configuration: %%%. Couldn't find valid command at position 2"},
		{"100% sure",
		 "Incorrect configuration: 100% sure. Couldn't find valid command at position 3"},
		{"%PROTOCOL", "Incorrect configuration: %PROTOCOL. Couldn't find valid command at "
			      "position 0"},
		{"%PROTOCOL%%", "Incorrect configuration: %PROTOCOL%%. Couldn't find valid command "
				"at position 10"},
		{"%protocol%", "Incorrect configuration: %protocol%. Couldn't find valid command "
			       "at position 0"},
		{"%REQ(x):%", "Incorrect configuration: %REQ(x):%. Couldn't find valid command at "
			      "position 0"},
		{"%REQ(x):-1%", "Incorrect configuration: %REQ(x):-1%. Couldn't find valid command "
				"at position 0"},
		{"%REQ(x%", "Incorrect configuration: %REQ(x%. Couldn't find valid command at "
			    "position 0"},
		{"%REQ(x)a%", "Incorrect configuration: %REQ(x)a%. Couldn't find valid command at "
			      "position 0"},
		{"%NOPE%", "Not supported field in StreamInfo: NOPE"},
		{"%PROTOCOL(x)%", "PROTOCOL does not take any parameters or length"},
		{"%PROTOCOL:5%", "PROTOCOL does not take any parameters or length"},
		{"%REQ%", "REQ requires parameters"},
		{"%REQ()%", "REQ requires parameters"},
		{"%REQ(x?y?z)%", "More than 1 alternative header specified in token: x?y?z"},
		{"%REQ(a b)%", "Invalid header configuration. Format string contains invalid "
			       "characters."},
		{"%START_TIME(%EY%n)%",
		 "Invalid header configuration. Format string contains newline."},
		{"%START_TIME:3%", "START_TIME does not allow length to be specified."},
		{"%GRPC_STATUS(NOPE)%", "GrpcStatusFormatter only supports CAMEL_STRING, "
					"SNAKE_STRING or NUMBER. Got: NOPE"},
		{"%PATH(X)%", "Invalid PATH option: 'X', only 'WQ'/'NQ' are allowed"},
		{"%PATH(WQ:X)%",
		 "Invalid PATH option: 'X', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed"},
		{"%COMMON_DURATION%", "COMMON_DURATION requires parameters"},
		{"%COMMON_DURATION(DS_RX_BEG:DS_TX_END:zz)%",
		 "Invalid common duration precision: zz."},
		{"%FILTER_STATE%", "Invalid filter state configuration, key cannot be empty."},
		{"%METADATA(NOPE:m)%", "NOPE is not supported type of metadata"},
		{"%ENVIRONMENT%", "ENVIRONMENT requires parameters"},
		{"%REQUESTED_SERVER_NAME(X)%", "Invalid REQUESTED_SERVER_NAME option: 'X', only "
					       "'SNI_ONLY'/'SNI_FIRST'/'HOST_FIRST' are allowed"},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		const char *result = render(cases[i][0], 0);
		assert_memory_equal(result, "! ", 2);
		assert_string_equal(result + 2, cases[i][1]);
	}
}

static void limits_are_enforced(void **state)
{
	(void)state;
	struct diag diag = {.text = ""};
	const struct format *format;
	size_t len = FORMAT_TEXT_MAX + 1;
	char *text = malloc(len);
	memset(text, 'a', len);
	assert_int_equal(format_compile(slice_make(text, len), &arena, &format, &diag),
			 STATUS_TOO_LARGE);
	assert_int_equal(format_compile(slice_make(text, len - 1), &arena, &format, &diag),
			 STATUS_OK);
	for (size_t i = 0; i + 10 <= len; i += 10)
		memcpy(text + i, "%PROTOCOL%", 10);
	assert_int_equal(format_compile(slice_make(text, (size_t)FORMAT_OPS_MAX * 10 + 10), &arena,
					&format, &diag),
			 STATUS_TOO_LARGE);
	assert_int_equal(format_compile(slice_make(text, (size_t)FORMAT_OPS_MAX * 10), &arena,
					&format, &diag),
			 STATUS_OK);
	free(text);
}

static void times(void **state)
{
	(void)state;
	check("%START_TIME%", "2026-11-21T12:32:47.207Z");
	check("%START_TIME()%", "2026-11-21T12:32:47.207Z");
	check("%START_TIME(%s.%3f)% ", "1795264367.207 ");
	check("%START_TIME(%s %s%3f %3f %6f %f %9f %1f %99f)%",
	      "1795264367 1795264367207 207 207258 207258000 207258000 2 ");
	check("%START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%", "2026/11/21T12:32:47+0000 1795264367");
	check("%START_TIME(%E3S|%E6S|%E*S|%ES|%EZ|%e|%Z|%j|%a|%A|%b|%B|%y|%D|%T|%R|%F|%p|%I|%c|%x|"
	      "%X|%U|%u|%w|%k|%l|%h|%C|%G|%g|%V|%t|%%|%E4Y|%ET|%q|%E)%",
	      "47.207|47.207258|47.207258|%ES|UTC|21|UTC|325|Sat|Saturday|Nov|November|26|11/21/26|"
	      "12:32:47|12:32|2026-11-21|PM|12|Sat Nov 21 12:32:47 2026|11/21/26|12:32:47|46|6|6|"
	      "12|12|Nov|20|2026|26|47|\t|%|2026|T|%q|%E");
	check("%START_TIME(x)% %START_TIME(%)% %START_TIME(%3)%", "x % %3");
	check("%START_TIME(%Ez)% %START_TIME(a)b)%", "+00:00 a)b");
	check("%EMIT_TIME(%s.%3f)%", "1795264367.219");
	info.start_wall_ns = 0;
	check("%START_TIME%", "-");
}

/* Every day of some years against the C library's calendar. */
static void dates_are_those_of_the_calendar(void **state)
{
	(void)state;
	const struct format *format;
	struct diag diag;
	assert_int_equal(
		format_compile(SLICE("%START_TIME(%Y-%m-%d %H:%M:%S)%"), &arena, &format, &diag),
		STATUS_OK);
	for (time_t t = 1; t < 6000000000; t += 86399 + t % 700000) {
		char expected[64], got[64];
		struct tm tm;
		gmtime_r(&t, &tm);
		size_t len = strftime(expected, sizeof expected, "%Y-%m-%d %H:%M:%S", &tm);
		info.start_wall_ns = (uint64_t)t * 1000000000u;
		assert_int_equal(format_write(format, &info, got, sizeof got), len);
		assert_memory_equal(got, expected, len);
	}
}

static void headers_of_all_kinds(void **state)
{
	(void)state;
	check("%REQ(:METHOD)% %REQ(X-Q):3% %REQ(X-Q):0% [%REQ(?x-q)%] [%REQ(x-q?)%] "
	      "%REQ(x-no?x-q):2% %REQ(x-empty)%",
	      "GET abc  [abcdef] [abcdef] ab ");
	check("%REQ(x-two)% %REQUEST_HEADER(x-two)% %RESP(:status)% %RESPONSE_HEADER(server)% "
	      "%RESP(content-length)%",
	      "1 1 200 envoy -");
	check("%TRAILER(x)%", "-");
	add(&trailers, "x", "t");
	check("%TRAILER(x)% %RESPONSE_TRAILER(X)%", "t t");
	check("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH):4%", "/p%2");
	check("%REQ_WITHOUT_QUERY(:PATH)%", "/p%20x");
	check("%REQUEST_HEADERS_BYTES% %RESPONSE_TRAILERS_BYTES%", "104 2");
	info.request = info.response = info.response_trailers = NULL;
	check("%REQ(x-q)% %RESP(:status)% %TRAILER(x)% %REQUEST_HEADERS_BYTES% %PATH% "
	      "%QUERY_PARAM(a)%",
	      "- - - 0 - -");
}

static void what_calls_carry_leaves_as_ascii(void **state)
{
	struct rpc_head rpc = {.protocol = RPC_DUBBO};
	(void)state;

	add(&request, "greek", "a\xce\xb1%z");
	check("%REQ(greek)%", "a\xce\xb1%z");
	request.rpc = &rpc;
	check("%REQ(greek)% %REQ(greek):7% %REQ(greek):6% %REQ(:METHOD):2%",
	      "a%CE%B1%z a%CE%B1 a%CE GE");
	assert_string_equal(render("%REQ(greek)%", FORMAT_RAW), "a\xce\xb1%z");
}

static void paths_and_queries(void **state)
{
	(void)state;
	check("%QUERY_PARAM(a)%|%QUERY_PARAM(b)%|%QUERY_PARAM(b):1%|%QUERY_PARAM(c)%|%QUERY_PARAM("
	      "nope)%",
	      "1| z| ||-");
	check("%QUERY_PARAM(d)%", "%0a%zz"); /* no control character gets into a log */
	check("%QUERY_PARAMS%", "a=1&b=%20z&c&d=%0a%zz");
	check("%PATH(NQ)% %PATH(NQ:ORIG)% %PATH(WQ:PATH):4%", "/p%20x - /p%2");
	add(&request, "x-envoy-original-path", "/orig?x");
	check("%PATH% %PATH(NQ:ORIG)% %PATH(NQ:PATH)%", "/orig?x /orig /p%20x");
}

static void numbers_and_durations(void **state)
{
	(void)state;
	check("%BYTES_RECEIVED% %BYTES_SENT% %RESPONSE_CODE% %UPSTREAM_REQUEST_ATTEMPT_COUNT% "
	      "%CONNECTION_ID% %UPSTREAM_CONNECTION_ID% %BYTES_RETRANSMITTED%",
	      "11 12 200 2 7 9 0");
	check("%DURATION% %REQUEST_DURATION% %REQUEST_TX_DURATION% %RESPONSE_DURATION% "
	      "%RESPONSE_TX_DURATION% %UPSTREAM_CONNECTION_POOL_READY_DURATION% "
	      "%ROUNDTRIP_DURATION%",
	      "12 0 2 4 3 1 -");
	check("%COMMON_DURATION(DS_RX_BEG:DS_TX_END:us)% %COMMON_DURATION(US_TX_BEG:US_RX_END:ns)% "
	      "%COMMON_DURATION(X:DS_TX_END)% %COMMON_DURATION(DS_TX_END:DS_RX_BEG)% "
	      "%COMMON_DURATION(DS_TX_BEG:DS_TX_END)%",
	      "7000 4001234 - - 1");
	info.times = (struct stream_times){.start_ns = 5};
	check("%DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%", "- - -");
}

static void addresses(void **state)
{
	(void)state;
	check("%UPSTREAM_HOST% %UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %UPSTREAM_REMOTE_PORT% "
	      "%UPSTREAM_LOCAL_ADDRESS%",
	      "10.1.2.3:19906 10.1.2.3 19906 10.1.2.4:44766");
	check("%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT% "
	      "%DOWNSTREAM_DIRECT_REMOTE_PORT%",
	      "[::1]:19950 ::1 40408");
	check("%UPSTREAM_HOST_NAME% %UPSTREAM_HOST_NAME_WITHOUT_PORT%", "hn:99 hn");
	info.upstream_host_name = (struct slice){NULL, 0};
	check("%UPSTREAM_HOST_NAME% %UPSTREAM_HOST_NAME_WITHOUT_PORT%", "10.1.2.3:19906 10.1.2.3");
	struct addr path = {.family = ADDR_UNIX, .path = "/run/x.sock"};
	info.downstream_remote = &path;
	check("%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% "
	      "%DOWNSTREAM_REMOTE_PORT%",
	      "/run/x.sock /run/x.sock -");
	info.upstream_remote = info.upstream_local = NULL;
	check("%UPSTREAM_HOST% %UPSTREAM_HOST_NAME% %UPSTREAM_LOCAL_PORT%", "- - -");
}

static void words(void **state)
{
	(void)state;
	check("%PROTOCOL% %UPSTREAM_PROTOCOL% %RESPONSE_CODE_DETAILS% "
	      "%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)% %CONNECTION_TERMINATION_DETAILS%",
	      "HTTP/1.1 HTTP/2 via_upstream via upstream -");
	check("%ROUTE_NAME% %VIRTUAL_CLUSTER_NAME% %UPSTREAM_CLUSTER% %UPSTREAM_CLUSTER_RAW% "
	      "%FILTER_CHAIN_NAME% %ACCESS_LOG_TYPE%",
	      "rn - c1 c1 - DownstreamEnd");
	check("[%LOCAL_REPLY_BODY%] [%CUSTOM_FLAGS%] %REQUESTED_SERVER_NAME% "
	      "%REQUESTED_SERVER_NAME(HOST_FIRST)% %REQUESTED_SERVER_NAME(SNI_FIRST)%",
	      "[] [] - h.example:80 h.example:80");
	check("%DYNAMIC_METADATA(a:b)% %FILTER_STATE(x)% %CLUSTER_METADATA(a)% %METADATA(ROUTE:m)% "
	      "%DOWNSTREAM_PEER_SUBJECT% %DOWNSTREAM_TLS_VERSION% %TRACE_ID%",
	      "- - - - - - -");
	setenv("FORMAT_TEST", "value", 1);
	check("%ENVIRONMENT(FORMAT_TEST)% %ENVIRONMENT(FORMAT_TEST):2% %ENVIRONMENT(NOPE_X)%",
	      "value va -");
	check("%STREAM_ID%", "-");
	add(&request, "x-request-id", "some-id");
	check("%STREAM_ID%", "some-id");
	info.protocol = STREAM_PROTOCOL_DUBBO;
	info.upstream_protocol = STREAM_PROTOCOL_NONE;
	check("%PROTOCOL% %UPSTREAM_PROTOCOL%", "Dubbo -");
}

static void flags(void **state)
{
	(void)state;
	check("%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", "- -");
	stream_info_flag(&info, RESPONSE_FLAG_UPSTREAM_RETRY_LIMIT_EXCEEDED);
	check("%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", "URX UpstreamRetryLimitExceeded");
	stream_info_flag(&info, RESPONSE_FLAG_UPSTREAM_CONNECTION_FAILURE);
	check("%RESPONSE_FLAGS%", "URX,UF");
	stream_info_flag(&info, RESPONSE_FLAG_DELAY_INJECTED);
	check("%RESPONSE_FLAGS%", "URX,UF,DI");
}

static void grpc(void **state)
{
	(void)state;
	check("%GRPC_STATUS%", "-");
	add(&request, "content-type", "application/grpc+proto");
	check("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS(NUMBER)% "
	      "%GRPC_STATUS_NUMBER%",
	      "Unknown UNKNOWN 2 2");
	add(&response, "grpc-status", "1");
	check("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)%", "Canceled CANCELLED");
	add(&trailers, "grpc-status", "14");
	check("%GRPC_STATUS% %GRPC_STATUS(NUMBER)%", "Unavailable 14");
	headers_set(&trailers, SLICE("grpc-status"), SLICE("99"));
	check("%GRPC_STATUS%", "99");
	headers_set(&trailers, SLICE("grpc-status"), SLICE("x"));
	check("%GRPC_STATUS%", "-");
}

static void a_unique_id_is_a_uuid(void **state)
{
	(void)state;
	char first[64];
	snprintf(first, sizeof first, "%s", render("%UNIQUE_ID%", 0));
	assert_int_equal(strlen(first), 36);
	assert_int_equal(first[8], '-');
	assert_int_equal(first[14], '4');
	assert_non_null(strchr("89ab", first[19]));
	info.stream_id++;
	assert_string_not_equal(render("%UNIQUE_ID%", 0), first);
}

static void empty_values_can_be_omitted(void **state)
{
	(void)state;
	assert_string_equal(render("[%REQ(nope)%|%RESPONSE_FLAGS%|%UPSTREAM_REQUEST_ATTEMPT_COUNT%|"
				   "%GRPC_STATUS%]",
				   FORMAT_OMIT_EMPTY),
			    "[|-|2|]");
}

static void a_short_buffer_gets_a_prefix_and_the_whole_length(void **state)
{
	(void)state;
	const struct format *format;
	struct diag diag;
	const char *text = "%PROTOCOL% %REQ(x-q)% tail %DURATION%";
	char whole[128], part[128];
	snprintf(whole, sizeof whole, "%s", render(text, 0));
	assert_int_equal(format_compile(slice_of(text), &arena, &format, &diag), STATUS_OK);
	for (size_t room = 0; room <= strlen(whole) + 1; room++) {
		memset(part, '!', sizeof part);
		assert_int_equal(format_write(format, &info, part, room), strlen(whole));
		size_t written = room < strlen(whole) ? room : strlen(whole);
		assert_memory_equal(part, whole, written);
		assert_int_equal(part[room], '!');
	}
}

static void the_default_line_is_envoys(void **state)
{
	(void)state;
	info.upstream_host_name = (struct slice){NULL, 0};
	check(format_default_text, "[2026-11-21T12:32:47.207Z] \"GET /p%20x?a=1&b=%20z&c&d=%0a%zz "
				   "HTTP/1.1\" 200 - 11 12 "
				   "12 - \"-\" \"-\" \"-\" \"h.example:80\" \"10.1.2.3:19906\"\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(literal_text_and_percent),
		TEST(bad_syntax_is_refused_in_envoys_words),
		TEST(limits_are_enforced),
		TEST(times),
		TEST(dates_are_those_of_the_calendar),
		TEST(headers_of_all_kinds),
		TEST(what_calls_carry_leaves_as_ascii),
		TEST(paths_and_queries),
		TEST(numbers_and_durations),
		TEST(addresses),
		TEST(words),
		TEST(flags),
		TEST(grpc),
		TEST(a_unique_id_is_a_uuid),
		TEST(empty_values_can_be_omitted),
		TEST(a_short_buffer_gets_a_prefix_and_the_whole_length),
		TEST(the_default_line_is_envoys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
