/* JSON formats against what Envoy 1.40 wrote for the same trees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "message/format_json.h"
#include "message/headers.h"
#include "message/stream_info.h"

static struct arena arena;
static struct headers request;
static struct stream_info info;
static struct format_json json;
static struct diag diag;

static int setup(void **state)
{
	(void)state;
	arena_init(&arena, 4096);
	headers_init(&request, &arena, 16);
	headers_add(&request, SLICE(":method"), SLICE("GET"));
	headers_add(&request, SLICE(":path"), SLICE("/p"));
	info = (struct stream_info){
		.request = &request, .response_code = 200, .protocol = STREAM_PROTOCOL_HTTP11};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void begin(unsigned flags)
{
	diag = (struct diag){.text = ""};
	format_json_begin(&json, flags, &arena, &diag);
	format_json_object(&json);
}

static void put(const char *key, const char *template)
{
	format_json_key(&json, slice_of(key));
	format_json_template(&json, slice_of(template));
}

static const char *finish(void)
{
	static char out[4096];
	const struct format *format;
	format_json_end_object(&json);
	enum status status = format_json_finish(&json, &format);
	if (status)
		return diag.text;
	size_t len = format_write(format, &info, out, sizeof out - 1);
	assert_true(len < sizeof out);
	out[len] = 0;
	return out;
}

static void values_keep_their_types(void **state)
{
	(void)state;
	begin(0);
	put("code", "%RESPONSE_CODE%");
	put("empty", "");
	put("lit", "text");
	put("mixed", "p=%PROTOCOL% c=%RESPONSE_CODE% n=%REQ(nope)%");
	put("none", "%REQ(nope)%");
	put("pct", "100%%");
	put("quote", "a\"b");
	put("k\"ey", "%REQ(:METHOD)%");
	format_json_key(&json, SLICE("nested"));
	format_json_object(&json);
	format_json_key(&json, SLICE("e"));
	format_json_object(&json);
	format_json_end_object(&json);
	format_json_key(&json, SLICE("list"));
	format_json_list(&json);
	format_json_template(&json, SLICE("%PROTOCOL%"));
	format_json_number(&json, 1);
	format_json_bool(&json, true);
	format_json_template(&json, SLICE("%REQ(nope)%"));
	format_json_null(&json);
	format_json_list(&json);
	format_json_end_list(&json);
	format_json_end_list(&json);
	format_json_end_object(&json);
	format_json_key(&json, SLICE("num"));
	format_json_number(&json, -3.25e-7);
	assert_string_equal(
		finish(), "{\"code\":200,\"empty\":\"\",\"lit\":\"text\","
			  "\"mixed\":\"p=HTTP/1.1 c=200 n=-\",\"none\":null,\"pct\":\"100%\","
			  "\"quote\":\"a\\\"b\",\"k\\\"ey\":\"GET\",\"nested\":{\"e\":{},\"list\":"
			  "[\"HTTP/1.1\",1,true,null,null,[]]},\"num\":-3.25e-07}\n");
}

static void numbers_are_short_and_exact(void **state)
{
	static const struct {
		double number;
		const char *text;
	} cases[] = {{0, "0"},
		     {5, "5"},
		     {1.5, "1.5"},
		     {0.1, "0.1"},
		     {1.0 / 3, "0.3333333333333333"},
		     {1e100, "1e+100"},
		     {-12345678, "-12345678"}};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		char expected[64];
		snprintf(expected, sizeof expected, "{\"n\":%s}\n", cases[i].text);
		begin(0);
		format_json_key(&json, SLICE("n"));
		format_json_number(&json, cases[i].number);
		assert_string_equal(finish(), expected);
	}
}

static void what_is_empty_can_be_left_out(void **state)
{
	(void)state;
	begin(FORMAT_OMIT_EMPTY);
	put("a", "%REQ(nope)%");
	put("b", "%REQ(:PATH)%");
	format_json_key(&json, SLICE("c"));
	format_json_object(&json);
	put("d", "%REQ(nope)%");
	format_json_end_object(&json);
	format_json_key(&json, SLICE("l"));
	format_json_list(&json);
	format_json_template(&json, SLICE("%REQ(nope)%"));
	format_json_template(&json, SLICE("x"));
	format_json_end_list(&json);
	put("m", "x%REQ(nope)%y");
	format_json_key(&json, SLICE("n"));
	format_json_null(&json);
	put("p", "");
	put("q", "%RESPONSE_FLAGS%");
	assert_string_equal(finish(),
			    "{\"b\":\"/p\",\"l\":[\"x\"],\"m\":\"xy\",\"p\":\"\",\"q\":\"-\"}\n");
}

static const char *escaped(const char *value)
{
	headers_set(&request, SLICE("x-esc"), slice_of(value));
	begin(0);
	put("z", "%REQ(x-esc)%");
	put("y", "<%REQ(x-esc)%>");
	return finish();
}

static void strings_are_escaped(void **state)
{
	(void)state;
	assert_string_equal(escaped("plain"), "{\"z\":\"plain\",\"y\":\"<plain>\"}\n");
	assert_string_equal(escaped("\"\\\t\xc3\xa9/<>&'"),
			    "{\"z\":\"\\\"\\\\\\t\xc3\xa9/<>&'\","
			    "\"y\":\"<\\\"\\\\\\t\xc3\xa9/<>&'>\"}\n");
	assert_string_equal(escaped("\b\f\n\r\x01\x1f"),
			    "{\"z\":\"\\b\\f\\n\\r\\u0001\\u001f\","
			    "\"y\":\"<\\b\\f\\n\\r\\u0001\\u001f>\"}\n");
	/* Not UTF-8: Envoy escapes it byte by byte. */
	assert_string_equal(escaped("a\"b\\c\td\xc3\xa9\xff/e"),
			    "{\"z\":\"a\\u0022b\\u005cc\\u0009d\\u00c3\\u00a9\\u00ff/e\","
			    "\"y\":\"<a\\u0022b\\u005cc\\u0009d\\u00c3\\u00a9\\u00ff/e>\"}\n");
}

