/* The side that faces providers: ids, late answers, heartbeats, goaway, loss. */
#include "unit/proxy/codec/bolt_harness.h"

/* Requests as a server codec makes them. */
struct requests {
	struct end *server;
	struct end *client;
};

static struct requests requests_open(void)
{
	return (struct requests){end_open(CODEC_SERVER), end_open(CODEC_CLIENT)};
}

static void requests_close(struct requests *r)
{
	end_close(r->server);
	end_close(r->client);
}

static struct call *send_file(struct requests *r, const char *file)
{
	struct slice bytes = golden(file);

	assert_int_equal(end_feed(r->server, bytes, false), bytes.len);
	free((void *)bytes.data);
	return forward(r->server->calls, r->client);
}

static uint32_t sent_id(struct end *end)
{
	struct slice payload;
	return frame_of(end_taken(end), &payload).id;
}

static void give_answer(struct end *end, uint32_t id)
{
	struct slice bytes = golden("sofa-hello.resp.hex"), named = with_id(bytes, id);

	assert_int_equal(end_feed(end, named, false), named.len);
	free((void *)bytes.data);
	free((void *)named.data);
}

/* A call that needs no bytes of its own. */
static struct call *send_one(struct end *end)
{
	struct call *call = end_call_new(end);
	const struct bolt_frame frame = {.command = BOLT_RPC_REQUEST,
					 .class_len = 1,
					 .protocol = 1,
					 .type = BOLT_REQUEST,
					 .command_version = 1,
					 .serialization = 1};
	struct rpc_head head = {.protocol = RPC_BOLT, .bolt = &frame};
	struct headers headers;

	headers_init(&headers, &call->arena, 1);
	headers.rpc = &head;
	call_send(call, &headers, SLICE("c"));
	return call;
}

enum { INDEX_MASK = (1 << BOLT_ID_INDEX_BITS) - 1 };

static void many_calls_find_their_answers(void **state)
{
	enum { COUNT = 2000 };
	struct end *end = end_open(CODEC_CLIENT);
	struct call **calls = malloc(COUNT * sizeof *calls);
	uint32_t *ids = malloc(COUNT * sizeof *ids), random = 1;
	(void)state;

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < COUNT; i++) {
			calls[i] = send_one(end);
			ids[i] = sent_id(end);
		}
		assert_int_equal(bolt_client_codec.room(&end->bolt.codec),
				 BOLT_MAX_IN_FLIGHT - COUNT);
		for (unsigned i = COUNT; i--;) {
			random = random * 1664525 + 1013904223;
			unsigned pick = (random >> 8) % (i + 1);
			assert_int_equal(calls[pick]->headers_events, 0);
			give_answer(end, ids[pick]);
			assert_int_equal(calls[pick]->headers_events, 1);
			assert_int_equal(calls[pick]->closed_events, 1);
			calls[pick] = calls[i];
			ids[pick] = ids[i];
		}
		assert_int_equal(end->bolt.calls.open, 0);
	}
	assert_int_equal(end->counts.unknown_answers, 0);
	free(calls);
	free(ids);
	end_close(end);
}

static void late_repeated_and_forged_answers_are_dropped(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct call *first = send_one(end);
	uint32_t id = sent_id(end), index = id & INDEX_MASK;
	(void)state;

	bolt_client_codec.abandon(&first->exchange);
	struct call *second = send_one(end);
	uint32_t second_id = sent_id(end);
	while ((second_id & INDEX_MASK) != index) { /* until one takes the slot over */
		give_answer(end, second_id);
		second = send_one(end);
		second_id = sent_id(end);
	}
	assert_int_not_equal(second_id, id);
	give_answer(end, id);                   /* late */
	give_answer(end, second_id ^ 1u << 31); /* forged */
	give_answer(end, second_id + 100);      /* no such slot yet */
	assert_int_equal(end->counts.unknown_answers, 3);
	assert_int_equal(end->notices[RPC_NOTICE_UNKNOWN_ANSWER], 3);
	assert_int_equal(first->headers_events + second->headers_events, 0);
	give_answer(end, second_id);
	give_answer(end, second_id); /* again */
	assert_int_equal(end->counts.unknown_answers, 4);
	assert_int_equal(second->closed_events, 1);
	assert_int_equal(end->failed_events, 0);
	end_close(end);
}

