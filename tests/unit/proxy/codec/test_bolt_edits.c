/* Headers that were changed on their way, back in the frame. */
#include "codec/bolt_arguments.h"
#include "codec/bolt_edits.h"
#include "codec/bolt_fields.h"
#include "codec/bolt_head.h"
#include "codec/dubbo_attachments.h"
#include "codec/sofa_hessian.h"
#include "codec/sofa_props.h"
#include "unit/proxy/codec/bolt_harness.h"

/* A request that goes out by a client, its headers changed in between. */
struct way {
	struct end *server, *client;
	struct call *down, *up;
	struct slice bytes; /* as it came */
};

static struct way way_begin(const char *file, bool publish)
{
	struct way way = {.server = end_open(CODEC_SERVER), .client = end_open(CODEC_CLIENT)};

	way.server->publish = publish;
	way.bytes = golden(file);
	end_feed(way.server, way.bytes, false);
	way.down = way.server->calls;
	assert_non_null(way.down);
	return way;
}

static void way_end(struct way *way)
{
	free((void *)way->bytes.data);
	end_close(way->server);
	end_close(way->client);
}

/* What leaves. */
static struct slice send_on(struct way *way)
{
	way->up = forward(way->down, way->client);
	return end_taken(way->client);
}

/* The value of a name in the header map of a whole frame; .data NULL: there is none. */
static struct slice field_of(struct slice bytes, const char *name)
{
	struct slice payload, value = {NULL, 0};
	struct bolt_frame frame = frame_of(bytes, &payload);
	struct slice map = bolt_header_map(payload, &frame);
	struct rpc_attachment field;

	while (map.len) {
		assert_int_equal(bolt_fields_take(&map, &field), STATUS_OK);
		if (slice_equal(field.name, slice_of(name)))
			value = field.value;
	}
	return value;
}

static struct slice content_of(struct slice bytes)
{
	struct slice payload;
	struct bolt_frame frame = frame_of(bytes, &payload);
	return slice_sub(payload, (size_t)frame.class_len + frame.headers_len, payload.len);
}

static bool has_prop(struct slice bytes, const char *name)
{
	struct arena arena;
	size_t from, to;

	arena_init(&arena, 1024);
	bool has = sofa_props_find(content_of(bytes), &sofa_hessian_grammar, slice_of(name), &arena,
				   &from, &to);
	arena_free(&arena);
	return has;
}

/* The bytes that stand for the method in the content. */
static struct slice method_of(struct slice bytes)
{
	struct slice content = content_of(bytes), method;
	struct arena arena;
	size_t from, to;

	arena_init(&arena, 1024);
	assert_true(sofa_method_find(content, &sofa_hessian_grammar, &arena, &method, &from, &to));
	assert_int_equal(to - from, 1 + method.len);
	arena_free(&arena);
	return slice_sub(content, from, to);
}

static void published_and_untouched_is_unchanged(void **state)
{
	static const char *const files[] = {"sofa-hello.req.hex", "sofa-baggage.req.hex",
					    "sofa-unique-id.req.hex", "sofa-generic-add.req.hex",
					    "bolt-v2-2-crc.req.hex"};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(files); i++) {
		struct way way = way_begin(files[i], true);
		struct slice sent = send_on(&way);
		struct slice expected = with_id(way.bytes, (uint32_t)way.up->exchange.wire_id);
		assert_slice(sent, expected);
		free((void *)expected.data);
		way_end(&way);
	}
}

static void a_value_changes_in_the_map_only(void **state)
{
	struct way way = way_begin("sofa-baggage.req.hex", true);
	struct headers *headers = way.down->headers;
	(void)state;

	headers_set(headers, SLICE("rpc_req_baggage.x-tag"), SLICE("a longer green"));
	headers_set(headers, SLICE("rpc_trace_context.sofarpcid"), SLICE("0.1"));
	headers_set(headers, SLICE("new"), SLICE("one"));
	struct slice sent = send_on(&way);
	assert_slice(field_of(sent, "rpc_req_baggage.x-tag"), SLICE("a longer green"));
	assert_slice(field_of(sent, "rpc_trace_context.sofaRpcId"), SLICE("0.1")); /* its case */
	assert_slice(field_of(sent, "new"), SLICE("one"));
	assert_slice(field_of(sent, "my-head"), SLICE("v"));
	assert_slice(content_of(sent), content_of(way.bytes));
	way_end(&way);
}

