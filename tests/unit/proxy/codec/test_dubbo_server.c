/* The side that faces consumers: framing, refusals, answers, events. */
#include "unit/proxy/codec/dubbo_harness.h"

#include "codec/dubbo_edits.h"

#include "codec/hessian2.h"

static const char hello_file[] = "d33-hello.req.hex";

static struct rpc_head answer_head(uint8_t status)
{
	return (struct rpc_head){.protocol = RPC_DUBBO, .serialization = 2, .status = status};
}

static void answer(struct call *call, uint8_t status, struct slice body)
{
	struct rpc_head head = answer_head(status);
	struct headers headers;

	headers_init(&headers, &call->arena, 2);
	headers.rpc = &head;
	call_send(call, &headers, body);
}

static struct call *hello(struct end *end)
{
	struct slice bytes = golden(hello_file);

	assert_int_equal(end_feed(end, bytes, false), bytes.len);
	free((void *)bytes.data);
	assert_non_null(end->calls);
	return end->calls;
}

static void an_answer_carries_the_consumers_id(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct call *call = hello(end);
	struct slice body;
	(void)state;

	answer(call, 20, SLICE("\x94\x90HZ"));
	struct dubbo_frame frame = frame_at(end_taken(end), &body);
	assert_int_equal(frame.flag, 2);
	assert_int_equal(frame.status, 20);
	assert_int_equal(frame.id, 5689986532682968191);
	assert_slice(body, SLICE("\x94\x90HZ"));
	assert_int_equal(call->closed_events, 1);
	end_close(end);
}

static void many_frames_in_one_read_are_many_requests(void **state)
{
	enum { COUNT = 100 };
	struct end *end = end_open(CODEC_SERVER);
	struct slice one = golden(hello_file), body;
	char *many = malloc(one.len * COUNT);
	(void)state;

	for (unsigned i = 0; i < COUNT; i++) {
		memcpy(many + i * one.len, one.data, one.len);
		many[i * one.len + 11] = (char)i;
	}
	/* the last one is cut */
	assert_int_equal(end_feed(end, slice_make(many, one.len * COUNT - 1), false),
			 one.len * (COUNT - 1));
	assert_int_equal(end->dubbo.codec.needs, one.len);
	assert_int_equal(end->call_count, COUNT - 1);
	/* answered in another order, each under its own id */
	for (struct call *call = end->calls; call; call = call->next)
		answer(call, 20, SLICE("\x92"));
	struct slice out = end_taken(end);
	for (unsigned i = COUNT - 1; i--; out = slice_sub(out, 17, out.len))
		assert_int_equal(frame_at(out, &body).id & 0xff, i);
	assert_int_equal(out.len, 0);
	free(many);
	free((void *)one.data);
	end_close(end);
}

static void a_call_that_passes_has_no_exchange(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice request = golden(hello_file), body;
	(void)state;

	end->passes = 1;
	hello(end); /* its head isn't known yet */
	assert_int_equal(end->passes, 1);
	assert_int_equal(end_feed(end, request, false), request.len);
	assert_int_equal(end->passes, 0);
	assert_int_equal(end->call_count, 1);
	assert_int_equal(end->passed_id, 5689986532682968191);
	assert_int_equal(end->passed_len, request.len);
	assert_memory_equal(end->passed_frame, request.data, request.len);

	/* a provider's answer under an id of the proxy's */
	struct slice frame = frame_make(0x42, 20, 7, SLICE("\x94\x90HZ"));
	dubbo_pass_answer(&end->dubbo, end->passed_id, frame);
	struct dubbo_frame sent = frame_at(end_taken(end), &body);
	assert_int_equal(sent.flag, 2);
	assert_int_equal(sent.status, 20);
	assert_int_equal(sent.id, 5689986532682968191);
	assert_slice(body, SLICE("\x94\x90HZ"));
	assert_int_equal(end->counts.requests, 2);
	rpc_kept_release(end->passed_head);
	free((void *)frame.data);
	free((void *)request.data);
	end_close(end);
}

