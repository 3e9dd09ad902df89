/* local_reply_config: which mapper applies, and what it makes of a reply. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb-c.h>

#include "manager/local_replies.h"
#include "stream/reply.h"
#include "support/stream_fixture.h"
#include "xds/yaml_message.h"

#define MESSAGE                                                                                    \
	(&envoy__extensions__filters__network__http_connection_manager__v3__local_reply_config__descriptor)
#define WHEN(code)                                                                                 \
	"filter: {status_code_filter: {comparison: {op: EQ, value: {default_value: " #code         \
	", runtime_key: k}}}}"

static const struct local_replies *replies_of_test; /* for the hook, which has no context */

static void amend(struct stream *s, const struct local_reply *reply, struct headers *headers,
		  struct buf *body)
{
	local_replies_apply(replies_of_test, s, reply, headers, body);
}

static enum status load(struct stream_fixture *f, const char *yaml, struct diag *diag)
{
	struct config_context context = {.arena = &f->arena};
	ProtobufCMessage *message = NULL;

	*diag = (struct diag){.line = 0};
	if (yaml_message_parse(slice_of(yaml), "t.yaml", MESSAGE, NULL, &f->arena, &message, diag))
		fail_msg("%s: %s", diag->path, diag->text);
	return local_replies_load(&replies_of_test, (const void *)message, &context, diag);
}

/* The trace of a reply with this reason to "GET /p". */
static const char *reply_with(struct stream_fixture *f, enum reply_reason reason)
{
	fixture_headers(f, "GET /p h", true);
	fixture_take(f);
	reply_send(f->stream, &(struct local_reply){.reason = reason,
						    .grpc_status = -1,
						    .text = reply_reasons[reason].text});
	fixture_settle(f);
	return fixture_take(f);
}

static void replies_are_mapped(void **state)
{
	static const struct {
		const char *yaml, *trace, *field;
	} rows[] = {
		{"{}", ">h403 >d(denied). ended", ""},
		{"{mappers: [{" WHEN(404) ", status_code: 410}]}", ">h403 >d(denied). ended", ""},
		{"{mappers: [{" WHEN(403) ", status_code: 410}]}", ">h410 >d(denied). ended", ""},
		{"{mappers: [{" WHEN(404) ", status_code: 410}, {" WHEN(
			 403) ", status_code: 411}, {" WHEN(403) ", status_code: 412}]}",
		 ">h411 >d(denied). ended", ""},
		{"{mappers: [{" WHEN(403) ", body: {inline_string: gone}}]}",
		 ">h403 >d(gone). ended", ""},
		{"{mappers: [{" WHEN(403) ", body: {inline_string: ''}}]}", ">h403. ended", ""},
		{"{mappers: [{" WHEN(
			 403) ", status_code: 410, headers_to_add: [{header: {key: x-m, value: "
			      "'%RESPONSE_CODE%'}}]}]}",
		 ">h410 >d(denied). ended", "x-m=403;"},
		{"{body_format: {text_format_source: {inline_string: '<%LOCAL_REPLY_BODY%> "
		 "%RESPONSE_CODE%'}}}",
		 ">h403 >d(<denied> 403). ended", "content-type=text/plain;"},
		{"{body_format: {text_format_source: {inline_string: all}}, mappers: [{" WHEN(
			 403) ", status_code: 599, body: {inline_string: b}, "
			      "body_format_override: {json_format: {c: '%RESPONSE_CODE%', b: "
			      "'%LOCAL_REPLY_BODY%', p: '%REQ(:PATH)%'}}}]}",
		 ">h599 >d({\"b\":\"b\",\"c\":599,\"p\":\"/p\"}\n). ended",
		 "content-type=application/json;"},
		{"{body_format: {text_format_source: {inline_string: x}, content_type: text/html}, "
		 "mappers: [{" WHEN(403) ", headers_to_add: [{header: {key: content-type, value: "
					 "text/other}}]}]}",
		 ">h403 >d(x). ended", "content-type=text/other;"},
		{"{mappers: [{filter: {response_flag_filter: {flags: [UAEX]}}, status_code: 499}]}",
		 ">h499 >d(denied). ended", ""},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct stream_fixture *f = stream_fixture_new(NULL, 0);
		struct diag diag;
		if (load(f, rows[i].yaml, &diag))
			fail_msg("%s: %s: %s", rows[i].yaml, diag.path, diag.text);
		f->amend_reply = amend;
		const char *trace = reply_with(f, REPLY_DENIED);
		if (strcmp(trace, rows[i].trace) || !strstr(fixture_sent_headers(f), rows[i].field))
			fail_msg("%s:\n  is      %s %s\n  must be %s %s", rows[i].yaml, trace,
				 fixture_sent_headers(f), rows[i].trace, rows[i].field);
		stream_fixture_free(f);
	}
}

static void a_long_body_is_whole(void **state)
{
	struct stream_fixture *f = stream_fixture_new(NULL, 0);
	char text[3000];
	struct diag diag;
	(void)state;

	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = 0;
	const char *yaml = arena_printf(
		&f->arena, "{body_format: {text_format_source: {inline_string: '%%PROTOCOL%%%s'}}}",
		text);
	assert_int_equal(load(f, yaml, &diag), 0);
	f->amend_reply = amend;
	assert_string_equal(reply_with(f, REPLY_DENIED), ">h403 >d(3007). ended");
	stream_fixture_free(f);
}

static void nothing_configured_is_nothing(void **state)
{
	struct config_context context = {.arena = NULL};
	const struct local_replies *replies;
	struct diag diag;
	(void)state;

	assert_int_equal(local_replies_load(&replies, NULL, &context, &diag), 0);
	assert_null(replies);
}

static void wrong_configurations_are_refused(void **state)
{
	static const struct {
		const char *yaml, *path;
	} rows[] = {
		{"{mappers: [{status_code: 410}]}", "local_reply_config.mappers[0].filter"},
		{"{mappers: [{" WHEN(403) ", status_code: 199}]}",
		 "local_reply_config.mappers[0].status_code"},
		{"{mappers: [{" WHEN(403) ", body: {}}]}", "local_reply_config.mappers[0].body"},
		{"{mappers: [{" WHEN(403) ", headers_to_add: [{header: {key: ':a', value: b}}]}]}",
		 "local_reply_config.mappers[0].headers_to_add[0].header.key"},
		{"{body_format: {text_format_source: {inline_string: '%NO%'}}}",
		 "local_reply_config.body_format"},
	};
	(void)state;
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct stream_fixture *f = stream_fixture_new(NULL, 0);
		struct diag diag;
		if (!load(f, rows[i].yaml, &diag))
			fail_msg("accepted: %s", rows[i].yaml);
		if (strncmp(diag.path, rows[i].path, strlen(rows[i].path)))
			fail_msg("%s: %s, not %s", rows[i].yaml, diag.path, rows[i].path);
		stream_fixture_free(f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_are_mapped),
		cmocka_unit_test(a_long_body_is_whole),
		cmocka_unit_test(nothing_configured_is_nothing),
		cmocka_unit_test(wrong_configurations_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