/* Java would find a removed entry in requestProps again. */
static void a_removed_entry_is_removed_twice(void **state)
{
	struct way way = way_begin("sofa-baggage.req.hex", true);
	struct slice props[] = {SLICE("my-head"), SLICE("rpc_req_baggage.x-tag")};
	(void)state;

	assert_true(has_prop(way.bytes, "my-head"));
	assert_true(has_prop(way.bytes, "rpc_req_baggage.x-tag"));
	for (unsigned i = 0; i < COUNT_OF(props); i++)
		assert_int_equal(headers_remove(way.down->headers, props[i]), 1);
	struct slice sent = send_on(&way);
	assert_null(field_of(sent, "my-head").data);
	assert_null(field_of(sent, "rpc_req_baggage.x-tag").data);
	assert_false(has_prop(sent, "my-head"));
	assert_false(has_prop(sent, "rpc_req_baggage.x-tag"));
	assert_true(has_prop(sent, "app")); /* and what stands around them is well */
	assert_true(has_prop(sent, "protocol"));
	assert_true(has_prop(sent, "rpc_trace_context.sofaTraceId"));
	assert_int_equal(content_of(sent).len,
			 content_of(way.bytes).len - strlen("_my-head_v_x-tag_blue"));
	way_end(&way);
}

static void names_with_a_meaning_of_their_own(void **state)
{
	struct way way = way_begin("sofa-unique-id.req.hex", true);
	struct headers *headers = way.down->headers;
	struct slice payload;
	(void)state;

	headers_set_id(headers, HEADER_PATH, SLICE("/a.Other/greet?x=y"));
	headers_set_id(headers, HEADER_TRI_SERVICE_VERSION, SLICE("2.0"));
	headers_set_id(headers, HEADER_TRI_SERVICE_TIMEOUT, SLICE("250"));
	headers_set_id(headers, HEADER_TRI_CONSUMER_APPNAME, SLICE("someone"));
	struct slice sent = send_on(&way);
	assert_slice(field_of(sent, "sofa_head_target_service"), SLICE("a.Other:2.0:u1"));
	assert_slice(field_of(sent, "service"), SLICE("a.Other:2.0:u1"));
	assert_slice(field_of(sent, "sofa_head_method_name"), SLICE("greet"));
	assert_slice(method_of(way.bytes), SLICE("\x08sayHello"));
	assert_slice(method_of(sent), SLICE("\x05greet"));
	assert_int_equal(content_of(sent).len + strlen("sayHello"),
			 content_of(way.bytes).len + strlen("greet"));
	assert_slice(field_of(sent, "app"), SLICE("someone"));
	assert_null(field_of(sent, "tri-service-timeout").data);
	assert_int_equal(frame_of(sent, &payload).timeout_ms, 250);
	way_end(&way);
}

/* What a stock provider would run: see bolt_arguments.h. */
static void a_call_that_says_two_things_is_seen(void **state)
{
	static const struct {
		const char *name, *value; /* of a field; NULL: none is set */
		bool agrees;
	} rows[] = {
		{NULL, NULL, true},
		{"service", "a.Other:1.0", false},
		{"sofa_head_target_service", "a.Other:1.0", false},
		{"app", "other", true},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct way way = way_begin("sofa-hello.req.hex", true);
		struct rpc_head *rpc = way.down->headers->rpc;
		rpc->payload = slice_make(way.down->data, way.down->data_len);
		for (uint32_t n = 0; rows[i].name && n < rpc->attachment_count; n++)
			if (slice_equal(rpc->attachments[n].name, slice_of(rows[i].name)))
				rpc->attachments[n].value = slice_of(rows[i].value);
		assert_int_equal(bolt_request_agrees(rpc, &way.down->arena), rows[i].agrees);
		rpc->method = SLICE("greet");
		assert_false(bolt_request_agrees(rpc, &way.down->arena));
		rpc->has_attachments = false;
		assert_false(bolt_request_agrees(rpc, &way.down->arena));
		way_end(&way);
	}
}