static void a_one_way_call_does_not_pass(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice request = golden(hello_file);
	(void)state;

	hello(end);
	end->passes = 1;
	((char *)(uintptr_t)request.data)[2] = (char)0x82;
	assert_int_equal(end_feed(end, request, false), request.len);
	assert_int_equal(end->passes, 1);
	assert_int_equal(end->call_count, 2);
	free((void *)request.data);
	end_close(end);
}

static void what_passed_may_come_back_as_an_exchange(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct call *first = hello(end);
	struct slice body;
	struct buf payload;
	(void)state;

	end->passes = 1;
	hello(end);
	dubbo_heads_fini(&end->heads); /* another head has taken its place meanwhile */
	buf_init(&payload, &end->pool);
	buf_append_owned(&payload, slice_make(end->passed_frame, end->passed_len));
	buf_drain(&payload, DUBBO_HEADER_SIZE);
	dubbo_take_back(&end->dubbo, end->passed_head, end->passed_id, &payload);
	rpc_kept_release(end->passed_head);
	assert_int_equal(payload.len, 0);

	struct call *call = end->calls;
	assert_ptr_not_equal(call, first);
	assert_int_equal(call->headers_events, 1);
	assert_int_equal(call->data_events, 1);
	assert_true(call->ended);
	assert_slice(call->head.service, first->head.service);
	assert_slice(call->head.method, first->head.method);
	assert_slice(headers_get(call->headers, HEADER_PATH),
		     headers_get(first->headers, HEADER_PATH));
	assert_int_equal(call->data_len, first->data_len);
	assert_memory_equal(call->data, first->data, first->data_len);
	answer(call, 20, SLICE("\x92"));
	assert_int_equal(frame_at(end_taken(end), &body).id, end->passed_id);
	end_close(end);
}

static void an_answer_in_pieces_leaves_as_one_frame(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct call *call = hello(end);
	struct rpc_head head = answer_head(20);
	struct headers headers;
	struct slice body;
	struct buf data;
	(void)state;

	headers_init(&headers, &call->arena, 2);
	headers.rpc = &head;
	buf_init(&data, &end->pool);
	dubbo_codec.send_headers(&call->exchange, &headers, false);
	for (const char *piece = "abc"; *piece; piece++) {
		buf_append_copy(&data, slice_make(piece, 1));
		dubbo_codec.send_data(&call->exchange, &data, false);
		assert_int_equal(end_taken(end).len, 0); /* and the turn ends */
	}
	dubbo_codec.send_trailers(&call->exchange, NULL);
	frame_at(end_taken(end), &body);
	assert_slice(body, SLICE("abc"));
	assert_int_equal(call->closed_events, 1);
	end_close(end);
}

static void an_abandoned_exchange_says_no_more(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	(void)state;

	end->abandon_early = true;
	struct call *call = hello(end);
	assert_int_equal(call->headers_events, 1);
	assert_int_equal(call->data_events, 0);
	assert_int_equal(call->closed_events + call->reset_events, 0);
	end->abandon_early = false;
	call = hello(end);
	assert_int_equal(call->data_events, 1);
	dubbo_codec.abandon(&call->exchange);
	assert_null(call->exchange.codec);
	dubbo_codec.abandon(&call->exchange); /* again: nothing */
	assert_int_equal(end_taken(end).len, 0);
	end_close(end);
}

static void a_refused_begin_skips_the_request(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice bytes = golden(hello_file);
	(void)state;

	end->refuse = true;
	assert_int_equal(end_feed(end, bytes, false), bytes.len);
	end->refuse = false;
	assert_int_equal(end_feed(end, bytes, false), bytes.len);
	assert_int_equal(end->call_count, 1);
	free((void *)bytes.data);
	end_close(end);
}

