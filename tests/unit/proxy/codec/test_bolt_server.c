/* The side that faces consumers: requests, heartbeats, local replies, what is no Bolt. */
#include "codec/bolt_fields.h"
#include "codec/bolt_head.h"
#include "unit/proxy/codec/bolt_harness.h"

static const char hello_file[] = "sofa-hello.req.hex";

/* The request, as it is read. */
static struct call *feed(struct end *end, const char *file)
{
	struct slice bytes = golden(file);

	assert_int_equal(end_feed(end, bytes, false), bytes.len);
	free((void *)bytes.data);
	return end->calls;
}

static struct call *hello(struct end *end)
{
	unsigned before = end->call_count;
	struct call *call = feed(end, hello_file);

	assert_int_equal(end->call_count, before + 1);
	assert_slice(headers_get(call->headers, HEADER_PATH),
		     SLICE("/demo.api.DemoService/sayHello"));
	return call;
}

/* A frame of our own making, of a v1 request. The caller frees .data. */
static struct slice request_make(uint8_t type, uint16_t command, uint32_t id, struct slice class,
				 struct slice map, struct slice content)
{
	struct bolt_frame frame = {.id = id,
				   .content_len = (uint32_t)content.len,
				   .timeout_ms = 3000,
				   .command = command,
				   .class_len = (uint16_t) class.len,
				   .headers_len = (uint16_t)map.len,
				   .protocol = 1,
				   .type = type,
				   .command_version = 1,
				   .serialization = 1};
	char *bytes = malloc(BOLT_HEADER_MAX + class.len + map.len + content.len), *to = bytes;

	assert_non_null(bytes);
	to += bolt_frame_write(to, &frame);
	memcpy(to, class.data, class.len);
	to += class.len;
	if (map.len)
		memcpy(to, map.data, map.len);
	to += map.len;
	if (content.len)
		memcpy(to, content.data, content.len);
	return slice_make(bytes, (size_t)(to + content.len - bytes));
}

static void feed_request(struct end *end, uint8_t type, uint16_t command, uint32_t id,
			 struct slice class, struct slice map)
{
	struct slice bytes = request_make(type, command, id, class, map, SLICE("x"));

	assert_int_equal(end_feed(end, bytes, false), bytes.len);
	free((void *)bytes.data);
}

static void many_frames_in_one_read_are_many_calls(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice first = golden(hello_file), second = golden("bolt-v2-2-crc.req.hex");
	char *both = malloc(first.len + second.len);
	(void)state;

	memcpy(both, first.data, first.len);
	memcpy(both + first.len, second.data, second.len);
	assert_int_equal(end_feed(end, slice_make(both, first.len + second.len), false),
			 first.len + second.len);
	assert_int_equal(end->call_count, 2);
	assert_int_equal(end->counts.requests, 2);
	assert_slice(headers_get(end->calls->headers, HEADER_PATH), SLICE("/demo.api.Item/"));
	free(both);
	free((void *)first.data);
	free((void *)second.data);
	end_close(end);
}

/* Of requests that passed, 6. */
static bool is_passed(struct codec *codec, uint64_t id)
{
	(void)codec;
	return (uint32_t)id == 6 && id >> 62 == 1;
}

static void an_id_in_use_is_counted_and_answered_twice(void **state)
{
	static const uint32_t ids[] = {5, 6, 5, 7, 4, 3, 0xffffffff, 6};
	struct end *end = end_open(CODEC_SERVER);
	(void)state;

	end->options.is_passed = is_passed;
	for (unsigned i = 0; i < COUNT_OF(ids); i++)
		feed_request(end, BOLT_REQUEST, BOLT_RPC_REQUEST, ids[i], SLICE("a.Class"),
			     SLICE(""));
	assert_int_equal(end->call_count, COUNT_OF(ids));
	assert_int_equal(end->counts.reused_ids, 2); /* 5 and 6 */
	assert_int_equal(end->notices[RPC_NOTICE_REUSED_ID], 2);
	for (struct call *call = end->calls; call; call = call->next)
		bolt_codec.abandon(&call->exchange);
	feed_request(end, BOLT_REQUEST, BOLT_RPC_REQUEST, 5, SLICE("a.Class"), SLICE(""));
	assert_int_equal(end->counts.reused_ids, 2); /* free again */
	bolt_codec.abandon(&end->calls->exchange);
	end_close(end);
}

