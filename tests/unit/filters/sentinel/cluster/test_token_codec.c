#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "filters/sentinel/cluster/token_codec.h"

static size_t from_hex(const char *hex, char *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (char)byte;
	}
	return n;
}

static void assert_hex(const char *frame, size_t size, const char *hex)
{
	char bytes[TOKEN_FRAME_MAX];

	assert_int_equal(size, from_hex(hex, bytes));
	assert_memory_equal(frame, bytes, size);
}

static struct argument string(const char *text)
{
	return (struct argument){.type = ARGUMENT_STRING, .string = slice_of(text)};
}

static struct argument integer(enum argument_type type, int64_t value)
{
	return (struct argument){.type = type, .integer = value};
}

/* As Sentinel for Java 1.8.9 sends them. */
static void questions_are_those_of_the_java_client(void **state)
{
	char out[TOKEN_FRAME_MAX];
	struct token_ask flow = {.flow_id = 101, .count = 1};
	struct argument key = string("k");
	struct token_ask param = {
		.flow_id = 202, .count = 1, .is_param = true, .params = &key, .params_count = 1};
	struct argument values[] = {
		integer(ARGUMENT_INTEGER, 7),
		integer(ARGUMENT_LONG, 8),
		integer(ARGUMENT_BYTE, 9),
		{.type = ARGUMENT_DOUBLE, .real = 1.5},
		{.type = ARGUMENT_FLOAT, .real = 2.5},
		{.type = ARGUMENT_NULL},
		integer(ARGUMENT_CHARACTER, 'x'),
		integer(ARGUMENT_SHORT, 3),
		integer(ARGUMENT_BOOLEAN, 1),
		string("\xe4\xb8\xad"),
	};
	struct token_ask types = param;
	(void)state;

	assert_hex(out, token_write_ping(out, SLICE("demo-app")),
		   "001100000000000000000864656d6f2d617070");
	assert_hex(out, token_write_question(out, 1, &flow),
		   "0012000000010100000000000000650000000100");
	flow.prioritized = true;
	assert_hex(out, token_write_question(out, 7, &flow),
		   "0012000000070100000000000000650000000101");
	token_set_xid(out, 8);
	assert_hex(out, 20, "0012000000080100000000000000650000000101");
	assert_hex(out, token_write_question(out, 11, &param),
		   "001b0000000b0200000000000000ca000000010000000107000000016b");
	types.params = values;
	types.params_count = sizeof(values) / sizeof(*values);
	assert_hex(out, token_write_question(out, 15, &types),
		   "00400000000f0200000000000000ca00000001000000080000000007010000000000000008"
		   "0209033ff8000000000000044020000005000306010700000003e4b8ad");
}

static void answers_are_those_of_the_java_server(void **state)
{
	static const struct {
		const char *hex;
		struct token_response response;
	} cases[] = {
		{"000a00000000000000000001", {0, TOKEN_PING, 0, 1, 0}},
		{"000e0000000101000000000400000000", {1, TOKEN_FLOW, TOKEN_OK, 4, 0}},
		{"000e0000000601010000000000000000", {6, TOKEN_FLOW, TOKEN_BLOCKED, 0, 0}},
		{"000e0000000a01030000000000000000", {10, TOKEN_FLOW, 3, 0, 0}},
		{"000e0000000f0200ffffffff00000000", {15, TOKEN_PARAM_FLOW, 0, -1, 0}},
	};
	char bytes[TOKEN_FRAME_MAX], again[TOKEN_FRAME_MAX];
	struct token_response response;
	struct slice payload;
	(void)state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t size = from_hex(cases[i].hex, bytes);
		for (size_t part = 0; part < size; part++)
			assert_int_equal(token_read_frame(slice_make(bytes, part), &payload), 0);
		assert_int_equal(token_read_frame(slice_make(bytes, size), &payload), size);
		assert_int_equal(token_read_response(payload, &response), STATUS_OK);
		assert_int_equal(response.xid, cases[i].response.xid);
		assert_int_equal(response.type, cases[i].response.type);
		assert_int_equal(response.status, cases[i].response.status);
		assert_int_equal(response.remaining, cases[i].response.remaining);
		assert_int_equal(response.wait_ms, cases[i].response.wait_ms);
		assert_hex(again, token_write_response(again, &response), cases[i].hex);
	}
}