static void only_well_formed_utf8_passes(void **state)
{
	static const char *const good[] = {"\xc2\x80",         "\xdf\xbf",     "\xe0\xa0\x80",
					   "\xed\x9f\xbf",     "\xef\xbf\xbf", "\xf0\x90\x80\x80",
					   "\xf4\x8f\xbf\xbf", "\xe2\x80\xa8"};
	static const char *const bad[] = {"\x80",
					  "\xc1\xbf",
					  "\xc3",
					  "\xe0\x9f\xbf",
					  "\xed\xa0\x80",
					  "\xf0\x8f\xbf\xbf",
					  "\xf4\x90\x80\x80",
					  "\xf5\x80\x80\x80",
					  "\xe2\x80",
					  "\xe2\x28\xa1"};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(good); i++)
		assert_non_null(strstr(escaped(good[i]), good[i]));
	for (unsigned i = 0; i < COUNT_OF(bad); i++)
		assert_non_null(strstr(escaped(bad[i]), "\\u00"));
}

static void a_short_buffer_is_never_overrun(void **state)
{
	(void)state;
	const struct format *format;
	headers_set(&request, SLICE("x-esc"), SLICE("\"\"\"\"\x01\x01\"\""));
	begin(FORMAT_OMIT_EMPTY);
	put("z", "%REQ(x-esc)%");
	put("no", "%REQ(nope)%");
	put("y", "<%REQ(x-esc)%>");
	format_json_end_object(&json);
	assert_int_equal(format_json_finish(&json, &format), STATUS_OK);
	char whole[256];
	size_t len = format_write(format, &info, whole, sizeof whole);
	for (size_t room = 0; room <= len; room++) {
		char *exact = malloc(room + 1); /* the sanitizer watches its end */
		exact[room] = '!';
		size_t got = format_write(format, &info, exact, room);
		assert_int_equal(exact[room], '!');
		assert_true(room >= len ? got == len : got > room);
		if (room >= len)
			assert_memory_equal(exact, whole, len);
		free(exact);
	}
}

static void faults_are_reported_at_the_end(void **state)
{
	(void)state;
	begin(0);
	put("a", "%NOPE%");
	put("b", "%ALSO_NOT%");
	assert_string_equal(finish(), "Not supported field in StreamInfo: NOPE");
	begin(0);
	for (unsigned i = 0; i < FORMAT_JSON_DEPTH; i++) {
		format_json_key(&json, SLICE("k"));
		format_json_object(&json);
	}
	for (unsigned i = 0; i < FORMAT_JSON_DEPTH; i++)
		format_json_end_object(&json);
	assert_string_equal(finish(), "a JSON format is at most 32 levels deep");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_keep_their_types),        TEST(numbers_are_short_and_exact),
		TEST(what_is_empty_can_be_left_out),  TEST(strings_are_escaped),
		TEST(only_well_formed_utf8_passes),   TEST(a_short_buffer_is_never_overrun),
		TEST(faults_are_reported_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