static void published_fields_are_headers(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	(void)state;

	end->publish = true;
	struct headers *headers = feed(end, "sofa-baggage.req.hex")->headers;
	assert_true(end->published);
	assert_slice(headers_get(headers, HEADER_TRI_CONSUMER_APPNAME), SLICE("gold-consumer"));
	assert_slice(headers_get(headers, HEADER_TRI_SERVICE_TIMEOUT), SLICE("15000"));
	const struct header *h = headers_find(headers, SLICE("my-head"));
	assert_non_null(h);
	assert_slice(header_value(h), SLICE("v"));
	h = headers_find(headers, SLICE("rpc_req_baggage.x-tag"));
	assert_non_null(h);
	assert_slice(header_value(h), SLICE("blue"));
	h = headers_find(headers, SLICE("rpc_trace_context.sofarpcid")); /* in lower case */
	assert_non_null(h);
	assert_slice(header_value(h), SLICE("0"));
	assert_non_null(headers_find(headers, SLICE("sofa_head_method_name")));
	end_close(end);
}

static void a_kept_head_makes_the_same_request(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct call *first = feed(end, "sofa-unique-id.req.hex");
	struct call *second = feed(end, "sofa-unique-id.req.hex");
	const struct header *a = NULL, *b = NULL;
	(void)state;

	assert_null(first->head.memo);
	assert_non_null(second->head.memo);
	while ((a = headers_next(first->headers, (struct header *)a)) != NULL) {
		b = headers_next(second->headers, (struct header *)b);
		assert_non_null(b);
		assert_slice(header_name(a), header_name(b));
		assert_slice(header_value(a), header_value(b));
	}
	assert_null(headers_next(second->headers, (struct header *)b));
	assert_slice(headers_get(second->headers, HEADER_TRI_SERVICE_GROUP), SLICE("u1"));
	assert_slice(second->head.method, SLICE("sayHello"));
	assert_slice(second->head.service_version, SLICE("1.0"));
	/* another method of the service has another one */
	feed(end, "sofa-add.req.hex");
	assert_null(end->calls->head.memo);
	assert_slice(end->calls->head.method, SLICE("add"));
	feed(end, "sofa-unique-id.req.hex");
	assert_ptr_equal(end->calls->head.memo, second->head.memo);
	end_close(end);
}

static void an_answer_leaves_in_the_form_of_its_request(void **state)
{
	static const char *const requests[] = {"bolt-v1.req.hex", "bolt-v2-1.req.hex",
					       "bolt-v2-2-crc.req.hex", "bolt-v2-2-nocrc.req.hex"};
	static const char *const answers[] = {"bolt-v1.resp.hex", "bolt-v2-1.resp.hex",
					      "bolt-v2-2-crc.resp.hex", "bolt-v2-2-nocrc.resp.hex"};
	(void)state;

	for (unsigned r = 0; r < COUNT_OF(requests); r++) {
		for (unsigned a = 0; a < COUNT_OF(answers); a++) {
			struct end *server = end_open(CODEC_SERVER);
			struct end *client = end_open(CODEC_CLIENT);
			struct slice from = golden(answers[a]), expected = golden(answers[r]);
			struct call *down = feed(server, requests[r]), *up;
			uint32_t id = (uint32_t)down->exchange.wire_id;

			up = forward(down, client);
			struct slice named = with_id(from, (uint32_t)up->exchange.wire_id);
			end_feed(client, named, false);
			answer(down, up);
			free((void *)named.data);
			named = with_id(expected, id);
			assert_slice(end_taken(server), named);
			free((void *)named.data);
			free((void *)from.data);
			free((void *)expected.data);
			end_close(server);
			end_close(client);
		}
	}
}