static void a_oneway_request_gets_no_answer(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice bytes = golden("d33-oneway.req.hex");
	struct local_reply reply = {.reason = REPLY_NO_ROUTE, .grpc_status = -1};
	struct headers headers;
	struct buf body;
	(void)state;

	end_feed(end, bytes, false);
	struct call *call = end->calls;
	assert_true(call->exchange.is_oneway);
	assert_int_equal(call->closed_events, 0);
	headers_init(&headers, &call->arena, 2);
	buf_init(&body, &end->pool);
	dubbo_codec.render_reply(&call->exchange, &reply, &headers, &body);
	dubbo_codec.send_headers(&call->exchange, &headers, false);
	dubbo_codec.send_data(&call->exchange, &body, true);
	assert_int_equal(end_taken(end).len, 0);
	assert_int_equal(call->closed_events, 1);
	assert_int_equal(end->counts.oneway_answers_dropped, 1);

	end_feed(end, bytes, false);
	answer(end->calls, 20, SLICE(""));
	assert_int_equal(end_taken(end).len, 0);
	free((void *)bytes.data);
	end_close(end);
}

static void garbage_in_a_whole_frame_is_answered_40(void **state)
{
	static const char *const bodies[] = {
		"",                             /* nothing */
		"ffffffff",                     /* no strings */
		"05322e302e32",                 /* one field of five */
		"00 0173 00 00 00",             /* no method */
		"00 00 00 016d 00",             /* no service */
		"00 0173 00 03612f62 00",       /* a '/' in the method */
		"00 0373 0d 0a 00 016d 00",     /* CR LF in the service */
		"00 0173 00 016d 0100",         /* NUL in the types */
		"00 0173 00 017f 00",           /* DEL */
		"00 02c3 00 016d 00",           /* cut UTF-8 */
		"00 0173 00 91 00",             /* an int for the method */
		"00 520001730174 00 016d 00",   /* a service in chunks */
		"00 02eda0bdedb880 00 016d 00", /* a service beyond U+FFFF */
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(bodies); i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct slice bytes = from_hex(bodies[i]), body, text;
		struct hessian2_reader reader;
		end_feed_frame(end, 0xc2, 0, 77 + i, bytes);
		struct dubbo_frame frame = frame_at(end_taken(end), &body);
		assert_int_equal(frame.flag, 2);
		assert_int_equal(frame.status, 40);
		assert_int_equal(frame.id, 77 + i);
		hessian2_init(&reader, body, NULL);
		assert_int_equal(hessian2_read_string(&reader, &text), STATUS_OK);
		assert_true(text.len > 10);
		end_feed_frame(end, 0x82, 0, 1, bytes); /* one-way: nobody to tell */
		assert_int_equal(end_taken(end).len, 0);
		assert_int_equal(end->counts.undecodable_requests, 2);
		assert_int_equal(end->failed_events, 0);
		assert_int_equal(end->call_count, 0);
		hello(end); /* and the connection goes on */
		free((void *)bytes.data);
		end_close(end);
	}
}

static void a_null_version_and_unusual_strings_are_fine(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	/* types in a final 'S' chunk, a method in 0x30 form with a letter beyond ASCII */
	struct slice bytes = from_hex("4e 07612e622f632e64 4e 3003 6dc3a96e 530001 49 90");
	(void)state;

	end_feed_frame(end, 0xc2, 0, 0, bytes);
	assert_int_equal(end->call_count, 1);
	const struct call *call = end->calls;
	assert_slice(headers_get(call->headers, HEADER_PATH), SLICE("/a.b/c.d/m\u00e9n"));
	assert_slice(headers_get(call->headers, HEADER_AUTHORITY), SLICE("a.b/c.d"));
	assert_false(headers_has(call->headers, HEADER_TRI_SERVICE_VERSION));
	assert_null(call->headers->rpc->protocol_version.data);
	assert_slice(call->headers->rpc->param_types, SLICE("I"));
	assert_int_equal(call->exchange.wire_id, 0);
	free((void *)bytes.data);
	end_close(end);
}

static void refuse(struct end *end, enum reply_reason reason)
{
	struct exchange *exchange = &end->calls->exchange;
	struct local_reply local = {.reason = reason, .grpc_status = -1, .text = SLICE("w\"hy")};
	struct headers headers;
	struct buf data;

	headers_init(&headers, exchange->arena, 4);
	buf_init(&data, &end->pool);
	dubbo_codec.render_reply(exchange, &local, &headers, &data);
	dubbo_codec.send_headers(exchange, &headers, false);
	dubbo_codec.send_data(exchange, &data, true);
}