/* 19 bits of generation: an id doesn't come back before its slot was used half a million times. */
static void an_id_comes_back_late(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	uint32_t first;
	unsigned uses = 1;
	(void)state;

	send_one(end);
	first = sent_id(end);
	give_answer(end, first);
	for (; uses < 100000; uses++) {
		struct exchange exchange = {.arena = end->calls->exchange.arena,
					    .codec = &end->bolt.codec};
		uint32_t index = open_calls_add(&end->bolt.calls, &exchange, 0);
		uint32_t id = end->bolt.calls.calls[index].generation << BOLT_ID_INDEX_BITS | index;
		assert_int_not_equal(id, first);
		open_calls_remove(&end->bolt.calls, index);
	}
	end_close(end);
}

static void no_more_than_its_ids_can_tell_apart(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	(void)state;

	for (unsigned i = 0; i < BOLT_MAX_IN_FLIGHT; i++)
		send_one(end);
	end_taken(end);
	assert_int_equal(bolt_client_codec.room(&end->bolt.codec), 0);
	assert_int_equal(end->bolt.codec.type->room(&end->bolt.codec), 0);
	struct call *last = send_one(end);
	assert_int_equal(last->reset_events, 1);
	assert_int_equal(last->reset_reason, REPLY_OVERFLOW);
	assert_int_equal(end_taken(end).len, 0);
	end_close(end);
}

/* Also when all calls are open, and slots come back in turn. */
static void no_call_has_the_heartbeats_index(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	(void)state;

	for (unsigned i = 0; i < BOLT_MAX_IN_FLIGHT; i++)
		send_one(end);
	bolt_client_codec.abandon(&end->calls->exchange);
	struct call *last = send_one(end);
	assert_int_equal(last->reset_events, 0);
	assert_int_not_equal(last->exchange.wire_id & INDEX_MASK, INDEX_MASK);
	end_close(end);
}

static void an_answer_before_its_request_has_left_is_forged(void **state)
{
	struct requests r = requests_open();
	struct call *call = end_call_new(r.client);
	struct slice bytes = golden("sofa-hello.req.hex"), payload;
	struct buf data;
	(void)state;

	end_feed(r.server, bytes, false);
	const struct call *request = r.server->calls;
	bolt_client_codec.send_headers(&call->exchange, request->headers, false);
	give_answer(r.client, (uint32_t)call->exchange.wire_id);
	assert_int_equal(r.client->counts.unknown_answers, 1);
	buf_init(&data, &r.client->pool);
	for (size_t i = 0; i < request->data_len; i++) {
		buf_append_copy(&data, slice_make(request->data + i, 1));
		bolt_client_codec.send_data(&call->exchange, &data, i + 1 == request->data_len);
		if (i + 1 < request->data_len)
			assert_int_equal(end_taken(r.client).len, 0);
	}
	frame_of(end_taken(r.client), &payload);
	assert_slice(payload, slice_make(request->data, request->data_len));
	give_answer(r.client, (uint32_t)call->exchange.wire_id);
	assert_int_equal(call->closed_events, 1);

	/* given up while it was gathered: nothing is sent, nothing is kept */
	call = end_call_new(r.client);
	bolt_client_codec.send_headers(&call->exchange, request->headers, false);
	buf_append_copy(&data, SLICE("half"));
	bolt_client_codec.send_data(&call->exchange, &data, false);
	bolt_client_codec.abandon(&call->exchange);
	assert_int_equal(end_taken(r.client).len, 0);
	assert_int_equal(r.client->pool.blocks_out, 0);
	free((void *)bytes.data);
	requests_close(&r);
}