static void questions_are_read_as_they_were_written(void **state)
{
	static struct token_request request;
	char out[TOKEN_FRAME_MAX];
	struct argument values[] = {
		integer(ARGUMENT_LONG, -8), string("key"), {.type = ARGUMENT_FLOAT, .real = -0.5}};
	struct token_ask ask = {
		.flow_id = 202, .count = 3, .is_param = true, .params = values, .params_count = 3};
	struct slice payload;
	(void)state;

	size_t size = token_write_question(out, 15, &ask);
	assert_int_equal(token_read_frame(slice_make(out, size), &payload), size);
	assert_int_equal(token_read_request(payload, &request), STATUS_OK);
	assert_true(request.xid == 15 && request.flow_id == 202 && request.count == 3);
	assert_int_equal(request.values_count, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(argument_fingerprint(&request.values[i], 1),
				 argument_fingerprint(&values[i], 1));
	for (size_t n = 0; n < payload.len; n++)
		assert_int_equal(token_read_request(slice_sub(payload, 0, n), &request),
				 STATUS_MALFORMED);
	size = token_write_ping(out, SLICE("app"));
	assert_int_equal(token_read_frame(slice_make(out, size), &payload), size);
	assert_int_equal(token_read_request(payload, &request), STATUS_OK);
	assert_true(slice_equal(request.name_space, SLICE("app")));
	out[6] = 3;
	assert_int_equal(token_read_request(payload, &request), STATUS_UNSUPPORTED);
}

static void what_a_server_would_refuse_is_not_written(void **state)
{
	static char long_text[3000];
	char out[TOKEN_FRAME_MAX];
	struct argument values[] = {string("first"), {.type = ARGUMENT_NULL}, {0}, string("last")};
	struct token_ask ask = {
		.flow_id = 1, .count = 1, .is_param = true, .params = values, .params_count = 4};
	(void)state;

	memset(long_text, 'x', sizeof(long_text));
	values[2] = (struct argument){.type = ARGUMENT_STRING,
				      .string = slice_make(long_text, sizeof(long_text))};
	assert_int_equal(token_write_question(out, 1, &ask), 23 + 5 + 5); /* from there on none */
	values[0] = values[2];
	assert_int_equal(token_write_question(out, 1, &ask), 0);
	values[0].string.len = TOKEN_FRAME_MAX - 23 - 5;
	assert_int_equal(token_write_question(out, 1, &ask), TOKEN_FRAME_MAX);
	ask.is_param = false;
	ask.flow_id = 0;
	assert_int_equal(token_write_question(out, 1, &ask), 0);
	ask.flow_id = 1;
	ask.count = 0;
	assert_int_equal(token_write_question(out, 1, &ask), 0);
	assert_int_equal(token_write_ping(out, slice_make(long_text, sizeof(long_text))),
			 TOKEN_FRAME_MAX);
}

static void frames_too_long_and_answers_too_short(void **state)
{
	struct token_response response;
	struct slice payload;
	(void)state;

	assert_int_equal(token_read_frame(slice_make("\x03\xff", 2), &payload), STATUS_TOO_LARGE);
	assert_int_equal(token_read_frame(slice_make("\x03\xfe", 2), &payload), 0);
	assert_int_equal(token_read_frame(slice_make("\0\0", 2), &payload), 2);
	assert_int_equal(token_read_response(payload, &response), STATUS_MALFORMED);
	assert_int_equal(token_read_response(slice_make("\0\0\0\1\1\xfe!", 7), &response),
			 STATUS_OK);
	assert_true(response.status == -2 && !response.remaining && !response.wait_ms);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_are_those_of_the_java_client),
		cmocka_unit_test(answers_are_those_of_the_java_server),
		cmocka_unit_test(questions_are_read_as_they_were_written),
		cmocka_unit_test(what_a_server_would_refuse_is_not_written),
		cmocka_unit_test(frames_too_long_and_answers_too_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