/* Nothing is known of it: it goes where a route of any path leads. */
static void an_unknown_serialization_has_no_names(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice body;
	(void)state;

	end_feed_frame(end, 0xc0 | 8, 0, 9, SLICE("anything"));
	assert_int_equal(end->call_count, 1);
	assert_int_equal(end->counts.other_serializations, 1);
	assert_slice(headers_get(end->calls->headers, HEADER_PATH), SLICE("//"));
	assert_slice(headers_get(end->calls->headers, HEADER_AUTHORITY), SLICE(""));
	assert_false(dubbo_may_be_edited(end->calls->headers));
	assert_false(dubbo_read_attachments(end->calls->headers, &end->calls->arena));
	refuse(end, REPLY_NO_ROUTE); /* in Hessian2: its consumer fails at once */
	assert_int_equal(frame_at(end_taken(end), &body).flag, 2);
	end_close(end);

	end = end_open(CODEC_SERVER); /* one that is known, but broken */
	end_feed_frame(end, 0xc0 | 23, 0, 9, SLICE("\0\0\0\1x"));
	struct dubbo_frame frame = frame_at(end_taken(end), &body);
	assert_int_equal(frame.flag, 23);
	assert_int_equal(frame.status, 40);
	assert_slice(slice_sub(body, 0, 5), SLICE("\0\0\0\x17\x5f")); /* block, tag of 22 letters */
	end_close(end);
}

#define JSON_BODY "\"2.0.2\"\n\"a.S\"\n\"1.0\"\n\"m\"\n\"I\"\n5\n{}\n"
#define JSON_TEXT "\"w\\\"hy\"\n"

static void other_serializations_are_routed_by_their_heads(void **state)
{
	static const struct {
		uint8_t serialization;
		struct slice body, text;
	} cases[] = {
		{6, SLICE(JSON_BODY), SLICE(JSON_TEXT)},
		{16, SLICE(JSON_BODY), SLICE(JSON_TEXT)},
		{21, SLICE(JSON_BODY), SLICE(JSON_TEXT)},
		{22, SLICE("\7\12\0052.0.2\5\12\3a.S\5\12\0031.0\3\12\1m\3\12\1I\0"),
		 SLICE("\6\12\4w\"hy")},
		{3,
		 SLICE("\xac\xed\0\5\x77\x2b\0\0\0\5\0\0052.0.2\0\0\0\3\0\3a.S\0\0\0\3\0\0031.0"
		       "\0\0\0\1\0\1m\0\0\0\1\0\1I\1\1"),
		 SLICE("\xac\xed\0\5\x7a\0\0\0\12\0\0\0\4\0\4w\"hy")},
		{7, SLICE("\xac\xed\0\5\x7a\0\0\0\x17\0\0052.0.2\0\3a.S\0\0031.0\0\1m\0\1I"),
		 SLICE("\xac\xed\0\5\x7a\0\0\0\6\0\4w\"hy")},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct slice body;
		uint8_t flag = 0xc0 | cases[i].serialization;
		end_feed_frame(end, flag, 0, 9, cases[i].body);
		assert_int_equal(end->call_count, 1);
		assert_int_equal(end->counts.other_serializations, 1);
		const struct rpc_head *rpc = end->calls->headers->rpc;
		assert_slice(headers_get(end->calls->headers, HEADER_PATH), SLICE("/a.S/m"));
		assert_slice(rpc->service_version, SLICE("1.0"));
		assert_slice(rpc->param_types, SLICE("I"));
		assert_false(dubbo_read_attachments(end->calls->headers, &end->calls->arena));

		/* it goes on as it came, whatever filters would like to add */
		struct end *client = end_open(CODEC_CLIENT);
		headers_set(end->calls->headers, SLICE("x"), SLICE("y"));
		forward(end->calls, client);
		assert_int_equal(frame_at(end_taken(client), &body).flag, flag);
		assert_slice(body, cases[i].body);
		assert_int_equal(client->counts.uneditable_messages, 1);
		headers_set_id(end->calls->headers, HEADER_PATH, SLICE("/b/m")); /* but elsewhere */
		assert_int_equal(forward(end->calls, client)->reset_reason, REPLY_BAD_REQUEST);
		end_close(client);

		refuse(end, REPLY_BLOCKED);
		struct dubbo_frame frame = frame_at(end_taken(end), &body);
		assert_int_equal(frame.flag, cases[i].serialization);
		assert_int_equal(frame.status, 70);
		assert_slice(body, cases[i].text);
		end_close(end);

		for (size_t len = 0; len + 8 < cases[i].body.len; len++) {
			end = end_open(CODEC_SERVER);
			end_feed_frame(end, flag, 0, 9, slice_sub(cases[i].body, 0, len));
			assert_int_equal(end->call_count, 0);
			assert_int_equal(end->counts.undecodable_requests, 1);
			end_close(end);
		}
	}
}