static void a_body_without_its_head_is_not_sent(void **state)
{
	struct requests r = requests_open();
	struct slice bytes = golden("sofa-hello.req.hex");
	(void)state;

	end_feed(r.server, bytes, false);
	struct call *call = end_call_new(r.client);
	call_send(call, r.server->calls->headers, SLICE("short"));
	assert_int_equal(call->reset_events, 1);
	assert_int_equal(end_taken(r.client).len, 0);
	assert_int_equal(r.client->bolt.calls.open, 0);
	free((void *)bytes.data);
	requests_close(&r);
}

static void a_oneway_request_is_over_when_it_is_written(void **state)
{
	struct requests r = requests_open();
	struct call *call = send_file(&r, "sofa-oneway.req.hex");
	struct slice payload;
	(void)state;

	assert_int_equal(call->closed_events, 1);
	assert_int_equal(call->headers_events, 0);
	struct bolt_frame frame = frame_of(end_taken(r.client), &payload);
	assert_int_equal(frame.type, BOLT_ONEWAY);
	assert_int_equal(frame.timeout_ms, -1);
	assert_int_equal(r.client->bolt.calls.open, 0);
	give_answer(r.client, frame.id);
	assert_int_equal(r.client->counts.unknown_answers, 1);
	requests_close(&r);
}

static void statuses_have_their_http_twins(void **state)
{
	static const struct {
		uint16_t status;
		const char *http;
	} cases[] = {{0, "200"},  {1, "500"},  {2, "500"},  {3, "500"},  {4, "503"},
		     {5, "503"},  {6, "404"},  {7, "504"},  {8, "503"},  {9, "400"},
		     {16, "503"}, {17, "500"}, {18, "400"}, {999, "500"}};
	struct end *end = end_open(CODEC_CLIENT);
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct call *call = send_one(end);
		char bytes[BOLT_HEADER_MAX];
		size_t size =
			bolt_frame_write(bytes, &(struct bolt_frame){.id = sent_id(end),
								     .status = cases[i].status,
								     .command = BOLT_RPC_ANSWER,
								     .protocol = 1,
								     .type = BOLT_ANSWER,
								     .command_version = 1,
								     .serialization = 1});
		end_feed(end, slice_make(bytes, size), false);
		assert_int_equal(call->closed_events, 1);
		assert_true(call->ended);
		assert_int_equal(call->data_events, 0);
		assert_int_equal(call->head.status, cases[i].status);
		assert_slice(headers_get(call->headers, HEADER_STATUS), slice_of(cases[i].http));
	}
	end_close(end);
}

static void an_error_of_the_service_is_an_exception(void **state)
{
	static const struct {
		const char *request, *answer;
		int result;
	} cases[] = {
		{"sofa-hello.req.hex", "sofa-hello.resp.hex", RPC_RESULT_VALUE},
		{"sofa-fail-checked.req.hex", "sofa-fail-checked.resp.hex", RPC_RESULT_EXCEPTION},
		{"sofa-no-service.req.hex", "sofa-no-service.resp.hex", RPC_RESULT_EXCEPTION},
		{"sofa-pool-busy.req.hex", "sofa-pool-busy.resp.hex", RPC_RESULT_UNKNOWN},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct requests r = requests_open();
		struct call *call = send_file(&r, cases[i].request);
		struct slice bytes = golden(cases[i].answer),
			     named = with_id(bytes, sent_id(r.client));
		r.client->publish = true;
		end_feed(r.client, named, false);
		assert_int_equal(call->head.result, cases[i].result);
		if (cases[i].result == RPC_RESULT_EXCEPTION)
			assert_non_null(
				headers_find(call->headers, SLICE("sofa_head_response_error")));
		assert_false(headers_has(call->headers, HEADER_TRI_SERVICE_TIMEOUT));
		free((void *)bytes.data);
		free((void *)named.data);
		requests_close(&r);
	}
}