/* Java would call the old one. */
static void a_method_that_cant_be_changed_is_not_called(void **state)
{
	struct way way = way_begin("sofa-hello.req.hex", true);
	struct slice payload;
	struct bolt_frame frame = frame_of(way.bytes, &payload);
	(void)state;

	way.down->data[frame.class_len + frame.headers_len] = 'N';
	headers_set_id(way.down->headers, HEADER_PATH, SLICE("/demo.api.DemoService/greet"));
	assert_int_equal(send_on(&way).len, 0);
	assert_int_equal(way.up->reset_reason, REPLY_BAD_REQUEST);
	way_end(&way);
}

static void what_was_never_published_may_change_too(void **state)
{
	struct way way = way_begin("sofa-hello.req.hex", false);
	(void)state;

	headers_set_id(way.down->headers, HEADER_TRI_SERVICE_GROUP, SLICE("u9"));
	headers_set(way.down->headers, SLICE("x-env"), SLICE("gray"));
	headers_set(way.down->headers, SLICE("x-envoy-own"), SLICE("1")); /* the proxy's own */
	struct slice sent = send_on(&way);
	assert_slice(field_of(sent, "sofa_head_target_service"),
		     SLICE("demo.api.DemoService:1.0:u9"));
	assert_slice(field_of(sent, "x-env"), SLICE("gray"));
	assert_slice(field_of(sent, "app"), SLICE("gold-consumer"));
	assert_null(field_of(sent, "x-envoy-own").data);
	assert_slice(content_of(sent), content_of(way.bytes));
	way_end(&way);
}

/* Read for a route, say. */
static void what_was_read_and_left_alone_is_not_written_anew(void **state)
{
	struct way way = way_begin("sofa-baggage.req.hex", false);
	struct rpc_head *rpc = way.down->headers->rpc;
	(void)state;

	rpc->payload = slice_make(way.down->data, way.down->data_len);
	assert_true(bolt_read_fields(way.down->headers, &way.down->arena));
	assert_false(bolt_may_be_edited(way.down->headers));
	headers_set(way.down->headers, SLICE("x-request-id"), SLICE("1")); /* no field */
	struct slice sent = send_on(&way);
	assert_int_equal(way.client->notices[RPC_NOTICE_EDITED], 0);
	assert_slice(content_of(sent), content_of(way.bytes));
	way_end(&way);
}

static void what_was_changed_before_it_was_read_is_an_edit(void **state)
{
	(void)state;

	for (unsigned publishes = 0; publishes < 2; publishes++) {
		struct way way = way_begin("sofa-hello.req.hex", false);
		struct headers *headers = way.down->headers;
		headers_set_id(headers, HEADER_PATH, SLICE("/demo.api.DemoService/greet"));
		headers_set(headers, SLICE("x-env"), SLICE("gray"));
		headers->rpc->payload = slice_make(way.down->data, way.down->data_len);
		if (publishes)
			assert_true(bolt_publish(headers, &way.down->arena));
		else
			assert_true(bolt_read_fields(headers, &way.down->arena));
		struct slice sent = send_on(&way);
		assert_slice(field_of(sent, "sofa_head_method_name"), SLICE("greet"));
		assert_slice(field_of(sent, "x-env"), SLICE("gray"));
		assert_slice(field_of(sent, "app"), SLICE("gold-consumer"));
		assert_int_equal(way.client->notices[RPC_NOTICE_EDITED], 1);
		way_end(&way);
	}
}

