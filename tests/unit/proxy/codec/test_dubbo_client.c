/* The side that faces providers: ids, late answers, events, loss. */
#include "unit/proxy/codec/dubbo_harness.h"

/* A request to send, without a server behind it. */
struct request {
	struct arena arena;
	struct rpc_head head;
	struct headers headers;
};

static void request_init(struct request *request)
{
	*request =
		(struct request){.head = {.protocol = RPC_DUBBO, .serialization = 2, .status = 0}};
	arena_init(&request->arena, 1024);
	headers_init(&request->headers, &request->arena, 4);
	request->headers.rpc = &request->head;
}

static struct call *send_request(struct end *end, struct request *request, struct slice body)
{
	struct call *call = end_call_new(end);
	call_send(call, &request->headers, body);
	return call;
}

static struct call *send_one(struct end *end)
{
	struct request request;

	request_init(&request);
	struct call *call = send_request(end, &request, SLICE("body"));
	arena_free(&request.arena);
	return call;
}

static uint64_t sent_id(struct end *end)
{
	struct slice body;
	return frame_at(end_taken(end), &body).id;
}

static void give_answer(struct end *end, uint64_t id)
{
	end_feed_frame(end, 0x02, 20, id, SLICE("\x92"));
}

static void a_request_keeps_body_and_flags_under_an_id_of_ours(void **state)
{
	struct end *server = end_open(CODEC_SERVER), *client = end_open(CODEC_CLIENT);
	struct slice request = golden("d33-attach.req.hex"), body;
	(void)state;

	end_feed(server, request, false);
	struct call *call = forward(server->calls, client);
	struct slice sent = end_taken(client);
	struct dubbo_frame frame = frame_at(sent, &body);
	assert_int_equal(sent.len, request.len);
	assert_int_equal(frame.flag, 0xc2);
	assert_int_equal(frame.status, 0);
	assert_int_equal(frame.id, call->exchange.wire_id);
	assert_int_not_equal(frame.id, server->calls->exchange.wire_id);
	assert_memory_equal(sent.data + 12, request.data + 12, request.len - 12);
	free((void *)request.data);
	end_close(server);
	end_close(client);
}

static void ten_thousand_calls_find_their_answers(void **state)
{
	enum { COUNT = 10000 };
	struct end *end = end_open(CODEC_CLIENT);
	struct call **calls = malloc(COUNT * sizeof *calls);
	uint64_t *ids = malloc(COUNT * sizeof *ids);
	uint32_t random = 1;
	(void)state;

	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < COUNT; i++) {
			calls[i] = send_one(end);
			ids[i] = sent_id(end);
		}
		assert_int_equal(dubbo_client_codec.room(&end->dubbo.codec),
				 DUBBO_MAX_IN_FLIGHT - COUNT);
		for (unsigned i = COUNT; i--;) {
			random = random * 1664525 + 1013904223;
			unsigned pick = (random >> 8) % (i + 1);
			assert_int_equal(calls[pick]->headers_events, 0);
			give_answer(end, ids[pick]);
			assert_int_equal(calls[pick]->headers_events, 1);
			assert_int_equal(calls[pick]->closed_events, 1);
			assert_slice(headers_get(calls[pick]->headers, HEADER_STATUS),
				     SLICE("200"));
			calls[pick] = calls[i];
			ids[pick] = ids[i];
		}
		assert_int_equal(end->dubbo.calls.open, 0);
	}
	assert_int_equal(end->counts.answers, 3 * COUNT);
	assert_int_equal(end->counts.unknown_answers, 0);
	assert_true(end->dubbo.calls.capacity <= 2 * COUNT);
	free(calls);
	free(ids);
	end_close(end);
}

static void late_repeated_and_forged_answers_are_dropped(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct call *first = send_one(end);
	uint64_t id = sent_id(end);
	(void)state;

	dubbo_client_codec.abandon(&first->exchange);
	assert_null(first->exchange.codec);
	struct call *second = send_one(end);
	uint64_t second_id = sent_id(end);
	while ((uint32_t)second_id != (uint32_t)id) { /* until one takes the slot over */
		give_answer(end, second_id);
		second = send_one(end);
		second_id = sent_id(end);
	}
	assert_int_not_equal(second_id, id);

	give_answer(end, id);                            /* late */
	give_answer(end, second_id + 1);                 /* no such slot yet */
	give_answer(end, second_id | UINT64_C(1) << 63); /* forged */
	give_answer(end, UINT64_MAX);
	assert_int_equal(end->counts.unknown_answers, 4);
	assert_int_equal(first->headers_events + second->headers_events, 0);
	give_answer(end, second_id);
	give_answer(end, second_id); /* again */
	assert_int_equal(end->counts.unknown_answers, 5);
	assert_int_equal(second->closed_events, 1);
	assert_int_equal(first->closed_events + first->reset_events, 0);
	assert_int_equal(end->failed_events, 0);
	end_close(end);
}