static void passed_frames_keep_their_bytes(void **state)
{
	static const char *const answers[] = {"bolt-v1.resp.hex", "bolt-v2-2-crc.resp.hex"};
	static const char *const requests[] = {"bolt-v1.req.hex", "bolt-v2-2-crc.req.hex"};
	(void)state;

	for (unsigned r = 0; r < 2; r++) {
		struct end *server = end_open(CODEC_SERVER), *client = end_open(CODEC_CLIENT);
		struct slice request = golden(requests[r]), payload;

		feed(server, requests[r]); /* keeps the head */
		/* "demo.api.Item" is too short to be kept by itself */
		assert_int_equal(server->call_count, 1);
		server->passes = 1;
		end_feed(server, request, false);
		assert_int_equal(server->call_count, 2);
		server->passes = 1;
		feed(server, hello_file);
		struct slice hi = golden(hello_file);
		end_feed(server, hi, false);
		assert_int_equal(server->passes, 0);
		assert_memory_equal(server->passed_frame, hi.data, hi.len);

		struct call *call = end_call_new(client);
		bolt_pass_request(&client->bolt, &call->exchange,
				  slice_make(server->passed_frame, server->passed_len));
		struct slice expected = with_id(hi, (uint32_t)call->exchange.wire_id);
		assert_slice(end_taken(client), expected);
		free((void *)expected.data);
		free((void *)hi.data);

		/* an answer in any form comes back in v1 */
		for (unsigned a = 0; a < 2; a++) {
			struct slice golden_answer = golden(answers[a]);
			struct slice plain = golden(answers[0]);
			assert_int_equal(bolt_frame_status(golden_answer), BOLT_OK);
			assert_int_equal(bolt_frame_result(golden_answer), RPC_RESULT_VALUE);
			bolt_pass_answer(&server->bolt, server->passed_id, golden_answer);
			struct slice sent = end_taken(server);
			assert_int_equal(frame_of(sent, &payload).id, 2);
			expected = with_id(plain, 2);
			assert_slice(sent, expected);
			free((void *)expected.data);
			free((void *)golden_answer.data);
			free((void *)plain.data);
		}
		rpc_kept_release(server->passed_head);
		free((void *)request.data);
		end_close(server);
		end_close(client);
	}
}

/* The head that a whole request is shown with. */
static struct rpc_kept *head_of(struct end *end, struct slice request)
{
	end->passes = 1;
	assert_int_equal(end_feed(end, request, false), request.len);
	assert_int_equal(end->passes, 0);
	assert_memory_equal(end->passed_frame, request.data, request.len);
	rpc_kept_release(end->passed_head); /* the table holds it */
	return end->passed_head;
}

/* Also where trace ids differ, and lengths don't say which method it is. */
static void calls_of_several_methods_by_turns_are_known(void **state)
{
	static const char *const files[] = {hello_file, "sofa-add.req.hex",
					    "sofa-echo-list.req.hex", "sofa-fail-runtime.req.hex"};
	struct end *end = end_open(CODEC_SERVER);
	struct slice requests[COUNT_OF(files)];
	struct rpc_kept *heads[COUNT_OF(files)];
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(files); i++) {
		requests[i] = golden(files[i]);
		assert_int_equal(end_feed(end, requests[i], false), requests[i].len);
		heads[i] = head_of(end, requests[i]);
		for (unsigned j = 0; j < i; j++)
			assert_ptr_not_equal(heads[i], heads[j]);
	}
	for (unsigned turn = 0; turn < 20; turn++)
		for (unsigned i = 0; i < COUNT_OF(files); i++) {
			char *id = memmem(requests[i].data, requests[i].len, "c0000202", 8);
			assert_non_null(id);
			id[20] = (char)('0' + turn % 10);
			assert_ptr_equal(head_of(end, requests[i]), heads[i]);
		}
	assert_int_equal(end->call_count, COUNT_OF(files));
	for (unsigned i = 0; i < COUNT_OF(files); i++)
		free((void *)requests[i].data);
	end_close(end);
}