/* It never was a header: nobody can have removed it. */
static void an_application_that_is_no_header_stays(void **state)
{
	struct way way = way_begin("sofa-hello.req.hex", false);
	struct headers *headers = way.down->headers;
	struct slice payload;
	(void)state;

	char *at = memmem(way.down->data, way.down->data_len, "gold-consumer", 13);
	assert_non_null(at);
	memcpy(at, "g\xc3\xb6", 3);
	headers->rpc->payload = slice_make(way.down->data, way.down->data_len);
	assert_true(bolt_publish(headers, &way.down->arena));
	assert_false(headers_has(headers, HEADER_TRI_CONSUMER_APPNAME));
	headers_set(headers, SLICE("x-env"), SLICE("gray"));
	struct slice sent = send_on(&way);
	assert_slice(field_of(sent, "app"), SLICE("g\xc3\xb6"
						  "d-consumer"));
	assert_int_equal(frame_of(sent, &payload).timeout_ms,
			 frame_of(way.bytes, &payload).timeout_ms);
	way_end(&way);
}

/* As those of Dubbo, whose plain maps can't hold such. */
static void names_over_the_limit_become_no_headers(void **state)
{
	struct way way = way_begin("sofa-hello.req.hex", false);
	struct headers *headers = way.down->headers;
	struct bolt_frame frame = *headers->rpc->bolt;
	char *text = arena_alloc(&way.down->arena, DUBBO_ATTACHMENT_NAME_LIMIT + 1);
	(void)state;

	memset(text, 'x', DUBBO_ATTACHMENT_NAME_LIMIT + 1);
	struct slice long_name = slice_make(text, DUBBO_ATTACHMENT_NAME_LIMIT + 1);
	const struct rpc_attachment fields[] = {
		{SLICE("before"), SLICE("1")},
		{long_name, SLICE("2")},
		{slice_make(text, DUBBO_ATTACHMENT_NAME_LIMIT), SLICE("3")},
	};
	size_t size = bolt_fields_size(fields, COUNT_OF(fields));
	char *payload = arena_alloc(&way.down->arena, frame.class_len + size);
	char *to = payload + frame.class_len;
	memcpy(payload, way.down->data, frame.class_len);
	for (unsigned i = 0; i < COUNT_OF(fields); i++)
		to = bolt_fields_put(to, &fields[i]);
	frame.headers_len = (uint16_t)size;
	headers->rpc->bolt = &frame;
	headers->rpc->payload = slice_make(payload, frame.class_len + size);
	assert_true(bolt_publish(headers, &way.down->arena));
	assert_non_null(headers->rpc->plain_map.data);
	assert_non_null(headers_find(headers, SLICE("before")));
	assert_null(headers_find(headers, long_name));
	assert_non_null(headers_find(headers, fields[2].name));
	way_end(&way);
}

/* Another map under a checksum: it is a new one. */
static void plain_bolt_gets_entries_and_a_checksum(void **state)
{
	struct way way = way_begin("bolt-v2-2-crc.req.hex", true);
	(void)state;

	headers_set(way.down->headers, SLICE("x-env"), SLICE("gray"));
	struct slice sent = send_on(&way);
	assert_slice(field_of(sent, "x-env"), SLICE("gray"));
	assert_null(field_of(sent, "sofa_head_method_name").data);
	assert_slice(content_of(sent), content_of(way.bytes));
	way_end(&way);
}

static void a_map_too_large_for_java_is_not_sent(void **state)
{
	struct way way = way_begin("sofa-hello.req.hex", true);
	char *big = calloc(1, 32768);
	(void)state;

	memset(big, 'x', 32768);
	headers_set(way.down->headers, SLICE("big"), slice_make(big, 32767));
	assert_int_equal(send_on(&way).len, 0);
	assert_int_equal(way.up->reset_reason, REPLY_HEADERS_TOO_LARGE);
	assert_int_equal(way.client->bolt.calls.open, 0);
	free(big);
	way_end(&way);
}