static bool is_passed(struct codec *codec, uint64_t id)
{
	(void)codec;
	return id == 3;
}

static void an_id_in_use_is_counted_and_answered_twice(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice request = golden("d33-hello.req.hex"), body;
	static const uint64_t ids[] = {5, 6, 5, 7, 4, 3, UINT64_MAX, 6};
	(void)state;

	end->options.is_passed = is_passed;
	for (unsigned i = 0; i < COUNT_OF(ids); i++)
		end_feed_frame(end, 0xc2, 0, ids[i], slice_sub(request, 16, request.len));
	assert_int_equal(end->call_count, COUNT_OF(ids));
	assert_int_equal(end->counts.reused_ids, 3); /* 5, 3 and 6 */
	for (struct call *call = end->calls; call; call = call->next) {
		uint64_t id = call->exchange.wire_id;
		answer(call, 20, SLICE("\x95\x48\x5a"));
		assert_int_equal(frame_at(end_taken(end), &body).id, id);
	}
	end_feed_frame(end, 0xc2, 0, 5, slice_sub(request, 16, request.len)); /* free again */
	assert_int_equal(end->counts.reused_ids, 3);
	dubbo_codec.abandon(&end->calls->exchange);
	free((void *)request.data);
	end_close(end);
}

static void a_heartbeat_is_answered_in_its_serialization(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice heartbeat = golden("d33-heartbeat.event.req.hex");
	struct slice expected = golden("d33-heartbeat.event.resp.hex");
	(void)state;

	end_feed(end, heartbeat, false);
	assert_slice(end_taken(end), expected);
	end_feed_frame(end, 0xe2, 0, 5, SLICE("NN")); /* as MOSN writes it */
	assert_slice(end_taken(end), SLICE("\xda\xbb\x22\x14\0\0\0\0\0\0\0\5\0\0\0\1N"));
	end_feed_frame(end, 0xe2, 0, 5, SLICE(""));
	assert_slice(end_taken(end), SLICE("\xda\xbb\x22\x14\0\0\0\0\0\0\0\5\0\0\0\1N"));
	end_feed_frame(end, 0xe0 | 23, 0, 5, SLICE("\0\0\0\1\xaf")); /* fastjson2's null */
	assert_slice(end_taken(end), SLICE("\xda\xbb\x37\x14\0\0\0\0\0\0\0\5\0\0\0\5\0\0\0\1\xaf"));
	end_feed_frame(end, 0xa2, 0, 5, SLICE("N")); /* one-way */
	assert_int_equal(end_taken(end).len, 0);
	assert_int_equal(end->counts.heartbeats_answered, 4);
	end_feed_frame(end, 0xe2, 0, 5, SLICE("\1H"));
	end_feed_frame(end, 0xe2, 0, 5, SLICE("\x90"));
	end_feed_frame(end, 0xe2, 0, 5, SLICE("NNNNNNNNNNNNNNNN"));
	end_feed_frame(end, 0xe0 | 23, 0, 5, SLICE("\0\0\0\2\xaf"));
	assert_int_equal(end_taken(end).len, 0);
	assert_int_equal(end->counts.ignored_events, 4);
	end_feed_frame(end, 0xa2, 0, 5, SLICE("\1R")); /* a consumer's word changes nothing */
	assert_int_equal(end->counts.readonly_events, 1);
	assert_int_equal(end->draining_events, 0);
	assert_int_equal(end->call_count, 0);
	free((void *)heartbeat.data);
	free((void *)expected.data);
	end_close(end);
}