static void a_call_that_comes_back_is_a_request_again(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice bytes = golden(hello_file), other, payload;
	struct buf whole;
	(void)state;

	hello(end);
	end->passes = 1;
	end_feed(end, bytes, false);
	assert_int_equal(end->call_count, 1);
	other = with_id(bytes, 0xdeadbeef); /* it had another id meanwhile */
	buf_init(&whole, &end->pool);
	buf_append_owned(&whole, other);
	bolt_take_back(&end->bolt, end->passed_head, end->passed_id, &whole);
	assert_int_equal(end->call_count, 2);
	assert_int_equal(end->calls->exchange.wire_id, 2);
	assert_int_equal(end->calls->head.bolt->timeout_ms, 15000);
	frame_of(bytes, &payload);
	assert_slice(slice_make(end->calls->data, end->calls->data_len), payload);
	assert_slice(end->calls->head.payload, payload);

	/* and without its bytes, to be answered */
	end->passes = 1;
	bolt_take_back(&end->bolt, end->passed_head, end->passed_id, &whole);
	assert_int_equal(end->call_count, 3);
	assert_int_equal(end->calls->data_len, 0);
	assert_int_equal(end->calls->head.serialization, 1);
	rpc_kept_release(end->passed_head);
	free((void *)bytes.data);
	free((void *)other.data);
	end_close(end);
}

static void undecodable_requests_are_answered_9(void **state)
{
	static const struct {
		const char *class, *map;
	} cases[] = {
		{"com.alipay.sofa.rpc.core.request.SofaRequest", "00"}, /* a cut length */
		{"com.alipay.sofa.rpc.core.request.SofaRequest", "00000001 61 00000009 62"},
		{"com.alipay.sofa.rpc.core.request.SofaRequest", "80000000 61 00000001 62"},
		{"com.alipay.sofa.rpc.core.request.SofaRequest", "00000001 61"}, /* no value */
		{"", ""},                                        /* nothing says where it goes */
		{"a\nb", ""},                                    /* control characters */
		{":1.0", ""},                                    /* no service */
		{"", "00000007 73657276696365 00000003 3a312e"}, /* likewise */
		{"", "00000007 73657276696365 00000001 73"
		     "00000015 736f66615f686561645f6d6574686f645f6e616d65 00000003 612f62"},
	};
	struct slice payload;
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct slice map = from_hex(cases[i].map), class = slice_of(cases[i].class);
		feed_request(end, BOLT_REQUEST, 1, 77 + i, class, map);
		struct bolt_frame frame = frame_of(end_taken(end), &payload);
		assert_int_equal(frame.type, BOLT_ANSWER);
		assert_int_equal(frame.command, BOLT_RPC_ANSWER);
		assert_int_equal(frame.status, BOLT_CODEC_EXCEPTION);
		assert_int_equal(frame.id, 77 + i);
		assert_int_equal(payload.len, 0);
		feed_request(end, BOLT_ONEWAY, 1, 1, class, map); /* nobody to tell */
		assert_int_equal(end_taken(end).len, 0);
		assert_int_equal(end->counts.undecodable_requests, 2);
		assert_int_equal(end->notices[RPC_NOTICE_UNDECODABLE], 2);
		assert_int_equal(end->failed_events + end->call_count, 0);
		hello(end); /* and the connection goes on */
		free((void *)map.data);
		end_close(end);
	}
}

/* A map of so many entries without text. */
static enum status read_entries(uint32_t count)
{
	struct slice map = {calloc(count, 8), (size_t)count * 8};
	struct rpc_attachment *fields;
	struct arena arena;
	uint32_t read;

	assert_non_null(map.data);
	arena_init(&arena, 1024);
	enum status status = bolt_fields_read(map, &arena, &fields, &read);
	assert_int_equal(read, status ? 0 : count);
	arena_free(&arena);
	free((void *)map.data);
	return status;
}

static void entries_of_a_map_are_counted(void **state)
{
	(void)state;

	assert_int_equal(read_entries(BOLT_FIELDS_LIMIT), STATUS_OK);
	assert_int_equal(read_entries(BOLT_FIELDS_LIMIT + 1), STATUS_TOO_LARGE);
}