static void heartbeats_go_out_in_the_latest_version(void **state)
{
	struct requests r = requests_open();
	struct slice payload;
	(void)state;

	assert_true(bolt_client_codec.heartbeat(&r.client->bolt.codec));
	struct slice sent = end_taken(r.client);
	struct bolt_frame frame = frame_of(sent, &payload);
	struct slice java = golden("sofa-heartbeat.req.hex"), expected = with_id(java, frame.id);
	assert_slice(sent, expected); /* as Java's, but for the id */
	assert_false(bolt_client_codec.heartbeat(&r.client->bolt.codec)); /* still unanswered */

	struct slice answer_bytes = golden("sofa-heartbeat.resp.hex"),
		     named = with_id(answer_bytes, frame.id);
	end_feed(r.client, answer_bytes, false); /* of another heartbeat */
	assert_false(bolt_client_codec.heartbeat(&r.client->bolt.codec));
	end_feed(r.client, named, false);
	send_file(&r, "bolt-v2-2-crc.req.hex");
	end_taken(r.client);
	assert_true(bolt_client_codec.heartbeat(&r.client->bolt.codec));
	frame = frame_of(end_taken(r.client), &payload);
	assert_int_equal(frame.protocol, 2);
	assert_int_equal(frame.version, 2);
	assert_int_equal(frame.command, BOLT_HEARTBEAT);
	assert_int_equal(r.client->counts.heartbeats_sent, 2);
	free((void *)java.data);
	free((void *)expected.data);
	free((void *)answer_bytes.data);
	free((void *)named.data);
	requests_close(&r);
}

static void skip_answer(struct end *end, struct slice frame, uint32_t id)
{
	struct slice named = with_id(frame, id);

	assert_int_equal(end_feed(end, slice_sub(named, 0, 30), false), 30);
	assert_int_equal(end_feed(end, slice_sub(named, 30, named.len), false), named.len - 30);
	free((void *)named.data);
}

static void an_answer_over_the_limit_ends_its_call_only(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct call *call = send_one(end);
	uint32_t id = sent_id(end);
	struct call *other = send_one(end);
	struct slice head = from_hex("01000002010000000001000000000000000007d0");
	char bytes[2020] = "";
	(void)state;

	memcpy(bytes, head.data, head.len);
	end->options.payload_limit = 2000 - 1;
	skip_answer(end, slice_make(bytes, sizeof bytes), id ^ UINT32_C(1) << 30);
	assert_int_equal(end->counts.unknown_answers, 1);
	assert_int_equal(call->reset_events, 0);
	skip_answer(end, slice_make(bytes, sizeof bytes), id);
	assert_int_equal(call->reset_events, 1);
	assert_int_equal(call->reset_reason, REPLY_ANSWER_OVER_LIMIT);
	assert_int_equal(end->counts.oversized, 2);
	give_answer(end, sent_id(end));
	assert_int_equal(other->closed_events, 1);
	assert_false(end->bolt.codec.must_close);
	free((void *)head.data);
	end_close(end);
}

static void a_goaway_drains(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct call *call = send_one(end);
	uint32_t id = sent_id(end);
	struct slice goaway = from_hex("0102006401000000090100000bb80000000000000000");
	(void)state;

	end_feed(end, goaway, false);
	end_feed(end, goaway, false);
	assert_int_equal(end->draining_events, 1);
	assert_int_equal(end->counts.goaways, 2);
	assert_int_equal(bolt_client_codec.room(&end->bolt.codec), 0);
	assert_int_equal(end_taken(end).len, 0);
	give_answer(end, id);
	assert_int_equal(call->closed_events, 1);
	free((void *)goaway.data);
	end_close(end);
}

static void a_call_of_the_provider_is_refused(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct call *call = send_one(end);
	struct slice bytes = golden("sofa-hello.req.hex"), payload;
	uint32_t id = sent_id(end);
	(void)state;

	end_feed(end, bytes, false);
	struct bolt_frame frame = frame_of(end_taken(end), &payload);
	assert_int_equal(frame.status, BOLT_CODEC_EXCEPTION);
	assert_int_equal(frame.id, 2);
	assert_int_equal(end->counts.provider_requests, 1);
	assert_int_equal(end->notices[RPC_NOTICE_PROVIDER_REQUEST], 1);
	struct slice heartbeat = golden("sofa-heartbeat.req.hex"),
		     expected = golden("sofa-heartbeat.resp.hex");
	end_feed(end, heartbeat, false);
	assert_slice(end_taken(end), expected);
	give_answer(end, id);
	assert_int_equal(call->closed_events, 1);
	free((void *)bytes.data);
	free((void *)heartbeat.data);
	free((void *)expected.data);
	end_close(end);
}