static void drain_says_readonly_once_and_goes_on_answering(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	(void)state;

	dubbo_codec.drain(&end->dubbo.codec);
	dubbo_codec.drain(&end->dubbo.codec);
	struct slice readonly = golden("d27-readonly.event.req.hex");
	assert_slice(end_taken(end), readonly);
	assert_true(end->dubbo.codec.is_draining);
	assert_false(end->dubbo.codec.must_close);
	answer(hello(end), 20, SLICE("\x92"));
	assert_int_equal(end_taken(end).len, 17);
	free((void *)readonly.data);
	end_close(end);
}

static void lost_framing_ends_the_connection(void **state)
{
	static const struct {
		const char *hex;
		enum reply_reason reason;
	} cases[] = {
		{"00", REPLY_BAD_REQUEST},
		{"dabc", REPLY_BAD_REQUEST},
		{"474554202f20485454502f312e310d0a0d0a", REPLY_BAD_REQUEST},
		{"dabbc200000000000000000d80000000", REPLY_PAYLOAD_TOO_LARGE},
		{"dabbc200000000000000000dffffffff", REPLY_PAYLOAD_TOO_LARGE},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct slice bytes = from_hex(cases[i].hex);
		struct call *call = hello(end);
		assert_int_equal(end_feed(end, bytes, false), bytes.len);
		assert_int_equal(end->failed_events, 1);
		assert_int_equal(end->failed_reason, cases[i].reason);
		assert_int_equal(call->reset_events, 1);
		assert_true(end->dubbo.codec.is_failed);
		assert_true(end->dubbo.codec.must_close);
		dubbo_codec.send_error(&end->dubbo.codec, cases[i].reason, SLICE("x"));
		assert_int_equal(end_taken(end).len, 0);
		/* what comes later is nobody's */
		assert_int_equal(end_feed(end, bytes, true), bytes.len);
		assert_int_equal(end->failed_events, 1);
		assert_int_equal(end->counts.bad_magic + end->counts.oversized, 1);
		free((void *)bytes.data);
		end_close(end);
	}
}

static void a_body_of_just_the_limit_passes(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice bytes = golden(hello_file);
	(void)state;

	end->options.payload_limit = (uint32_t)bytes.len - 16;
	end_feed(end, bytes, false);
	assert_int_equal(end->call_count, 1);
	assert_false(end->calls->head.is_over_limit);
	end->options.payload_limit--;
	end_feed(end, bytes, false);
	assert_int_equal(end->call_count, 2);
	assert_true(end->calls->head.is_over_limit);
	free((void *)bytes.data);
	end_close(end);
}

static void eof_resets_what_is_open(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct call *first = hello(end), *second = hello(end), *third = hello(end);
	(void)state;

	answer(second, 20, SLICE("\x92"));
	assert_int_equal(end_feed(end, SLICE("\xda\xbb\xc2"), true), 3);
	assert_int_equal(first->reset_reason, REPLY_DOWNSTREAM_DISCONNECT);
	assert_int_equal(third->reset_events, 1);
	assert_int_equal(second->reset_events, 0);
	assert_int_equal(end->failed_events, 0);
	assert_true(end->dubbo.codec.must_close);
	end_close(end);
}

static void answers_of_a_consumer_and_of_http_are_no_answers(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct call *call = hello(end);
	struct headers headers;
	struct slice body;
	(void)state;

	end_feed_frame(end, 0x02, 20, call->exchange.wire_id, SLICE("\x92"));
	assert_int_equal(end->counts.unknown_answers, 1);
	headers_init(&headers, &call->arena, 2);
	headers_add_id(&headers, HEADER_STATUS, SLICE("200"));
	call_send(call, &headers, SLICE("<html>"));
	struct dubbo_frame frame = frame_at(end_taken(end), &body);
	assert_int_equal(frame.status, 80);
	assert_int_equal(frame.flag, 2);
	assert_true(body.len > 10 && body.data[0] > 10);
	assert_int_equal(call->closed_events, 1);
	end_close(end);
}