static void sections_that_java_reads_as_negative_are_refused(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	char *big = calloc(1, 65535);
	struct slice payload;
	(void)state;

	memset(big, 'a', 65535);
	feed_request(end, BOLT_REQUEST, 1, 5, slice_make(big, 32768), SLICE(""));
	assert_int_equal(frame_of(end_taken(end), &payload).status, BOLT_CODEC_EXCEPTION);
	feed_request(end, BOLT_REQUEST, 1, 5, SLICE("c"), slice_make(big, 65535));
	assert_int_equal(frame_of(end_taken(end), &payload).status, BOLT_CODEC_EXCEPTION);
	feed_request(end, BOLT_REQUEST, 1, 5, slice_make(big, 32767), SLICE(""));
	assert_int_equal(end->call_count, 1);
	free(big);
	end_close(end);
}

/* Plain Bolt has header maps of any kind: only SOFA's are SOFA's. */
static void a_map_that_is_none_is_no_fault_of_plain_bolt(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	(void)state;

	end->publish = true;
	feed_request(end, BOLT_REQUEST, 1, 5, SLICE("demo.Plain"), SLICE("\xff\xff"));
	assert_int_equal(end->call_count, 1);
	assert_false(end->published);
	assert_slice(headers_get(end->calls->headers, HEADER_PATH), SLICE("/demo.Plain/"));
	end_close(end);
}

static void heartbeats_are_answered_as_java_does(void **state)
{
	static const char *const pairs[][2] = {
		{"0101000001000000070100000bb80000000000000000",
		 "0100000001000000070100000000000000000000"},
		{"02010100000100000008010000000bb80000000000000000",
		 "02010000000100000008010000000000000000000000"},
	};
	struct end *end = end_open(CODEC_SERVER);
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(pairs); i++) {
		struct slice bytes = from_hex(pairs[i][0]), expected = from_hex(pairs[i][1]);
		assert_int_equal(end_feed(end, bytes, false), bytes.len);
		assert_slice(end_taken(end), expected);
		free((void *)bytes.data);
		free((void *)expected.data);
	}
	feed(end, "sofa-heartbeat.req.hex");
	struct slice expected = golden("sofa-heartbeat.resp.hex");
	assert_slice(end_taken(end), expected);
	free((void *)expected.data);
	assert_int_equal(end->counts.heartbeats_answered, 3);
	assert_int_equal(end->notices[RPC_NOTICE_EVENT], 3);
	assert_int_equal(end->call_count, 0);
	end_close(end);
}

static void unknown_commands_hurt_nobody(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice payload;
	(void)state;

	struct slice goaway = from_hex("0102006401000000090100000bb80000000000000000");
	assert_int_equal(end_feed(end, goaway, false), goaway.len);
	assert_int_equal(end->draining_events, 0); /* a client's is not obeyed */
	assert_int_equal(end->counts.goaways, 1);
	assert_int_equal(end_taken(end).len, 0);
	free((void *)goaway.data);
	feed_request(end, BOLT_REQUEST, 77, 3, SLICE("c"), SLICE(""));
	struct bolt_frame frame = frame_of(end_taken(end), &payload);
	assert_int_equal(frame.status, BOLT_UNKNOWN);
	assert_int_equal(frame.id, 3);
	assert_int_equal(end->counts.ignored_commands, 1);
	struct slice stray = golden("sofa-hello.resp.hex"); /* nobody has asked */
	end_feed(end, stray, false);
	assert_int_equal(end->counts.unknown_answers, 1);
	free((void *)stray.data);
	hello(end);
	end_close(end);
}