static void a_connection_that_dies_resets_its_calls(void **state)
{
	struct slice bytes = golden("sofa-hello.resp.hex");
	(void)state;

	for (unsigned garbage = 0; garbage < 2; garbage++) {
		struct end *end = end_open(CODEC_CLIENT);
		struct call *a = send_one(end), *b = send_one(end);
		end_taken(end);
		size_t n = end_feed(end, slice_sub(bytes, 0, 30), false); /* in the middle */
		assert_int_equal(n, 0);
		if (garbage)
			end_feed(end, SLICE("HTTP/1.1 200 OK\r\n"), false);
		else
			end_feed(end, slice_sub(bytes, 0, 30), true);
		assert_int_equal(a->reset_events + b->reset_events, 2);
		assert_int_equal(a->reset_reason,
				 garbage ? REPLY_UPSTREAM_PROTOCOL_ERROR : REPLY_CONNECTION_LOST);
		assert_int_equal(end->failed_events, garbage);
		assert_int_equal(end->bolt.calls.open, 0);
		struct call *late = send_one(end);
		assert_int_equal(late->reset_reason, REPLY_CONNECTION_LOST);
		end_close(end);
	}
	free((void *)bytes.data);
}

static void passed_answers_are_handed_over_whole(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct slice request = golden("bolt-v2-2-crc.req.hex"),
		     answer_bytes = golden("bolt-v2-2-crc.resp.hex"), payload;
	struct call *call = end_call_new(end);
	(void)state;

	call->exchange.codec = NULL;
	bolt_pass_request(&end->bolt, &call->exchange, request);
	uint32_t id = frame_of(end_taken(end), &payload).id;
	assert_int_equal(id, call->exchange.wire_id);
	struct slice named = with_id(answer_bytes, id);
	end_feed(end, named, false);
	assert_ptr_equal(end->passed_call, call);
	assert_slice(slice_make(end->passed_frame, end->passed_len), named);
	assert_int_equal(end->bolt.calls.open, 0);

	bolt_pass_request(&end->bolt, &call->exchange, request);
	end_taken(end);
	end_feed(end, SLICE(""), true);
	assert_int_equal(call->reset_events, 1);
	free((void *)request.data);
	free((void *)answer_bytes.data);
	free((void *)named.data);
	end_close(end);
}

static void what_is_no_bolt_is_not_sent(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct call *call = end_call_new(end);
	struct headers headers;
	(void)state;

	headers_init(&headers, &call->arena, 1);
	bolt_client_codec.send_headers(&call->exchange, &headers, true);
	assert_int_equal(call->reset_reason, REPLY_INTERNAL_ERROR);
	assert_int_equal(end_taken(end).len, 0);
	end_close(end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_calls_find_their_answers),
		cmocka_unit_test(late_repeated_and_forged_answers_are_dropped),
		cmocka_unit_test(an_id_comes_back_late),
		cmocka_unit_test(no_more_than_its_ids_can_tell_apart),
		cmocka_unit_test(no_call_has_the_heartbeats_index),
		cmocka_unit_test(an_answer_before_its_request_has_left_is_forged),
		cmocka_unit_test(a_body_without_its_head_is_not_sent),
		cmocka_unit_test(a_oneway_request_is_over_when_it_is_written),
		cmocka_unit_test(statuses_have_their_http_twins),
		cmocka_unit_test(an_error_of_the_service_is_an_exception),
		cmocka_unit_test(heartbeats_go_out_in_the_latest_version),
		cmocka_unit_test(an_answer_over_the_limit_ends_its_call_only),
		cmocka_unit_test(a_goaway_drains),
		cmocka_unit_test(a_call_of_the_provider_is_refused),
		cmocka_unit_test(a_connection_that_dies_resets_its_calls),
		cmocka_unit_test(passed_answers_are_handed_over_whole),
		cmocka_unit_test(what_is_no_bolt_is_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