/* --- local replies */

static struct dubbo_frame render(struct end *end, const char *file, struct local_reply reply,
				 struct slice *sent)
{
	struct slice bytes = golden(file);
	struct headers headers;
	struct buf body;

	reply.grpc_status = -1;
	end_feed(end, bytes, false);
	free((void *)bytes.data);
	headers_init(&headers, &end->calls->arena, 2);
	buf_init(&body, &end->pool);
	dubbo_codec.render_reply(&end->calls->exchange, &reply, &headers, &body);
	assert_true(headers.rpc->is_local);
	dubbo_codec.send_headers(&end->calls->exchange, &headers, false);
	dubbo_codec.send_data(&end->calls->exchange, &body, true);
	return frame_at(end_taken(end), sent);
}

static void statuses_come_with_a_string(void **state)
{
	static const struct {
		enum reply_reason reason;
		uint8_t status;
	} cases[] = {
		{REPLY_NO_HEALTHY_UPSTREAM, 80}, {REPLY_CONNECTION_LOST, 35},
		{REPLY_UPSTREAM_TIMEOUT, 31},    {REPLY_BAD_REQUEST, 40},
		{REPLY_OVERLOADED, 100},         {REPLY_DOWNSTREAM_DISCONNECT, 80},
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct hessian2_reader reader;
		struct slice body, text;
		struct dubbo_frame frame = render(
			end, hello_file, (struct local_reply){.reason = cases[i].reason}, &body);
		assert_int_equal(frame.status, cases[i].status);
		assert_int_equal(frame.flag, 2);
		hessian2_init(&reader, body, NULL);
		assert_int_equal(hessian2_read_string(&reader, &text), STATUS_OK);
		assert_slice(text, reply_reasons[cases[i].reason].text);
		end_close(end);
	}
}

static void a_block_is_an_exception_that_no_sdk_tries_again(void **state)
{
	static const struct {
		const char *version; /* in place of "2.0.2" */
		bool has_attachments;
	} cases[] = {{"2.0.2", true},  {"2.0.9", true},  {"2.0.1", false}, {"2.1.2", false},
		     {"3.0.2", false}, {"2.0.x", false}, {"2.02.", false}};
	static const char with[] = "H\5dubbo\0052.0.2Z";
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct slice bytes = golden(hello_file), sent;
		struct headers headers;
		struct buf body;
		struct local_reply reply = {.reason = REPLY_BLOCKED,
					    .text = SLICE("SentinelBlockException: FlowException")};
		memcpy((char *)bytes.data + 17, cases[i].version, 5);
		end_feed(end, bytes, false);
		headers_init(&headers, &end->calls->arena, 2);
		buf_init(&body, &end->pool);
		dubbo_codec.render_reply(&end->calls->exchange, &reply, &headers, &body);
		assert_slice(headers_get(&headers, HEADER_STATUS), SLICE("429"));
		assert_int_equal(headers.rpc->result, cases[i].has_attachments ? 3 : 0);
		dubbo_codec.send_headers(&end->calls->exchange, &headers, false);
		dubbo_codec.send_data(&end->calls->exchange, &body, true);
		assert_int_equal(frame_at(end_taken(end), &sent).status, 20);
		assert_int_equal((uint8_t)sent.data[0], cases[i].has_attachments ? 0x93 : 0x90);
		assert_int_equal(slice_ends_with(sent, slice_make(with, sizeof with - 1)),
				 cases[i].has_attachments);
		assert_non_null(memmem(sent.data, sent.len,
				       "\x30\x25SentinelBlockException: FlowException", 39));
		free((void *)bytes.data);
		end_close(end);
	}
}