static void lost_framing_ends_the_connection(void **state)
{
	static const char *const cases[] = {
		"09",
		"00",
		"0103",
		"0107",
		"02010307",
		"dabbc2",
		"0101000101000000070100000bb80000000010000001", /* 256 MiB + 1 */
		"0101000101000000070100000bb800010000ffffffff",
	};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct end *end = end_open(CODEC_SERVER);
		struct call *open = hello(end);
		struct slice bytes = from_hex(cases[i]);
		assert_int_equal(end_feed(end, bytes, false), bytes.len);
		assert_int_equal(end->failed_events, 1);
		assert_true(end->bolt.codec.is_failed && end->bolt.codec.must_close);
		assert_int_equal(open->reset_events, 1);
		assert_int_equal(end->counts.no_bolt + end->counts.oversized, 1);
		assert_int_equal(end->counts.oversized, i >= 6);
		assert_int_equal(end_taken(end).len, 0);
		free((void *)bytes.data);
		end_close(end);
	}
}

/* In pieces of n bytes: its caller is told at once, and what stands behind it is served. */
static void skip_a_request(const char *head, size_t n)
{
	struct end *end = end_open(CODEC_SERVER);
	struct call *open = hello(end);
	struct slice bytes = from_hex(head), payload;
	static const char nothing[2004];

	end->options.payload_limit = 2000 - 1;
	assert_int_equal(end_feed(end, bytes, false), bytes.len);
	struct bolt_frame answer = frame_of(end_taken(end), &payload);
	assert_int_equal(answer.id, 7);
	assert_int_equal(answer.status, BOLT_CODEC_EXCEPTION);
	size_t left = 2000 + (bytes.data[0] == 2 ? BOLT_CRC_SIZE : 0);
	for (size_t len; left; left -= len) {
		len = n < left ? n : left;
		assert_int_equal(end_feed(end, slice_make(nothing, len), false), len);
	}
	assert_int_equal(end->counts.oversized, 1);
	assert_int_equal(end->failed_events, 0);
	assert_int_equal(open->reset_events, 0);
	hello(end);
	free((void *)bytes.data);
	end_close(end);
}

static void a_request_over_the_limit_is_skipped(void **state)
{
	static const size_t pieces[] = {1, 999, 2004};
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(pieces); i++) {
		skip_a_request("0101000101000000070100000bb800000000000007d0", pieces[i]);
		skip_a_request("02020100010100000007010100000bb800000000000007d0", pieces[i]);
	}
}

static void a_wrong_checksum_ends_the_connection(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice bytes = golden("bolt-v2-2-crc.req.hex");
	(void)state;

	((char *)bytes.data)[bytes.len - 10] ^= 1;
	end_feed(end, bytes, false);
	assert_int_equal(end->failed_events, 1);
	assert_int_equal(end->counts.bad_checksums, 1);
	assert_int_equal(end->call_count, 0);
	free((void *)bytes.data);
	end_close(end);
}

static struct bolt_frame reply(struct end *end, struct call *call, enum reply_reason reason,
			       struct slice text, struct slice *payload)
{
	struct local_reply local = {.reason = reason, .grpc_status = -1, .text = text};
	struct headers headers;
	struct buf body;

	headers_init(&headers, &call->arena, 2);
	buf_init(&body, &end->pool);
	bolt_codec.render_reply(&call->exchange, &local, &headers, &body);
	assert_true(headers.rpc->is_local);
	bolt_codec.send_headers(&call->exchange, &headers, !body.len);
	if (body.len)
		bolt_codec.send_data(&call->exchange, &body, true);
	assert_int_equal(call->closed_events, 1);
	return frame_of(end_taken(end), payload);
}

static void statuses_say_why(void **state)
{
	static const struct {
		enum reply_reason reason;
		uint16_t status;
	} cases[] = {
		{REPLY_NO_HEALTHY_UPSTREAM, 4}, {REPLY_OVERFLOW, 4},
		{REPLY_CONNECT_FAILURE, 4},     {REPLY_CONNECTION_LOST, 16},
		{REPLY_UPSTREAM_TIMEOUT, 7},    {REPLY_BAD_REQUEST, 9},
	};
	struct end *end = end_open(CODEC_SERVER);
	struct slice payload;
	(void)state;

	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct bolt_frame frame =
			reply(end, hello(end), cases[i].reason, SLICE("why"), &payload);
		assert_int_equal(frame.status, cases[i].status);
		assert_int_equal(frame.id, 2);
		assert_int_equal(payload.len, 0);
		assert_int_equal(frame.serialization, 1);
	}
	end_close(end);
}