static void an_answer_before_its_request_has_left_is_forged(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct call *call = end_call_new(end);
	struct request request;
	struct buf data;
	struct slice body;
	(void)state;

	request_init(&request);
	dubbo_client_codec.send_headers(&call->exchange, &request.headers, false);
	give_answer(end, call->exchange.wire_id);
	assert_int_equal(end->counts.unknown_answers, 1);
	buf_init(&data, &end->pool);
	for (const char *piece = "xyz"; *piece; piece++) {
		buf_append_copy(&data, slice_make(piece, 1));
		dubbo_client_codec.send_data(&call->exchange, &data, !piece[1]);
		if (piece[1])
			assert_int_equal(end_taken(end).len, 0);
	}
	frame_at(end_taken(end), &body);
	assert_slice(body, SLICE("xyz"));
	give_answer(end, call->exchange.wire_id);
	assert_int_equal(call->closed_events, 1);

	/* given up while it was gathered: nothing is sent, nothing is kept */
	call = end_call_new(end);
	dubbo_client_codec.send_headers(&call->exchange, &request.headers, false);
	buf_append_copy(&data, SLICE("half"));
	dubbo_client_codec.send_data(&call->exchange, &data, false);
	dubbo_client_codec.abandon(&call->exchange);
	assert_int_equal(end_taken(end).len, 0);
	assert_int_equal(end->pool.blocks_out, 0);
	arena_free(&request.arena);
	end_close(end);
}

static void a_oneway_request_is_over_when_it_is_written(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct request request;
	struct slice body;
	(void)state;

	request_init(&request);
	request.head.is_oneway = true;
	struct call *call = send_request(end, &request, SLICE("x"));
	assert_int_equal(call->closed_events, 1);
	assert_int_equal(call->headers_events, 0);
	assert_true(call->exchange.is_oneway);
	struct dubbo_frame frame = frame_at(end_taken(end), &body);
	assert_int_equal(frame.flag, 0x82);
	assert_int_equal(end->dubbo.calls.open, 0);
	give_answer(end, frame.id);
	assert_int_equal(end->counts.unknown_answers, 1);
	arena_free(&request.arena);
	end_close(end);
}

static void statuses_have_their_http_twins(void **state)
{
	static const struct {
		uint8_t status;
		const char *http;
	} cases[] = {{20, "200"}, {25, "400"},  {30, "504"}, {31, "504"}, {35, "503"},
		     {40, "400"}, {50, "502"},  {60, "404"}, {70, "500"}, {80, "503"},
		     {90, "500"}, {100, "503"}, {0, "500"},  {21, "500"}, {255, "500"}};
	struct end *end = end_open(CODEC_CLIENT);
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct call *call = send_one(end);
		end_feed_frame(end, 0x02, cases[i].status, sent_id(end), SLICE("\x93x"));
		assert_slice(headers_get(call->headers, HEADER_STATUS), slice_of(cases[i].http));
		assert_int_equal(call->head.status, cases[i].status);
		assert_int_equal(call->head.result, cases[i].status == 20 ? 3 : -1);
	}
	struct call *call = send_one(end);
	end_feed_frame(end, 0x02, 20, sent_id(end), SLICE("\x96")); /* no result of that kind */
	assert_int_equal(call->head.result, -1);
	call = send_one(end);
	end_feed_frame(end, 0x02, 20, sent_id(end), SLICE(""));
	assert_true(call->ended);
	assert_int_equal(call->data_events, 0);
	assert_int_equal(call->closed_events, 1);
	end_close(end);
}

static void readonly_stops_new_calls_and_w_brings_them_back(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct slice readonly = golden("d33-readonly.event.req.hex");
	struct call *call = send_one(end);
	uint64_t id = sent_id(end);
	(void)state;

	end_feed(end, readonly, false);
	end_feed(end, readonly, false); /* 3.3 sends it twice */
	assert_int_equal(end->draining_events, 1);
	assert_true(end->dubbo.codec.is_draining);
	give_answer(end, id);
	assert_int_equal(call->closed_events, 1);
	end_feed_frame(end, 0xa2, 0, 0, SLICE("\1W"));
	end_feed_frame(end, 0xa2, 0, 0, SLICE("\1W"));
	assert_int_equal(end->undraining_events, 1);
	assert_int_equal(dubbo_client_codec.room(&end->dubbo.codec), DUBBO_MAX_IN_FLIGHT);
	end_feed_frame(end, 0xa0 | 23, 0, 0, SLICE("\0\0\0\2\x4aR")); /* in JSONB */
	assert_int_equal(end->draining_events, 2);
	assert_int_equal(end->counts.readonly_events, 5);
	assert_int_equal(end_taken(end).len, 0);
	free((void *)readonly.data);
	end_close(end);
}