static void answers_are_edited_when_their_fields_were_asked_for(void **state)
{
	struct way way = way_begin("sofa-baggage.req.hex", true);
	struct slice bytes = golden("sofa-baggage.resp.hex");
	(void)state;

	way.down->headers->rpc->wants_answer_attachments = true;
	send_on(&way);
	struct slice named = with_id(bytes, (uint32_t)way.up->exchange.wire_id);
	end_feed(way.client, named, false);
	struct headers *headers = way.up->headers;
	assert_non_null(headers->rpc->received);
	assert_slice(header_value(headers_find(headers, SLICE("rpc_resp_baggage.srv-name"))),
		     SLICE("gold"));
	headers_set(headers, SLICE("rpc_resp_baggage.srv-name"), SLICE("silver"));
	headers_set(headers, SLICE("x-by"), SLICE("proxy"));
	answer(way.down, way.up);
	struct slice sent = end_taken(way.server);
	assert_slice(field_of(sent, "rpc_resp_baggage.srv-name"), SLICE("silver"));
	assert_slice(field_of(sent, "x-by"), SLICE("proxy"));
	assert_slice(field_of(sent, "rpc_resp_baggage.srv-echo-x-tag"), SLICE("blue"));
	assert_slice(content_of(sent), content_of(bytes));
	free((void *)bytes.data);
	free((void *)named.data);
	way_end(&way);
}

static void props_are_found_in_what_java_wrote_and_nowhere_else(void **state)
{
	struct slice bytes = golden("sofa-baggage.req.hex"), content = content_of(bytes);
	struct arena arena;
	size_t from, to;
	(void)state;

	arena_init(&arena, 4096);
	assert_true(sofa_props_find(content, &sofa_hessian_grammar, SLICE("my-head"), &arena, &from,
				    &to));
	assert_slice(slice_sub(content, from, to), SLICE("\x07my-head\x01v"));
	assert_false(sofa_props_find(content, &sofa_hessian_grammar, SLICE("rpc_req_baggage"),
				     &arena, &from, &to)); /* a map */
	assert_false(sofa_props_find(content, &sofa_hessian_grammar, SLICE("x-tag"), &arena, &from,
				     &to));
	assert_false(sofa_props_find(content, &sofa_hessian_grammar, SLICE("methodName"), &arena,
				     &from, &to));       /* a field */
	for (size_t len = 0; len < content.len; len++) { /* cut anywhere */
		char *copy = malloc(len + 1);
		assert_non_null(copy);
		memcpy(copy, content.data, len);
		if (sofa_props_find(slice_make(copy, len), &sofa_hessian_grammar, SLICE("nope"),
				    &arena, &from, &to))
			fail();
		free(copy);
	}
	arena_free(&arena);
	free((void *)bytes.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_and_untouched_is_unchanged),
		cmocka_unit_test(a_value_changes_in_the_map_only),
		cmocka_unit_test(a_removed_entry_is_removed_twice),
		cmocka_unit_test(names_with_a_meaning_of_their_own),
		cmocka_unit_test(a_call_that_says_two_things_is_seen),
		cmocka_unit_test(a_method_that_cant_be_changed_is_not_called),
		cmocka_unit_test(what_was_never_published_may_change_too),
		cmocka_unit_test(what_was_read_and_left_alone_is_not_written_anew),
		cmocka_unit_test(what_was_changed_before_it_was_read_is_an_edit),
		cmocka_unit_test(an_application_that_is_no_header_stays),
		cmocka_unit_test(names_over_the_limit_become_no_headers),
		cmocka_unit_test(plain_bolt_gets_entries_and_a_checksum),
		cmocka_unit_test(a_map_too_large_for_java_is_not_sent),
		cmocka_unit_test(answers_are_edited_when_their_fields_were_asked_for),
		cmocka_unit_test(props_are_found_in_what_java_wrote_and_nowhere_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