/* The words of a real provider in the same place: the reply differs in nothing else. */
static void a_sofa_error_is_what_java_writes(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice expected = golden("sofa-no-service.resp.hex"), payload, wanted;
	struct call *call = feed(end, "sofa-no-service.req.hex");
	(void)state;

	struct bolt_frame frame =
		reply(end, call, REPLY_NO_ROUTE,
		      SLICE("RPC-020100010: RPC cannot find service: [demo.api.DemoService:1.0:"
			    "nope] "),
		      &payload);
	struct bolt_frame golden_frame = frame_of(expected, &wanted);
	char header[BOLT_HEADER_MAX], golden_header[BOLT_HEADER_MAX];
	size_t len = bolt_frame_write(header, &frame);
	assert_int_equal(bolt_frame_write(golden_header, &golden_frame), len);
	assert_memory_equal(header, golden_header, len);
	assert_slice(payload, wanted);
	free((void *)expected.data);
	end_close(end);
}

static void an_error_text_may_hold_anything(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice payload;
	char *text = malloc(100000);
	(void)state;

	memset(text, 'x', 100000);
	struct bolt_frame frame =
		reply(end, hello(end), REPLY_BLOCKED, slice_make(text, 100000), &payload);
	assert_int_equal(frame.status, 0);
	assert_in_range(payload.len, 16384, 17000); /* cut */
	frame = reply(end, hello(end), REPLY_BLOCKED, SLICE("\xe4\xb8\xad\xf0\x9f\x98\x80\xff"),
		      &payload);
	/* four units: a letter, a pair of surrogates, and '?' for what is no UTF-8 */
	assert_non_null(
		memmem(payload.data, payload.len, "\4\xe4\xb8\xad\xed\xa0\xbd\xed\xb8\x80?NM", 13));
	free(text);
	end_close(end);
}

/* A caller that couldn't read a SofaResponse gets a status that isn't tried again either. */
static void who_cannot_read_a_sofa_error_gets_status_2(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct slice payload, bytes = golden(hello_file);
	(void)state;

	struct call *plain = feed(end, "bolt-v2-2-crc.req.hex");
	struct bolt_frame frame = reply(end, plain, REPLY_NO_ROUTE, SLICE("why"), &payload);
	assert_int_equal(frame.status, BOLT_SERVER_EXCEPTION);
	assert_int_equal(payload.len, 0);
	assert_true(bolt_frame_has_crc(&frame));
	((char *)bytes.data)[9] = 2; /* Java's own serialization */
	end_feed(end, bytes, false);
	frame = reply(end, end->calls, REPLY_NO_ROUTE, SLICE("why"), &payload);
	assert_int_equal(frame.status, BOLT_SERVER_EXCEPTION);
	((char *)bytes.data)[9] = 11; /* protobuf: an error is its text */
	end_feed(end, bytes, false);
	frame = reply(end, end->calls, REPLY_NO_ROUTE, SLICE("why"), &payload);
	assert_int_equal(frame.status, 0);
	assert_int_equal(frame.serialization, 11);
	assert_slice(slice_sub(payload, payload.len - 3, payload.len), SLICE("why"));
	((char *)bytes.data)[9] = 4; /* Hessian2 */
	end_feed(end, bytes, false);
	frame = reply(end, end->calls, REPLY_NO_ROUTE, SLICE("why"), &payload);
	assert_int_equal(frame.status, 0);
	assert_non_null(memmem(payload.data, payload.len, "\x60T\3whyNH\x18sofa_head", 17));
	free((void *)bytes.data);
	end_close(end);
}