static void a_heartbeat_waits_for_its_answer(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct slice body;
	(void)state;

	assert_true(dubbo_client_codec.heartbeat(&end->dubbo.codec));
	struct dubbo_frame frame = frame_at(end_taken(end), &body);
	assert_int_equal(frame.flag, 0xe2);
	assert_slice(body, SLICE("N"));
	assert_false(dubbo_client_codec.heartbeat(&end->dubbo.codec));
	assert_int_equal(end_taken(end).len, 0);
	end_feed_frame(end, 0x22, 20, frame.id, SLICE("N"));
	assert_true(dubbo_client_codec.heartbeat(&end->dubbo.codec));
	assert_int_equal(sent_id(end), frame.id);
	end_feed_frame(end, 0x02, 40, frame.id, SLICE("\1?")); /* an error is a sign of life, too */
	assert_true(dubbo_client_codec.heartbeat(&end->dubbo.codec));
	assert_int_equal(end->counts.heartbeats_sent, 3);
	end_taken(end);
	end_feed_frame(end, 0xe2, 0, 4, SLICE("N")); /* the provider's own is answered */
	assert_slice(end_taken(end), SLICE("\xda\xbb\x22\x14\0\0\0\0\0\0\0\4\0\0\0\1N"));
	end_close(end);
}

static void a_provider_that_calls_is_refused(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct slice request = golden("d33-hello.req.hex"), body;
	struct slice oneway = golden("d33-oneway.req.hex");
	(void)state;

	struct call *call = send_one(end);
	uint64_t id = sent_id(end);
	end_feed(end, request, false);
	struct dubbo_frame frame = frame_at(end_taken(end), &body);
	assert_int_equal(frame.flag, 2);
	assert_int_equal(frame.status, 40);
	assert_int_equal(frame.id, 5689986532682968191);
	end_feed(end, oneway, false);
	assert_int_equal(end_taken(end).len, 0);
	assert_int_equal(end->counts.provider_requests, 2);
	give_answer(end, id);
	assert_int_equal(call->closed_events, 1);
	free((void *)request.data);
	free((void *)oneway.data);
	end_close(end);
}

static void loss_resets_every_open_call(void **state)
{
	static const struct {
		const char *hex;
		bool eof;
		enum reply_reason reason;
	} cases[] = {
		{"", true, REPLY_CONNECTION_LOST},
		{"dabb0214", true, REPLY_CONNECTION_LOST},
		{"dabb0214000000000000000080ffffff", false, REPLY_UPSTREAM_PROTOCOL_ERROR},
		{"48545450", false, REPLY_UPSTREAM_PROTOCOL_ERROR},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = end_open(CODEC_CLIENT);
		struct slice bytes = from_hex(cases[i].hex);
		struct call *calls[40];
		for (unsigned c = 0; c < COUNT_OF(calls); c++)
			calls[c] = send_one(end);
		end_taken(end);
		dubbo_client_codec.abandon(&calls[7]->exchange);
		end_feed(end, bytes, cases[i].eof);
		for (unsigned c = 0; c < COUNT_OF(calls); c++) {
			assert_int_equal(calls[c]->reset_events, c != 7);
			if (c != 7)
				assert_int_equal(calls[c]->reset_reason, cases[i].reason);
		}
		assert_int_equal(end->failed_events, !cases[i].eof);
		assert_true(end->dubbo.codec.must_close);
		assert_int_equal(dubbo_client_codec.room(&end->dubbo.codec), 0);
		struct call *late = end_call_new(end);
		struct request request;
		request_init(&request);
		dubbo_client_codec.send_headers(&late->exchange, &request.headers, false);
		assert_int_equal(late->reset_reason, REPLY_CONNECTION_LOST);
		arena_free(&request.arena);
		free((void *)bytes.data);
		end_close(end);
	}
}