static void a_fastjson2_consumer_gets_jsonb_strings(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice sent;
	(void)state;

	struct dubbo_frame frame =
		render(end, "d33-fastjson2-hello.req.hex",
		       (struct local_reply){.reason = REPLY_NO_HEALTHY_UPSTREAM}, &sent);
	assert_int_equal(frame.flag, 23);
	assert_int_equal(frame.status, 80);
	assert_slice(sent, SLICE("\0\0\0\x14\x5cno healthy upstream"));
	frame = render(end, "d33-fastjson2-hello.req.hex",
		       (struct local_reply){.reason = REPLY_UPSTREAM_TIMEOUT,
					    .text = SLICE("zeit\u00fcberschreitung")},
		       &sent);
	assert_slice(sent, SLICE("\0\0\0\x19\x7a\x48\0\0\0\x13zeit\u00fcberschreitung"));
	frame = render(end, "d33-fastjson2-hello.req.hex",
		       (struct local_reply){.reason = REPLY_BLOCKED, .text = SLICE("no")}, &sent);
	assert_int_equal(frame.flag, 23);
	assert_int_equal(frame.status, 20);
	assert_slice(sent, SLICE("\0\0\0\2\xbd\3\0\0\0\x3c\x92\x63java.lang.RuntimeException\0\xa6"
				 "\x56"
				 "detailMessage\x4bno\x53stackTrace\x94\xa5"
				 "\0\0\0\x0e\xa6\x4e"
				 "dubbo\x4e"
				 "2.0.2\xa5"));
	end_close(end);
}

/* RESPONSE_NULL_VALUE, as a provider of version 2.0.1 says it. */
static void a_deferred_call_is_answered_with_null(void **state)
{
	static const struct {
		const char *file;
		uint8_t flag;
		struct slice body;
	} cases[] = {{"d33-hello.req.hex", 2, {"\x92", 1}},
		     {"d33-fastjson2-hello.req.hex", 23, {"\0\0\0\2\xbd\2", 6}}};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct slice sent;
		struct dubbo_frame frame = render(
			end, cases[i].file, (struct local_reply){.reason = REPLY_DEFERRED}, &sent);
		assert_int_equal(frame.flag, cases[i].flag);
		assert_int_equal(frame.status, 20);
		assert_slice(sent, cases[i].body);
		end_close(end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_carries_the_consumers_id),
		cmocka_unit_test(many_frames_in_one_read_are_many_requests),
		cmocka_unit_test(a_call_that_passes_has_no_exchange),
		cmocka_unit_test(a_one_way_call_does_not_pass),
		cmocka_unit_test(what_passed_may_come_back_as_an_exchange),
		cmocka_unit_test(an_answer_in_pieces_leaves_as_one_frame),
		cmocka_unit_test(an_abandoned_exchange_says_no_more),
		cmocka_unit_test(a_refused_begin_skips_the_request),
		cmocka_unit_test(a_oneway_request_gets_no_answer),
		cmocka_unit_test(garbage_in_a_whole_frame_is_answered_40),
		cmocka_unit_test(a_null_version_and_unusual_strings_are_fine),
		cmocka_unit_test(an_unknown_serialization_has_no_names),
		cmocka_unit_test(other_serializations_are_routed_by_their_heads),
		cmocka_unit_test(an_id_in_use_is_counted_and_answered_twice),
		cmocka_unit_test(a_heartbeat_is_answered_in_its_serialization),
		cmocka_unit_test(drain_says_readonly_once_and_goes_on_answering),
		cmocka_unit_test(lost_framing_ends_the_connection),
		cmocka_unit_test(a_body_of_just_the_limit_passes),
		cmocka_unit_test(eof_resets_what_is_open),
		cmocka_unit_test(answers_of_a_consumer_and_of_http_are_no_answers),
		cmocka_unit_test(statuses_come_with_a_string),
		cmocka_unit_test(a_block_is_an_exception_that_no_sdk_tries_again),
		cmocka_unit_test(a_fastjson2_consumer_gets_jsonb_strings),
		cmocka_unit_test(a_deferred_call_is_answered_with_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