static void a_foreign_or_cut_answer_becomes_a_status(void **state)
{
	struct end *end = end_open(CODEC_SERVER), *client = end_open(CODEC_CLIENT);
	struct call *call = hello(end), *up;
	struct headers headers;
	struct slice payload, bytes = golden("sofa-hello.resp.hex");
	(void)state;

	headers_init(&headers, &call->arena, 2); /* of HTTP */
	call_send(call, &headers, SLICE("<html>"));
	assert_int_equal(frame_of(end_taken(end), &payload).status, BOLT_SERVER_EXCEPTION);

	call = hello(end);
	up = forward(call, client);
	struct slice named = with_id(bytes, (uint32_t)up->exchange.wire_id);
	end_feed(client, named, false);
	call_send(call, up->headers, SLICE("too short for its class name"));
	assert_int_equal(frame_of(end_taken(end), &payload).status, BOLT_SERVER_EXCEPTION);
	assert_int_equal(payload.len, 0);
	free((void *)named.data);
	free((void *)bytes.data);
	end_close(end);
	end_close(client);
}

static void a_oneway_request_gets_no_answer(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct call *call = feed(end, "sofa-oneway.req.hex");
	struct local_reply local = {.reason = REPLY_NO_ROUTE, .grpc_status = -1};
	struct headers headers;
	struct buf body;
	(void)state;

	assert_true(call->exchange.is_oneway);
	headers_init(&headers, &call->arena, 2);
	buf_init(&body, &end->pool);
	bolt_codec.render_reply(&call->exchange, &local, &headers, &body);
	bolt_codec.send_headers(&call->exchange, &headers, false);
	bolt_codec.send_data(&call->exchange, &body, true);
	assert_int_equal(end_taken(end).len, 0);
	assert_int_equal(call->closed_events, 1);
	assert_int_equal(end->counts.oneway_answers_dropped, 1);
	end_close(end);
}

static void eof_resets_what_is_open(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	struct call *call = hello(end);
	(void)state;

	end_feed(end, SLICE(""), true);
	assert_int_equal(call->reset_events, 1);
	assert_int_equal(call->reset_reason, REPLY_DOWNSTREAM_DISCONNECT);
	assert_int_equal(end->failed_events, 0);
	end_close(end);
}

static void draining_says_nothing(void **state)
{
	struct end *end = end_open(CODEC_SERVER);
	(void)state;

	hello(end);
	bolt_codec.drain(&end->bolt.codec);
	assert_true(end->bolt.codec.is_draining);
	assert_int_equal(end_taken(end).len, 0);
	hello(end); /* calls that come are served */
	end_close(end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_frames_in_one_read_are_many_calls),
		cmocka_unit_test(an_id_in_use_is_counted_and_answered_twice),
		cmocka_unit_test(published_fields_are_headers),
		cmocka_unit_test(a_kept_head_makes_the_same_request),
		cmocka_unit_test(an_answer_leaves_in_the_form_of_its_request),
		cmocka_unit_test(passed_frames_keep_their_bytes),
		cmocka_unit_test(calls_of_several_methods_by_turns_are_known),
		cmocka_unit_test(a_call_that_comes_back_is_a_request_again),
		cmocka_unit_test(undecodable_requests_are_answered_9),
		cmocka_unit_test(entries_of_a_map_are_counted),
		cmocka_unit_test(sections_that_java_reads_as_negative_are_refused),
		cmocka_unit_test(a_map_that_is_none_is_no_fault_of_plain_bolt),
		cmocka_unit_test(heartbeats_are_answered_as_java_does),
		cmocka_unit_test(unknown_commands_hurt_nobody),
		cmocka_unit_test(lost_framing_ends_the_connection),
		cmocka_unit_test(a_request_over_the_limit_is_skipped),
		cmocka_unit_test(a_wrong_checksum_ends_the_connection),
		cmocka_unit_test(statuses_say_why),
		cmocka_unit_test(a_sofa_error_is_what_java_writes),
		cmocka_unit_test(an_error_text_may_hold_anything),
		cmocka_unit_test(who_cannot_read_a_sofa_error_gets_status_2),
		cmocka_unit_test(a_foreign_or_cut_answer_becomes_a_status),
		cmocka_unit_test(a_oneway_request_gets_no_answer),
		cmocka_unit_test(eof_resets_what_is_open),
		cmocka_unit_test(draining_says_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