static void what_cannot_be_sent_is_reset_at_once(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct request request;
	(void)state;

	end->options.max_in_flight = 2;
	request_init(&request);
	send_one(end);
	send_one(end);
	assert_int_equal(dubbo_client_codec.room(&end->dubbo.codec), 0);
	struct call *call = end_call_new(end);
	dubbo_client_codec.send_headers(&call->exchange, &request.headers, false);
	assert_int_equal(call->reset_reason, REPLY_OVERFLOW);
	end->options.max_in_flight = 3;
	call = end_call_new(end);
	request.headers.rpc = NULL; /* an HTTP request */
	dubbo_client_codec.send_headers(&call->exchange, &request.headers, false);
	assert_int_equal(call->reset_reason, REPLY_INTERNAL_ERROR);
	assert_int_equal(end->dubbo.calls.open, 2);
	arena_free(&request.arena);
	end_close(end);
}

static void an_exchange_abandoned_in_its_headers_event_is_gone(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct call *call = send_one(end);
	(void)state;

	end->abandon_early = true;
	give_answer(end, sent_id(end));
	assert_int_equal(call->headers_events, 1);
	assert_int_equal(call->data_events + call->closed_events, 0);
	assert_int_equal(end->dubbo.calls.open, 0);
	end_close(end);
}

static struct call *pass_one(struct end *end, struct slice *frame)
{
	struct call *call = end_call_new(end);

	*frame = frame_make(0xc2, 9, 77, SLICE("body"));
	assert_true(end->dubbo.codec.type->room(&end->dubbo.codec) > 0);
	dubbo_pass_request(&end->dubbo, &call->exchange, *frame);
	return call;
}

static void a_frame_passes_under_an_id_of_ours(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct slice frame, body;
	struct call *call = pass_one(end, &frame);
	struct dubbo_frame sent = frame_at(end_taken(end), &body);
	(void)state;

	assert_int_equal(sent.flag, 0xc2);
	assert_int_equal(sent.status, 0);
	assert_int_equal(sent.id, call->exchange.wire_id);
	assert_int_not_equal(sent.id, 77);
	assert_slice(body, SLICE("body"));

	end_feed_frame(end, 0x02, 20, sent.id, SLICE("\x92"));
	assert_ptr_equal(end->passed_call, call);
	assert_int_equal(end->passed_len, DUBBO_HEADER_SIZE + 1);
	assert_int_equal(call->headers_events + call->closed_events + call->reset_events, 0);
	assert_int_equal(end->dubbo.calls.open, 0);
	end->passed_call = NULL;
	give_answer(end, sent.id);
	assert_null(end->passed_call);
	assert_int_equal(end->counts.answers, 1);
	assert_int_equal(end->counts.unknown_answers, 1);
	free((void *)frame.data);
	end_close(end);
}

static void passed_calls_are_lost_and_abandoned_as_others(void **state)
{
	struct end *end = end_open(CODEC_CLIENT);
	struct slice frames[2];
	struct call *gone = pass_one(end, &frames[0]), *lost = pass_one(end, &frames[1]);
	(void)state;

	end_taken(end);
	dubbo_client_codec.abandon(&gone->exchange);
	give_answer(end, gone->exchange.wire_id);
	assert_null(end->passed_call);
	end_feed(end, SLICE(""), true);
	assert_int_equal(lost->reset_events, 1);
	assert_int_equal(lost->reset_reason, REPLY_CONNECTION_LOST);
	assert_int_equal(gone->reset_events, 0);
	assert_int_equal(end->dubbo.codec.type->room(&end->dubbo.codec), 0);
	free((void *)frames[0].data);
	free((void *)frames[1].data);
	end_close(end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_keeps_body_and_flags_under_an_id_of_ours),
		cmocka_unit_test(ten_thousand_calls_find_their_answers),
		cmocka_unit_test(late_repeated_and_forged_answers_are_dropped),
		cmocka_unit_test(an_answer_before_its_request_has_left_is_forged),
		cmocka_unit_test(a_oneway_request_is_over_when_it_is_written),
		cmocka_unit_test(statuses_have_their_http_twins),
		cmocka_unit_test(readonly_stops_new_calls_and_w_brings_them_back),
		cmocka_unit_test(a_heartbeat_waits_for_its_answer),
		cmocka_unit_test(a_provider_that_calls_is_refused),
		cmocka_unit_test(loss_resets_every_open_call),
		cmocka_unit_test(what_cannot_be_sent_is_reset_at_once),
		cmocka_unit_test(an_exchange_abandoned_in_its_headers_event_is_gone),
		cmocka_unit_test(a_frame_passes_under_an_id_of_ours),
		cmocka_unit_test(passed_calls_are_lost_and_abandoned_as_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
